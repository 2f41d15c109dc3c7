package incident

import (
	"path/filepath"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

// restarted is a tracker that goes on where another one was killed.
func restarted(tr *Tracker, journal []omen.Change) *Tracker {
	fresh := NewTracker(tr.h, nil)
	fresh.Restore(projection(journal))
	fresh.Recall(tr.Memory())
	fresh.RestoreSeen(tr.Seen())
	fresh.SetRules(tr.rules.given)
	return fresh
}

// Metamorphic: a restart in the middle of anything changes nothing that people
// are notified of, but for the few samples of evidence that were not an incident yet.
func TestARestartChangesNothing(t *testing.T) {
	flap := func(i int) float64 { // 3 minutes bad, 3 minutes good
		if i/12%2 == 0 {
			return 1.5
		}
		return .3
	}
	for _, c := range []struct {
		name  string
		level func(i int) float64
		page  float64
		grace bool
	}{
		{"in the middle of flapping", flap, 0, false},
		{"on the way to critical", func(i int) float64 { return 2.5 }, 0, false},
		{"below the page level", func(i int) float64 { return 1.5 }, 2, false},
		{"in the middle of a grace", func(i int) float64 { return 5 }, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(restart int) (got []string) {
				tr := NewTracker(Hysteresis{}, nil)
				if c.grace {
					tr.SetRules(Rules{Rules: mute.Rules{Events: []mute.Event{{ID: "e", Kind: mute.EventBoot, At: noon,
						Match: []mute.Matcher{{Name: mute.MatchHost, Value: "web-1", IsEqual: true}}}}}})
				}
				var all []omen.Change
				for i := range 200 {
					if i == restart {
						tr = restarted(tr, all)
					}
					at := noon.Add(time.Duration(i) * 15 * time.Second)
					s := scoreOf("web-1", at, c.level(i), "cpu")
					s.PageLevel = c.page
					made := tr.Tick(omen.Tick{Source: "prod", At: at, Scores: []omen.Score{s}})
					all = append(all, made...)
					for _, m := range made {
						got = append(got, m.At.Format(time.TimeOnly)+" "+string(m.Kind)+" "+m.Reason+" "+m.Incident.Suppressed)
					}
				}
				return got
			}
			want := run(-1)
			if len(want) < 2 {
				t.Fatalf("nothing happens: %q", want)
			}
			for _, at := range []int{10, 30, 45, 100} {
				equal(t, run(at), want...)
			}
		})
	}
}

func TestWhatWasClosedByHandStaysClosedOverARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "cpu", "web-1")
		in := incidents(t, db, store.Filter{})[0]
		must.Get(d.Do(t.Context(), Command{Incident: in.ID, Action: CloseNow, By: "ann"}))(t)
	})
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
		time.Sleep(2 * time.Minute) // the bubble's clock begins again, at the same instant
		offer(t, d, 10, 3, "cpu", "web-1")
		if n := len(incidents(t, db, store.Filter{})); n != 1 {
			t.Errorf("%d incidents, want the one that was closed by hand", n)
		}
		offer(t, d, 2, .3, "cpu")
		offer(t, d, 5, 3, "cpu", "web-1")
		if n := len(incidents(t, db, store.Filter{})); n != 2 {
			t.Errorf("%d incidents, want a new one once it was normal", n)
		}
	})
}

func TestAStormIsAStormOverARestart(t *testing.T) {
	// 40 hosts without a common cause, then a restart, then 40 more: one storm.
	storm := func(tr *Tracker, from, to, at int) (all []omen.Change) {
		for i := range 4 {
			k := omen.Tick{Source: "prod", At: noon.Add(time.Duration(at+15*i) * time.Second)}
			for h := range to {
				value := 3.0
				if h < from && tr.hosts[hostNamed(nth(h))] == nil {
					value = .3
				}
				k.Scores = append(k.Scores, scoreOf(nth(h), k.At, value, "cause-"+nth(h)))
			}
			all = append(all, tr.Tick(k)...)
		}
		return all
	}
	tr := NewTracker(Hysteresis{}, nil)
	all := storm(tr, 0, 40, 0)
	for i := range all {
		all[i].Incident.Summary = "words for people"
	}
	tr = restarted(tr, all)
	all = append(all, storm(tr, 40, 80, 60)...)
	notified := 0
	for _, c := range all {
		if c.Incident.Suppressed == "" && c.Kind != omen.ChangeUpdated {
			notified++
		}
	}
	if notified > 2 { // opened, and notified again when it doubled
		t.Errorf("people are notified %d times, want at most twice", notified)
	}
}

func nth(n int) string { return "h-" + string(rune('a'+n/26)) + string(rune('a'+n%26)) }
