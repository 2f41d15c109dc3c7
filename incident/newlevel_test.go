package incident

import (
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// atNewLevel feeds n minutes at .5 in which a feature has
// taken a new level, which it leaves again after so many.
func (r *settled) atNewLevel(n, leaves int) {
	began := r.at
	for i := range n {
		r.at = r.at.Add(time.Minute)
		s := scoreOf("web-1", r.at, 0.5, "cpu")
		l := omen.NewLevel{Feature: "cpu", Unit: omen.Ratio, Level: .41, Was: .62, Since: began, At: began.Add(time.Minute)}
		if i >= leaves {
			l.Back = began.Add(time.Duration(leaves) * time.Minute)
		}
		s.NewLevels = []omen.NewLevel{l}
		for _, c := range r.Observe(s) {
			r.all, r.last = append(r.all, c), c
		}
	}
}

// A score that falls because features have taken new levels is no recovery: the
// incident says once what is where now, and closes as settled.
func TestNewLevelsCloseAsSettled(t *testing.T) {
	r := &settled{Tracker: NewTracker(Hysteresis{}, nil), at: noon}
	r.feed(20, 4, 1)
	r.atNewLevel(30, 60)
	if len(r.all) != 2 || r.all[0].Kind != omen.ChangeUpdated || r.all[0].Reason != omen.ReasonNewLevel || !strings.HasPrefix(r.all[0].Comment, "cpu: new level 41 %, was 62 %, since 12:20") {
		t.Fatalf("changes %+v, want one that says the new level, and the closing", r.all)
	}
	if r.last.Kind != omen.ChangeClosed || r.last.Reason != omen.ReasonSettled || len(r.last.Incident.NewLevels) != 1 {
		t.Errorf("%s %s with new levels %v, want closed, settled, at the level", r.last.Kind, r.last.Reason, r.last.Incident.NewLevels)
	}
}

// What somebody has taken stays open at a new level, and recovers when the old one
// is back.
func TestWhatIsAcknowledgedRecoversFromANewLevel(t *testing.T) {
	r := &settled{Tracker: NewTracker(Hysteresis{}, nil), at: noon}
	r.feed(20, 4, 1)
	taken, err := r.Prepare(r.last.Incident, Command{Incident: r.last.Incident.ID, Action: Acknowledge, By: "ann"}, r.at)
	if err != nil {
		t.Fatal(err)
	}
	r.Commit(taken)
	r.atNewLevel(120, 100)
	if r.last.Kind != omen.ChangeClosed || r.last.Reason != omen.ReasonRecovered || r.at.Sub(r.last.At) > 15*time.Minute {
		t.Errorf("%s %s at %s, want closed, recovered, once the old level was back", r.last.Kind, r.last.Reason, r.last.At)
	}
}

// Levels of before an incident say nothing of it: it recovers.
func TestNewLevelsOfBeforeAnIncidentAreNotIts(t *testing.T) {
	r := &settled{Tracker: NewTracker(Hysteresis{}, nil), at: noon}
	level := omen.NewLevel{Feature: "cpu", At: noon.Add(-time.Hour)}
	for i := range 50 {
		r.at = r.at.Add(time.Minute)
		s := scoreOf("web-1", r.at, 4, "cpu")
		if i >= 20 {
			s.Value, s.Unsmoothed = 0.5, 0.5
		}
		s.NewLevels = []omen.NewLevel{level}
		for _, c := range r.Observe(s) {
			r.last = c
		}
	}
	if r.last.Reason != omen.ReasonRecovered {
		t.Errorf("%s %s, want recovered", r.last.Kind, r.last.Reason)
	}
}
