package remedy_test

import (
	"context"
	"encoding/json"
	"errors"
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
		w := &world{db: db, manager: incident.NewManager(incident.Options{Store: db})}
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

// Nobody answers: it expires, closed, and is not asked again by itself.
func TestNobodyApproves(t *testing.T) {
	h := &hand{}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Hour, omen.ActionExpired)
		if _, err := l.Approve(t.Context(), a.ID, ann, ""); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("approved after it expired: %v", err)
		}
		time.Sleep(time.Hour)
		first(t, w.db, 0, omen.ActionExpired)
		if h.called() != 0 {
			t.Error("called")
		}
	})
}

// What waits ends with its incident, with a word, also while hosts cannot be looked
// at: nobody is left with a request that leads nowhere.
func TestWhatWaitsEndsWithItsIncident(t *testing.T) {
	h := &hand{}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		w.look(errDisk)
		must.Get(w.manager.Do(t.Context(), incident.Command{Incident: a.Incident, Action: incident.CloseNow, By: "ann"}))(t)
		a = first(t, w.db, 10*time.Second, omen.ActionExpired)
		in := must.Get(w.db.Incident(t.Context(), a.Incident))(t)
		if a.Why != "the incident is over" || !strings.HasPrefix(in.Remedy, "the incident is over: webhook of url web-1") {
			t.Errorf("%+v, and the incident says %q", a, in.Remedy)
		}
		if _, err := l.Approve(t.Context(), a.ID, ann, ""); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("approved after it: %v", err)
		}
	})
}

// Why somebody decided as they did stays with the action, its steps and the incident,
// through what follows; of the next decision the next reason counts.
func TestReasonsAreKept(t *testing.T) {
	h := &hand{happened: remedy.Yes}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		if _, err := l.Approve(t.Context(), a.ID, ann, strings.Repeat("x", 9<<10)); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("a long reason: %v", err)
		}
		must.Get(l.Approve(t.Context(), a.ID, ann, " it leaks\n"))(t)
		a = first(t, w.db, time.Minute, omen.ActionMeasuring)
		in := must.Get(w.db.Incident(t.Context(), a.Incident))(t)
		if a.Said != "it leaks" || !strings.HasSuffix(in.Remedy, "(playbook restart), ann: it leaks") {
			t.Errorf("%q, and the incident says %q", a.Said, in.Remedy)
		}
		must.Get(l.Undo(t.Context(), a.ID, bob, "the wrong one"))(t)
		a = first(t, w.db, 0, omen.ActionUndone)
		in = must.Get(w.db.Incident(t.Context(), a.Incident))(t)
		if a.Said != "the wrong one" || !strings.HasSuffix(in.Remedy, "bob: the wrong one") {
			t.Errorf("%q, and the incident says %q", a.Said, in.Remedy)
		}
		var whys []string
		for _, s := range must.Get(w.db.ActionSteps(t.Context(), a.ID))(t) {
			var was omen.Action
			must.OK(t, json.Unmarshal([]byte(s.Detail), &was))
			whys = append(whys, was.Why)
		}
		if whys[1] != "approved by ann: it leaks" || whys[len(whys)-1] != "undone by bob: the wrong one" {
			t.Errorf("steps say %q", whys)
		}
	})
}

// What is in doubt is resolved with a reason, too, and so is what is asked for by hand.
func TestReasonsOfResolvingAndAsking(t *testing.T) {
	h := &hand{do: remedy.ErrUnknown, happened: remedy.CannotTell}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		must.Get(l.Decline(t.Context(), a.ID, ann, "not yet"))(t)
		if a = first(t, w.db, 0, omen.ActionDeclined); a.Said != "not yet" || a.Text() != "declined by ann: not yet: webhook of url web-1 (playbook restart)" {
			t.Errorf("declined: %q, %q", a.Said, a.Text())
		}
		a = must.Get(l.Ask(t.Context(), a.Incident, "restart", nil, "now it is", bob))(t)
		if a.Said != "now it is" || a.Why != "asked for by bob: now it is" {
			t.Errorf("asked for: %q, %q", a.Said, a.Why)
		}
		for range 60 {
			time.Sleep(time.Second)
			a = must.Get(w.db.Action(t.Context(), a.ID))(t)
		}
		a = must.Get(l.Settle(t.Context(), a.ID, ann, false, "I looked"))(t)
		if a.Said != "I looked" || a.Why != "ann says that it did not happen: I looked" {
			t.Errorf("resolved: %q, %q", a.Said, a.Why)
		}
	})
}

// Who declines is not asked again, and nothing is done.
func TestDeclined(t *testing.T) {
	h := &hand{}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		must.Get(l.Decline(t.Context(), a.ID, ann, "not now"))(t)
		time.Sleep(time.Hour)
		if a = first(t, w.db, 0, omen.ActionDeclined); h.called() != 0 || a.By != "ann" {
			t.Errorf("%d calls, %+v", h.called(), a)
		}
	})
}

// The host recovers before somebody approves: the guards that are asked again
// refuse it.
func TestApprovedAfterItRecovered(t *testing.T) {
	h := &hand{}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		w.set(a.Host, .2)
		must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
		if a = first(t, w.db, time.Minute, omen.ActionRefused); a.Guard != remedy.GuardEvidence || h.called() != 0 {
			t.Errorf("guard %s, %d calls", a.Guard, h.called())
		}
		if in := must.Get(w.db.Incident(t.Context(), a.Incident))(t); !strings.HasPrefix(in.Remedy, "approved by ann and refused by guard evidence, ") {
			t.Errorf("the incident says %q", in.Remedy)
		}
	})
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

// What cannot be stored is not done, and what cannot be looked at neither; people
// are told.
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
// are told, and one of them settles it.
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

// What two people take back at once is taken back once, and kept as that, though it
// comes to be measured meanwhile.
func TestUndoneOnce(t *testing.T) {
	h := &hand{undoing: 20 * time.Second}
	running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionDone)
		var errs [2]error
		var both sync.WaitGroup
		for i := range errs {
			both.Go(func() { _, errs[i] = l.Undo(t.Context(), a.ID, ann, "") })
		}
		time.Sleep(time.Second)
		h.says(remedy.Yes)
		both.Wait()
		a = first(t, w.db, 0, omen.ActionUndone)
		if h.undone != 1 || (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:]...), omen.ErrConflict) {
			t.Errorf("undone %d times: %v", h.undone, errs)
		}
		states := must.Get(w.db.ActionSteps(t.Context(), a.ID))(t)
		if n := len(states); states[n-2].Action != "action.measuring" {
			t.Errorf("it was not measured meanwhile: %+v", states)
		}
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

// An audit that cannot be read for a moment is none that was changed: it is read
// again at once.
func TestAnAuditThatCannotBeReadIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, _ *remedy.Loop, w *world, again func() *remedy.Loop) {
		first(t, w.db, time.Minute, omen.ActionWaiting)
		w.db.SetAuditKeyFile(dir)
		l := again()
		time.Sleep(10 * time.Second)
		if l.Health().Broken == "" {
			t.Fatal("a key that cannot be read is not said")
		}
		w.db.SetAuditKeyFile("")
		time.Sleep(10 * time.Second)
		if why := l.Health().Broken; why != "" {
			t.Errorf("still %q", why)
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

// The kill switch survives a restart, and so does what was switched off.
func TestPauseAndDisableSurvive(t *testing.T) {
	h := &hand{happened: remedy.Yes}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, again func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		must.OK(t, l.Pause(t.Context(), "ann", "storm"))
		must.OK(t, l.Disable(t.Context(), "restart", "bob", ""))
		l = again()
		time.Sleep(2 * time.Minute)
		open := must.Get(w.db.OpenIncidents(t.Context()))(t)
		if !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy/disabled/restart" }) {
			t.Error("nobody is notified that the playbook is off")
		}
		if _, paused, err := l.Ceiling(t.Context()); err != nil || paused != "by ann: storm" {
			t.Fatalf("paused %q, %v", paused, err)
		}
		must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
		if a = first(t, w.db, time.Minute, omen.ActionRefused); a.Guard != remedy.GuardPaused || h.called() != 0 {
			t.Errorf("guard %s, %d calls", a.Guard, h.called())
		}
		all := must.Get(l.Standings(t.Context()))(t)
		if all[0].Disabled != "by bob" {
			t.Errorf("disabled %q", all[0].Disabled)
		}
		if err := l.Pause(t.Context(), "bob", ""); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("paused twice: %v", err)
		}
		must.OK(t, l.Resume(t.Context(), "ann", ""))
		must.OK(t, l.Enable(t.Context(), "restart", "ann", ""))
	})
}

// What is paused while the target is looked for is not started.
func TestPausedWhileLooking(t *testing.T) {
	h := &hand{looking: 20 * time.Second}
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
		time.Sleep(5 * time.Second)
		must.OK(t, l.Pause(t.Context(), "ann", ""))
		if a = first(t, w.db, time.Minute, omen.ActionRefused); a.Guard != remedy.GuardPaused || h.called() != 0 {
			t.Errorf("guard %s, %d calls", a.Guard, h.called())
		}
	})
}

// An audit that is not what was written stops everything, and people are told: its
// key is another one here.
func TestAnAuditThatWasChangedStopsEverything(t *testing.T) {
	h := &hand{}
	other := filepath.Join(t.TempDir(), "other.key")
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		first(t, w.db, time.Minute, omen.ActionWaiting)
		w.db.SetAuditKeyFile(other)
		time.Sleep(2 * time.Hour)
		open := must.Get(w.db.OpenIncidents(t.Context()))(t)
		if l.Health().Broken == "" || !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy/audit" && in.Severity == omen.Critical }) {
			t.Errorf("health %+v, open %+v", l.Health(), open)
		}
		plan := must.Get(l.Plan(t.Context(), "i-web-1"))(t)
		if len(plan) != 1 || plan[0].Action.State != omen.ActionRefused || !slices.ContainsFunc(plan[0].Verdict, func(g remedy.GuardSays) bool { return g.Guard == remedy.GuardOwnTrouble && g.Why != "" }) {
			t.Errorf("%+v", plan)
		}
	})
}

// Who may not act and presses on does not fill the audit: the same attempt is written
// once in an hour, with how often it was made again.
func TestWhoMayNotDoesNotFillTheAudit(t *testing.T) {
	running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, 10*time.Second, omen.ActionWaiting)
		press := func() {
			if _, err := l.Decline(t.Context(), a.ID, eve, ""); !errors.Is(err, omen.ErrDenied) {
				t.Errorf("eve declines: %v", err)
			}
		}
		for range 50 {
			press()
		}
		if _, err := l.Ask(t.Context(), "i-none", "restart", nil, "", eve); !errors.Is(err, omen.ErrNotFound) {
			t.Errorf("an incident that there is not: %v", err)
		}
		time.Sleep(deniedEvery)
		press()
		var said []string
		for _, row := range must.Get(w.db.Audit(t.Context(), "", 0))(t) {
			if row.Action == "action.not_allowed" {
				said = append(said, row.Subject+" "+row.Detail)
			}
		}
		if len(said) != 2 || said[1] != a.ID+" decline" || !strings.HasPrefix(said[0], a.ID+" decline, and 49 times since ") {
			t.Errorf("the audit has %q", said)
		}
	})
}

const deniedEvery = time.Hour // see operate.go
