package incident

import (
	"reflect"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// Rules are what operators have asked for, and the feedback in force.
type Rules struct {
	mute.Rules
	Patterns []feedback.Pattern
	Role     string // the label that names a host's role, for patterns that hold on a role; empty: see roleOf
}

// rules are Rules made quick to ask. version grows with each change.
type rules struct {
	given    Rules
	version  int
	before   *rules // the version before, so that it is known what lifted a silence; its own before is nil
	muted    *mute.Set
	rejected []feedback.Pattern
	lowered  map[omen.Host][]feedback.Pattern // confirmed, by host…
	ofRoles  []feedback.Pattern               // …and those of them that hold on a role
	lowest   float64                          // no sample at or below it counts
	role     string
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
	fresh.muted, broken = r.Compile()
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

// why is the reason of the first rule that suppresses an incident at an
// instant: a silence, a maintenance window, a grace after an event, or feedback.
func (r *rules) why(in *omen.Incident, who []mute.Subject, at time.Time) string {
	if reason := r.muted.Reason(in, who, at); reason != "" {
		return reason
	}
	if r.rejects(in, who, at) {
		return omen.ReasonFeedback
	}
	return ""
}

// rejects reports whether a rejected pattern covers an incident of a host.
func (r *rules) rejects(in *omen.Incident, who []mute.Subject, at time.Time) bool {
	return in.Kind == omen.HostIncident && slices.ContainsFunc(r.rejected, func(p feedback.Pattern) bool {
		return p.Suppresses(in, roleOf(who[0].Labels, r.role), at)
	})
}

// byOperator reports whether an incident that is muted no more would still be
// muted by the rules before: then somebody ended its silence, and not the clock.
func (r *rules) byOperator(in *omen.Incident, who []mute.Subject, at time.Time) bool {
	return r.before != nil && r.before.muted.Reason(in, who, at) != ""
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
	role := roleOf(labels.Labels(s.Host), r.role)
	for i, p := range r.ofRoles {
		if p.Role == role && p.Host.Profile == s.Host.Profile && p.Host != s.Host {
			take(&r.ofRoles[i])
		}
	}
	return limit, ok
}

// limit is the score above which a sample counts: the host's level, or what
// confirmed feedback lowered it to for samples like the confirmed incident,
// which no level hides.
func (r *rules) limit(s *omen.Score, labels Labels) float64 {
	level := max(1, s.Level)
	if s.Value > level || s.Value <= min(1, r.lowest) {
		return level
	}
	if limit, ok := r.confirmed(s, labels); ok && s.Value > limit {
		return limit
	}
	return level
}

// roleLabels are what names a host's role where no label is configured.
var roleLabels = []string{"role", "job"}

// roleOf is a host's role: the value of a label, or else of the first of
// roleLabels that it has.
func roleOf(labels map[string]string, label string) string {
	if label != "" {
		return labels[label]
	}
	for _, name := range roleLabels {
		if role := labels[name]; role != "" {
			return role
		}
	}
	return ""
}
