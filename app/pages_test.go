package app

import (
	"context"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// Pages are counted once per incident, when people are first notified, over a
// restart, and scaled to a week only once a day is known.
func TestPagesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "omen.db")
		db, err := store.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		p := follow(t, db)
		web := omen.Host{Source: "s", Profile: "node", Name: "web-1"}
		status := func() []omen.HostStatus {
			all := []omen.HostStatus{{Host: web}, {Host: omen.Host{Source: "s", Profile: "node", Name: "web-2"}, First: began.Add(-time.Hour)}}
			p.fill(all, 1, time.Now())
			return all
		}
		change := func(id string, kind omen.ChangeKind, n int, suppressed, reason string) {
			c := omen.Change{Kind: kind, At: time.Now(), Reason: reason, Incident: omen.Incident{
				ID: id, Kind: omen.HostIncident, Host: web, Severity: omen.Warning, Suppressed: suppressed, ChangeNumber: n,
			}}
			must.OK(t, db.Append(context.Background(), c))
			synctest.Wait()
		}
		time.Sleep(6 * time.Hour) // synctest's clock, as below
		change("i1", omen.ChangeOpened, 1, "", omen.ReasonAnomalous)
		change("i1", omen.ChangeEscalated, 2, "", omen.ReasonSeverity)
		change("i1", omen.ChangeReopened, 3, "", omen.ReasonReopened)
		change("i2", omen.ChangeOpened, 1, omen.ReasonSilenced, omen.ReasonSilenced)
		change("i3", omen.ChangeOpened, 1, omen.ReasonColdStart, omen.ReasonColdStart)
		change("i3", omen.ChangeEscalated, 2, "", omen.ReasonLifted)
		change("i4", omen.ChangeOpened, 1, omen.ReasonFleet, omen.ReasonFleet)
		h := status()
		if h[0].Pages.Opened != 2 || h[1].Pages.Opened != 0 || !math.IsNaN(h[0].Pages.PerWeek()) || h[0].Pages.Days != 0.25 {
			t.Errorf("after six hours %+v, want 2 pages of web-1, not scaled", h[0].Pages)
		}
		if n := p.totals(); n[omen.Warning] != 2 || n[omen.Critical] != 0 {
			t.Errorf("totals %v, want 2 warnings", n)
		}
		time.Sleep(42 * time.Hour) // two days since the first run
		p.end(t)
		must.OK(t, db.Close())
		if db, err = store.Open(t.Context(), path, nil); err != nil {
			t.Fatal(err)
		}
		p = follow(t, db)
		change("i5", omen.ChangeOpened, 1, "", omen.ReasonAnomalous)
		h = status()
		if got := h[0].Pages; got.Opened != 3 || got.Days != 2 || got.PerWeek() != 3*7/2.0 {
			t.Errorf("after two days and a restart %+v, want 3 pages in 2 days, 10.5 a week", got)
		}
		if all := ofAll(h, 1); all.Opened != 3 || all.PerWeek() != 3*7/4.0 {
			t.Errorf("all hosts: %+v, want 3 pages in 4 host-days, 5.25 per host-week", all)
		}
		if n := p.totals()[omen.Warning]; n != 1 {
			t.Errorf("%d pages since the process started, want 1", n)
		}
		time.Sleep(6 * 24 * time.Hour)
		if got := status()[0].Pages; got.Opened != 1 || got.Days != 7 || got.PerWeek() != 1 {
			t.Errorf("after eight days %+v, want the one page of the last week", got)
		}
		p.end(t)
		must.OK(t, db.Close())
	})
}

// following is pages that follow the journal until end.
type following struct {
	*pages
	end func(*testing.T)
}

func follow(t *testing.T, db *store.DB) following {
	t.Helper()
	p := must.Get(newPages(t.Context(), db, slog.New(slog.DiscardHandler), time.Now()))(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx) }()
	synctest.Wait()
	return following{p, func(t *testing.T) {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}}
}

// That the journal cannot be read, so that pages are not counted, is said once.
func TestPagesThatCannotBeReadAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
		log := &locked{}
		p := must.Get(newPages(t.Context(), db, slog.New(slog.NewTextHandler(log, nil)), time.Now()))(t)
		must.OK(t, db.Close())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.run(ctx) }()
		time.Sleep(5 * time.Second) // synctest's clock: it is tried again
		cancel()
		must.OK(t, <-done)
		if said := log.String(); strings.Count(said, "journal not read: pages are not counted until it is") != 1 {
			t.Errorf("said %q", said)
		}
	})
}
