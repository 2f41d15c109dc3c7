package incident

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

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
