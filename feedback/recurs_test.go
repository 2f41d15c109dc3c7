package omen

import (
	"fmt"
	"testing"
	"time"
)

// What is told again and again, by the same causes and as high, and that nobody
// does anything about is a habit.
func TestHabit(t *testing.T) {
	monday := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	told := func(after time.Duration, change func(*Incident), causes ...string) Incident {
		in := Incident{Kind: HostIncident, State: Closed, Reason: ReasonRecovered, Grade: Established, Peak: 4,
			Since: monday.Add(after), ClosedAt: monday.Add(after + 10*time.Minute)}
		for _, c := range causes {
			in.Causes = append(in.Causes, Cause{Feature: c, Actual: 2, Expected: 1})
		}
		if change != nil {
			change(&in)
		}
		return in
	}
	const h = time.Hour
	young := func(in *Incident) { in.Grade = Learning }
	for _, c := range []struct {
		name  string
		found []Incident
		want  bool // of the last
	}{
		{"twice", []Incident{told(0, nil, "net"), told(5*h, nil, "net")}, false},
		{"three times", []Incident{told(0, nil, "net"), told(5*h, nil, "net"), told(7*h, nil, "net")}, true},
		{"twice by a young model", []Incident{told(0, young, "net"), told(5*h, young, "net")}, true},
		{"twice by a young model, and critical", []Incident{told(0, young, "net"), told(5*h, func(in *Incident) { in.Grade, in.Severity = Learning, Critical }, "net")}, false},
		{"another cause leads once, and is among the first otherwise", []Incident{told(0, nil, "queue", "latency"), told(5*h, nil, "latency", "queue"), told(7*h, nil, "queue", "latency")}, true},
		{"another cause leads once, and is not", []Incident{told(0, nil, "net"), told(5*h, nil, "cpu", "net"), told(7*h, nil, "net")}, false},
		{"the other direction", []Incident{told(0, nil, "net"), told(5*h, func(in *Incident) { in.Causes[0].Actual = 0 }, "net"), told(7*h, nil, "net")}, false},
		{"once far higher", []Incident{told(0, nil, "net"), told(5*h, func(in *Incident) { in.Peak = 20 }, "net"), told(7*h, nil, "net")}, false},
		{"once quiet", []Incident{told(0, nil, "net"), told(5*h, func(in *Incident) { in.Suppressed = ReasonSilenced }, "net"), told(7*h, nil, "net")}, false},
		{"once acknowledged", []Incident{told(0, func(in *Incident) { in.AckedBy = "ann" }, "net"), told(5*h, nil, "net"), told(7*h, nil, "net"), told(9*h, nil, "net")}, false},
		{"once linked", []Incident{told(0, func(in *Incident) { in.Links = []string{"https://t/1"} }, "net"), told(5*h, nil, "net"), told(7*h, nil, "net"), told(9*h, nil, "net")}, false},
		{"once closed by hand", []Incident{told(0, func(in *Incident) { in.Reason = ReasonByOperator }, "net"), told(5*h, nil, "net"), told(7*h, nil, "net"), told(9*h, nil, "net")}, false},
		{"once confirmed", []Incident{told(0, func(in *Incident) { in.Verdict = Real }, "net"), told(5*h, nil, "net"), told(7*h, nil, "net"), told(9*h, nil, "net")}, false},
		{"the last is open", []Incident{told(0, nil, "net"), told(5*h, nil, "net"), told(6*h, nil, "net"), told(7*h, func(in *Incident) { in.State = Open }, "net")}, false},
		{"at one time of three days, however high", []Incident{told(0, nil, "disk"), told(24*h, func(in *Incident) { in.Peak = 20 }, "disk"), told(48*h+30*time.Minute, func(in *Incident) { in.Peak = 90 }, "disk")}, true},
		{"at one time of two days", []Incident{told(0, nil, "disk"), told(24*h, func(in *Incident) { in.Peak = 20 }, "disk"), told(51*h, func(in *Incident) { in.Peak = 90 }, "disk")}, false},
		{"without causes", []Incident{told(0, nil), told(5*h, nil), told(7*h, nil)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.found {
				c.found[i].ID = fmt.Sprint(i)
			}
			last := c.found[len(c.found)-1]
			if got := Habit(c.found, nil, last.ID); got != c.want {
				t.Fatalf("a habit: %t, want %t", got, c.want)
			}
			from, to := monday.Add(-h), monday.Add(100*h)
			learned := true
			for _, s := range Untaught(c.found, nil, from, to) {
				learned = learned && s.Why != "incident "+last.ID
			}
			harmless := false
			for _, s := range Harmless(c.found, nil, from, to) {
				harmless = harmless || s.Why == "incident "+last.ID
			}
			if learned != c.want || harmless != c.want {
				t.Errorf("learned %t, although the model alerted %t; want %t", learned, harmless, c.want)
			}
		})
	}
	if Habit(nil, nil, "x") {
		t.Error("an incident that was not found is a habit")
	}
}

// Who takes back that something is expected wants to be told of it: then it is
// no habit either.
func TestWhatWasTakenBackIsNoHabit(t *testing.T) {
	night := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	host := Host{Source: "s", Profile: "node", Name: "db-1"}
	var found []Incident
	for day := range 3 {
		since := night.AddDate(0, 0, day)
		found = append(found, Incident{ID: fmt.Sprint(day), Kind: HostIncident, Host: host, State: Closed, Reason: ReasonRecovered, Peak: 4,
			Since: since, ClosedAt: since.Add(time.Hour), Causes: []Cause{{Feature: "disk", Actual: 2, Expected: 1}}})
	}
	pattern := Pattern{Host: host, Verdict: Expected, Causes: []CauseSign{{Feature: "disk", Up: true}}}
	taken, elsewhere, other, confirmed := pattern, pattern, pattern, pattern
	for _, p := range []*Pattern{&taken, &elsewhere, &other, &confirmed} {
		p.Reverted = "ann"
	}
	elsewhere.Host.Name = "db-2"
	other.Causes = []CauseSign{{Feature: "disk"}}
	confirmed.Verdict = Real
	for name, c := range map[string]struct {
		known Pattern
		habit bool
	}{
		"in force": {pattern, true}, "taken back": {taken, false}, "of another host": {elsewhere, true},
		"of the other direction": {other, true}, "a confirmation": {confirmed, true},
	} {
		if got := Habit(found, TakenBack([]Pattern{c.known}, host), "2"); got != c.habit {
			t.Errorf("%s: a habit %t, want %t", name, got, c.habit)
		}
	}
}
