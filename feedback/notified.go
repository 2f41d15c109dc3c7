package feedback

import "github.com/omenhq/omen"

// Notified reports whether people are notified of an incident, or were until it
// closed: by itself or through the fleet incident that it is part of (nil: none).
func Notified(in omen.Incident, fleet *omen.Incident) bool {
	return in.Suppressed == "" || in.Suppressed == omen.ReasonFleet && fleet != nil && fleet.Suppressed == ""
}

// Weak reports whether people are not notified of an incident because it is below
// the page level, or odd only to a model of minutes: a job on its first nights. One
// that people were notified of, and that came back trivial, is weak, too.
func Weak(in omen.Incident) bool {
	return in.Suppressed == omen.ReasonMinor || in.Suppressed == omen.ReasonColdStart || in.Suppressed == omen.ReasonTrivial && !in.NotifiedAt.IsZero()
}

// cameBack reports whether an incident is weak as it came back, and people were
// notified of it before. Its severity does not say so: what was silenced has one, too.
func cameBack(in omen.Incident) bool { return Weak(in) && !in.NotifiedAt.IsZero() }

// Notifies reports whether a change notifies people of an incident of hosts, for
// the first time or again.
func Notifies(c omen.Change) bool {
	if k := c.Incident.Kind; !Notified(c.Incident, nil) || k != omen.HostIncident && k != omen.FleetIncident {
		return false
	}
	return c.Kind == omen.ChangeOpened || c.Kind == omen.ChangeReopened ||
		c.Kind == omen.ChangeEscalated && (c.Reason == omen.ReasonLifted || c.Reason == omen.ReasonAnother)
}

// ActedOn reports whether somebody did something about an incident, or about the
// fleet incident that it is part of (nil: none), other than to judge it harmless;
// also where it was taken back, such as released by who acknowledged it; or whether
// a playbook acted on it: what has to be put right again and again is not normal. What was
// forecast counts as well: that nobody acts on each of two notifications does not
// make it normal.
func ActedOn(in omen.Incident, fleet *omen.Incident) bool {
	return in.ActedBy != "" || in.Actions > 0 || in.Kind == omen.HostIncident && in.Forecast != nil || in.Verdict == omen.Real || in.AckedBy != "" || in.Assignee != "" || len(in.Links) > 0 ||
		in.Reason == omen.ReasonByOperator || fleet != nil && ActedOn(*fleet, nil)
}
