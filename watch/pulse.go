package watch

import "time"

// Pulse is by this machine's clock when a watch last did what it is for.
type Pulse struct {
	Read   time.Time // an instant was read, whether hosts were there or not
	Scored time.Time // a host was scored, or none that has a model sent anything; at first when the watch was made
	Models int       // hosts that have a model
	Named  bool      // the labels of its hosts were read: which of them are several is known
	Loaded bool      // the stored models of the hosts that were there before the start are taken up
}

// Pulse is how the watch is alive.
func (w *Watch) Pulse() Pulse {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pulse
	p.Loaded = w.loaded
	for _, h := range w.hosts {
		if h.model != nil {
			p.Models++
		}
		if h.stored {
			p.Loaded = false
		}
	}
	return p
}

// beat notes that an instant was read, how many hosts with a model sent something,
// and how many were scored. The caller holds mu.
func (w *Watch) beat(due, scored int) {
	now := time.Now()
	w.pulse.Read = now
	if scored > 0 || due == 0 {
		w.pulse.Scored = now
	}
}
