package training

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestNext(t *testing.T) {
	first := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		step    time.Duration
		trained time.Duration // after first; 0: never
		want    time.Duration // after first
		slack   time.Duration // what the host's own spread may add
		grade   omen.Grade
	}{
		{"fresh at 1 s", time.Second, 0, 150 * time.Second, 0, omen.Provisional},
		{"fresh at 15 s: sixty samples", 15 * time.Second, 0, 15 * time.Minute, 0, omen.Provisional},
		{"after the first", time.Second, 151 * time.Second, 10 * time.Minute, 0, omen.Provisional},
		{"a stage that the first one passed is left out", 15 * time.Second, 16 * time.Minute, 20 * time.Minute, 0, omen.Provisional},
		{"after ten minutes", time.Second, 601 * time.Second, 20 * time.Minute, 0, omen.Provisional},
		{"after forty", time.Second, 41 * time.Minute, time.Hour, 3 * time.Minute, omen.Learning},
		{"after an hour", time.Second, 64 * time.Minute, 2 * time.Hour, 6 * time.Minute, omen.Learning},
		{"after sixteen", time.Second, 17 * time.Hour, 24 * time.Hour, 72 * time.Minute, omen.Established},
		{"grown up: daily", time.Second, 50 * time.Hour, 74 * time.Hour, 72 * time.Minute, omen.Established},
	} {
		var trained time.Time
		if c.trained > 0 {
			trained = first.Add(c.trained)
		}
		s := Schedule{Step: c.step, Retrain: 24 * time.Hour, Spread: 0.05}
		due, grade := s.Next(omen.Host{Source: "a", Profile: "node", Name: "web-1"}, first, trained, time.Time{})
		if got := due.Sub(first); got < c.want || got > c.want+c.slack || grade != c.grade {
			t.Errorf("%s: due after %s as %s, want %s (and up to %s more) as %s", c.name, got, grade, c.want, c.slack, c.grade)
		}
	}
}

// A host that was measured for ten minutes, was off for a day, and is measured
// again for one is retrained as its history doubles, not in a day.
func TestGapsAreNoHistory(t *testing.T) {
	s := Schedule{Step: time.Second, Retrain: day}
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := first.Add(day + 11*time.Minute)
	m := omen.ModelInfo{From: first, TrainedAt: end, Rows: 11 * 60, Grade: omen.Provisional}
	due, grade := s.Next(omen.Host{}, s.Begin(first, m), end, time.Time{})
	if due.Sub(end) != 9*time.Minute || grade != omen.Provisional {
		t.Errorf("due after %s as %s, want at twenty minutes of history, in nine, as provisional", due.Sub(end), grade)
	}
	for _, m := range []omen.ModelInfo{{}, {From: first, TrainedAt: first.Add(2 * day), Rows: 100, Grade: omen.Established}} {
		if got := s.Begin(first, m); !got.Equal(first) {
			t.Errorf("%+v: begins at %s, want with the first sample", m, got)
		}
	}
}

func TestHostsAreLateByTheirOwn(t *testing.T) {
	s := Schedule{Spread: 0.05}
	a, b := s.late(omen.Host{Name: "a"}, day), s.late(omen.Host{Name: "b"}, day)
	if a == b || min(a, b) < 0 || max(a, b) > day/20 {
		t.Errorf("late by %s and %s: want different delays within a twentieth of a day", a, b)
	}
}

// Who asks for a training has it an hour after the one before, once.
func TestAskedForEarly(t *testing.T) {
	s := Schedule{Step: time.Minute, Retrain: day}
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	trained := first.Add(4 * time.Hour)
	asked := trained.Add(10 * time.Minute)
	if due, _ := s.Next(omen.Host{}, first, trained, asked); due.Sub(trained) != time.Hour {
		t.Errorf("due %s after the training before, want an hour", due.Sub(trained))
	}
	if due, _ := s.Next(omen.Host{}, first, trained.Add(time.Hour), asked); due.Sub(first) != 8*time.Hour {
		t.Errorf("then due at %s, want the stage of eight hours", due.Sub(first))
	}
}

func TestRetryWaitsLonger(t *testing.T) {
	s := Schedule{Step: time.Second}
	if a, b, z := s.Retry(1), s.Retry(2), s.Retry(99); a != 30*time.Second || b != time.Minute || z > time.Hour {
		t.Errorf("retries after %s, %s, …, %s", a, b, z)
	}
}
