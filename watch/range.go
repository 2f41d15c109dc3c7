package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// ranged is the range of rates that the stored models learned with: a rate over a
// minute varies more than one over ten, so that a model of the latter takes the
// former for trouble on every host.
type ranged struct {
	Window time.Duration `json:"window_ns"`
	Since  time.Time     `json:"since"` // models of before learned with another
}

// rangeSetting is where the store keeps it.
func (w *Watch) rangeSetting() string {
	return "watch.range." + w.o.Name + "/" + w.o.Schema.Profile()
}

// readRange takes up the range of the process before this one. Until it can, none is
// set or stored and no stored model is taken up: one of another range would take all
// that its host does for trouble. Of a damaged one hosts are trained again, from at on.
func (w *Watch) readRange(ctx context.Context, at time.Time) {
	w.mu.Lock()
	read, unread := w.rangeRead, w.rangeErr
	w.mu.Unlock()
	if read {
		return
	}
	var r ranged
	_, err := w.o.Store.Setting(ctx, w.rangeSetting(), &r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, omen.ErrCorrupt) { // what models learned with is not known any more
		w.log.Error("range of rates is damaged: hosts are trained again", "err", err)
		r, err = ranged{Since: at}, nil
		w.changed = true // so that another takes its place
	}
	if err == nil {
		w.ranged, w.rangeRead = r, true
		return
	}
	w.rangeErr = fmt.Errorf("read the range of rates that models learned with: %w", err)
	if unread == nil && ctx.Err() == nil {
		w.log.Warn("range of rates not read: stored models are not taken up until it is", "err", err, "hint", omen.Hint(err))
	}
}

// repeated takes up, once it is known, that samples are further apart than the source is
// read. The caller holds mu.
func (w *Watch) repeated(f *series.Frame) {
	if w.scrape != 0 || f.Scrape == 0 {
		return
	}
	w.scrape = f.Scrape
	if why, hint := series.Repeated(w.o.Step, f.Scrape); why != "" {
		w.status.Note = why + ": set the source's " + hint
		w.log.Warn("samples of the source are further apart than it is read", "why", why, "hint", "set the source's "+hint)
	}
}

// sameRange is by how much a measured range may differ from that of the models: what
// is measured depends on how old the hosts are; scrapes are made slower or faster by more.
const sameRange = 1.5

// ranges sets the range of rates once it is known: that of the stored models, unless
// the source is sure of another one, as after a change of its scrape interval. Of a
// source that has just begun nothing is known. The caller holds mu.
func (w *Watch) ranges(f *series.Frame, at time.Time) {
	if !w.rangeRead {
		return
	}
	w.rangeErr = nil // now models can be told apart
	switch kept := w.ranged.Window; {
	case w.window != 0 && kept == w.window:
		return
	case w.window == 0 && kept != 0 && (!f.Sure || float64(max(kept, f.Window)) <= sameRange*float64(min(kept, f.Window))):
		w.window = kept
		return
	case w.window == 0 && !f.Sure:
		return
	case w.window == 0:
		w.window = f.Window
	}
	if was := w.ranged.Window; was != 0 {
		w.log.Warn("another range of rates than the models learned with: hosts are trained again", "why", fmt.Sprintf("rates over %s, and over %s then", w.window, was))
		w.ranged.Since = at
	}
	w.ranged.Window, w.changed = w.window, true
	nudge(w.found) // it is kept
}
