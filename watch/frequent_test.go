package watch

import (
	"strings"
	"testing"
	"time"
)

// A job of five minutes every two hours, which a host of five days begins to have and
// on which nobody acts, is not notified for ever, though no model has learned it for days:
// those that learn it are too loud to serve. What is another trouble is notified as ever.
func TestScenarioJobEveryTwoHours(t *testing.T) {
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	const known, last = 5 * aDay, 11 * aDay
	fault := begin.Add(last + 5*time.Hour + 30*time.Minute) // at half past two, and so no job
	c := newChain(t, server{
		begin: begin, backup: func(at time.Time) bool { return at.Sub(begin) >= known && at.Hour()%2 == 0 && at.Minute() < 5 },
		fault: func(at time.Time, name string, v float64) float64 {
			if name == "memory_used" && !at.Before(fault) && at.Before(fault.Add(30*time.Minute)) {
				return v + .5
			}
			return v
		},
	})
	c.live(t, 0, known)
	count := 0
	for at := known; at < last; at += aDay {
		pages := c.live(t, at, at+aDay)
		t.Logf("day %d: %d messages", int(at/aDay), len(pages))
		count += len(pages)
	}
	if count < 3 || count > 15 { // in the six days; twelve of the first
		t.Errorf("%d messages about the job", count)
	}
	pages := c.live(t, last, last+8*time.Hour)
	if len(pages) != 1 || !strings.Contains(pages[0], "memory_used") {
		t.Errorf("memory that is used up: %q", pages)
	}
}
