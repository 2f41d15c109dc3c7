package watch

import (
	"maps"
	"slices"

	"github.com/omenhq/omen/feature"
)

// TakeOver gives a watch that has not run what another one of the same source and
// profile knew, which has stopped. Its resources go on from their last sample, but for
// limits that measure something else now. So do its hosts, as though nothing had been
// replaced, where features and step are the same. The old one can still be asked, and
// says what it said last.
func (w *Watch) TakeOver(old *Watch) {
	if w.o.Name != old.o.Name || w.o.Schema.Profile() != old.o.Schema.Profile() {
		return
	}
	if slices.Equal(w.o.Schema.By(), old.o.Schema.By()) {
		w.limits.takeOver(&old.limits)
	}
	if w.o.Schema.Hash() == old.o.Schema.Hash() && w.o.Step == old.o.Step {
		w.takeOverHosts(old)
	}
	w.countResources()
}

func (w *Watch) takeOverHosts(old *Watch) {
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

// takeOver takes up the resources of limits that measure what they measured.
func (l *limits) takeOver(old *limits) {
	type place struct {
		limit *feature.Limit
		query int
	}
	now := map[string]place{}
	for i, q := range l.queries {
		for _, limit := range q.Limits {
			now[limit.Name] = place{limit, i}
		}
	}
	for _, q := range old.queries {
		for _, was := range q.Limits {
			if p, ok := now[was.Name]; ok && !p.limit.Measures(was) {
				delete(now, was.Name)
			}
		}
	}
	changed := func(column string) bool { return now[feature.LimitOf(column)].limit == nil }
	old.mu.Lock()
	defer old.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, r := range old.of {
		p, ok := now[id.Name]
		if !ok {
			continue
		}
		last := *r
		last.series = nil // goes on elsewhere
		old.of[id] = &last
		r.limit, r.query = p.limit, p.query
		l.of[id] = r
	}
	l.alone, l.histories, l.failed = maps.Clone(old.alone), maps.Clone(old.histories), maps.Clone(old.failed)
	l.dates = dates{maps.Clone(old.dates.is), maps.Clone(old.dates.none)}
	maps.DeleteFunc(l.alone, func(name string, _ doubt) bool { return changed(name) })
	maps.DeleteFunc(l.histories, func(name string, _ doubt) bool { return changed(name) })
	maps.DeleteFunc(l.failed, func(column, _ string) bool { return changed(column) })
	maps.DeleteFunc(l.dates.is, func(name string, _ bool) bool { return changed(name) })
	maps.DeleteFunc(l.dates.none, func(name, _ string) bool { return changed(name) })
	l.at, l.asked, l.again = old.at, old.asked, old.again
	l.missed, l.leftOut, l.unanswered = old.missed, old.leftOut, old.unanswered
}
