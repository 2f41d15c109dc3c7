package remedy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// running runs a loop over one incident of web-1 in a bubble's time. Play may end
// the loop by calling stop, and start another one by calling it again.
func running(t *testing.T, p remedy.Policy, h *hand, play func(t *testing.T, l *remedy.Loop, w *world, again func() *remedy.Loop)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omen.db")
	synctest.Test(t, func(t *testing.T) {
		db := must.Get(store.Open(t.Context(), path, nil))(t)
		defer func() { must.OK(t, db.Close()) }()
		must.OK(t, db.Append(t.Context(), opened("web-1", time.Now())))
		w := &world{db: db, path: path, manager: incident.NewManager(incident.Options{Store: db})}
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go func() { must.OK(t, w.manager.Run(ctx)) }()
		end := func() {}
		again := func() *remedy.Loop {
			end()
			within, cancel := context.WithCancel(ctx)
			l := remedy.NewLoop(remedy.Options{Policy: p, Hands: map[string]remedy.Hand{"restart": h}, Store: db, World: w, Log: slog.New(slog.DiscardHandler)})
			done := make(chan struct{})
			go func() { defer close(done); must.OK(t, l.Run(within)) }()
			end = func() { cancel(); <-done }
			return l
		}
		play(t, again(), w, again)
		end()
	})
}

var (
	ann = remedy.Person{User: "ann"}
	bob = remedy.Person{User: "bob"}
	eve = remedy.Person{User: "eve"}
)

// An action waits, is approved by one person, done once, and measured; who comes
// second learns who was first, and who may not is in the audit.
func TestApprovedDoneMeasured(t *testing.T) {
	h := &hand{happened: remedy.Yes}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, 10*time.Second, omen.ActionWaiting)
		if h.called() != 0 || a.Target.Name != "web-1" || a.Expires.Sub(a.At) != 15*time.Minute {
			t.Fatalf("waiting: %+v, %d calls", a, h.called())
		}
		if _, err := l.Approve(t.Context(), a.ID, eve, ""); !errors.Is(err, omen.ErrDenied) {
			t.Errorf("eve approves: %v", err)
		}
		if _, err := l.Approve(t.Context(), a.ID, remedy.Person{}, ""); !errors.Is(err, omen.ErrDenied) || !strings.Contains(omen.Hint(err), "basic_auth_users") {
			t.Errorf("nobody approves: %v, %q", err, omen.Hint(err))
		}
		must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
		if _, err := l.Approve(t.Context(), a.ID, bob, ""); !errors.Is(err, omen.ErrConflict) || !strings.Contains(err.Error(), "by ann") {
			t.Errorf("bob approves after ann: %v", err)
		}
		first(t, w.db, 10*time.Second, omen.ActionDone, omen.ActionMeasuring)
		w.set(a.Host, .2)
		a = first(t, w.db, time.Hour, omen.ActionHelped)
		if h.called() != 1 || a.By != "ann" || a.Receipt != "job 7" || a.Before != sick || a.Recovered <= 0 {
			t.Errorf("%d calls, %+v", h.called(), a)
		}
		in := must.Get(w.db.Incident(t.Context(), a.Incident))(t)
		if in.ActedBy != "ann" || in.Actions != 1 {
			t.Errorf("acted on by %q, %d actions", in.ActedBy, in.Actions)
		}
		steps := must.Get(w.db.ActionSteps(t.Context(), a.ID))(t)
		var states []string
		for _, s := range steps {
			states = append(states, strings.TrimPrefix(s.Action, "action."))
		}
		if want := []string{"waiting", "approved", "started", "done", "measuring", "helped"}; !slices.Equal(states, want) {
			t.Errorf("steps %v, want %v", states, want)
		}
		rows := must.Get(w.db.Audit(t.Context(), a.ID, 0))(t)
		if len(rows) != 1 || rows[0].By != "eve" || rows[0].Action != "action.not_allowed" {
			t.Errorf("who may not: %+v", rows)
		}
		if c := must.Get(w.db.Verify(t.Context()))(t); !c.OK() {
			t.Error(c)
		}
	})
}

// An action is measured by what closes incidents and reopens them, as configured.
func TestMeasuredByWhatClosesIncidents(t *testing.T) {
	for reopen, want := range map[time.Duration]time.Duration{0: 10 * time.Minute, time.Minute: 2 * time.Minute} { // no sooner than it has settled
		p, h := policy(omen.ModeAutomatic), &hand{happened: remedy.Yes}
		p.Playbooks[0].Closing.Reopen = reopen
		running(t, p, h, func(t *testing.T, _ *remedy.Loop, w *world, _ func() *remedy.Loop) {
			a := first(t, w.db, 30*time.Second, omen.ActionDone, omen.ActionMeasuring)
			w.set(a.Host, .2)
			a = first(t, w.db, time.Hour, omen.ActionHelped)
			if took := a.Ended.Sub(a.Started); took < want || took > want+30*time.Second {
				t.Errorf("reopening within %s: helped after %s, want %s", reopen, took, want)
			}
		})
	}
}

// The target is another one than the approver was shown.
func TestTargetChangedBeforeTheCall(t *testing.T) {
	h := &hand{target: omen.Target{Kind: "pod", Namespace: "shop", Name: "web-0", UID: "1"}}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		h.mu.Lock()
		h.target.UID = "2"
		h.mu.Unlock()
		must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
		if a = first(t, w.db, time.Minute, omen.ActionRefused); a.Guard != remedy.GuardChanged || h.called() != 0 {
			t.Errorf("guard %s, %d calls", a.Guard, h.called())
		}
	})
}

// What cannot be stored is not done, and what cannot be looked at is not either; people
// are notified.
func TestWithoutStoreOrFactsNothingIsDone(t *testing.T) {
	for name, fail := range map[string]func(*world){
		"store": func(w *world) { w.full = errDisk },
		"facts": func(w *world) { w.blind = errDisk },
	} {
		t.Run(name, func(t *testing.T) {
			h := &hand{}
			running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
				a := first(t, w.db, time.Minute, omen.ActionWaiting)
				w.mu.Lock()
				fail(w)
				w.mu.Unlock()
				must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
				time.Sleep(time.Minute)
				if h.called() != 0 || l.Health().Err == "" {
					t.Errorf("%d calls, health %+v", h.called(), l.Health())
				}
				open := must.Get(w.db.OpenIncidents(t.Context()))(t)
				if !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy" }) {
					t.Error("nobody is notified that nothing is acted on")
				}
			})
		})
	}
}

// An answer that got lost: it is observed and never repeated, nobody can tell, people
// are notified, and one of them settles it.
func TestInDoubtIsNeverRepeated(t *testing.T) {
	h := &hand{do: remedy.ErrUnknown, happened: remedy.CannotTell}
	running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		if a := first(t, w.db, time.Minute, omen.ActionUnknown); a.Receipt != "job 7" {
			t.Errorf("the receipt %q is kept: nobody can ask what became of it", a.Receipt)
		}
		a := first(t, w.db, time.Hour, omen.ActionStuck)
		time.Sleep(time.Hour)
		open := must.Get(w.db.OpenIncidents(t.Context()))(t)
		if h.called() != 1 || !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy/stuck/"+a.ID }) {
			t.Errorf("%d calls, open %+v", h.called(), open)
		}
		must.Get(l.Settle(t.Context(), a.ID, ann, false, ""))(t)
		time.Sleep(time.Minute)
		if a = must.Get(w.db.Action(t.Context(), a.ID))(t); a.State != omen.ActionFailed {
			t.Errorf("settled as %s", a.State)
		}
		open = must.Get(w.db.OpenIncidents(t.Context()))(t)
		if slices.ContainsFunc(open, func(in omen.Incident) bool { return strings.HasPrefix(in.Trouble, "remedy/stuck/") }) {
			t.Error("the trouble is still open")
		}
	})
}

// A call that takes as long as it may is observed for as long after it as any other.
func TestLongCallsAreObservedAfterThem(t *testing.T) {
	h := &hand{lasts: time.Hour}
	running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, _ *remedy.Loop, w *world, _ func() *remedy.Loop) {
		first(t, w.db, 15*time.Minute, omen.ActionUnknown)
		time.Sleep(8 * time.Minute)
		first(t, w.db, 0, omen.ActionUnknown)
		h.says(remedy.Yes)
		first(t, w.db, time.Minute, omen.ActionNotHelped) // all of its time to help has passed
	})
}

// An approval holds for some minutes from when it was given, however long it could
// have been given for.
func TestAnOldApprovalIsNotActedOn(t *testing.T) {
	h := &hand{}
	p := policy(omen.ModeApprove)
	p.Playbooks[0].ApproveIn = 2 * time.Hour
	running(t, p, h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		w.mu.Lock()
		w.full = errDisk
		w.mu.Unlock()
		must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
		if a = first(t, w.db, 10*time.Minute, omen.ActionRefused); a.Guard != remedy.GuardExpired || h.called() != 0 {
			t.Errorf("guard %s, %d calls", a.Guard, h.called())
		}
	})
}

// What a process before had started is observed, and not called.
func TestStartedBeforeIsOnlyObserved(t *testing.T) {
	for answer, want := range map[remedy.Answer]omen.ActionState{remedy.Yes: omen.ActionMeasuring, remedy.No: omen.ActionFailed, remedy.CannotTell: omen.ActionStuck} {
		p := policy(omen.ModeApprove)
		h := &hand{happened: answer}
		running(t, p, h, func(t *testing.T, _ *remedy.Loop, w *world, again func() *remedy.Loop) {
			a := first(t, w.db, time.Minute, omen.ActionWaiting)
			w.look(errDisk) // or it would be carried out
			for _, to := range []omen.ActionState{omen.ActionApproved, omen.ActionStarted} {
				from := a.State
				must.OK(t, a.Step(to, time.Now(), "by hand"))
				must.OK(t, w.Act(t.Context(), from, a, "ann"))
			}
			again()
			w.look(nil)
			if a = first(t, w.db, 15*time.Minute, want); h.called() != 0 {
				t.Errorf("called %d times, %+v", h.called(), a)
			}
		})
	}
}

// Two loops on one store, as two processes would be if nothing kept them apart: between
// them an action is called once, also while its call is under way, nothing is started
// twice in a group, and nothing is left in doubt.
func TestTwoLoopsActOnce(t *testing.T) {
	managed(t, func(ctx context.Context, t *testing.T, w *world) {
		const hosts = 12
		for i := range hosts {
			must.OK(t, w.db.Append(ctx, opened(fmt.Sprint("web-", i), time.Now())))
		}
		within, end := context.WithCancel(ctx)
		h := &hand{happened: remedy.Yes, lasts: 20 * time.Second}
		var both sync.WaitGroup
		for range 2 {
			l := remedy.NewLoop(remedy.Options{Policy: policy(omen.ModeAutomatic), Hands: map[string]remedy.Hand{"restart": h}, Store: w.db, World: w})
			both.Go(func() { must.OK(t, l.Run(within)) })
		}
		time.Sleep(5 * time.Minute)
		end()
		both.Wait()
		for id, n := range h.calls {
			if n > 1 {
				t.Errorf("action %s was called %d times", id, n)
			}
		}
		all := must.Get(w.db.Actions(ctx, store.ActionFilter{}))(t)
		if len(h.calls) != hosts || len(all) != hosts {
			t.Errorf("%d calls and %d rows for %d hosts", len(h.calls), len(all), hosts)
		}
		for _, a := range all {
			if a.State != omen.ActionMeasuring {
				t.Errorf("action %s is %s: %s", a.ID, a.State, a.Why)
			}
		}
	})
}

// A call that the other side refuses upset nothing: the grace that was opened for it ends
// with it, or nobody would hear of another trouble on its host meanwhile.
func TestWhatFailedHasNoGrace(t *testing.T) {
	for name, c := range map[string]struct {
		do    error
		grace bool
	}{"done": {nil, true}, "refused": {remedy.ErrRefused, false}} {
		t.Run(name, func(t *testing.T) {
			running(t, policy(omen.ModeAutomatic), &hand{do: c.do}, func(t *testing.T, _ *remedy.Loop, w *world, _ func() *remedy.Loop) {
				a := first(t, w.db, time.Minute, omen.ActionDone, omen.ActionFailed)
				time.Sleep(time.Second)
				events := must.Get(w.db.Events(t.Context(), a.At, time.Now()))(t)
				if len(events) != 1 || events[0].Until().After(time.Now()) != c.grace {
					t.Errorf("%s: %+v", a.State, events)
				}
			})
		})
	}
}

// Who carries an action out hears what is wrong, and not that it may be done.
func TestTheHandHearsWhatIsWrong(t *testing.T) {
	h := &hand{happened: remedy.Yes}
	running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, _ *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionMeasuring)
		if h.why != "memory_used 9, expected 0–2" || a.Why == h.why {
			t.Errorf("the hand hears %q, the ledger has %q", h.why, a.Why)
		}
	})
}

// A call that is under way at a reload and soon over is not cut off, and so not in
// doubt.
func TestAShortCallOutlastsAReload(t *testing.T) {
	h := &hand{lasts: 2900 * time.Millisecond, happened: remedy.Yes}
	running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, _ *remedy.Loop, w *world, again func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionStarted)
		again()
		first(t, w.db, time.Minute, omen.ActionMeasuring)
		for _, s := range must.Get(w.db.ActionSteps(t.Context(), a.ID))(t) {
			if s.Action == "action.unknown" {
				t.Errorf("it was in doubt: %s", s.Detail)
			}
		}
		if n := h.called(); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}
