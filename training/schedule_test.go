package watch

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestNextDue(t *testing.T) {
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
		due, grade := nextDue("a/node/web-1", first, trained, c.step, 24*time.Hour)
		if got := due.Sub(first); got < c.want || got > c.want+c.slack || grade != c.grade {
			t.Errorf("%s: due after %s as %s, want %s (and up to %s more) as %s", c.name, got, grade, c.want, c.slack, c.grade)
		}
	}
}

func TestSpreadIsTheHostsOwn(t *testing.T) {
	a, b := spread("a", 24*time.Hour), spread("b", 24*time.Hour)
	if a == b || a != spread("a", 24*time.Hour) {
		t.Errorf("spreads %s and %s: want different ones for different hosts, the same for the same", a, b)
	}
}

func TestRetryWaitsLonger(t *testing.T) {
	if a, b, z := retryAfter(1, time.Second), retryAfter(2, time.Second), retryAfter(99, time.Second); a != 30*time.Second || b != time.Minute || z > time.Hour {
		t.Errorf("retries after %s, %s, …, %s", a, b, z)
	}
}
