package api

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// What is gone is dropped within an hour of ticks, also after the clock was set back:
// not only once it shows again what it showed before.
func TestGoneHostsAreDroppedThoughTheClockWasSetBack(t *testing.T) {
	gone, here := omen.Host{Source: "prom", Profile: "node", Name: "gone"}, omen.Host{Source: "prom", Profile: "node", Name: "here"}
	c := newRecent()
	tick := func(at time.Time, hosts ...omen.Host) {
		k := omen.Tick{At: at}
		for _, h := range hosts {
			k.Scores = append(k.Scores, omen.Score{Host: h, At: at, Value: 0.5})
		}
		c.observe(k)
	}
	tick(at, gone, here)
	for back := -6 * time.Hour; back <= -4*time.Hour; back += time.Minute {
		tick(at.Add(back), here)
	}
	if n := len(c.of(gone)); n != 0 {
		t.Errorf("%d scores are kept of a host that is gone for two hours", n)
	}
	if n := len(c.of(here)); n != recentScores {
		t.Errorf("%d scores of the host that is there, want %d", n, recentScores)
	}
}
