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

// A spike whose tail the level takes as usual is over when it is below the model's
// limit, and settled only once it has stayed at another height.
func TestTailBelowTheLevelIsNeitherSettledNorOver(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var closed []omen.Change
	feed := func(from, to int, value, level float64) {
		for i := from; i < to; i++ {
			s := scoreOf("web-1", noon.Add(time.Duration(i)*time.Minute), value, "cpu")
			s.Level = level
			for _, c := range tr.Observe(s) {
				if c.Kind == omen.ChangeClosed {
					closed = append(closed, c)
				}
			}
		}
	}
	feed(0, 20, 40, 1)
	feed(20, 50, 3, 6)
	if len(closed) > 0 {
		t.Fatalf("closed as %s half an hour after it fell to 3, want open", closed[0].Reason)
	}
	feed(50, 700, 3, 6)
	if len(closed) != 1 || closed[0].Reason != omen.ReasonSettled {
		t.Errorf("after ten hours at 3: %+v, want it settled", closed)
	}
}
