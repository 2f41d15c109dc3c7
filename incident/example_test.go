package incident_test

import (
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
)

// A host is above its limit for two minutes, one sample each 15 seconds.
func ExampleTracker() {
	t := incident.NewTracker(incident.Hysteresis{}, nil)
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for i := range 24 {
		score := omen.Score{Host: omen.Host{Name: "web-1"}, At: at.Add(time.Duration(i) * 15 * time.Second), Value: 0.4, Grade: omen.Established}
		if i >= 2 && i < 10 {
			score.Value = 3
			score.Causes = []omen.Cause{{Feature: "cpu_user", Share: 1, Actual: 0.9, Expected: 0.2}}
		}
		score.Unsmoothed = score.Value
		for _, c := range t.Observe(score) {
			fmt.Println(c.At.Format(time.TimeOnly), c.Kind, c.Incident.Host.Name, c.Incident.Causes[0].Feature)
		}
	}
	// Output:
	// 12:01:00 opened web-1 cpu_user
	// 12:04:45 closed web-1 cpu_user
}
