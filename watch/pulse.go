package watch

import "time"

// Pulse is by this machine's clock when a watch last did what it is for.
type Pulse struct {
	Read   time.Time // an instant was read, whether hosts were there or not
	Scored time.Time // a host was scored; at first when the watch was made
	Models int       // hosts that have a model
}

// Pulse is how the watch is alive.
func (w *Watch) Pulse() Pulse {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pulse
	for _, h := range w.hosts {
		if h.model != nil {
			p.Models++
		}
	}
	return p
}

// beat notes that an instant was read and how many hosts it scored.
func (w *Watch) beat(scored int) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pulse.Read = now
	if scored > 0 {
		w.pulse.Scored = now
	}
}
