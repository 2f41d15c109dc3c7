package remedy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// StormHold is how long after a fleet incident or a storm nothing is done in its
// source: hosts come back one by one.
const StormHold = 10 * time.Minute

// staleSteps and staleLeast bound a score's age: three steps, and a quarter of a
// minute at steps so fast that a slow round of scoring is longer.
const (
	staleSteps = 3
	staleLeast = 15 * time.Second
)

func tooEarly(d *draft) string {
	need := cmp.Or(d.book.After, openFor)
	if d.in == nil {
		return ""
	}
	if open := d.facts.At.Sub(d.in.OpenedAt); open < need {
		return fmt.Sprintf("it has been open for less than %s", omen.Soon(need))
	}
	return ""
}

func ownTrouble(d *draft) string {
	if d.facts.Own != "" {
		return d.facts.Own
	}
	for _, in := range d.facts.Incidents {
		if in.Kind == omen.OwnIncident && in.State != omen.Closed && holdsBack(in.Trouble, d.action.Does) {
			return "Omen's own incident " + in.ID + " is open: " + in.Summary
		}
	}
	return ""
}

func sourceTrouble(d *draft) string {
	name, profile := d.action.Host.Source, d.action.Host.Profile
	source, known := d.facts.Sources[name]
	switch {
	case !known:
		return "nothing is known of source " + name
	case !source.Up:
		return fmt.Sprintf("source %s is not up: %s", name, cmp.Or(source.Why, "it does not say why"))
	case source.Unread[profile] != "":
		return fmt.Sprintf("source %s does not answer in full now, profile %s: %s", name, profile, source.Unread[profile])
	}
	for _, in := range d.facts.Incidents {
		if in.Kind == omen.SourceIncident && in.Host.Source == name && in.State != omen.Closed {
			return "incident " + in.ID + " of source " + name + " is open"
		}
	}
	return ""
}

func stale(d *draft) string {
	l := d.live
	age := d.facts.At.Sub(l.ScoredAt)
	switch {
	case !d.known:
		return "the host is not among those that are scored"
	case l.Silent:
		return "the host sends nothing"
	case l.ScoredAt.IsZero() || l.Step <= 0:
		return "the host was never scored"
	case math.IsNaN(l.Score) || math.IsInf(l.Score, 0):
		return "its score is no number"
	case age > max(staleSteps*l.Step, staleLeast):
		return fmt.Sprintf("its latest score is %s old", omen.Soon(age))
	case age < -max(l.Step, omen.ClockSet):
		return "its latest score is of the future: the clocks disagree"
	}
	return ""
}

func grade(d *draft) string {
	if d.in == nil || d.in.Kind == omen.ForecastIncident {
		return "" // no model says it
	}
	for _, g := range []omen.Grade{d.in.Grade, d.live.Grade} {
		if g != omen.Established && (g != omen.Learning || !d.book.Learning) {
			return fmt.Sprintf("the model is %s", cmp.Or(g, "not known"))
		}
	}
	return ""
}

func evidence(d *draft) string {
	need := cmp.Or(d.book.MinSeverity, omen.Warning)
	switch {
	case d.in == nil:
		return "the incident is over"
	case d.looked && d.configured && !d.book.answers(d.facts.Hosts)(d.in):
		return "the incident is no longer what the playbook answers"
	case slices.Index(severities, d.in.Severity) < slices.Index(severities, need):
		return fmt.Sprintf("the incident is %s, not %s", cmp.Or(d.in.Severity, omen.Info), need)
	case d.in.Kind != omen.ForecastIncident && !d.live.Anomalous():
		return "the host is normal now"
	}
	return ""
}

func storm(d *draft) string {
	if d.in != nil && d.in.Fleet != "" {
		return "it is part of fleet incident " + d.in.Fleet
	}
	source := d.action.Host.Source
	for _, in := range d.facts.Incidents {
		of := in.Host.Source == source || slices.ContainsFunc(in.Members, func(h omen.Host) bool { return h.Source == source })
		if in.Kind != omen.FleetIncident || !of {
			continue
		}
		what := "fleet incident"
		if in.Storm() {
			what = "storm"
		}
		if in.State != omen.Closed {
			return fmt.Sprintf("%s %s is open in source %s", what, in.ID, source)
		}
		if d.facts.At.Sub(in.ClosedAt) < StormHold {
			return fmt.Sprintf("%s %s in source %s is over for less than %s", what, in.ID, source, omen.Soon(StormHold))
		}
	}
	return ""
}

// MutedBy says for people what a reason for which people are not notified is, as
// [Facts.Muted] has it; empty: it is none of theirs.
func MutedBy(reason string) string {
	switch reason {
	case omen.ReasonSilenced:
		return "a silence"
	case omen.ReasonMaintenance:
		return "a maintenance window"
	case omen.ReasonGrace:
		return "the grace after an event"
	}
	return ""
}

func quiet(d *draft) string {
	if d.in == nil {
		return ""
	}
	if why := d.facts.Muted[d.in.ID]; why != "" {
		return "blocked by " + why
	}
	if s := d.in.Suppressed; s != "" && s != omen.ReasonSameCause && s != omen.ReasonSamePool {
		return "nobody is notified of it: " + s // of the same cause people are
	}
	return ""
}

// quietHours has nothing to say of what a person asks for, approved, or will be asked.
func quietHours(d *draft) string {
	if d.policy.Quiet == nil || d.byPerson() || d.action.Mode != omen.ModeAutomatic {
		return ""
	}
	if name := d.policy.Quiet.Holds(d.facts.At); name != "" {
		return "quiet hours: " + name
	}
	return ""
}

func verdict(d *draft) string {
	switch in := d.in; {
	case in == nil:
		return ""
	case d.facts.Rejected[in.ID] || in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected:
		return "people said that it is not a problem"
	case d.facts.Verdicts[in.ID] < d.book.Real:
		return fmt.Sprintf("the same was called real %d times, %d are asked for", d.facts.Verdicts[in.ID], d.book.Real)
	}
	return ""
}

func taken(d *draft) string {
	switch in := d.in; {
	case in == nil || d.book.Acknowledged:
		return ""
	case in.State == omen.Acknowledged:
		return cmp.Or(in.AckedBy, "somebody") + " has acknowledged it"
	case in.Assignee != "":
		return "it is assigned to " + in.Assignee
	}
	return ""
}

// blameFresh is how long it holds which pod a node's incident is blamed on: it is judged
// once a minute.
const blameFresh = 5 * time.Minute

func noBlame(d *draft) string {
	if !d.book.Does.Blames() {
		return ""
	}
	b, known := d.facts.Blames[d.action.Incident]
	was := d.action.Blamed
	switch age := d.facts.At.Sub(b.At); {
	case !known:
		return "it is not known yet which pod the incident comes from"
	case b.Pod == "":
		return "no pod is to blame: " + b.Why
	case age.Abs() > blameFresh:
		return "which pod is to blame was last looked at " + omen.Soon(age.Abs()) + " ago"
	case was != b.PodRef:
		return fmt.Sprintf("pod %s was to blame, and %s is", was, b.PodRef)
	}
	return ""
}

// CalledReal is how often people called real what an incident is like: one of the
// same profile with the same leading cause, before it, on any host.
func CalledReal(in omen.Incident, past []omen.Incident) int {
	signs, n := feedback.Signs(in.Causes), 0
	for _, p := range past {
		if p.ID == in.ID || p.Verdict != omen.Real || p.Kind != in.Kind || p.Host.Profile != in.Host.Profile || !p.Since.Before(in.Since) {
			continue
		}
		if s := feedback.Signs(p.PeakCauses()); len(s) > 0 && len(signs) > 0 && s[0] == signs[0] {
			n++
		}
	}
	return n
}
