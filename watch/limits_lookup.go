package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/forecast"
)

// What API, pages and metrics ask about resources.

// failing is why limits cannot be read, by name.
func (l *limits) failing() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := maps.Clone(l.failed)
	if all == nil {
		all = map[string]string{}
	}
	for limit, why := range l.dates.none {
		if !l.dates.is[limit] && all[limit] == "" { // nothing of it is forecast
			all[limit] = why
		}
	}
	for _, r := range l.of {
		if u := l.unread[r.limit.Name]; !r.ready && u.why != "" && all[r.limit.Name] == "" {
			all[r.limit.Name] = "its history cannot be read: " + u.why
		}
	}
	return all
}

// Unread are the limits that cannot be read, by name.
func (w *Watch) Unread() (all []omen.UnreadLimit) {
	failing := w.limits.failing()
	for _, name := range slices.Sorted(maps.Keys(failing)) {
		if feature.LimitOf(name) != name { // how many are left out is not known: it is forecast
			continue
		}
		all = append(all, omen.UnreadLimit{Source: w.o.Name, Profile: w.o.Schema.Profile(), Limit: name, Why: failing[name]})
	}
	return all
}

// Used is how much of a resource's limit was used since an instant; empty: it is
// not known.
func (w *Watch) Used(id omen.Resource, from time.Time) []omen.UsedPoint {
	l := &w.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.of[id]; r != nil && r.series != nil {
		return r.series.Past(from)
	}
	return nil
}

// Forecasts is what is expected of every resource that was measured in the last
// round, in no particular order.
func (w *Watch) Forecasts() []omen.Outlook {
	l := &w.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]omen.Outlook, 0, len(l.of))
	for _, r := range l.of {
		if r.known {
			all = append(all, r.last)
		}
	}
	return all
}

// Pending is every resource that was measured in the last round and is not forecast
// yet, in no particular order.
func (w *Watch) Pending() []omen.Pending {
	l := &w.limits
	every := max(limitsEvery, w.o.Step)
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []omen.Pending
	for id, r := range l.of {
		if r.known || r.limit.Date || l.at.Sub(r.at) >= every { // a date waits for nothing; history that was read ends just before
			continue
		}
		p := omen.Pending{Resource: id}
		if !r.ready {
			p.Err = l.unread[r.limit.Name].why
		} else if young := r.first.Add(forecast.Youngest).Sub(l.at); young > 0 {
			p.Due = l.at.Add((young + every - 1) / every * every) // in a round
		}
		all = append(all, p)
	}
	return all
}
