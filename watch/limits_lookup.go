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
	if len(l.histories) == 0 {
		return all
	}
	for _, r := range l.of {
		if d := l.histories[r.limit.Name]; !r.ready && d.tries > 0 && all[r.limit.Name] == "" {
			all[r.limit.Name] = "its history cannot be read: " + d.why
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

// Forecasts is what is expected of every resource that was measured in the last round,
// or within minutes before it where its limit was not read then, in no particular order.
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

// Pending is every resource that was measured as [Watch.Forecasts] says and is not
// forecast yet, in no particular order.
func (w *Watch) Pending() []omen.Pending {
	l := &w.limits
	every := max(limitsEvery, w.o.Step)
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []omen.Pending
	for id, r := range l.of {
		if r.known || r.limit.Date || r.at.Before(l.at) && !l.held(r, l.at) { // a date waits for nothing
			continue
		}
		p := omen.Pending{Resource: id}
		switch d := l.histories[r.limit.Name]; {
		case !r.ready && d.tries > 0:
			p.Err = d.why
		case r.ready:
			young := max(r.first.Add(forecast.Youngest).Sub(l.at), time.Nanosecond)
			p.Due = l.at.Add((young + every - 1) / every * every) // in a round
		}
		all = append(all, p)
	}
	return all
}
