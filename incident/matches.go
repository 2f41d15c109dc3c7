package incident

import (
	omen "github.com/omenhq/omen"
)

// Holds reports whether the condition of a silence or a maintenance window
// holds for an incident and each of its hosts, as the desk itself asks it.
// labels may be nil: hosts then have none.
func Holds(holds omen.Condition, in *omen.Incident, labels Labels) bool {
	return holdsForAll(holds, in, subjects(in, labels))
}

// subjects are whom rules are asked about: every member of a fleet incident,
// else the incident's host.
func subjects(in *omen.Incident, labels Labels) []subject {
	hosts := in.Members
	if in.Kind != omen.FleetIncident {
		hosts = []omen.Host{in.Host}
	}
	all := make([]subject, len(hosts))
	for i, h := range hosts {
		all[i] = subject{host: h}
		if labels != nil {
			all[i].labels = labels.Labels(h)
		}
	}
	return all
}
