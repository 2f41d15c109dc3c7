package incident

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

// reads plays a source's ticks, one each 15 s from noon on: a dot is a good one,
// an x one that could not be read. between is called before each.
func reads(tr *Tracker, pattern string, between func(i int, at time.Time)) (all []string) {
	for i, mark := range pattern {
		at := noon.Add(time.Duration(i) * 15 * time.Second)
		if between != nil {
			between(i, at)
		}
		all = append(all, kinds(tr.Tick(readAt(at, mark)))...)
	}
	return all
}

// readAt is the tick of a mark.
func readAt(at time.Time, mark rune) omen.Tick {
	k := omen.Tick{Source: "prod", At: at}
	if mark == 'x' {
		k.Err = "timeout"
	} else {
		k.Scores = []omen.Score{scoreOf("web-1", at, .3, "cpu")}
	}
	return k
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

// A full disk is one trouble: that nothing is stored of this machine any more is not
// another one. What lasts when there is space again is.
func TestAFullDiskIsNotifiedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		pattern string
		kept    []string
		want    []string
	}{
		"samples come again with space": {"....xxxxxxxxxxxx...........", []string{"prod"},
			[]string{"opened omen", "opened source quiet", "closed omen", "closed source quiet"}},
		"the source is down later, too": {"....xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", []string{"prod"},
			[]string{"opened omen", "opened source quiet", "closed omen", "escalated source"}},
		"the source is down long after": {"....xxxxxxxxxxxx" + strings.Repeat(".", 60) + "xxxx", []string{"prod"},
			[]string{"opened omen", "opened source quiet", "closed omen", "closed source quiet", "opened source"}},
		"its samples are kept elsewhere": {"....xxxxxxxxxxxx...........", nil,
			[]string{"opened omen", "opened source", "closed omen", "closed source"}},
		"the source was down before": {".xxxxxxxxxxxxxxx...........", []string{"prod"},
			[]string{"opened source", "opened omen", "closed omen", "closed source"}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := NewTracker(Hysteresis{}, nil)
			tr.keeps(c.kept)
			var got []string
			for i, mark := range c.pattern {
				at := noon.Add(time.Duration(i) * 15 * time.Second)
				switch i {
				case 5:
					got = append(got, kinds(tr.Report(TroubleStorage, omen.Critical, "the disk is full", at))...)
				case 15:
					got = append(got, kinds(tr.Resolve(TroubleStorage, at))...)
				}
				got = append(got, kinds(tr.Tick(readAt(at, mark)))...)
			}
			equal(t, got, c.want...)
		})
	}
}

// A manager's tracker knows of it, also after it has read what the journal holds.
func TestAManagerKnowsWhoseSamplesAreStored(t *testing.T) {
	db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
	defer func() { must.OK(t, db.Close()) }()
	m := NewManager(Options{Store: db, Kept: []string{"prod"}})
	must.OK(t, m.Restore(t.Context()))
	got := kinds(m.tracker.Report(TroubleStorage, omen.Critical, "the disk is full", noon))
	got = append(got, reads(m.tracker, ".xxxxx", nil)...)
	equal(t, got, "opened omen", "opened source quiet")
}

// kinds is what changed, a line each.
func kinds(changes []omen.Change) (all []string) {
	for _, c := range changes {
		line := string(c.Kind) + " " + string(c.Incident.Kind)
		if c.Incident.Suppressed != "" {
			line += " quiet"
		}
		all = append(all, line)
	}
	return all
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
