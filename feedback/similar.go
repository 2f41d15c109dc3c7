package feedback

import (
	"slices"

	"github.com/omenhq/omen"
)

// Similar is those of some incidents that are like one, itself left out: of the
// same kind, with causes that a verdict on it would be about, or a forecast of the
// same resource, or the same trouble of Omen or of a source. Those of its own host
// come first; else they stay in their order.
func Similar(in omen.Incident, among []omen.Incident) []omen.Incident {
	like := likeness(in)
	found := slices.DeleteFunc(slices.Clone(among), func(o omen.Incident) bool {
		return o.ID == in.ID || o.ID == in.Fleet || o.Fleet == in.ID || o.Kind != in.Kind || !like(o)
	})
	slices.SortStableFunc(found, func(a, b omen.Incident) int {
		return elsewhere(in, a) - elsewhere(in, b)
	})
	return found
}

// elsewhere is 0 for an incident of the same host, else 1.
func elsewhere(in, other omen.Incident) int {
	if in.Host == other.Host {
		return 0
	}
	return 1
}

// likeness tells what is like an incident of the same kind.
func likeness(in omen.Incident) func(omen.Incident) bool {
	switch in.Kind {
	case omen.ForecastIncident:
		return func(o omen.Incident) bool {
			return in.Forecast != nil && o.Forecast != nil && in.Forecast.Name == o.Forecast.Name
		}
	case omen.SourceIncident, omen.OwnIncident:
		return func(o omen.Incident) bool { return in.Host.Source == o.Host.Source && in.Trouble == o.Trouble }
	}
	p := Pattern{Causes: Signs(in.PeakCauses())}
	return func(o omen.Incident) bool { return len(p.Causes) > 0 && p.Resembles(o.PeakCauses()) }
}
