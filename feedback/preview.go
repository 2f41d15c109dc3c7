package feedback

import "github.com/omenhq/omen"

// Preview is what a pattern would have done to past incidents.
type Preview struct {
	Pattern Pattern         `json:"pattern"`
	Vanish  []omen.Incident `json:"vanish"` // people were notified then, and are not under the pattern
	Lost    []omen.Incident `json:"lost"`   // of these, those that an operator confirmed as real
}

// PreviewOf tries a pattern on past incidents. roles gives a host's role. A
// member of a fleet counts as confirmed if the fleet incident was, which must be
// among the past ones.
func PreviewOf(p Pattern, past []omen.Incident, roles func(omen.Host) string) Preview {
	v := Preview{Pattern: p, Vanish: []omen.Incident{}, Lost: []omen.Incident{}}
	fleets := fleetsOf(past)
	for _, in := range past {
		fleet := fleets[in.Fleet]
		if in.Kind != omen.HostIncident || !Notified(in, fleet) || !p.Suppresses(&in, roles(in.Host), in.Since) {
			continue
		}
		v.Vanish = append(v.Vanish, in)
		if in.Verdict == omen.Real || fleet != nil && fleet.Verdict == omen.Real {
			v.Lost = append(v.Lost, in)
		}
	}
	return v
}

// fleetsOf are the fleet incidents among some, by ID.
func fleetsOf(past []omen.Incident) map[string]*omen.Incident {
	fleets := map[string]*omen.Incident{}
	for i := range past {
		if past[i].Kind == omen.FleetIncident {
			fleets[past[i].ID] = &past[i]
		}
	}
	return fleets
}
