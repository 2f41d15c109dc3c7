package remedy

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

const sampled = 15 * time.Second

// scores are samples from the start of an action, one every 15 s: score(minutes).
func scores(minutes float64, score func(minute float64) float64) (all []omen.ScorePoint) {
	for at := time.Duration(0); at.Minutes() <= minutes; at += sampled {
		all = append(all, omen.ScorePoint{At: noon.Add(at), Value: score(at.Minutes())})
	}
	return all
}

// until is 3 before a minute and 0.5 after it.
func until(end float64) func(float64) float64 {
	return func(m float64) float64 {
		if m < end {
			return 3
		}
		return 0.5
	}
}

func TestMeasure(t *testing.T) {
	at := func(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }
	deploy := mute.Event{ID: "d", Kind: mute.EventDeploy, At: at(3), By: "ci", Title: "v2", Match: []mute.Matcher{is("host", "web-1")}}
	change := func(kind omen.ChangeKind, reason, by string, minute float64) omen.Change {
		return omen.Change{Kind: kind, Reason: reason, By: by, At: at(minute)}
	}
	for _, c := range []struct {
		name  string
		now   float64 // minutes after the start
		score func(float64) float64
		edit  func(*Seen)
		want  omen.ActionState // empty: too early
	}{
		{"it has not settled", 2, until(1), nil, ""},
		{"it may come back", 13, until(5), nil, ""},
		{"normal after five minutes", 15, until(5), nil, omen.ActionHelped},
		{"normal before it settled", 12, until(1), nil, omen.ActionHelped},
		{"below its level, which is as normal", 15, until(99), func(s *Seen) {
			for i := range s.Scores {
				s.Scores[i].Level = 3.5
			}
		}, omen.ActionHelped},
		{"it may yet help", 17, until(99), nil, ""},
		{"normal too late", 22, until(19), nil, omen.ActionNotHelped},
		{"never normal", 20, until(99), nil, omen.ActionNotHelped},
		{"normal for less than the closing evidence", 22, func(m float64) float64 {
			if m > 6 && m < 7 {
				return 0.5
			}
			return 3
		}, nil, omen.ActionNotHelped},
		{"anomalous again", 15, func(m float64) float64 {
			if m > 4 && m < 8 {
				return 0.5
			}
			return 3
		}, nil, omen.ActionNotHelped},
		{"one sample above the limit", 16, func(m float64) float64 {
			if m == 9 || m < 5 {
				return 1.5
			}
			return 0.5
		}, nil, omen.ActionHelped},
		{"its own spike", 15, func(m float64) float64 {
			if m < 1.9 {
				return 20
			}
			return 0.5
		}, nil, omen.ActionHelped},
		{"normal, its own spike, normal", 16, func(m float64) float64 {
			if m > 1 && m < 2 {
				return 20
			}
			return 0.5
		}, func(s *Seen) { s.Closing.For = 30 * time.Second; s.Closing.Samples = 2 }, omen.ActionHelped},
		{"twice as bad", 6, func(m float64) float64 { return 3 + m }, nil, omen.ActionWorse},
		{"another incident", 6, until(99), func(s *Seen) { s.Incidents = []omen.Incident{opened("i2", node("web-1"), at(5))} }, omen.ActionWorse},
		{"another one in its grace", 15, until(5), func(s *Seen) {
			in := opened("i2", node("web-1"), at(1))
			in.Suppressed = omen.ReasonGrace
			s.Incidents = []omen.Incident{in}
		}, omen.ActionHelped},
		{"another one from before", 15, until(5), func(s *Seen) { s.Incidents = []omen.Incident{opened("i2", node("web-1"), at(-5))} }, omen.ActionHelped},
		{"the host fell silent", 20, until(99), func(s *Seen) { s.Scores = s.Scores[:20] }, omen.ActionUnmeasurable},
		{"half of the samples are gaps", 20, until(99), func(s *Seen) {
			for i := range s.Scores {
				if i%2 == 0 {
					s.Scores[i].Value = math.NaN()
				}
			}
		}, omen.ActionUnmeasurable},
		{"a tenth of the samples are gaps", 15, until(5), func(s *Seen) {
			for i := 5; i < len(s.Scores); i += 10 {
				s.Scores[i].Value = math.NaN()
			}
		}, omen.ActionHelped},
		{"nothing was seen", 20, until(99), func(s *Seen) { s.Scores = nil }, omen.ActionUnmeasurable},
		{"a deploy came first", 15, until(5), func(s *Seen) { s.Events = []mute.Event{deploy} }, omen.ActionInterrupted},
		{"a deploy came later", 15, until(2.5), func(s *Seen) { s.Events = []mute.Event{deploy} }, omen.ActionHelped},
		{"a deploy of another host", 15, until(5), func(s *Seen) {
			e := deploy
			e.Match = []mute.Matcher{is("host", "web-2")}
			s.Events = []mute.Event{e}
		}, omen.ActionHelped},
		{"a deploy of nobody knows what", 15, until(5), func(s *Seen) {
			e := deploy
			e.Match = []mute.Matcher{{Name: "host", Value: "web-(", IsRegex: true, IsEqual: true}}
			s.Events = []mute.Event{e}
		}, omen.ActionInterrupted},
		{"its own trace", 15, until(5), func(s *Seen) {
			own, ok := Grace(omen.Action{ID: "a1", Host: node("web-1"), Started: noon, Does: DoUnit}, Playbook{})
			if !ok || own.Validate() != nil || own.Until() != noon.Add(5*time.Minute) {
				t.Errorf("grace %+v: %v", own, own.Validate())
			}
			seen := own
			seen.ID, seen.At = "e", at(1) // as the detector of restarts sees it
			own.At = at(3)
			s.Events = []mute.Event{own, seen}
		}, omen.ActionHelped},
		{"another action", 15, until(5), func(s *Seen) {
			s.Actions = []omen.Action{{ID: "a1", Started: at(0)}, {ID: "a2", Group: "prod/node", Started: at(3)}}
		}, omen.ActionInterrupted},
		{"another action elsewhere", 15, until(5), func(s *Seen) { s.Actions = []omen.Action{{ID: "a2", Group: "test/node", Started: at(3)}} }, omen.ActionHelped},
		{"a person took it, and wrote of it", 15, until(5), func(s *Seen) {
			s.Changes = []omen.Change{change(omen.ChangeAcknowledged, "", "ann", 3), change(omen.ChangeCommented, "", "ann", 4)}
		}, omen.ActionInterrupted},
		{"a person took it", 15, until(5), func(s *Seen) { s.Changes = []omen.Change{change(omen.ChangeAcknowledged, "", "ann", 3)} }, omen.ActionHelped},
		{"a person closed it", 20, until(99), func(s *Seen) {
			s.Changes = []omen.Change{change(omen.ChangeClosed, omen.ReasonByOperator, "ann", 4)}
		}, omen.ActionInterrupted},
		{"another model takes it as normal", 20, until(8), func(s *Seen) {
			s.Changes = []omen.Change{change(omen.ChangeClosed, omen.ReasonNewModel, "omen", 7)}
		}, omen.ActionInterrupted},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Seen{At: at(c.now), Step: sampled, Scores: scores(c.now, c.score)}
			if c.edit != nil {
				c.edit(&s)
			}
			a := omen.Action{ID: "a1", Incident: "i1", Host: node("web-1"), Group: "prod/node", Started: noon, Before: 3}
			m, ok := Playbook{}.Measure(a, s)
			if ok != (c.want != "") || m.State != c.want {
				t.Fatalf("%+v (%t), want %q", m, ok, c.want)
			}
			if ok && m.Why == "" || m.State != omen.ActionInterrupted && (m.State == omen.ActionHelped) != (m.Recovered > 0) {
				t.Errorf("%+v", m)
			}
		})
	}
}
