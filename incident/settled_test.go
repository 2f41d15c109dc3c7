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

// settled feeds scores of a host whose level is given, and returns the last change.
type settled struct {
	*Tracker
	at   time.Time
	last omen.Change
	all  []omen.Change // that came at new levels
}

func (r *settled) feed(n int, value, level float64) {
	for range n {
		r.at = r.at.Add(time.Minute)
		s := scoreOf("web-1", r.at, value, "cpu")
		s.Level = level
		for _, c := range r.Observe(s) {
			r.last = c
		}
	}
}

// What somebody has taken never closes as settled, and closes as recovered only
// after as many samples below the limit as any other.
func TestWhatIsAcknowledgedDoesNotSettle(t *testing.T) {
	r := &settled{Tracker: NewTracker(Hysteresis{}, nil), at: noon}
	r.feed(20, 4, 1)
	taken, err := r.Prepare(r.last.Incident, Command{Incident: r.last.Incident.ID, Action: Acknowledge, By: "ann"}, r.at)
	if err != nil {
		t.Fatal(err)
	}
	r.Commit(taken)
	r.feed(280, 4, 6)
	r.feed(2, 0.5, 6)
	if r.last.Kind == omen.ChangeClosed {
		t.Fatalf("closed as %s after two samples below the limit, want open", r.last.Reason)
	}
	r.feed(30, 0.5, 6)
	if r.last.Kind != omen.ChangeClosed || r.last.Reason != omen.ReasonRecovered {
		t.Errorf("%s %s, want closed, recovered", r.last.Kind, r.last.Reason)
	}
}

// A dip of one sample on a plateau is no recovery: the plateau counts from there.
func TestADipOnAPlateauIsNoRecovery(t *testing.T) {
	r := &settled{Tracker: NewTracker(Hysteresis{}, nil), at: noon}
	r.feed(20, 4, 1)
	r.feed(9, 4, 6)
	r.feed(1, 0.5, 6)
	r.feed(3, 4, 6)
	if r.last.Kind == omen.ChangeClosed {
		t.Fatalf("closed as %s by one sample below the limit, want open", r.last.Reason)
	}
	r.feed(30, 4, 6)
	if r.last.Kind != omen.ChangeClosed || r.last.Reason != omen.ReasonSettled {
		t.Errorf("%s %s, want closed, settled", r.last.Kind, r.last.Reason)
	}
}

// An incident keeps the level above which its host alerted when it opened.
func TestIncidentKeepsTheLevelAtItsOpening(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var levels []float64
	for i := range 12 {
		s := scoreOf("web-1", noon.Add(time.Duration(i)*time.Minute), 8, "cpu")
		s.Level = 2 + float64(i)/10
		for _, c := range tr.Observe(s) {
			levels = append(levels, c.Incident.Level)
		}
	}
	if len(levels) == 0 || levels[0] < 2 || levels[0] > 3.2 || levels[len(levels)-1] != levels[0] {
		t.Errorf("levels in its changes: %v, want that of the opening in each", levels)
	}
}
