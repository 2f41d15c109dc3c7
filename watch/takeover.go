package watch

import "maps"

// TakeOver gives a watch that has not run what another one knew, which has
// stopped: its hosts go on from their last sample, as though nothing had been
// replaced. It does nothing unless source, profile, schema and step are the
// same. The old one can still be asked, and says what it said last.
func (w *Watch) TakeOver(old *Watch) {
	if w.o.Name != old.o.Name || w.o.Schema.Profile() != old.o.Schema.Profile() || w.o.Schema.Hash() != old.o.Schema.Hash() || w.o.Step != old.o.Step {
		return
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts, w.loaded, w.changed = maps.Clone(old.hosts), old.loaded, old.changed
	w.levels, w.keptLevels = old.levels, old.keptLevels
	w.ranged, w.rangeRead, w.rangeErr = old.ranged, old.rangeRead, old.rangeErr
	w.last, w.pulse, w.upSince, w.droppedAt = old.last, old.pulse, old.upSince, old.droppedAt
	w.spoke, w.anyHeard, w.known, w.judged, w.left, w.failing = old.spoke, old.anyHeard, old.known, old.judged, old.left, old.failing
	w.events, w.moves = old.events, old.moves
	old.moves = nil
	w.pulse.Named = w.pulse.Named && w.o.Address == old.o.Address
	if w.o.Address == old.o.Address {
		w.status = old.status
		w.status.FailedFeatures = maps.Clone(old.status.FailedFeatures)
		if w.window == 0 {
			w.window = old.window
		}
	}
	for name, h := range old.hosts {
		last := *h
		last.stream = nil // goes on elsewhere
		old.hosts[name] = &last
		h.training.Running, h.training.Progress = false, 0 // it ended with the old one
		w.plan(h, w.last)
		nudge(w.found)
	}
}
