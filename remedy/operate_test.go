package remedy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

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

// Who may not act and presses on does not fill the audit: the same attempt is written
// once in an hour, with how often it was made again.
func TestWhoMayNotDoesNotFillTheAudit(t *testing.T) {
	running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, l *remedy.Loop, w *world, again func() *remedy.Loop) {
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
		time.Sleep(deniedEvery + time.Minute) // nobody presses again: the number is written by the loop
		said := func() (all []string) {
			for _, row := range must.Get(w.db.Audit(t.Context(), "", 0))(t) {
				if row.Action == "action.not_allowed" {
					all = append(all, row.By+": "+row.Subject+" "+row.Detail)
				}
			}
			slices.Reverse(all) // oldest first
			return all
		}
		one, more := "eve: "+a.ID+" decline", "eve: "+a.ID+" decline, %d times more since "
		if all := said(); len(all) != 2 || all[0] != one || !strings.HasPrefix(all[1], fmt.Sprintf(more, 49)) {
			t.Errorf("the audit has %q", all)
		}
		for range 3 {
			press()
		}
		again() // the loop ends
		if all := said(); len(all) != 4 || all[2] != one || !strings.HasPrefix(all[3], fmt.Sprintf(more, 2)) {
			t.Errorf("as the loop ends the audit has %q", all)
		}
	})
}

// Who may do nothing cannot break the audit, either: while its key is not there an
// attempt has no row, which another key would sign, and has one when it is back.
func TestWhoMayNotCannotBreakTheAudit(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.key")
	running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		key := must.Get(os.ReadFile(w.path + ".key"))(t)
		must.OK(t, os.Remove(w.path+".key"))
		w.db.SetAuditKeyFile(other)
		w.db.SetAuditKeyFile("") // as a new process, which has not read it
		for range 3 {
			if _, err := l.Decline(t.Context(), a.ID, eve, ""); !errors.Is(err, omen.ErrDenied) {
				t.Errorf("eve declines: %v", err)
			}
		}
		time.Sleep(2 * deniedEvery)
		must.OK(t, os.WriteFile(w.path+".key", key, 0o600))
		time.Sleep(time.Minute)
		if got := must.Get(w.db.Verify(t.Context()))(t); !got.OK() {
			t.Errorf("with the key back: %+v", got)
		}
		rows := must.Get(w.db.Audit(t.Context(), a.ID, 0))(t)
		if i := slices.IndexFunc(rows, func(r omen.Audit) bool { return r.Action == "action.not_allowed" }); i < 0 || !strings.Contains(rows[i].Detail, "decline, 3 times more") {
			t.Errorf("the audit has %+v", rows)
		}
	})
}

const deniedEvery = time.Hour // see operate.go
