package incident

import (
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// act is what somebody does in a scenario: verdict HOST VERDICT [role], ack
// HOST, close HOST, revert (what Omen itself decided), or restart.
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
			s.setRules(t)
		case "verdict":
			in := s.latest(t, a.words[1])
			role := ""
			if len(a.words) > 3 {
				role = s.labels[in.Host]["role"]
			}
			p := PatternOf(in, omen.Verdict(a.words[2]), time.UTC, role, "ann", now)
			s.rules.Patterns = append(s.rules.Patterns, p)
			s.setRules(t)
		default:
			in := s.latest(t, a.words[1])
			made, err := s.tracker.Prepare(in, Command{Incident: in.ID, Action: Action(a.words[0]), By: "ann"}, now)
			if err != nil {
				t.Fatal(err)
			}
			s.tracker.Commit(made)
			s.changes = append(s.changes, made...)
		}
	}
}

func (s *scenario) setRules(t *testing.T) {
	t.Helper()
	s.rules.Patterns = append([]omen.Pattern(nil), s.rules.Patterns...)
	for _, err := range s.tracker.SetRules(s.rules) {
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

// expect makes patterns of what comes every night, as the desk does.
func (s *scenario) expect(made []omen.Change) {
	for _, c := range made {
		if c.Kind != omen.ChangeClosed || !ignored(c.Incident) || c.Incident.Kind != omen.HostIncident {
			continue
		}
		if p, ok := Recurring(c.Incident, projection(s.changes), s.rules.Patterns, time.UTC, c.At); ok {
			s.rules.Patterns = append(s.rules.Patterns[:len(s.rules.Patterns):len(s.rules.Patterns)], p)
			s.tracker.SetRules(s.rules)
		}
	}
}
