package incident

import (
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// reads plays a source's ticks, one each 15 s from noon on: a dot is a good one,
// an x one that could not be read. between is called before each.
func reads(tr *Tracker, pattern string, between func(i int, at time.Time)) (all []string) {
	for i, mark := range pattern {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		if between != nil {
			between(i, at)
		}
		k := omen.Tick{Source: "prod", At: at}
		if mark == 'x' {
			k.Err = "timeout"
		} else {
			k.Scores = []omen.Score{scoreOf("web-1", at, .3, "cpu")}
		}
		for _, c := range tr.Tick(k) {
			line := string(c.Kind) + " " + string(c.Incident.Kind)
			if c.Incident.Suppressed != "" {
				line += " quiet"
			}
			all = append(all, line)
		}
	}
	return all
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAFlappingSourceIsOneIncident(t *testing.T) {
	// 90 s down, 90 s up, for half an hour: it closes once, comes back, and then
	// takes two minutes of good reads to close.
	got := reads(NewTracker(Hysteresis{}, nil), "......"+strings.Repeat("xxxxxx......", 10)+strings.Repeat(".", 20), nil)
	equal(t, got, "opened source", "closed source", "reopened source", "closed source")
}

func TestASourceThatIsStillDownWhenMaintenanceEndsNotifies(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	tr.SetRules(Rules{Rules: mute.Rules{Silences: []mute.Silence{{ID: "s", By: "ann", Reason: "upgrade", From: noon, Until: noon.Add(5 * time.Minute),
		Match: []mute.Matcher{{Name: mute.MatchSource, Value: "prod", IsEqual: true}}}}}})
	got := reads(tr, ".."+strings.Repeat("x", 40), nil)
	equal(t, got, "opened source quiet", "escalated source")
}

func TestASilenceQuietsAnOpenSourceIncident(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	got := reads(tr, ".."+strings.Repeat("x", 40), func(i int, at time.Time) {
		if i == 20 {
			tr.SetRules(Rules{Rules: mute.Rules{Silences: []mute.Silence{{ID: "s", By: "ann", Reason: "known", From: at, Until: at.Add(time.Hour),
				Match: []mute.Matcher{{Name: mute.MatchKind, Value: "source", IsEqual: true}}}}}})
		}
	})
	equal(t, got, "opened source", "suppressed source quiet")
}

// closeAll closes what is open, by an operator.
func closeAll(t *testing.T, tr *Tracker, at time.Time) {
	t.Helper()
	for id := range tr.open {
		in, _ := tr.Incident(id)
		changes := must.Get(tr.Prepare(in, Command{Incident: id, Action: CloseNow, By: "ann"}, at))(t)
		tr.Commit(changes)
	}
}

func TestASourceIncidentClosedByHandStaysClosed(t *testing.T) {
	// Until the source was up for once: then the next outage is a new incident.
	tr := NewTracker(Hysteresis{}, nil)
	got := reads(tr, ".."+strings.Repeat("x", 20)+"......"+strings.Repeat("x", 5), func(i int, at time.Time) {
		if i == 10 {
			closeAll(t, tr, at)
		}
	})
	equal(t, got, "opened source", "opened source")
}

func TestAStallClosedByHandStaysClosed(t *testing.T) {
	tr := NewTracker(Hysteresis{}, nil)
	reads(tr, "....", nil)
	var got []string
	for minute := range 10 {
		at := noon.Add(time.Minute + time.Duration(minute)*time.Minute)
		for _, c := range tr.Idle(at) {
			got = append(got, string(c.Kind)+" "+string(c.Incident.Kind))
		}
		if minute == 5 {
			closeAll(t, tr, at)
		}
	}
	for _, c := range tr.Tick(omen.Tick{Source: "prod", At: noon.Add(12 * time.Minute)}) {
		got = append(got, string(c.Kind)+" "+string(c.Incident.Kind))
	}
	equal(t, got, "opened omen")
}
