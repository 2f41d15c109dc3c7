package incident

import (
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// plateau feeds a score of 4 every minute, above the host's level for n of them
// and below it from then on, and returns the last change.
func plateau(tr *Tracker, n int, after float64) (last omen.Change) {
	for i := range n + 30 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*time.Minute), 4, "cpu")
		if i >= n {
			s.Value, s.Unsmoothed, s.Level = after, after, 6
		}
		for _, c := range tr.Observe(s) {
			last = c
		}
	}
	return last
}

func TestPlateauClosesAsSettledAndNotAsRecovered(t *testing.T) {
	for after, want := range map[float64]string{4: omen.ReasonSettled, 0.5: omen.ReasonRecovered} {
		c := plateau(NewTracker(Hysteresis{}, nil), 30, after)
		if c.Kind != omen.ChangeClosed || c.Reason != want {
			t.Errorf("score %g below a level of 6: %s %s, want closed, %s", after, c.Kind, c.Reason, want)
		}
	}
}

func TestScoreBelowTheLevelOpensNothing(t *testing.T) {
	if c := plateau(NewTracker(Hysteresis{}, nil), 0, 4); c.Kind != "" {
		t.Errorf("%s %s, want nothing", c.Kind, c.Reason)
	}
}
