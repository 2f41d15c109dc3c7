package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if kid := childTask(); kid != nil {
		kid()
		return
	}
	goleak.VerifyTestMain(m)
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// openTest opens a new database that is closed with the test.
func openTest(t testing.TB) *DB {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "omen.db"))
}

func reopen(t testing.TB, path string) *DB {
	t.Helper()
	db := must.Get(Open(context.Background(), path, slog.New(slog.DiscardHandler)))(t)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// change is the n-th change of an incident of host web-<i>.
func change(i, n int, kind omen.ChangeKind) omen.Change {
	in := omen.Incident{
		ID: fmt.Sprintf("i%d", i), Kind: omen.HostIncident, ChangeNumber: n,
		Host:  omen.Host{Source: "local", Profile: "node", Name: fmt.Sprintf("web-%d", i)},
		State: omen.Open, Severity: omen.Warning,
		Since:  start.Add(time.Duration(i) * time.Minute),
		Causes: []omen.Cause{{Feature: "cpu", Unit: omen.Ratio, Share: 1, Actual: .9, Expected: .1}},
	}
	if kind == omen.ChangeClosed {
		in.State, in.ClosedAt = omen.Closed, start.Add(time.Duration(i+n)*time.Minute)
	}
	return omen.Change{Kind: kind, At: start.Add(time.Duration(i+n) * time.Minute), Incident: in}
}

func ids(found []omen.Incident) (all []string) {
	for _, in := range found {
		all = append(all, in.ID)
	}
	return all
}

func TestAppendIsIdempotentAndProjects(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	opened, closed := change(1, 1, omen.ChangeOpened), change(1, 2, omen.ChangeClosed)
	batch := []omen.Change{opened, closed}
	must.OK(t, db.Append(ctx, batch...))
	if batch[0].Seq != 1 || batch[1].Seq != 2 {
		t.Fatalf("seqs %d, %d, want 1, 2", batch[0].Seq, batch[1].Seq)
	}
	again := []omen.Change{opened}
	must.OK(t, db.Append(ctx, again...))
	if again[0].Seq != 1 {
		t.Errorf("appended again: seq %d, want the first one's 1", again[0].Seq)
	}
	got := must.Get(db.Changes(ctx, "i1"))(t)
	if diff := cmp.Diff(batch, got); diff != "" {
		t.Errorf("timeline (-appended +read):\n%s", diff)
	}
	in := must.Get(db.Incident(ctx, "i1"))(t)
	if diff := cmp.Diff(closed.Incident, in); diff != "" {
		t.Errorf("an old change moved the incident back (-want +got):\n%s", diff)
	}
	if _, err := db.Incident(ctx, "nope"); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("unknown incident: %v, want ErrNotFound", err)
	}
}

func TestAnOlderChangeDoesNotMoveAnIncidentBack(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	for _, n := range []int{3, 2} {
		must.OK(t, db.Append(ctx, change(1, n, omen.ChangeUpdated)))
	}
	if in, err := db.Incident(ctx, "i1"); err != nil || in.ChangeNumber != 3 {
		t.Errorf("incident at change %d, %v, want 3", in.ChangeNumber, err)
	}
}

func TestAppendIsAllOrNothing(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	bad := change(2, 1, omen.ChangeOpened)
	bad.Incident.ID = ""
	if err := db.Append(ctx, change(1, 1, omen.ChangeOpened), bad); !errors.Is(err, omen.ErrInvalid) {
		t.Fatalf("err %v, want ErrInvalid", err)
	}
	if head, err := db.Head(ctx); err != nil || head != 0 {
		t.Fatalf("head %d, %v: half of a batch was written", head, err)
	}
}

func TestIncidentsFilter(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	fleet := change(9, 1, omen.ChangeOpened)
	fleet.Incident.Kind = omen.FleetIncident
	fleet.Incident.Members = []omen.Host{{Source: "local", Profile: "node", Name: "web-1"}, {Source: "local", Profile: "node", Name: "web-7"}}
	quiet := change(4, 1, omen.ChangeOpened)
	quiet.Incident.Suppressed = omen.ReasonTrivial
	must.OK(t, db.Append(ctx, change(1, 1, omen.ChangeOpened), change(2, 1, omen.ChangeOpened),
		change(2, 2, omen.ChangeClosed), change(3, 1, omen.ChangeOpened), quiet, fleet))
	web1 := omen.Host{Source: "local", Profile: "node", Name: "web-1"}
	for name, c := range map[string]struct {
		filter Filter
		want   []string
	}{
		"all, newest first":       {Filter{}, []string{"i9", "i4", "i3", "i2", "i1"}},
		"open":                    {Filter{States: []omen.IncidentState{omen.Open, omen.Acknowledged}}, []string{"i9", "i4", "i3", "i1"}},
		"a host and its fleet's":  {Filter{Host: web1}, []string{"i9", "i1"}},
		"fleet only":              {Filter{Kinds: []omen.IncidentKind{omen.FleetIncident}}, []string{"i9"}},
		"loud only":               {Filter{Loud: true}, []string{"i9", "i3", "i2", "i1"}},
		"first page":              {Filter{Limit: 2}, []string{"i9", "i4"}},
		"second page":             {Filter{Limit: 2, Before: "i4"}, []string{"i3", "i2"}},
		"i2 closed before":        {Filter{From: start.Add(5 * time.Minute), To: start.Add(4 * time.Minute)}, []string{"i3", "i1"}},
		"nothing has that source": {Filter{Source: "prod"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := must.Get(db.Incidents(ctx, c.filter))(t)
			if diff := cmp.Diff(c.want, ids(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFollowStartsAtTheCursorAndWakes(t *testing.T) {
	db := openTest(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	must.OK(t, db.Append(ctx, change(1, 1, omen.ChangeOpened), change(2, 1, omen.ChangeOpened)))
	must.OK(t, db.Advance(ctx, "r", 1))
	if err := db.Advance(ctx, "r", 0); err != nil { // never back
		t.Fatal(err)
	}
	var seen []string
	for c, err := range db.Follow(ctx, "r") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, c.Key())
		switch len(seen) {
		case 1: // Follow now waits at the end
			go func() { _ = db.Append(context.Background(), change(3, 1, omen.ChangeOpened)) }()
		case 2:
			stop()
		}
	}
	if diff := cmp.Diff([]string{"i2.1", "i3.1"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestFollowIsInOrderWhileManyAppend(t *testing.T) {
	db := openTest(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	const writers, each = 4, 150 // more than two pages
	for w := range writers {
		go func() {
			for n := range each {
				_ = db.Append(context.Background(), change(w, n+1, omen.ChangeUpdated))
			}
		}()
	}
	next := [writers]int{}
	total := 0
	for c, err := range db.FollowFrom(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		var w int
		must.Get(fmt.Sscanf(c.Incident.ID, "i%d", &w))(t)
		next[w]++
		if c.Incident.ChangeNumber != next[w] {
			t.Fatalf("incident %d: change %d came, want %d", w, c.Incident.ChangeNumber, next[w])
		}
		if total++; total == writers*each {
			stop()
		}
	}
}

func TestStartHere(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	must.OK(t, db.Append(ctx, change(1, 1, omen.ChangeOpened)))
	for range 2 {
		must.OK(t, db.StartHere(ctx, "new"))
		if seq, err := db.Cursor(ctx, "new"); err != nil || seq != 1 {
			t.Fatalf("cursor %d, %v, want 1", seq, err)
		}
		must.OK(t, db.Append(ctx, change(2, 1, omen.ChangeOpened)))
	}
}

func TestRetainKeepsWhatAReaderHasNotSeen(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	must.OK(t, db.Append(ctx, change(1, 1, omen.ChangeOpened), change(1, 2, omen.ChangeUpdated),
		change(1, 3, omen.ChangeClosed), change(2, 1, omen.ChangeOpened), change(2, 2, omen.ChangeUpdated)))
	must.OK(t, db.Advance(ctx, "fast", 5))
	must.OK(t, db.Advance(ctx, "slow", 2))
	for _, step := range []struct {
		slow, want int64
	}{{2, 1}, {3, 1}, {5, 0}} { // the update; then the closing; the open incident stays whole
		must.OK(t, db.Advance(ctx, "slow", step.slow))
		if n, err := db.Retain(ctx, start.Add(time.Hour)); err != nil || n != step.want {
			t.Fatalf("slow at %d: removed %d, %v, want %d", step.slow, n, err, step.want)
		}
	}
	left := must.Get(db.ChangesAfter(ctx, 0, 10))(t)
	var keys []string
	for _, c := range left {
		keys = append(keys, c.Key())
	}
	if diff := cmp.Diff([]string{"i1.1", "i2.1", "i2.2"}, keys); diff != "" {
		t.Error(diff)
	}
}

// Without a receiver the journal is pruned by age alone.
func TestRetainWithoutAReaderGoesByAge(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	if err := db.Append(ctx, change(1, 1, omen.ChangeOpened), change(1, 2, omen.ChangeUpdated), change(1, 3, omen.ChangeClosed)); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Retain(ctx, start.Add(2*time.Minute)); err != nil || n != 0 {
		t.Errorf("removed %d of an incident that is too young, %v", n, err)
	}
	if n, err := db.Retain(ctx, start.Add(time.Hour)); err != nil || n != 2 {
		t.Errorf("removed %d, %v, want the update and the closing", n, err)
	}
}
