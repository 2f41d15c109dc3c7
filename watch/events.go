package watch

import (
	"context"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
)

const (
	askEvery   = time.Minute      // between two questions for restarts and deploys
	askMost    = time.Hour        // the same of a source that refuses them
	bootSlack  = 10 * time.Second // an uptime that falls by less has been rounded
	bootRecent = 10 * time.Minute // a host that is first seen and up for less has just booted
	sameEvent  = 90 * time.Second // what is noted of the same kind and hosts this close is the same
	loopSpan   = time.Hour        // within which…
	loopCount  = 3                // …so many events of a kind on one machine open a grace window
	oftenMost  = 400              // kinds and machines that are remembered before old ones are forgotten
)

// happening is an event of one machine, on its way to be noted.
type happening struct {
	kind  mute.EventKind
	at    time.Time
	title string
	label string // that names the machine: instance, or host where hosts have no such label
	value string // the machine: its instance without the port, or the host's name
	host  omen.Host
	has   map[string]string // the host's labels
}

// machine is a host's name for machines: its instance label without the port,
// so that what several programs on it say is of one.
func machine(instance string) string {
	if i := strings.LastIndexByte(instance, ':'); i > 0 && !strings.Contains(instance[i:], "]") {
		return instance[:i]
	}
	return instance
}

// happens makes a happening of a host.
func (h *host) happens(kind mute.EventKind, at time.Time, title string) happening {
	one := happening{kind: kind, at: at, title: title, label: "host", value: h.id.Name, host: h.id, has: h.labels}
	if instance := h.labels["instance"]; instance != "" {
		one.label, one.value = "instance", machine(instance)
	}
	return one
}

// boots looks whether a host has booted since it was last seen, or shortly
// before it was first seen. The caller holds mu.
func (w *Watch) boots(h *host, f *series.Frame, i int, at time.Time) {
	if w.o.Note == nil || i < 0 {
		return
	}
	up, ok := w.o.Schema.Uptime(f, i, instant(f, at))
	if !ok || up > 1e8*time.Second { // what stands in for an unknown boot time
		return
	}
	if h.up > 0 && up < h.up-bootSlack || h.up == 0 && up < bootRecent {
		w.happened = append(w.happened, h.happens(mute.EventBoot, at.Add(-up), "booted"))
		nudge(w.news)
	}
	h.up, h.booted = up, at.Add(-up)
}

// instant is the index of a frame's instant.
func instant(f *series.Frame, at time.Time) int {
	if f.Step <= 0 || f.Instants <= 1 {
		return 0
	}
	return min(max(0, int(at.Sub(f.Start)/f.Step)), f.Instants-1)
}

// eventLoop notes boots as they are seen and, once a minute, asks the source
// for restarts and deploys.
func (w *Watch) eventLoop(ctx context.Context) error {
	if w.o.Note == nil {
		<-ctx.Done()
		return nil
	}
	seen := targets{}
	wait, next := askEvery, time.Time{}
	failing := false
	for ctx.Err() == nil {
		w.mu.Lock()
		last := w.last
		w.mu.Unlock()
		if w.o.Targets && !last.IsZero() && !time.Now().Before(next) {
			err := w.ask(ctx, &seen, last)
			if ctx.Err() != nil {
				break
			}
			if wait = min(2*wait, askMost); err == nil {
				wait = askEvery
			}
			if (err != nil) != failing {
				failing = err != nil
				w.log.Info("restarts and deploys of the source", "known", !failing, "err", err)
			}
			next = time.Now().Add(wait)
		}
		w.note(ctx)
		d := askEvery
		if !next.IsZero() {
			d = min(max(time.Until(next), time.Second), askEvery)
		}
		await(ctx, d, w.news)
	}
	return nil
}

// note hands what happened to whoever keeps events: what happened alike on many
// machines as one.
func (w *Watch) note(ctx context.Context) {
	w.mu.Lock()
	all := w.happened
	w.happened = nil
	w.mu.Unlock()
	if len(all) == 0 {
		return
	}
	together := map[string][]happening{}
	var order []string
	for _, one := range all {
		if one = w.loops(one); one.kind == "" || w.noted(ctx, one) {
			continue
		}
		key := string(one.kind) + "\x00" + one.label + "\x00" + one.title
		if together[key] == nil {
			order = append(order, key)
		}
		together[key] = append(together[key], one)
	}
	for _, key := range order {
		e := w.event(together[key])
		if err := w.o.Note(ctx, e); err != nil && ctx.Err() == nil {
			w.log.Warn("event not noted", "err", err)
			continue
		}
		w.log.Info("event noted", "kind", string(e.Kind), "title", e.Title, "count", len(together[key]))
	}
}

// loops lets no more than a few events of a kind and machine open a grace
// window within an hour: what crashes again and again must not keep its
// machine quiet. The next is a note, and the ones after it nothing.
func (w *Watch) loops(one happening) happening {
	key := string(one.kind) + "/" + one.value
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.often == nil {
		w.often = map[string][]time.Time{}
	}
	times := slices.DeleteFunc(w.often[key], func(t time.Time) bool { return one.at.Sub(t) > loopSpan })
	w.often[key] = append(times, one.at)
	switch {
	case len(times) == loopCount:
		one.kind, one.title = mute.EventNote, one.title+", again and again: no grace"
	case len(times) > loopCount:
		one.kind = ""
	}
	if len(w.often) > oftenMost {
		for k, t := range w.often {
			if one.at.Sub(t[len(t)-1]) > loopSpan {
				delete(w.often, k)
			}
		}
	}
	return one
}

// noted reports whether the same was noted before, by another profile's watch
// or before a restart of Omen. When a deploy was is known only roughly.
func (w *Watch) noted(ctx context.Context, one happening) bool {
	from := one.at.Add(-sameEvent)
	if one.kind == mute.EventDeploy {
		from = from.Add(-lookBack)
	}
	events, err := w.o.Store.Events(ctx, from, one.at.Add(sameEvent))
	if err != nil {
		return false // rather twice than not at all
	}
	return slices.ContainsFunc(events, func(e mute.Event) bool {
		holds, err := mute.Compile(e.Match)
		return err == nil && e.Kind == one.kind && e.Title == one.title && holds(mute.HostValue(one.host, one.has))
	})
}

// event is one event of happenings of the same kind and title.
func (w *Watch) event(all []happening) mute.Event {
	first := all[0]
	values := make([]string, len(all))
	for i, one := range all {
		values[i] = regexp.QuoteMeta(one.value)
		if one.at.Before(first.at) {
			first.at = one.at
		}
	}
	slices.Sort(values)
	match := strings.Join(slices.Compact(values), "|")
	if first.label == "instance" {
		match = "(" + match + ")(:[0-9]+)?"
	}
	sum := fnv.New64a()
	_, _ = fmt.Fprintf(sum, "%s %s %s %d", w.o.Name, first.title, match, first.at.Unix())
	return mute.Event{
		ID: fmt.Sprintf("%s-%s-%x", first.kind, first.at.UTC().Format("20060102T150405"), sum.Sum64()), Kind: first.kind,
		At: first.at.UTC(), Title: first.title, By: "omen", Match: []mute.Matcher{
			{Name: "source", Value: w.o.Name, IsEqual: true},
			{Name: first.label, Value: match, IsRegex: true, IsEqual: true},
		},
	}
}
