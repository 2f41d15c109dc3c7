package feedback

import (
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// Numbers of patterns; docs/incidents.md explains them.
const (
	peakRoom     = 1.5              // a rejected pattern covers what reaches up to so many times the judged peak
	timeRoom     = 30 * time.Minute // "expected at this time" covers this much before and after
	loweredLimit = 0.65             // a confirmed pattern's limit; docs/feedback.md has it beside 0.8
	longest      = 12 * time.Hour   // what lasts longer has no time of day
	mostSigns    = 5                // the causes that make an incident like another, at most
)

// MajorShare is the smallest share that makes a cause worth naming.
const MajorShare = 0.1

// Pattern is what Omen remembers of a verdict, or of what recurs: which
// incidents are like the judged one, and what to do with them. A rejected
// pattern suppresses its like, a confirmed one lowers the limit for it.
type Pattern struct {
	ID       string       `json:"id"`
	Verdict  omen.Verdict `json:"verdict"`
	Incident string       `json:"incident"` // the judged incident
	Host     omen.Host    `json:"host"`     // of the judged incident; the pattern holds there
	Role     string       `json:"role"`     // not empty: it holds on every host of this role
	Causes   []CauseSign  `json:"causes"`   // the features to blame, and their direction
	MaxPeak  float64      `json:"max_peak"` // rejected: incidents that reach further notify all the same
	Zone     string       `json:"zone"`     // time zone of FromTime and ToTime; empty: UTC
	FromTime int          `json:"from_minute"`
	ToTime   int          `json:"to_minute"` // minutes after midnight; both 0: at any time; From > To: over midnight
	Limit    float64      `json:"limit"`     // confirmed: the score that counts as anomalous for its like, below 1
	By       string       `json:"by"`
	Created  time.Time    `json:"created"`
	Reverted string       `json:"reverted"` // who took it back; empty: in force
	// RevertedAt is when it was taken back.
	RevertedAt time.Time `json:"reverted_at"`
}

// InForce reports whether the pattern has not been taken back.
func (p *Pattern) InForce() bool { return p.Reverted == "" }

// CauseSign is a feature and the direction in which it left its expectation.
type CauseSign struct {
	Feature string `json:"feature"`
	Up      bool   `json:"up"`
}

// SignOf is a cause's feature and direction. That a feature is stuck is another sign
// than that it is far away.
func SignOf(c omen.Cause) CauseSign {
	if c.Stuck > 0 {
		return StuckSign(c.Feature)
	}
	return CauseSign{Feature: c.Feature, Up: c.Actual > c.Expected}
}

// StuckSign is that a feature is stuck.
func StuckSign(feature string) CauseSign { return CauseSign{Feature: feature + " stuck"} }

// Signs are the features to blame and their directions, the largest first: at
// most five, those that are not trivial and have a tenth of the score, at least
// one.
func Signs(causes []omen.Cause) []CauseSign {
	var all []CauseSign
	for _, c := range causes {
		if c.Trivial || len(all) > 0 && c.Share < MajorShare || len(all) == mostSigns {
			continue
		}
		all = append(all, SignOf(c))
	}
	return all
}

// PatternOf is what a verdict on an incident makes Omen remember. zone is the
// time zone in which "this time" is meant; role, if not empty, extends the
// pattern to every host of that role.
func PatternOf(in omen.Incident, v omen.Verdict, zone *time.Location, role, by string, at time.Time) Pattern {
	p := Pattern{
		ID: "p-" + in.ID + "-" + string(v), Verdict: v, Incident: in.ID, Host: in.Host, Role: role,
		Causes: Signs(in.Causes), Zone: zone.String(), By: by, Created: at.UTC(),
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

// Resembles reports whether causes are those of the pattern: the largest one
// that matters is among its own, with the same direction, and so is at least
// half of what matters by share.
func (p *Pattern) Resembles(causes []omen.Cause) bool {
	matters, same := 0.0, 0.0
	leads, first := false, true
	for _, c := range causes {
		if c.Trivial || !first && c.Share < MajorShare {
			continue
		}
		in := slices.Contains(p.Causes, SignOf(c))
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

// Suppresses reports whether a rejected pattern covers an incident: on its host
// or role, by causes and direction, no further from normal, and at its time of
// day if it has one.
func (p *Pattern) Suppresses(in *omen.Incident, role string, at time.Time) bool {
	if p.Verdict == omen.Real || in.Host != p.Host && (p.Role == "" || p.Role != role || in.Host.Profile != p.Host.Profile) {
		return false
	}
	if in.Peak > p.MaxPeak || !p.Resembles(in.Causes) {
		return false
	}
	zone, err := time.LoadLocation(p.Zone)
	return err == nil && p.holdsAt(at.In(zone)) // rather notify than suppress at the wrong time
}

// AtAnyTime reports whether the pattern has no time of day.
func (p *Pattern) AtAnyTime() bool { return p.FromTime == 0 && p.ToTime == 0 }

// holdsAt reports whether the pattern holds at an instant in its time zone.
func (p *Pattern) holdsAt(local time.Time) bool {
	m := minute(local)
	switch {
	case p.AtAnyTime():
		return true
	case p.FromTime <= p.ToTime:
		return m >= p.FromTime && m <= p.ToTime
	}
	return m >= p.FromTime || m <= p.ToTime
}
