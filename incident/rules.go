package incident

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// Rules are what operators have asked for: every silence, window and event
// that may still matter, and the feedback in force.
type Rules struct {
	Silences []omen.Silence
	Windows  []omen.Window
	Events   []omen.Event
	Patterns []feedback.Pattern
	Role     string // the label that names a host's role, for patterns that hold on a role
}

// rules are Rules made quick to ask. version grows with each change.
type rules struct {
	given    Rules
	version  int
	before   *rules // the version before, so that one can tell what lifted a silence; its own before is nil
	silences []timed
	windows  []timed
	graces   []timed
	rejected []feedback.Pattern
	lowered  map[omen.Host][]feedback.Pattern // confirmed, by host…
	ofRoles  []feedback.Pattern               // …and those of them that hold on a role
	lowest   float64                          // no sample at or below it counts
	role     string
}

// timed is a condition that holds at times.
type timed struct {
	holds  omen.Condition
	active func(at time.Time) bool
}

// subject is a host that a rule is asked about.
type subject struct {
	host   omen.Host
	labels map[string]string
}

// SetRules replaces the rules. What cannot be understood is left out and
// returned as errors, one per rule: a broken silence must not break the others.
func (t *Tracker) SetRules(r Rules) (broken []error) {
	if t.rules.version > 0 && reflect.DeepEqual(r, t.rules.given) {
		return nil // said before
	}
	before := t.rules
	before.before = nil
	fresh := rules{given: r, version: before.version + 1, before: &before, role: r.Role, lowered: map[omen.Host][]feedback.Pattern{}, lowest: 1}
	add := func(what string, list *[]timed, match []omen.Matcher, active func(time.Time) bool) {
		holds, err := omen.Compile(match)
		if err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", what, err))
			return
		}
		*list = append(*list, timed{holds, active})
	}
	for _, s := range r.Silences {
		add("silence "+s.ID, &fresh.silences, s.Match, s.Active)
	}
	for _, w := range r.Windows {
		if err := w.Validate(); err != nil {
			broken = append(broken, err)
			continue
		}
		add("window "+w.Name, &fresh.windows, w.Match, occurrences(w))
	}
	for _, e := range r.Events {
		grace := e.Grace
		if grace == 0 {
			grace = Grace(e.Kind)
		}
		add("event "+e.ID, &fresh.graces, e.Match, func(at time.Time) bool {
			return !at.Before(e.At) && at.Before(e.At.Add(grace))
		})
	}
	for _, p := range r.Patterns {
		switch {
		case !p.InForce():
		case p.Verdict == omen.Real:
			fresh.lowered[p.Host] = append(fresh.lowered[p.Host], p)
			if fresh.lowest = min(fresh.lowest, p.Limit); p.Role != "" {
				fresh.ofRoles = append(fresh.ofRoles, p)
			}
		default:
			fresh.rejected = append(fresh.rejected, p)
		}
	}
	t.rules = fresh
	return broken
}

// occurrences is w.Active with a day's occurrences remembered.
func occurrences(w omen.Window) func(time.Time) bool {
	var from, to time.Time
	var spans []omen.Span
	return func(at time.Time) bool {
		if at.Before(from) || !at.Before(to) {
			from, to = at, at.Add(24*time.Hour)
			spans = w.Between(from, to)
		}
		for _, s := range spans {
			if !at.Before(s.From) && at.Before(s.To) {
				return true
			}
		}
		return false
	}
}

// why is the first rule that keeps an incident quiet at an instant: a silence,
// a maintenance window, a grace after an event, or feedback.
func (r *rules) why(in *omen.Incident, who []subject, at time.Time) string {
	if reason := r.quiet(in, who, at); reason != "" {
		return reason
	}
	if r.rejects(in, who, at) {
		return omen.ReasonFeedback
	}
	return ""
}

// rejects reports whether a rejected pattern covers an incident of a host.
func (r *rules) rejects(in *omen.Incident, who []subject, at time.Time) bool {
	return in.Kind == omen.HostIncident && slices.ContainsFunc(r.rejected, func(p feedback.Pattern) bool {
		return p.Suppresses(in, who[0].labels[r.role], at)
	})
}

// quiet is why without the feedback.
func (r *rules) quiet(in *omen.Incident, who []subject, at time.Time) string {
	switch {
	case anyHolds(r.silences, in, who, at):
		return omen.ReasonSilenced
	case anyHolds(r.windows, in, who, at):
		return omen.ReasonMaintenance
	case in.Kind != omen.SourceIncident && in.Kind != omen.OwnIncident && anyHolds(r.graces, in, who, at):
		return omen.ReasonGrace
	}
	return ""
}

// byOperator reports whether an incident that is quiet no more would still be
// quiet by the rules before: then somebody ended its silence, and not the clock.
func (r *rules) byOperator(in *omen.Incident, who []subject, at time.Time) bool {
	return r.before != nil && r.before.quiet(in, who, at) != ""
}

func anyHolds(list []timed, in *omen.Incident, who []subject, at time.Time) bool {
	for _, one := range list {
		if one.active(at) && holdsForAll(one.holds, in, who) {
			return true
		}
	}
	return false
}

// holdsForAll reports whether a condition holds for an incident and each of
// its hosts: a silence of one member does not silence a fleet.
func holdsForAll(holds omen.Condition, in *omen.Incident, who []subject) bool {
	for _, s := range who {
		of := omen.HostValue(s.host, s.labels)
		if !holds(func(name string) string {
			switch name {
			case omen.MatchKind:
				return string(in.Kind)
			case omen.MatchSeverity:
				return string(in.Severity)
			case omen.MatchCause:
				if main := feedback.Signs(in.Causes); len(main) > 0 {
					return main[0].Feature
				}
				return ""
			}
			return of(name)
		}) {
			return false
		}
	}
	return len(who) > 0
}

// confirmed are the limits that confirmed feedback gives to a sample: those of
// its host's patterns, and its role's, that it resembles. labels are asked for
// only where a role has patterns.
func (r *rules) confirmed(s *omen.Score, labels Labels) (limit float64, ok bool) {
	limit = 1.0
	take := func(p *feedback.Pattern) {
		if p.Resembles(s.Causes) {
			limit, ok = min(limit, p.Limit), true
		}
	}
	for i := range r.lowered[s.Host] {
		take(&r.lowered[s.Host][i])
	}
	if len(r.ofRoles) == 0 {
		return limit, ok
	}
	role := labels(s.Host)[r.role]
	for i, p := range r.ofRoles {
		if p.Role == role && p.Host.Profile == s.Host.Profile && p.Host != s.Host {
			take(&r.ofRoles[i])
		}
	}
	return limit, ok
}

// limit is the score above which a sample counts: 1, or what confirmed
// feedback lowered it to for samples like the confirmed incident.
func (r *rules) limit(s *omen.Score, labels Labels) float64 {
	if s.Value > 1 || s.Value <= r.lowest {
		return 1
	}
	if limit, ok := r.confirmed(s, labels); ok && s.Value > limit {
		return limit
	}
	return 1
}
