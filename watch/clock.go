package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen/mute"

	"github.com/omenhq/omen"
)

// clockSet takes up that the wall clock was set to now, ahead by so much or back:
// nobody was silent meanwhile, and nobody is judged until what is read for a
// sample is of the new time alone. Set back, the instants that are known come again.
func (w *Watch) clockSet(ctx context.Context, now time.Time, by time.Duration) {
	w.mu.Lock()
	switch {
	case by < 0 && w.anyHeard:
		w.known = omen.Later(w.known, w.spoke)
	case by < 0:
		w.spoke = time.Time{} // of a clock that was ahead before anybody was heard
	default:
		w.ahead(now, by)
	}
	w.judged = omen.Later(now, w.known).Add(w.lookback())
	w.mu.Unlock()
	if by > 0 {
		w.restream(ctx)
	}
	w.metrics.clock.Inc()
	w.log.Error("the clock of this machine was set: no host is judged for a while", "dur", by)
	text := fmt.Sprintf("the clock of Omen's machine was set ahead by %s", omen.Soon(by))
	if by < 0 {
		text = fmt.Sprintf("the clock of Omen's machine was set back by %s", omen.Soon(-by))
	}
	err := w.o.Sink.Note(ctx, mute.Event{
		ID: fmt.Sprintf("clock-%s-%s-%d", w.o.Name, w.o.Schema.Profile(), now.Unix()), Kind: mute.EventNote, At: now, By: "omen", Title: text,
		Match: []mute.Matcher{{Name: "source", Value: w.o.Name, IsEqual: true}, {Name: "profile", Value: w.o.Schema.Profile(), IsEqual: true}},
	})
	if err != nil && ctx.Err() == nil {
		w.log.Warn("event cannot be noted", "err", err)
	}
}

// ahead moves along when hosts were last heard. The caller holds mu.
func (w *Watch) ahead(now time.Time, by time.Duration) {
	for _, h := range w.hosts {
		h.seen, h.awaited = h.seen.Add(by), h.awaited.Add(by)
	}
	if !w.last.IsZero() {
		w.last, w.spoke = now.Truncate(w.o.Step), w.spoke.Add(by)
	}
}

// relives reports whether an instant comes again, after the clock was set back:
// what is read of it is known, and what happens now is not seen. That is no trouble
// of the source; people hear of it by [Watch.Relives].
func (w *Watch) relives(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.After(w.known) {
		return false
	}
	w.pulse.Read = time.Now()
	return true
}

// Relives is until when time comes again that was judged before, since the clock
// was set back: nobody is judged meanwhile. The zero time: it does not.
func (w *Watch) Relives() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().After(w.known) {
		return time.Time{}
	}
	return w.known
}

// restream has every host's stream start afresh, as after a restart: what it has
// seen is of another time. Where the history cannot be read it starts from nothing.
func (w *Watch) restream(ctx context.Context) {
	w.mu.Lock()
	var names []string
	for name, h := range w.hosts {
		if h.model != nil {
			names = append(names, name)
		}
	}
	at := w.last
	w.mu.Unlock()
	if len(names) == 0 {
		return
	}
	recent, err := w.recent(ctx, names, at)
	if err != nil && ctx.Err() == nil {
		w.log.Warn("history cannot be read: scores start from nothing", "err", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		if h := w.hosts[name]; h != nil && h.model != nil {
			h.stream = h.model.GoOn(recent[name], h.lastCentres())
		}
	}
}

// lookback is how far before an instant is read what makes its sample.
func (w *Watch) lookback() time.Duration {
	back := max(w.o.Schema.Lookback(), w.o.Step)
	return (back + w.o.Step - 1).Truncate(w.o.Step)
}
