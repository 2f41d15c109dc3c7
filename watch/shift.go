package watch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// shiftEvery is how often windows are read again.
const shiftEvery = 30 * time.Second

// shift is a maintenance window in which a host's model is to expect other
// values.
type shift struct {
	mute.Occurrences
	holds mute.Condition
}

// readShifts reads the windows that shift the expectation, in the order of
// their IDs; at is now.
func (w *Watch) readShifts(ctx context.Context, at time.Time) {
	if at.Sub(w.shiftsAt).Abs() < shiftEvery {
		return
	}
	w.shiftsAt = at
	all, err := w.o.Store.Windows(ctx)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("windows not read, the old ones stay in force", "err", err)
		}
		return
	}
	var shifts []*shift
	for _, one := range all {
		holds, err := mute.Compile(one.Match)
		if one.Effect != mute.EffectShift || err != nil || slices.ContainsFunc(one.Match, func(m mute.Matcher) bool { return !m.OfHost() }) {
			continue // the manager reports a broken window
		}
		shifts = append(shifts, &shift{mute.Occurrences{Window: one}, holds})
	}
	slices.SortFunc(shifts, func(a, b *shift) int { return strings.Compare(a.Window.ID, b.Window.ID) })
	w.mu.Lock()
	w.shifts = shifts
	w.mu.Unlock()
}

// shifted is the window that a host is in at an instant: the first by ID; empty
// if none. The caller holds mu.
func (w *Watch) shifted(h *host, at time.Time) string {
	for _, s := range w.shifts {
		if s.Active(at) && s.holds(mute.HostValue(h.id, h.labels)) {
			return s.Window.ID
		}
	}
	return ""
}

// markShifts says of a host's samples, in time order, which window they are in.
func (w *Watch) markShifts(name string, all []omen.Vector) {
	if len(all) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[name]
	if h == nil {
		return
	}
	for _, s := range w.shifts {
		if !s.holds(mute.HostValue(h.id, h.labels)) {
			continue
		}
		for _, p := range s.Window.Between(all[0].At, all[len(all)-1].At.Add(1)) {
			i, _ := slices.BinarySearchFunc(all, p.From, func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
			for ; i < len(all) && all[i].At.Before(p.To); i++ {
				if all[i].Shift == "" { // of several the first by ID, as live
					all[i].Shift = s.Window.ID
				}
			}
		}
	}
}
