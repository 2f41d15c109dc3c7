package remedy_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// managed plays beside a store and a manager that runs, in a bubble's time.
func managed(t *testing.T, play func(ctx context.Context, t *testing.T, w *world)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omen.db")
	synctest.Test(t, func(t *testing.T) {
		db := must.Get(store.Open(t.Context(), path, nil))(t)
		defer func() { must.OK(t, db.Close()) }()
		w := &world{db: db, manager: incident.NewManager(incident.Options{Store: db})}
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go func() { must.OK(t, w.manager.Run(ctx)) }()
		play(ctx, t, w)
	})
}

// ledger puts an action on a host's incident, with the steps of its life.
func (w *world) ledger(t *testing.T, host string, attempt int, states ...omen.ActionState) omen.Action {
	t.Helper()
	a := omen.Action{
		ID: omen.ActionID("i-"+host, "restart", attempt), Incident: "i-" + host, Playbook: "restart", Attempt: attempt, Group: host, Does: remedy.DoWebhook,
		Host: omen.Host{Source: "prod", Profile: "node", Name: host}, Target: omen.Target{Kind: "url", Name: host}, Mode: omen.ModeAutomatic, At: time.Now().UTC(),
	}
	for _, to := range states {
		from := a.State
		must.OK(t, a.Step(to, time.Now(), "because"))
		must.OK(t, w.Act(t.Context(), from, a, "omen"))
	}
	return a
}

// silent is a hand some of whose targets do not answer.
type silent struct {
	hand
	targets map[string]bool
}

func (s *silent) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	if s.targets[a.Host.Name] {
		<-ctx.Done()
		return remedy.CannotTell, ctx.Err()
	}
	return remedy.Yes, nil
}

// Targets that do not answer keep no other action from being settled.
func TestASlowTargetDelaysNoOther(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		h := &silent{targets: map[string]bool{}}
		doubt := []omen.ActionState{omen.ActionApproved, omen.ActionStarted, omen.ActionUnknown}
		for i := range 5 {
			name := fmt.Sprint("slow-", i)
			h.targets[name] = true
			must.OK(t, w.db.Append(ctx, opened(name, time.Now())))
			w.ledger(t, name, 1, doubt...)
		}
		time.Sleep(time.Second) // it is the last one
		must.OK(t, w.db.Append(ctx, opened("quick", time.Now())))
		quick := w.ledger(t, "quick", 1, doubt...)
		within, end := context.WithCancel(ctx)
		l := remedy.NewLoop(remedy.Options{Policy: policy(omen.ModeSuggest), Hands: map[string]remedy.Hand{"restart": h}, Store: w.db, World: w})
		done := make(chan struct{})
		go func() { defer close(done); must.OK(t, l.Run(within)) }()
		time.Sleep(10 * time.Second)
		if a := must.Get(w.db.Action(ctx, quick.ID))(t); a.State != omen.ActionDone {
			t.Errorf("after ten seconds it is %s", a.State)
		}
		end()
		<-done
	})
}

// Why the other side could not be asked about what it took is said to people.
func TestWhyADoneActionIsNotObservedIsSaid(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		must.OK(t, w.db.Append(ctx, opened("web-1", time.Now())))
		a := w.ledger(t, "web-1", 1, omen.ActionApproved, omen.ActionStarted, omen.ActionDone)
		h := &silent{targets: map[string]bool{"web-1": true}}
		within, end := context.WithCancel(ctx)
		l := remedy.NewLoop(remedy.Options{Policy: policy(omen.ModeSuggest), Hands: map[string]remedy.Hand{"restart": h}, Store: w.db, World: w})
		done := make(chan struct{})
		go func() { defer close(done); must.OK(t, l.Run(within)) }()
		time.Sleep(11 * time.Minute)
		end()
		<-done
		steps := must.Get(w.db.ActionSteps(ctx, a.ID))(t)
		if !slices.ContainsFunc(steps, func(s omen.Audit) bool {
			return s.Action == "action."+string(omen.ActionMeasuring) && strings.Contains(s.Detail, "cannot be asked what became of it: context deadline exceeded")
		}) {
			t.Errorf("steps %+v", steps)
		}
	})
}

// What playbooks were good for is worked out once while no step is made and no switch
// is moved, and for a minute at most.
func TestStandingsAreWorkedOutOnce(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		must.OK(t, w.db.Append(ctx, opened("web-1", time.Now())))
		for n := range 5 {
			w.ledger(t, "web-1", n+1, omen.ActionApproved, omen.ActionStarted, omen.ActionDone, omen.ActionMeasuring, omen.ActionHelped)
		}
		l := remedy.NewLoop(remedy.Options{Policy: policy(omen.ModeApprove), Store: w.db, World: w})
		says := func() string {
			t.Helper()
			all := must.Get(l.Standings(ctx))(t)
			if all[0].Today != 5 || all[0].Effect.Helped != 5 {
				t.Errorf("%+v", all[0])
			}
			return all[0].Effect.Benefit.Why
		}
		before := says()
		past := func(name string) {
			open := opened(name, time.Now().Add(-2*time.Hour))
			over := open
			over.Kind, over.At, over.Reason = omen.ChangeClosed, time.Now().Add(-time.Hour).UTC(), omen.ReasonRecovered
			over.Incident.State, over.Incident.ClosedAt, over.Incident.Reason, over.Incident.ChangeNumber = omen.Closed, over.At, omen.ReasonRecovered, 2
			must.OK(t, w.db.Append(ctx, open, over))
		}
		past("one")
		if again := says(); again != before {
			t.Errorf("no step was made, and it was worked out again: %q, then %q", before, again)
		}
		must.OK(t, l.Pause(ctx, "ann", ""))
		after := says()
		if after == before {
			t.Errorf("a switch was moved, and it still says %q", after)
		}
		must.OK(t, l.Resume(ctx, "ann", ""))
		says()
		past("two")
		time.Sleep(time.Minute)
		if late := says(); late == after {
			t.Errorf("after a minute it still says %q", late)
		}
	})
}

// unable is a hand that finds out only when it is asked that there is no way back.
type unable struct{ hand }

func (*unable) Undo(context.Context, omen.Action) error { return errors.ErrUnsupported }

// What turned out to have no way back is not offered to be taken back again.
func TestNoWayBackIsRemembered(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		must.OK(t, w.db.Append(ctx, opened("web-1", time.Now())))
		a := w.ledger(t, "web-1", 1, omen.ActionApproved, omen.ActionStarted, omen.ActionDone)
		l := remedy.NewLoop(remedy.Options{Policy: policy(omen.ModeApprove), Hands: map[string]remedy.Hand{"restart": &unable{}}, Store: w.db, World: w})
		if !l.CanUndo(a) {
			t.Error("before it was tried, it cannot be taken back")
		}
		if _, err := l.Undo(ctx, a.ID, ann, ""); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("undo: %v", err)
		}
		if l.CanUndo(a) {
			t.Error("it can be taken back, though that was tried")
		}
	})
}

// A playbook that three times in a row did not help a target ends there, and says so as
// an incident of Omen's own, until a person lets it begin again.
func TestWhatIsGivenUpIsSaid(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		must.OK(t, w.db.Append(ctx, opened("web-1", time.Now())))
		for n := range 3 {
			w.ledger(t, "web-1", n+1, omen.ActionApproved, omen.ActionStarted, omen.ActionDone, omen.ActionMeasuring, omen.ActionNotHelped)
		}
		within, end := context.WithCancel(ctx)
		h, p := &hand{happened: remedy.Yes}, policy(omen.ModeAutomatic)
		p.Playbooks[0].Limits = remedy.Limits{PerDay: 10, TargetPerDay: 10, Cooldown: time.Minute}
		l := remedy.NewLoop(remedy.Options{Policy: p, Hands: map[string]remedy.Hand{"restart": h}, Store: w.db, World: w})
		done := make(chan struct{})
		go func() { defer close(done); must.OK(t, l.Run(within)) }()
		said := func() (all []string) {
			for _, in := range must.Get(w.db.OpenIncidents(ctx))(t) {
				if in.Trouble == "remedy/ineffective/restart/prod/node/web-1" {
					all = append(all, in.Summary)
				}
			}
			return all
		}
		time.Sleep(15 * time.Minute) // no cool-down holds any more
		if all := said(); len(all) != 1 || !strings.Contains(all[0], "its last 3 actions on this target did not help") || h.called() != 0 {
			t.Errorf("people are notified %q, %d calls", all, h.called())
		}
		if all := must.Get(l.Standings(ctx))(t); !slices.Equal(all[0].GivenUp, []string{"web-1"}) || l.Health().GivenUp["restart"] != 1 {
			t.Errorf("it stands %+v, health %+v", all[0], l.Health())
		}
		must.OK(t, l.Enable(ctx, "restart", "ann", "repaired"))
		if err := l.Enable(ctx, "restart", "ann", ""); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("enabled twice: %v", err)
		}
		time.Sleep(3 * time.Minute)
		if all := said(); len(all) != 0 || h.called() != 1 {
			t.Errorf("after ann let it begin again %q, %d calls", all, h.called())
		}
		end()
		<-done
	})
}

// Two sources with a host of one name have a trouble each, which is said once: they do
// not take turns.
func TestHostsOfOneNameAreSaidApart(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		bad := []omen.ActionState{omen.ActionHelped, omen.ActionInterrupted, omen.ActionNotHelped, omen.ActionNotHelped, omen.ActionNotHelped}
		good := slices.Repeat([]omen.ActionState{omen.ActionHelped}, 4) // so that the playbook is not switched off as a whole
		for source, outcomes := range map[string][]omen.ActionState{"prod": bad, "stage": bad, "test": good} {
			for n, outcome := range outcomes {
				time.Sleep(time.Minute)
				a := omen.Action{
					ID: omen.ActionID("i-"+source, "restart", n+1), Incident: "i-" + source, Playbook: "restart", Attempt: n + 1, Group: source, Does: remedy.DoWebhook,
					Host: omen.Host{Source: source, Profile: "node", Name: "web-1"}, Target: omen.Target{Kind: "url", Name: source + ".example/web-1"}, Mode: omen.ModeAutomatic, At: time.Now().UTC(),
				}
				in := opened("web-1", time.Now())
				in.Incident.ID, in.Incident.Host = a.Incident, a.Host
				must.OK(t, w.db.Append(ctx, in))
				for _, to := range []omen.ActionState{omen.ActionApproved, omen.ActionStarted, omen.ActionDone, omen.ActionMeasuring, outcome} {
					from := a.State
					must.OK(t, a.Step(to, time.Now(), "because"))
					must.OK(t, w.Act(ctx, from, a, "omen"))
				}
			}
		}
		l := remedy.NewLoop(remedy.Options{Policy: policy(omen.ModeAutomatic), Hands: map[string]remedy.Hand{"restart": &hand{}}, Store: w.db, World: w})
		within, end := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); must.OK(t, l.Run(within)) }()
		time.Sleep(10 * time.Minute)
		end()
		<-done
		said := map[string]int{}
		for _, in := range must.Get(w.db.OpenIncidents(ctx))(t) {
			if in.Trouble == "" {
				continue
			}
			said[in.Trouble] = len(must.Get(w.db.Changes(ctx, in.ID))(t))
			_, of, _ := strings.Cut(in.Trouble, "/restart/")
			if source, _, _ := strings.Cut(of, "/"); !strings.Contains(in.Summary, "web-1 of source "+source) {
				t.Errorf("%s: %s", in.Trouble, in.Summary)
			}
		}
		want := map[string]int{}
		for _, source := range []string{"prod", "stage"} {
			want["remedy/chronic/restart/"+source+"/node/web-1"], want["remedy/ineffective/restart/"+source+"/node/web-1"] = 1, 1
		}
		if !maps.Equal(said, want) {
			t.Errorf("troubles and their changes %v, want %v", said, want)
		}
	})
}
