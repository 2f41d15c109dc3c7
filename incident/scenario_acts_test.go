package incident

import (
	"slices"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// act is what somebody does in a scenario: verdict HOST VERDICT [role], ack
// HOST, close HOST, lift (every silence), revert (what Omen itself decided), or
// restart.
type act struct {
	at    time.Duration
	words []string
}

// act does what is due.
func (s *scenario) act(t *testing.T, at time.Duration) {
	t.Helper()
	for _, a := range s.acts {
		if a.at != at {
			continue
		}
		now := s.start.Add(at)
		switch a.words[0] {
		case "restart":
			s.tracker = restarted(s.tracker, s.changes)
		case "revert":
			for i := range s.rules.Patterns {
				s.rules.Patterns[i].Reverted = "ann"
			}
		case "lift":
			for i := range s.rules.Silences {
				s.rules.Silences[i].Until = now
			}
		case "verdict":
			in := s.latest(t, a.words[1])
			role := ""
			if len(a.words) > 3 {
				role = s.labels[in.Host]["role"]
			}
			p := feedback.PatternOf(in, omen.Verdict(a.words[2]), time.UTC, role, "ann", now)
			s.rules.Patterns = append(s.rules.Patterns, p)
		default:
			in := s.latest(t, a.words[1])
			made := must.Get(s.tracker.Prepare(in, Command{Incident: in.ID, Action: Action(a.words[0]), By: "ann"}, now))(t)
			s.tracker.Commit(made)
			s.changes = append(s.changes, made...)
		}
	}
}

// setRules gives the tracker the rules, as the manager does time and again: those
// that are over or far away are not among them.
func (s *scenario) setRules(t *testing.T, now time.Time) {
	t.Helper()
	r := s.rules
	r.Patterns = slices.Clone(r.Patterns)
	r.Silences = slices.DeleteFunc(slices.Clone(r.Silences), func(q mute.Silence) bool { return !q.Until.After(now.Add(-remembered)) })
	r.Events = slices.DeleteFunc(slices.Clone(r.Events), func(e mute.Event) bool {
		return e.At.Before(now.Add(-remembered)) || !e.At.Before(now.Add(foreseen))
	})
	for _, err := range s.tracker.SetRules(r) {
		t.Fatal(err)
	}
}

// latest is a host's latest incident, or the fleet's that it was first of.
func (s *scenario) latest(t *testing.T, host string) (in omen.Incident) {
	t.Helper()
	for _, c := range s.changes {
		if c.Incident.Host.Name == host {
			in = c.Incident
		}
	}
	if in.ID == "" {
		t.Fatalf("%s has no incident", host)
	}
	return in
}

// expect makes patterns of what comes every night, as the manager does.
func (s *scenario) expect(made []omen.Change) {
	for _, c := range made {
		if c.Kind != omen.ChangeClosed || !feedback.Notified(c.Incident, nil) {
			continue
		}
		past := feedback.Past{Incidents: projection(s.changes), Patterns: s.rules.Patterns}
		if r := past.Recurs(c.Incident); r.Expected != nil {
			s.rules.Patterns = append(s.rules.Patterns[:len(s.rules.Patterns):len(s.rules.Patterns)], *r.Expected)
			s.tracker.SetRules(s.rules)
		}
	}
}
