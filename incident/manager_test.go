package incident

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

func openStore(t *testing.T, path string) *store.DB {
	t.Helper()
	return must.Get(store.Open(context.Background(), path, slog.New(slog.DiscardHandler)))(t)
}

// webs are hosts that all have the job web.
type webs struct{ nobody }

func (webs) Labels(omen.Host) map[string]string { return map[string]string{"job": "web"} }

// inBubble runs f in fake time with a running manager on the database at path.
func inBubble(t *testing.T, path string, f func(t *testing.T, d *Manager, db *store.DB)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := openStore(t, path)
		d := NewManager(Options{Store: db, Hosts: webs{}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		f(t, d, db)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// play offers n ticks, one each 15 s, in which the hosts score value because of
// cause and all others of a small fleet are quiet.
func offer(t *testing.T, d *Manager, n int, value float64, cause string, hosts ...string) {
	t.Helper()
	for range n {
		k := omen.Tick{Source: "prod", At: time.Now()}
		for _, name := range []string{"web-1", "web-2", "web-3"} {
			s := scoreOf(name, k.At, .3, cause)
			if slices.Contains(hosts, name) {
				s.Value, s.Unsmoothed = value, value
			}
			k.Scores = append(k.Scores, s)
		}
		must.OK(t, d.Offer(t.Context(), k))
		time.Sleep(15 * time.Second)
		synctest.Wait()
	}
}

func incidents(t *testing.T, db *store.DB, f store.Filter) []omen.Incident {
	t.Helper()
	return must.Get(db.Incidents(context.Background(), f))(t)
}

func TestManagerStoresWhatTheTrackerSays(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "cpu", "web-1")
		offer(t, d, 12, .3, "cpu")
		found := incidents(t, db, store.Filter{})
		if len(found) != 1 || found[0].State != omen.Closed || found[0].Host != hostNamed("web-1") {
			t.Fatalf("incidents %+v, want one of web-1, closed", found)
		}
		if h := d.Health(); h.Ticks != 17 || h.Changes != 2 || h.Dropped != 0 || h.Err != "" {
			t.Errorf("health %+v", h)
		}
	})
}

// The log names what people are notified of, and nothing else.
func TestIncidentsAreLogged(t *testing.T) {
	db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	var log strings.Builder
	d := NewManager(Options{Store: db, Log: slog.New(slog.NewTextHandler(&log, nil))})
	one := func(kind omen.ChangeKind, id, suppressed string, n int) omen.Change {
		return omen.Change{Kind: kind, At: noon, Reason: "closed_recovered", Incident: omen.Incident{
			ID: id, Kind: omen.HostIncident, Severity: omen.Critical, Host: hostNamed("web-1"), Summary: "cpu 0.9", Suppressed: suppressed, ChangeNumber: n,
		}}
	}
	d.store(t.Context(), []omen.Change{
		one(omen.ChangeOpened, "loud", "", 1), one(omen.ChangeEscalated, "loud", "", 2), one(omen.ChangeUpdated, "loud", "", 3), one(omen.ChangeClosed, "loud", "", 4),
		one(omen.ChangeOpened, "slight", omen.ReasonMinor, 1),
	})
	want := `msg="incident opened" incident=loud kind=host host=web-1 why="cpu 0.9"
msg="incident escalated" incident=loud kind=host host=web-1 severity=critical why="cpu 0.9"
msg="incident closed" incident=loud kind=host host=web-1 why=closed_recovered
`
	var got strings.Builder
	for line := range strings.Lines(log.String()) {
		got.WriteString(line[strings.Index(line, "msg="):])
	}
	if got.String() != want {
		t.Errorf("logged\n%s, want\n%s", got.String(), want)
	}
}

// What the journal can never hold is dropped; the rest is stored and counted.
func TestAnInvalidChangeIsDropped(t *testing.T) {
	db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	d := NewManager(Options{Store: db})
	one := func(id string) omen.Change {
		return omen.Change{Kind: omen.ChangeOpened, At: noon, Incident: omen.Incident{ID: id, Kind: omen.HostIncident, ChangeNumber: 1}}
	}
	d.store(t.Context(), []omen.Change{one("a"), one(""), one("b")})
	if n := len(incidents(t, db, store.Filter{})); n != 2 || d.Health().Changes != 2 {
		t.Errorf("%d incidents stored, %d changes counted, want 2", n, d.Health().Changes)
	}
}

func TestARestartContinuesOpenIncidents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) { offer(t, d, 5, 3, "cpu", "web-1", "web-2") })
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
		time.Sleep(2 * time.Minute) // the bubble's clock begins again, at the same instant
		offer(t, d, 5, 3, "cpu", "web-1")
		offer(t, d, 15, .3, "cpu")
		found := incidents(t, db, store.Filter{})
		if len(found) != 2 || found[0].State != omen.Closed || found[1].State != omen.Closed {
			t.Fatalf("incidents %+v, want the two from before, closed", found)
		}
		for _, in := range found {
			changes := must.Get(db.Changes(t.Context(), in.ID))(t)
			checkLives(t, changes)
		}
	})
}

func TestTheTimeInWhichOmenDidNotRunIsRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) { offer(t, d, 20, .3, "cpu") })
	inBubble(t, path, func(t *testing.T, d *Manager, db *store.DB) {
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(incidents(t, db, store.Filter{})); n != 0 {
			t.Errorf("%d incidents before the first tick: a slow start is no incident", n)
		}
		offer(t, d, 3, .3, "cpu")
		found := incidents(t, db, store.Filter{})
		if len(found) != 1 || found[0].Kind != omen.OwnIncident || found[0].Suppressed == "" || found[0].State != omen.Closed ||
			found[0].ClosedAt.Sub(found[0].Since) < 55*time.Minute {
			t.Errorf("incidents %+v, want one of Omen's own, over and not notified", found)
		}
	})
}

func TestOfferNeverWaits(t *testing.T) {
	d := NewManager(Options{}) // nobody runs it
	for range QueueLength {
		must.OK(t, d.Offer(t.Context(), omen.Tick{}))
	}
	if err := d.Offer(t.Context(), omen.Tick{}); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if h := d.Health(); h.Dropped != 1 || h.Queued != QueueLength {
		t.Errorf("health %+v", h)
	}
	for range roundsLength {
		must.OK(t, d.Foresee(t.Context(), omen.Outlooks{}))
	}
	if err := d.Foresee(t.Context(), omen.Outlooks{}); !errors.Is(err, omen.ErrUnavailable) || d.Health().Dropped != 2 {
		t.Errorf("forecasts: %v, dropped %d", err, d.Health().Dropped)
	}
}

// What is forecast is durable, and an operator's answer to it as well.
func TestForecastsAreStored(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		for range 3 {
			time.Sleep(time.Minute) // the bubble's
			must.OK(t, d.Foresee(t.Context(), omen.Outlooks{Source: "prod", Profile: "node", At: time.Now(), Of: []omen.Outlook{paged.at(time.Now())}}))
		}
		synctest.Wait()
		open := must.Get(db.OpenIncidents(t.Context()))(t)
		if len(open) != 1 || open[0].Kind != omen.ForecastIncident || open[0].Forecast == nil || open[0].Forecast.P[omen.Within4h] != .7 {
			t.Fatalf("stored: %+v", open)
		}
		for _, action := range []Action{Acknowledge, Judge} {
			must.Get(d.Do(t.Context(), Command{Incident: open[0].ID, Action: action, By: "ann", Verdict: omen.NotAProblem}))(t)
		}
		of := must.Get(db.Incidents(t.Context(), store.Filter{Host: hostNamed("web-1")}))(t)
		if len(of) != 1 || of[0].AckedBy != "ann" || of[0].Verdict != omen.NotAProblem {
			t.Errorf("the host's: %+v", of)
		}
		if d.tracker.outlooks[open[0].Forecast.Resource].accepted != .9 {
			t.Error("the verdict has no effect")
		}
	})
}

// Nobody waits for ever: not for a manager that has not begun, is busy or has
// ended. Who leaves before the manager takes the request up leaves nothing behind.
func TestEveryRequestEnds(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		idle := NewManager(Options{Store: db})
		if err := idle.Revert(t.Context(), "p", "ann"); !errors.Is(err, omen.ErrUnavailable) {
			t.Errorf("a manager that nobody runs: %v, want ErrUnavailable", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := idle.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := idle.Revert(t.Context(), "p", "ann"); !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), "ended") {
			t.Errorf("a manager that has ended: %v, want ErrUnavailable", err)
		}
		release, done, begun := make(chan struct{}), 0, time.Now()
		busy := func(ctx context.Context) error { <-release; done++; return nil }
		ctx, cancel = context.WithCancel(t.Context())
		left := make(chan error, 3)
		go func() { left <- d.change(ctx, busy) }() // taken up
		synctest.Wait()
		go func() { left <- d.change(ctx, busy) }() // not taken up
		synctest.Wait()
		cancel()
		go func() { left <- d.change(t.Context(), busy) }() // is patient, for a while
		for range 3 {
			if err := <-left; !errors.Is(err, omen.ErrUnavailable) {
				t.Errorf("the manager is busy: %v, want ErrUnavailable", err)
			}
		}
		if waited := time.Since(begun); waited != patience {
			t.Errorf("waited for %s, want %s", waited, patience)
		}
		close(release)
		if err := d.Revert(t.Context(), "p", "ann"); !errors.Is(err, omen.ErrNotFound) || done != 1 {
			t.Errorf("afterwards %v and %d requests carried out, want ErrNotFound and the one taken up", err, done)
		}
	})
}

func TestAFailingStoreLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
		if err := db.Limit(t.Context(), 0); err != nil { // the disk is full from here on
			t.Fatal(err)
		}
		d := NewManager(Options{Store: db})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		for i := range 40 { // fifty hosts, so that their changes do not fit into free pages
			k := omen.Tick{Source: "prod", At: time.Now()}
			for h := range 50 {
				k.Scores = append(k.Scores, scoreOf(fmt.Sprint("web-", h), k.At, 3, fmt.Sprint("cause-", h)))
			}
			if err := d.Offer(ctx, k); err != nil {
				t.Fatal(i, err)
			}
			time.Sleep(15 * time.Second)
		}
		synctest.Wait()
		if h := d.Health(); h.Err == "" || h.Errors < 10 || h.Queued < 30 {
			t.Errorf("health while the disk is full: %+v", h)
		}
		_, err := d.Do(ctx, Command{Incident: "i", Action: Acknowledge, By: "ann"})
		if !errors.Is(err, omen.ErrFull) {
			t.Errorf("an operator meanwhile: %v, want ErrFull", err)
		}
		must.OK(t, db.Limit(t.Context(), 1<<30))
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := d.Health(); h.Err != "" || h.Queued != 0 {
			t.Errorf("health afterwards: %+v", h)
		}
		if n := len(incidents(t, db, store.Filter{Kinds: []omen.IncidentKind{omen.HostIncident}})); n != 50 {
			t.Errorf("%d incidents, want 50", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}
