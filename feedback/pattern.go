package incident

import (
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

// Numbers of the feedback; docs/incidents.md explains them.
const (
	peakRoom     = 1.5              // a rejected pattern covers what reaches up to so many times the judged peak
	timeRoom     = 30 * time.Minute // "expected at this time" covers this much before and after
	loweredLimit = 0.65             // a confirmed pattern's limit; docs/feedback.md has it beside 0.8
	longest      = 12 * time.Hour   // what lasts longer has no time of day
)

// PatternOf is what a verdict on an incident makes Omen remember. zone is the
// time zone in which "this time" is meant; role, if not empty, extends the
// pattern to every host of that role.
func PatternOf(in omen.Incident, v omen.Verdict, zone *time.Location, role, by string, at time.Time) omen.Pattern {
	p := omen.Pattern{
		ID: "p-" + in.ID + "-" + string(v), Verdict: v, Incident: in.ID, Host: in.Host, Role: role,
		Causes: signs(in.Causes), Zone: zone.String(), By: by, Created: at.UTC(),
	}
	if v == omen.Real {
		p.Limit = loweredLimit
		return p
	}
	p.MaxPeak = peakRoom * in.Peak
	if v != omen.Expected {
		return p
	}
	end := in.ClosedAt
	if in.State != omen.Closed {
		end = at
	}
	if end.Sub(in.Since) < longest {
		p.FromTime = minute(in.Since.In(zone).Add(-timeRoom))
		p.ToTime = minute(end.In(zone).Add(timeRoom))
	}
	return p
}

func minute(t time.Time) int { return t.Hour()*60 + t.Minute() }

// resembles reports whether causes are those of a pattern: the largest one
// that matters is among its own, with the same direction, and so is at least
// half of what matters by share.
func resembles(pattern []omen.CauseSign, causes []omen.Cause) bool {
	if len(pattern) == 0 {
		return false
	}
	matters, same := 0.0, 0.0
	leads, first := false, true
	for _, c := range causes {
		if c.Trivial || !first && c.Share < majorShare {
			continue
		}
		in := slices.Contains(pattern, omen.CauseSign{Feature: c.Feature, Up: c.Actual > c.Expected})
		if first {
			leads, first = in, false
		}
		matters += c.Share
		if in {
			same += c.Share
		}
	}
	return leads && 2*same >= matters
}

// rejects reports whether a rejected pattern covers an incident: on its host
// or role, by causes and direction, no further from normal, and at its time of
// day if it has one.
func rejects(p *omen.Pattern, in *omen.Incident, role string, at time.Time) bool {
	if p.Verdict == omen.Real || in.Host != p.Host && (p.Role == "" || p.Role != role || in.Host.Profile != p.Host.Profile) {
		return false
	}
	return in.Peak <= p.MaxPeak && atItsTime(p, at) && resembles(p.Causes, in.Causes)
}

func atItsTime(p *omen.Pattern, at time.Time) bool {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return false // rather tell than keep quiet at the wrong time
	}
	local := at.In(zone)
	if len(p.Days) > 0 && !slices.Contains(p.Days, int(local.Weekday())) {
		return false
	}
	m := minute(local)
	switch {
	case p.FromTime == 0 && p.ToTime == 0:
		return true
	case p.FromTime <= p.ToTime:
		return m >= p.FromTime && m <= p.ToTime
	}
	return m >= p.FromTime || m <= p.ToTime
}

// Preview is what a pattern would have done to past incidents.
type Preview struct {
	Pattern omen.Pattern    `json:"pattern"`
	Vanish  []omen.Incident `json:"vanish"` // told then, and quiet under the pattern
	Lost    []omen.Incident `json:"lost"`   // of these, those that an operator confirmed as real
}

// PreviewOf tries a pattern on past incidents. roles gives a host's role. A
// member of a fleet counts as told, and as confirmed, if the fleet incident
// was, which must be among the past ones.
func PreviewOf(p omen.Pattern, past []omen.Incident, roles func(omen.Host) string) Preview {
	v := Preview{Pattern: p, Vanish: []omen.Incident{}, Lost: []omen.Incident{}}
	fleets := map[string]omen.Incident{}
	for _, in := range past {
		if in.Kind == omen.FleetIncident {
			fleets[in.ID] = in
		}
	}
	for _, in := range past {
		if in.Kind != omen.HostIncident || !rejects(&p, &in, roles(in.Host), in.Since) {
			continue
		}
		fleet, member := fleets[in.Fleet]
		if told := in.Suppressed == "" || member && in.Suppressed == omen.ReasonFleet && fleet.Suppressed == ""; !told {
			continue
		}
		v.Vanish = append(v.Vanish, in)
		if in.Verdict == omen.Real || fleet.Verdict == omen.Real {
			v.Lost = append(v.Lost, in)
		}
	}
	return v
}
