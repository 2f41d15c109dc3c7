package watch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/event"
	"github.com/omenhq/omen/mute"
)

const (
	askEvery = time.Minute // between two questions for restarts and deploys
	askMost  = time.Hour   // the same of a source that refuses them
)

// eventLoop stores boots as they are seen and, once a minute, asks the source
// for restarts and deploys.
func (w *Watch) eventLoop(ctx context.Context) error {
	programs := event.Programs{}
	wait, next := askEvery, time.Time{}
	failing := false
	for ctx.Err() == nil {
		w.mu.Lock()
		last := w.last
		w.mu.Unlock()
		if w.o.Targets && !last.IsZero() && !time.Now().Before(next) {
			err := w.ask(ctx, programs, last)
			if ctx.Err() != nil {
				break
			}
			if wait = min(2*wait, askMost); err == nil {
				wait = askEvery
			}
			switch was := failing; {
			case err != nil && !was:
				w.log.Info("the source does not give restarts and deploys", "err", err)
			case err == nil && was:
				w.log.Info("the source gives restarts and deploys again")
			}
			failing = err != nil
			next = time.Now().Add(wait)
		}
		w.noteEvents(ctx)
		d := askEvery
		if !next.IsZero() {
			d = min(max(time.Until(next), time.Second), askEvery)
		}
		await(ctx, d, w.news)
	}
	return nil
}

// ask looks for restarts and deploys as of an instant.
func (w *Watch) ask(ctx context.Context, programs event.Programs, at time.Time) error {
	found, err := programs.Ask(ctx, w.o.Source, at)
	if err != nil || len(found) == 0 {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var hosts []event.Host
	for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
		hosts = append(hosts, w.hosts[name].event())
	}
	w.events.Programs(found, hosts)
	return nil
}

func (h *host) event() event.Host { return event.Host{ID: h.id, Labels: h.labels, Uptime: &h.uptime} }

// noteEvents hands on what happened and is not stored yet.
func (w *Watch) noteEvents(ctx context.Context) {
	w.mu.Lock()
	happened, moves := w.events.Take(), w.moves
	w.moves = nil
	w.mu.Unlock()
	var unnoted error
	count := 0
	note := func(e mute.Event, machines int) {
		if err := w.note(ctx, e, machines); err != nil {
			unnoted = err
			count++
		}
	}
	defer func() {
		if unnoted != nil && ctx.Err() == nil { // once for all of them: a thousand may wait, on a disk that is full
			w.log.Warn("events not stored", "count", count, "err", unnoted)
		}
	}()
	for _, e := range moves {
		note(e, 1)
	}
	if len(happened) == 0 {
		return
	}
	from, to := event.Span(happened)
	noted, err := w.o.Store.Events(ctx, from, to)
	if err != nil {
		noted = nil // rather twice than not at all
	}
	w.mu.Lock()
	events := w.events.Events(happened, noted)
	w.mu.Unlock()
	for _, e := range events {
		note(e.Event, e.Machines)
	}
}

// unnotedMost bounds the events that wait until they can be stored: of more the first
// are lost.
const unnotedMost = 1000

// note hands on an event of so many machines. One that cannot be stored is tried again
// with the next: where a boot is not known, what it does to its host is trouble.
func (w *Watch) note(ctx context.Context, e mute.Event, machines int) error {
	if err := w.o.Sink.Note(ctx, e); err != nil {
		if !errors.Is(err, omen.ErrInvalid) { // also where ctx ended: the next generation's watch takes it over
			w.mu.Lock()
			w.moves = append(w.moves[max(0, len(w.moves)+1-unnotedMost):], e)
			w.mu.Unlock()
		}
		return err
	}
	w.log.Info("event stored", "kind", string(e.Kind), "why", e.Title, "count", machines)
	return nil
}
