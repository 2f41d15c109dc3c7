package feedback_test

import (
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// An operator says of a backup that it is expected at this time: the same is
// suppressed the night after, and not at noon.
func ExamplePatternOf() {
	night := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	backup := omen.Incident{
		Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Profile: "node", Name: "db-1"},
		State: omen.Closed, Since: night, ClosedAt: night.Add(20 * time.Minute), Peak: 4,
		Causes: []omen.Cause{{Feature: "disk_read", Share: 1, Actual: 9e7, Expected: 1e6}},
	}
	p := feedback.PatternOf(backup, omen.Expected, time.UTC, "", "ann", night.Add(time.Hour))
	fmt.Println(p.Suppresses(&backup, "", night.AddDate(0, 0, 1)))
	fmt.Println(p.Suppresses(&backup, "", night.AddDate(0, 0, 1).Add(10*time.Hour)))
	// Output:
	// true
	// false
}
