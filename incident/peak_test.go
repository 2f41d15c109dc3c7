package incident

import (
	"slices"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// led is a run of samples of web-1 at a 1 s step, all led by one cause.
func led(tr *Tracker, from time.Time, n int, value float64, cause string) (all []omen.Change) {
	for i := range n {
		all = append(all, tr.Observe(scoreOf("web-1", from.Add(time.Duration(i)*time.Second), value, cause))...)
	}
	return all
}

func lastOf(t *testing.T, all []omen.Change, what string) omen.Incident {
	t.Helper()
	if len(all) == 0 {
		t.Fatalf("no change: %s", what)
	}
	return all[len(all)-1].Incident
}

// An incident keeps what was wrong at its peak while other causes lead its tail,
// over a restart too, and is remembered by it once closed.
func TestThePeaksCausesAreKept(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	opened := lastOf(t, led(tr, noon, 60, 9, "disk_write"), "opened")
	if opened.AtPeak != nil || opened.PeakCauses()[0].Feature != "disk_write" {
		t.Errorf("opened with %+v beside its causes", opened.AtPeak)
	}
	tail := lastOf(t, led(tr, noon.Add(time.Minute), 400, 1.5, "cpu_system"), "updated")
	if tail.Causes[0].Feature != "cpu_system" || tail.AtPeak == nil || tail.PeakCauses()[0].Feature != "disk_write" {
		t.Fatalf("in the tail: causes %v, at the peak %+v", tail.Causes, tail.AtPeak)
	}
	if at := tail.AtPeak.At; at.Before(noon) || at.After(noon.Add(time.Minute)) || tail.AtPeak.Host.Name != "web-1" {
		t.Errorf("the peak was at %s on %s", at, tail.AtPeak.Host)
	}
	again := NewTracker(Hysteresis{}, nil)
	again.Restore([]omen.Incident{tail})
	closed := lastOf(t, led(again, noon.Add(8*time.Minute), 1800, 0.2, "cpu_system"), "closed")
	if closed.State != omen.Closed || closed.Causes[0].Feature != "disk_write" || closed.AtPeak != nil {
		t.Errorf("closed: %s, causes %v, beside them %+v", closed.State, closed.Causes, closed.AtPeak)
	}
}

// Of a fleet they are those of the member that was furthest from normal, the
// shared one first.
func TestAFleetsPeakIsItsWorstMembers(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	var all []omen.Change
	for i := range 80 {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		k := omen.Tick{Source: "prod", At: at}
		for h, name := range []string{"web-0", "web-1", "web-2", "web-3", "web-4", "web-5"} {
			s := scoreOf(name, at, 3, "iowait")
			if h == 4 && i > 20 {
				s = scoreOf(name, at, 50, "disk_write")
				s.Causes[0].Share = 0.6
				s.Causes = append(s.Causes, scoreOf(name, at, 3, "iowait").Causes...)
				s.Causes[1].Share = 0.4
			}
			k.Scores = append(k.Scores, s)
		}
		all = append(all, tr.Tick(k)...)
	}
	fleet := lastOf(t, ofFleet(all, true), "of the fleet")
	p := fleet.AtPeak
	if p == nil || p.Host.Name != "web-4" || fleet.Peak != 50 {
		t.Fatalf("peak %v at %+v", fleet.Peak, p)
	}
	got := []string{}
	for _, c := range fleet.PeakCauses() {
		got = append(got, c.Feature)
	}
	if !slices.Equal(got, []string{"iowait", "disk_write"}) || fleet.Causes[0].Feature != "iowait" {
		t.Errorf("at the peak %v, shared %v", got, fleet.Causes)
	}
}
