package incident

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/training"
)

// A pattern that nobody asked for waits for the key of the audit: its row would break it.
func TestNoPatternIsMadeWithoutTheKeyOfTheAudit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	other := filepath.Join(t.TempDir(), "other.key")
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
		must.OK(t, db.Record(t.Context(), omen.Audit{At: time.Now(), By: "ann", Action: "a"}))
		key := must.Get(os.ReadFile(path + ".key"))(t)
		must.OK(t, os.Remove(path+".key"))
		db.SetAuditKeyFile(other)
		db.SetAuditKeyFile("") // as a new process, which has not read it
		midnight := time.Now()
		for day := range 2 {
			begin := midnight.AddDate(0, 0, -1-day).Add(6 * time.Minute)
			in := omen.Incident{ID: fmt.Sprint("night-", day), Kind: omen.HostIncident, Host: hostNamed("web-1"), State: omen.Closed, Reason: omen.ReasonRecovered,
				Since: begin, ClosedAt: begin.Add(20 * time.Minute), Peak: 3, ChangeNumber: 2, Causes: scoreOf("web-1", begin, 3, "disk_read").Causes}
			must.OK(t, db.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in, Reason: in.Reason}))
		}
		for night, want := range []int{0, 1} { // the key is back for the second
			time.Sleep(time.Until(midnight.AddDate(0, 0, night).Add(5 * time.Minute)))
			offer(t, d, 20, 3, "disk_read", "web-1")
			offer(t, d, 50, .3, "disk_read")
			if got := must.Get(db.Patterns(t.Context()))(t); len(got) != want {
				t.Errorf("night %d: patterns %+v, want %d", night, got, want)
			}
			if night == 0 {
				must.OK(t, os.WriteFile(path+".key", key, 0o600))
			}
			if got := must.Get(db.Verify(t.Context()))(t); !got.OK() {
				t.Errorf("night %d: with the key: %+v", night, got)
			}
		}
	})
}

func TestWhatComesOnThreeNightsIsExpected(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		midnight := time.Now()
		for day := range 2 { // the two nights before this one
			begin := midnight.AddDate(0, 0, -1-day).Add(6 * time.Minute)
			in := omen.Incident{ID: fmt.Sprint("night-", day), Kind: omen.HostIncident, Host: hostNamed("web-1"), State: omen.Closed, Reason: omen.ReasonRecovered,
				Since: begin, ClosedAt: begin.Add(20 * time.Minute), Peak: 3, ChangeNumber: 2, Causes: scoreOf("web-1", begin, 3, "disk_read").Causes}
			if day == 1 { // the first night, too weak to notify of
				in.Suppressed, in.Severity = omen.ReasonMinor, omen.Info
			}
			must.OK(t, db.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in, Reason: in.Reason}))
		}
		job := func(after time.Duration, cause string) omen.Incident {
			time.Sleep(time.Until(midnight.Add(after)))
			offer(t, d, 20, 3, cause, "web-1")
			offer(t, d, 50, .3, cause)
			return incidents(t, db, store.Filter{Limit: 1, Kinds: []omen.IncidentKind{omen.HostIncident}})[0]
		}
		third := job(5*time.Minute, "disk_read")
		if third.Suppressed != "" {
			t.Fatalf("third night: quiet (%s), want notified", third.Suppressed)
		}
		patterns, err := db.Patterns(t.Context())
		if err != nil || len(patterns) != 1 || patterns[0].By != "omen" || patterns[0].Incident != third.ID {
			t.Fatalf("patterns %+v, %v: want one, by omen", patterns, err)
		}
		changes, err := db.Changes(t.Context(), third.ID)
		if err != nil || !strings.Contains(changes[len(changes)-1].Comment, "3 days") {
			t.Errorf("the timeline does not say so: %+v, %v", changes, err)
		}
		checkLives(t, changes)
		// It closed at 00:12: from 23:35 to 00:42 it is expected.
		if in := job(36*time.Minute, "disk_read"); in.Suppressed != omen.ReasonFeedback {
			t.Errorf("at its time: suppressed %q, want quiet", in.Suppressed)
		}
		if in := job(time.Hour, "disk_read"); in.Suppressed != "" {
			t.Errorf("at another time: quiet (%s), want notified", in.Suppressed)
		}
		must.OK(t, d.Revert(t.Context(), patterns[0].ID, "ann"))
		// Who takes it back wants to be notified, and not that the model learns it.
		job(24*time.Hour+5*time.Minute, "disk_read")
		again := job(48*time.Hour+5*time.Minute, "disk_read")
		if again.Suppressed != "" {
			t.Errorf("taken back: quiet (%s), want notified", again.Suppressed)
		}
		if changes, err = db.Changes(t.Context(), again.ID); err != nil || changes[len(changes)-1].Kind != omen.ChangeClosed {
			t.Errorf("taken back: the timeline ends with %q, %v", changes[len(changes)-1].Comment, err)
		}
	})
}

// What the timeline promises of what recurs is what training then does, at any
// step: a training at a step of 1 s has no more than 27.8 hours of samples, and
// sees a third night all the same.
func TestWhatIsPromisedIsLearned(t *testing.T) {
	berlin := must.Get(time.LoadLocation("Europe/Berlin"))(t)
	begin := time.Date(2026, 3, 26, 2, 30, 0, 0, berlin) // summer time begins three nights later
	const h = time.Hour
	for _, c := range []struct {
		name   string
		since  [3]time.Time
		growth float64
		text   string
	}{
		{"nightly", [3]time.Time{begin, begin.AddDate(0, 0, 1), begin.AddDate(0, 0, 2)}, 3, "not notified from now on"},
		{"some nights of eight", [3]time.Time{begin, begin.AddDate(0, 0, 5), begin.AddDate(0, 0, 7)}, 3, "not notified from now on"},
		{"often", [3]time.Time{begin, begin.Add(9 * h), begin.Add(50 * h)}, 1, "the next model learns it"},
	} {
		for _, step := range []time.Duration{time.Second, 15 * time.Second, time.Minute} {
			t.Run(fmt.Sprint(c.name, " at ", step), func(t *testing.T) {
				db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
				defer db.Close()
				d, peak := NewManager(Options{Store: db, Zone: berlin}), 2.
				for n, since := range c.since {
					at := since
					for ; at.Before(since.Add(30 * time.Minute)); at = at.Add(step) {
						s := scoreOf("web-1", at, .3, "disk_read")
						if at.Before(since.Add(10 * time.Minute)) {
							s.Value, s.Unsmoothed = peak, peak
						}
						changes := d.tracker.Tick(omen.Tick{Source: "prod", At: at, Scores: []omen.Score{s}})
						d.store(t.Context(), changes)
						d.recur(t.Context(), changes)
					}
					peak *= c.growth
					in := incidents(t, db, store.Filter{Limit: 1, Kinds: []omen.IncidentKind{omen.HostIncident}})[0]
					changes, err := db.Changes(t.Context(), in.ID)
					if err != nil || in.State != omen.Closed {
						t.Fatal(in.State, err)
					}
					promised := strings.Contains(changes[len(changes)-1].Comment, c.text)
					from := at.Add(-min(7*24*h, training.HistoryRows*step))
					excluded, benign, err := db.TrainingSpans(t.Context(), in.Host, nil, berlin, from, at)
					if err != nil {
						t.Fatal(err)
					}
					if want := n == 2; promised != want || len(benign) > 0 != want || len(excluded) > 0 == want {
						t.Errorf("time %d: promised %t, benign %v, excluded %v", n+1, promised, benign, excluded)
					}
				}
			})
		}
	}
}
