package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
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
	stored, err := w.loadModels(ctx, names)
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
		w.plan(h, at)
	}
	return nil
}

// loadModels are the stored models of the named hosts, by name. Those of another
// schema, version, step or range of rates are ignored: their hosts are trained from
// scratch.
func (w *Watch) loadModels(ctx context.Context, names []string) (map[string]trained, error) {
	out := map[string]trained{}
	w.mu.Lock()
	since := w.ranged.Since
	w.mu.Unlock()
	tried, err := w.o.Store.LastTrained(ctx)
	if err != nil {
		return nil, err
	}
	hosts := make([]omen.Host, len(names))
	for i, name := range names {
		hosts[i] = omen.Host{Source: w.o.Name, Profile: w.o.Schema.Profile(), Name: name}
	}
	err = w.o.Store.ServingModels(ctx, hosts, func(info omen.ModelInfo, blob []byte) error {
		m, err := detect.Load(blob, w.o.Schema)
		switch {
		case errors.Is(err, omen.ErrSchema):
			w.log.Info("model of another schema or version ignored", "host", info.Host.Name, "model", info.ID, "err", err)
			return nil
		case err != nil:
			return err
		case m.Step() != w.o.Step:
			w.log.Info("model of another step ignored", "host", info.Host.Name, "model", info.ID)
			return nil
		case info.TrainedAt.Before(since):
			w.log.Info("model of another range of rates ignored", "host", info.Host.Name, "model", info.ID)
			return nil
		}
		out[info.Host.Name] = trained{m, info, tried[info.Host]}
		return nil
	})
	return out, err
}
