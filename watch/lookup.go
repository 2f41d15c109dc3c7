package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/training"
)

// lookLoop looks up what is known of each host that appears. It has a loop of
// its own: a source that refuses to give a new host's history does not keep the
// others from being trained, nor does their training keep it waiting.
func (w *Watch) lookLoop(ctx context.Context) error {
	wait := time.Second
	for ctx.Err() == nil {
		err := w.load(ctx)
		if err == nil && w.unknown() {
			err = w.lookUp(ctx)
			nudge(w.wake)
		}
		if err == nil {
			err = w.keep(ctx)
		}
		if err == nil {
			err = w.dropGone(ctx, time.Now())
		}
		switch {
		case err == nil && w.unknown():
			wait = time.Second
		case err == nil:
			wait = time.Second
			await(ctx, time.Hour, w.found)
		case ctx.Err() == nil:
			w.unread(err)
			await(ctx, wait, nil)
			wait = min(2*wait, time.Minute)
		}
	}
	return nil
}

// unknown reports whether a host's history has not been looked up. Before the
// first instant was read nothing can be.
func (w *Watch) unknown() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.IsZero() {
		return false
	}
	for _, h := range w.hosts {
		if !h.known {
			return true
		}
	}
	return false
}

// unread notes on the hosts concerned why their history is not known yet, and
// says so once per reason.
func (w *Watch) unread(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := 0
	for _, h := range w.hosts {
		if !h.known && h.training.Err != err.Error() {
			h.training.Err = err.Error()
			news++
		}
	}
	if news > 0 {
		w.log.Warn("history not read yet", "count", news, "err", err)
	}
}

// lookUp learns since when the hosts that are new have samples, and takes up
// their stored models.
func (w *Watch) lookUp(ctx context.Context) error {
	if err := w.load(ctx); err != nil {
		return err
	}
	var names []string
	w.mu.Lock()
	at, err := w.last, w.rangeErr
	for name, h := range w.hosts {
		if !h.known {
			names = append(names, name)
		}
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	slices.Sort(names)
	w.refreshLabels(ctx, names)
	firsts, err := w.past().Firsts(ctx, names, at, w.o.History)
	if err != nil {
		return err
	}
	defer w.sayAnew(ctx, names)
	together := max(1, training.FrameBytes/(training.WarmSteps*8*w.o.Schema.Len()))
	for some := range slices.Chunk(names, together) {
		if err := w.takeUp(ctx, some, firsts, at); err != nil {
			return err
		}
	}
	return nil
}

// takeUp makes hosts known that have samples since firsts, with their stored
// models.
func (w *Watch) takeUp(ctx context.Context, names []string, firsts map[string]time.Time, at time.Time) error {
	stored, anew, err := w.loadModels(ctx, names)
	if err != nil {
		return err
	}
	var recent map[string][]omen.Vector
	if len(stored) > 0 {
		if recent, err = w.recent(ctx, slices.Sorted(maps.Keys(stored)), at); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		h := w.hosts[name]
		if h == nil {
			continue
		}
		h.known, h.stored, h.training.Err = true, false, ""
		if first, ok := firsts[name]; ok && first.Before(h.first) {
			h.first = first
			h.training.Samples += int(at.Sub(first) / w.o.Step)
		}
		if h.refused != "" {
			h.training.Err = h.refused
			continue
		}
		if t := stored[name]; t.model != nil {
			if t.info.From.Before(h.first) {
				h.first = t.info.From // the begin of history is looked for coarsely
			}
			w.recall(h)
			w.serve(h, t.model, t.info, recent[name])
			h.tried = t.tried
		}
		h.training.Anew = anew[name]
		w.plan(h, at)
	}
	return nil
}

// loadModels are the stored models of the named hosts, by name, and of hosts whose
// model does not serve any more why that is: they are trained from scratch.
func (w *Watch) loadModels(ctx context.Context, names []string) (serve map[string]trained, anew map[string]string, err error) {
	serve, anew = map[string]trained{}, map[string]string{}
	w.mu.Lock()
	since := w.ranged.Since
	w.mu.Unlock()
	tried, err := w.o.Store.LastTrained(ctx)
	if err != nil {
		return nil, nil, err
	}
	hosts := make([]omen.Host, len(names))
	for i, name := range names {
		hosts[i] = omen.Host{Source: w.o.Name, Profile: w.o.Schema.Profile(), Name: name}
	}
	err = w.o.Store.ServingModels(ctx, hosts, func(info omen.ModelInfo, blob []byte) error {
		m, err := detect.Load(blob, w.o.Schema)
		switch {
		case errors.Is(err, omen.ErrSchema) && info.Schema != w.o.Schema.Hash():
			anew[info.Host.Name] = featuresChanged(info, w.o.Schema)
		case errors.Is(err, omen.ErrSchema):
			anew[info.Host.Name] = "its model was made by another release of Omen"
		case err != nil:
			return err
		case m.Step() != w.o.Step:
			anew[info.Host.Name] = fmt.Sprintf("it is scored every %s, and was every %s", omen.Soon(w.o.Step), omen.Soon(m.Step()))
		case info.TrainedAt.Before(since):
			anew[info.Host.Name] = "its rates are over another range of time"
		default:
			serve[info.Host.Name] = trained{m, info, tried[info.Host]}
		}
		return nil
	})
	return serve, anew, err
}

// sayAnew says which hosts are trained from scratch although they had a model: people
// would take them for new ones.
func (w *Watch) sayAnew(ctx context.Context, names []string) {
	var all failures
	w.mu.Lock()
	for _, name := range names {
		if h := w.hosts[name]; h != nil && h.training.Anew != "" {
			all.add(name, failure{why: h.training.Anew, warn: true})
		}
	}
	w.mu.Unlock()
	all.each(func(level slog.Level, count int, names, why string) {
		w.log.Log(ctx, level, "hosts are trained anew: nobody is notified of them until then", "kind", w.o.Schema.Profile(), "count", count, "host", names, "why", why)
	})
}

// shownFeatures is how many features a line names that were added, and removed.
const shownFeatures = 5

// featuresChanged says what is other about a profile's features than when a model was
// made of them.
func featuresChanged(was omen.ModelInfo, now *feature.Schema) string {
	var card detect.Card
	if err := json.Unmarshal(was.Card, &card); err != nil {
		return "its features changed" // which, the model does not say
	}
	before, after := card.Features(), now.Names()
	only := func(sign string, of, without []string) []string {
		var out []string
		for _, name := range of {
			if !slices.Contains(without, name) {
				out = append(out, sign+name)
			}
		}
		if more := len(out) - shownFeatures; more > 0 {
			out = append(out[:shownFeatures], fmt.Sprintf("%s%d more", sign, more))
		}
		return out
	}
	if changed := slices.Concat(only("+", after, before), only("-", before, after)); len(changed) > 0 {
		return "its features changed (" + strings.Join(changed, ", ") + ")"
	}
	return "its features changed (what one of them measures, or their order)"
}
