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

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
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
			ID: id, Kind: omen.HostIncident, Host: hostNamed("web-1"), Summary: "cpu 0.9", Suppressed: suppressed, ChangeNumber: n,
		}}
	}
	d.store(t.Context(), []omen.Change{
		one(omen.ChangeOpened, "loud", "", 1), one(omen.ChangeEscalated, "loud", "", 2), one(omen.ChangeUpdated, "loud", "", 3), one(omen.ChangeClosed, "loud", "", 4),
		one(omen.ChangeOpened, "slight", omen.ReasonMinor, 1),
	})
	want := `msg="incident opened" incident=loud kind=host host=web-1 why="cpu 0.9"
msg="incident is critical" incident=loud kind=host host=web-1 why="cpu 0.9"
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

func TestOperatorsActOnIncidents(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "cpu", "web-1")
		id := incidents(t, db, store.Filter{})[0].ID
		for _, step := range []struct {
			do   Command
			err  error
			want func(omen.Incident) bool
		}{
			{Command{Action: Acknowledge}, omen.ErrInvalid, nil}, // by nobody
			{Command{Action: Acknowledge, By: "ann"}, nil, func(in omen.Incident) bool { return in.State == omen.Acknowledged && in.AckedBy == "ann" }},
			{Command{Action: Acknowledge, By: "bob"}, omen.ErrConflict, nil},
			{Command{Action: Release, By: "ann"}, nil, func(in omen.Incident) bool { return in.State == omen.Open && in.AckedBy == "" && in.ActedBy == "ann" }},
			{Command{Action: Assign, By: "ann", Assignee: "bob"}, nil, func(in omen.Incident) bool { return in.Assignee == "bob" }},
			{Command{Action: Comment, By: "bob", Comment: " "}, omen.ErrInvalid, nil},
			{Command{Action: Comment, By: "bob", Comment: "a disk"}, nil, nil},
			{Command{Action: Link, By: "bob", Link: "javascript:alert(1)"}, omen.ErrInvalid, nil},
			{Command{Action: Link, By: "bob", Link: "https://wiki/1"}, nil, func(in omen.Incident) bool { return slices.Equal(in.Links, []string{"https://wiki/1"}) }},
			{Command{Action: "explode", By: "bob"}, omen.ErrInvalid, nil},
			{Command{Action: CloseNow, By: "bob"}, nil, func(in omen.Incident) bool {
				return in.State == omen.Closed && in.Reason == omen.ReasonByOperator
			}},
			{Command{Action: CloseNow, By: "bob"}, omen.ErrConflict, nil},
			{Command{Action: Comment, By: "bob", Comment: "afterwards"}, nil, func(in omen.Incident) bool { return in.State == omen.Closed }},
		} {
			step.do.Incident = id
			change, err := d.Do(t.Context(), step.do)
			if !errors.Is(err, step.err) {
				t.Fatalf("%s by %q: %v, want %v", step.do.Action, step.do.By, err, step.err)
			}
			if err != nil {
				continue
			}
			in, err := db.Incident(t.Context(), id)
			if err != nil || gocmp.Diff(in, change.Incident) != "" || step.want != nil && !step.want(in) {
				t.Fatalf("after %s: %+v, %v", step.do.Action, in, err)
			}
		}
		if _, err := d.Do(t.Context(), Command{Incident: "nope", Action: Acknowledge, By: "ann"}); !errors.Is(err, omen.ErrNotFound) {
			t.Errorf("unknown incident: %v", err)
		}
		// Closed by hand while the host is still anomalous: no new one for it,
		// until it was normal for once.
		offer(t, d, 20, 3, "cpu", "web-1")
		if n := len(incidents(t, db, store.Filter{})); n != 1 {
			t.Errorf("%d incidents, want the one that was closed by hand", n)
		}
		offer(t, d, 2, .3, "cpu")
		offer(t, d, 5, 3, "cpu", "web-1")
		if n := len(incidents(t, db, store.Filter{})); n != 2 {
			t.Errorf("%d incidents, want a new one", n)
		}
	})
}

func TestRejectedIncidentsDoNotPageAgain(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		episode := func(cause string, hosts ...string) omen.Incident {
			offer(t, d, 5, 3, cause, hosts...)
			offer(t, d, 60, .3, cause) // closed, and too long ago to come back
			return incidents(t, db, store.Filter{Limit: 1})[0]
		}
		first := episode("cpu", "web-1")
		confirmed := episode("cpu", "web-1")
		if confirmed.Suppressed != "" {
			t.Fatalf("quiet before any feedback: %s", confirmed.Suppressed)
		}
		do := func(c Command) error {
			c.By = "ann"
			_, err := d.Do(t.Context(), c)
			return err
		}
		must.OK(t, do(Command{Incident: confirmed.ID, Action: Judge, Verdict: omen.Real}))
		reject := Command{Incident: first.ID, Action: Judge, Verdict: omen.NotAProblem}
		previews, err := d.Preview(t.Context(), Command{Incident: first.ID, Verdict: omen.NotAProblem})
		if err != nil || len(previews) != 1 || len(previews[0].Vanish) != 2 || len(previews[0].Lost) != 1 || previews[0].Lost[0].ID != confirmed.ID {
			t.Fatalf("preview %+v, %v: want two to vanish, the confirmed one lost", previews, err)
		}
		if err := do(reject); !errors.Is(err, omen.ErrConflict) || omen.Hint(err) == "" {
			t.Fatalf("a verdict that hides a confirmed incident: %v, want ErrConflict with a hint", err)
		}
		reject.Force = true
		must.OK(t, do(reject))
		if in := episode("cpu", "web-1"); in.Suppressed != omen.ReasonFeedback {
			t.Errorf("like the rejected one: suppressed %q, want %q", in.Suppressed, omen.ReasonFeedback)
		}
		if in := episode("mem", "web-1"); in.Suppressed != "" {
			t.Errorf("another cause: suppressed %q", in.Suppressed)
		}
		if in := episode("cpu", "web-2"); in.Suppressed != "" {
			t.Errorf("another host: suppressed %q", in.Suppressed)
		}
		patterns, err := db.Patterns(t.Context())
		if err != nil || len(patterns) != 2 {
			t.Fatalf("patterns %+v, %v", patterns, err)
		}
		must.OK(t, d.Revert(t.Context(), "p-"+first.ID+"-not_a_problem", "bob"))
		if err := d.Revert(t.Context(), "p-"+first.ID+"-not_a_problem", "bob"); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("taken back twice: %v", err)
		}
		if in := episode("cpu", "web-1"); in.Suppressed != "" {
			t.Errorf("after it was taken back: suppressed %q", in.Suppressed)
		}
		rows, err := db.Audit(t.Context(), "", 0)
		if err != nil || len(rows) != 3 {
			t.Errorf("audit %+v, %v: want two verdicts and a revert", rows, err)
		}
	})
}

func TestAConfirmedIncidentLowersTheLimitForItsLike(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "cpu", "web-1")
		offer(t, d, 60, .3, "cpu")
		must.Get(d.Do(t.Context(), Command{Incident: incidents(t, db, store.Filter{})[0].ID, Action: Judge, Verdict: omen.Real, By: "ann"}))(t)
		offer(t, d, 5, .9, "mem", "web-1")
		offer(t, d, 5, .9, "cpu", "web-2")
		if n := len(incidents(t, db, store.Filter{})); n != 1 {
			t.Errorf("%d incidents: 0.9 counts for another cause or host", n)
		}
		offer(t, d, 5, .9, "cpu", "web-1")
		if n := len(incidents(t, db, store.Filter{})); n != 2 {
			t.Errorf("%d incidents: 0.9 does not count for its like", n)
		}
	})
}

func TestSilencesTakeEffectAtOnceAndAreAudited(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "cpu", "web-1")
		s := mute.Silence{By: "ann", Reason: "we know", Until: time.Now().Add(time.Hour),
			Match: []mute.Matcher{{Name: "job", Value: "web", IsEqual: true}}}
		if _, err := d.Silence(t.Context(), mute.Silence{By: "ann", Reason: "all", Until: s.Until}); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("a silence of everything: %v, want ErrInvalid", err)
		}
		s = must.Get(d.Silence(t.Context(), s))(t)
		offer(t, d, 1, 3, "cpu", "web-1")
		if in := incidents(t, db, store.Filter{})[0]; in.Suppressed != omen.ReasonSilenced {
			t.Errorf("suppressed %q, want %q", in.Suppressed, omen.ReasonSilenced)
		}
		must.OK(t, d.EndSilence(t.Context(), s.ID, "bob"))
		offer(t, d, 1, 3, "cpu", "web-1")
		if in := incidents(t, db, store.Filter{})[0]; in.Suppressed != "" {
			t.Errorf("after its end: suppressed %q", in.Suppressed)
		}
		if err := d.EndSilence(t.Context(), s.ID, "bob"); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("ended twice: %v", err)
		}
		rows, err := db.Audit(t.Context(), s.ID, 0)
		if err != nil || len(rows) != 2 || rows[0].By != "bob" || rows[1].By != "ann" {
			t.Errorf("audit %+v, %v", rows, err)
		}
	})
}

// The manager reads its rules time and again, and silences that are over go:
// that is not the same as an operator who ends one.
func TestWhatEndsWithItsSilenceNotifiesNobody(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		silence := mute.Silence{By: "ann", Reason: "we know", Until: time.Now().Add(10 * time.Minute),
			Match: []mute.Matcher{{Name: "job", Value: "web", IsEqual: true}}}
		must.Get(d.Silence(t.Context(), silence))(t)
		offer(t, d, 4*10+2, 3, "cpu", "web-1") // and half a minute longer
		offer(t, d, 20, .3, "cpu")
		offer(t, d, 5, 3, "cpu", "web-2")
		found := incidents(t, db, store.Filter{})
		if len(found) != 2 {
			t.Fatalf("%d incidents, want 2", len(found))
		}
		for _, in := range found {
			want := ""
			if in.Host.Name == "web-1" {
				want = omen.ReasonSilenced
			}
			if in.Suppressed != want {
				t.Errorf("%s: suppressed %q, want %q", in.Host.Name, in.Suppressed, want)
			}
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

// asked are hosts that remember whom they were asked to retrain, and what they
// were said of incidents.
type asked struct {
	nobody
	hosts map[omen.Host]int
	said  *[]omen.Incident
}

func (a asked) Judged(in omen.Incident) {
	if a.said != nil {
		*a.said = append(*a.said, in)
	}
}

func (a asked) Retrain(h omen.Host) { a.hosts[h]++ }

// What somebody says of an incident is learned as soon as what nobody says.
func TestAVerdictAsksForRetraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
		hosts := asked{hosts: map[omen.Host]int{}}
		d := NewManager(Options{Store: db, Hosts: hosts})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		offer(t, d, 5, 3, "cpu", "web-1")
		offer(t, d, 12, .3, "cpu")
		in := incidents(t, db, store.Filter{})[0]
		for n, c := range []Command{
			{Verdict: omen.Expected, NoEffect: true},
			{Verdict: omen.NotAProblem},
			{Verdict: omen.Real},
			{Verdict: omen.NoVerdict},
		} {
			c.Incident, c.Action, c.By = in.ID, Judge, "ann"
			if _, err := d.Do(ctx, c); err != nil {
				t.Fatal(err)
			}
			if got := hosts.hosts[hostNamed("web-1")]; got != n || len(hosts.hosts) > 1 {
				t.Errorf("after %q asked %d times to retrain, want %d: %v", c.Verdict, got, n, hosts.hosts)
			}
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

// Hosts take up what people say of incidents, of a fleet's each member: whether
// they take one or judge it, and not what is to have no effect.
func TestHostsTakeUpWhatPeopleSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
		var said []omen.Incident
		d := NewManager(Options{Store: db, Hosts: asked{hosts: map[omen.Host]int{}, said: &said}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		offer(t, d, 5, 3, "cpu", "web-1")
		synctest.Wait()
		in := incidents(t, db, store.Filter{})[0]
		for _, c := range []struct {
			Command
			says bool
		}{
			{Command{Action: Acknowledge}, true},
			{Command{Action: Assign, Assignee: "bob"}, false},
			{Command{Action: Release}, true},
			{Command{Action: Judge, Verdict: omen.Expected, NoEffect: true}, false},
			{Command{Action: Judge, Verdict: omen.Real}, true},
		} {
			said = nil
			c.Incident, c.By = in.ID, "ann"
			change := must.Get(d.Do(ctx, c.Command))(t)
			if (len(said) == 1) != c.says || c.says && (said[0].Host != in.Host || said[0].Verdict != change.Incident.Verdict || said[0].AckedBy != change.Incident.AckedBy) {
				t.Errorf("%s %s: hosts were said %+v", c.Action, c.Verdict, said)
			}
		}
		said = nil
		d.judged(omen.Incident{Kind: omen.FleetIncident, Host: hostNamed("web-1"), Members: []omen.Host{hostNamed("web-1"), hostNamed("web-2")}})
		if len(said) != 2 || said[0].Host != hostNamed("web-1") || said[1].Host != hostNamed("web-2") {
			t.Errorf("of a fleet of two: %+v", said)
		}
		stop()
		must.OK(t, <-done)
		must.OK(t, db.Close())
	})
}
