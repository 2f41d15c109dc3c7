package remedy_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

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

// A key that is not there when Omen starts again is said, whatever was under way: that
// is not repeated, nothing else is done, and what people do stays possible. With the key
// back the action goes on to be observed.
func TestAKeyThatIsGoneAtAStart(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.key")
	h := &hand{lasts: time.Hour}
	running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, _ *remedy.Loop, w *world, again func() *remedy.Loop) {
		first(t, w.db, time.Minute, omen.ActionStarted)
		key := must.Get(os.ReadFile(w.path + ".key"))(t)
		must.OK(t, os.Remove(w.path+".key"))
		w.db.SetAuditKeyFile(other)
		w.db.SetAuditKeyFile("") // as a new process, which has not read it
		h.mu.Lock()
		h.lasts = 0 // the first call never ends, another would
		h.mu.Unlock()
		l := again()
		time.Sleep(time.Minute)
		open := must.Get(w.db.OpenIncidents(t.Context()))(t)
		if !l.Health().NoKey || !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy/audit_key" }) || h.called() != 0 {
			t.Errorf("health %+v, %d calls, open %+v", l.Health(), h.called(), open)
		}
		must.OK(t, os.WriteFile(w.path+".key", key, 0o600))
		if must.Get(l.Verify(t.Context()))(t); l.Health().Broken != "" {
			t.Errorf("with the key back: %+v", l.Health())
		}
		first(t, w.db, time.Minute, omen.ActionUnknown)
		if h.called() != 0 {
			t.Errorf("%d calls of an action that was under way, want none", h.called())
		}
	})
}

// Omen does nothing by itself that would break the audit for good while its key is not
// there: no action is drafted, refused or not. With the key back it goes on, within a pass.
func TestNothingIsDraftedWithoutTheKey(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.key")
	running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, l *remedy.Loop, w *world, again func() *remedy.Loop) {
		a := first(t, w.db, time.Minute, omen.ActionWaiting)
		must.Get(l.Decline(t.Context(), a.ID, ann, ""))(t)
		key := must.Get(os.ReadFile(w.path + ".key"))(t)
		must.OK(t, os.Remove(w.path+".key"))
		w.db.SetAuditKeyFile(other)
		w.db.SetAuditKeyFile("") // as a new process, which has not read it
		must.OK(t, w.db.Append(t.Context(), opened("web-2", time.Now())))
		l = again()
		time.Sleep(time.Minute)
		if all := must.Get(w.db.Actions(t.Context(), store.ActionFilter{}))(t); !l.Health().NoKey || len(all) != 1 {
			t.Errorf("health %+v, actions %+v: want none but the first", l.Health(), all)
		}
		must.OK(t, os.WriteFile(w.path+".key", key, 0o600))
		time.Sleep(10 * time.Second)
		if h := l.Health(); h.Broken != "" || h.Err != "" {
			t.Errorf("with the key back: %+v", h)
		}
		if all := must.Get(w.db.Actions(t.Context(), store.ActionFilter{States: []omen.ActionState{omen.ActionWaiting}}))(t); len(all) != 1 {
			t.Errorf("waiting with the key back: %+v, want one of web-2", all)
		}
	})
}

// That the key is gone while Omen runs, is back, or is another is said at the next pass.
func TestAKeyThatComesAndGoesIsSeenAtOnce(t *testing.T) {
	running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		first(t, w.db, time.Minute, omen.ActionWaiting)
		file := w.path + ".key"
		key := must.Get(os.ReadFile(file))(t)
		see := func(what string, noKey, broken bool, trouble string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			open := must.Get(w.db.OpenIncidents(t.Context()))(t)
			said := ""
			if i := slices.IndexFunc(open, func(in omen.Incident) bool { return strings.HasPrefix(in.Trouble, "remedy/audit") }); i >= 0 {
				said = open[i].Trouble
			}
			if h := l.Health(); h.NoKey != noKey || (h.Broken != "") != broken || said != trouble {
				t.Errorf("%s: health %+v, open %+v", what, h, open)
			}
		}
		see("with the key", false, false, "")
		for range 2 {
			must.OK(t, os.Remove(file))
			see("without the key", true, true, "remedy/audit_key")
			must.OK(t, os.WriteFile(file, key, 0o600))
			see("with the key back", false, false, "")
		}
		must.OK(t, os.WriteFile(file, []byte("another key that somebody made"), 0o600))
		see("with another key", true, true, "remedy/audit_key")
		must.OK(t, os.WriteFile(file, key, 0o600))
		see("with its own key again", false, false, "")
	})
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

// An audit that is not what was written stops everything, and people are notified: its
// key is another one here.
func TestAnAuditThatWasChangedStopsEverything(t *testing.T) {
	h := &hand{}
	other := filepath.Join(t.TempDir(), "other.key")
	running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
		first(t, w.db, time.Minute, omen.ActionWaiting)
		whole := must.Get(l.Verify(t.Context()))(t).Rows
		if got := l.Health().Rows; got == 0 || got != whole {
			t.Errorf("%d rows, want %d", got, whole)
		}
		w.db.SetAuditKeyFile(other)
		time.Sleep(2 * time.Hour)
		if got := l.Health().Rows; got != whole {
			t.Errorf("%d rows of a chain that is not whole, want the %d of before", got, whole)
		}
		open := must.Get(w.db.OpenIncidents(t.Context()))(t)
		if l.Health().Broken == "" || !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy/audit_key" && in.Severity == omen.Critical }) {
			t.Errorf("health %+v, open %+v", l.Health(), open)
		}
		plan := must.Get(l.Plan(t.Context(), "i-web-1"))(t)
		if len(plan) != 1 || plan[0].Action.State != omen.ActionRefused || !slices.ContainsFunc(plan[0].Verdict, func(g remedy.GuardSays) bool { return g.Guard == remedy.GuardOwnTrouble && g.Why != "" }) {
			t.Errorf("%+v", plan)
		}
	})
}

// It stops as soon as anybody sees it: who asks, and a step that would cover it.
func TestAChangedAuditStopsEverythingAtOnce(t *testing.T) {
	for name, see := range map[string]func(*testing.T, *remedy.Loop){
		"somebody asks": func(t *testing.T, l *remedy.Loop) {
			if c := must.Get(l.Verify(t.Context()))(t); c.OK() {
				t.Errorf("%+v", c)
			}
		},
		"a step": func(*testing.T, *remedy.Loop) { time.Sleep(16 * time.Minute) }, // it expires
	} {
		t.Run(name, func(t *testing.T) {
			other := filepath.Join(t.TempDir(), "other.key")
			running(t, policy(omen.ModeApprove), &hand{}, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
				a := first(t, w.db, time.Minute, omen.ActionWaiting)
				w.db.SetAuditKeyFile(other)
				see(t, l)
				time.Sleep(10 * time.Second)
				open := must.Get(w.db.OpenIncidents(t.Context()))(t)
				if !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Trouble == "remedy/audit_key" }) {
					t.Errorf("health %+v, open %+v", l.Health(), open)
				}
				if _, err := l.Approve(t.Context(), a.ID, ann, ""); err == nil {
					t.Error("approved")
				}
			})
		})
	}
}

// What somebody writes into the audit after the last look at it is seen before the
// next call: nothing is done, and nothing taken back.
func TestAnAuditIsLookedAtBeforeEachCall(t *testing.T) {
	forge := func(t *testing.T, w *world) { // a row that was written before, once more
		db := must.Get(sql.Open("sqlite", "file:"+w.path+"?_pragma=busy_timeout(10000)"))(t)
		must.Get(db.ExecContext(t.Context(), "INSERT INTO audit (at, by, action, subject, detail, prev, mac, sum) SELECT at, by, action, subject, detail, prev, mac, sum FROM audit ORDER BY seq LIMIT 1"))(t)
		must.OK(t, db.Close())
	}
	t.Run("to do", func(t *testing.T) {
		h := &hand{looking: 20 * time.Second}
		running(t, policy(omen.ModeApprove), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
			a := first(t, w.db, time.Minute, omen.ActionWaiting)
			must.Get(l.Approve(t.Context(), a.ID, ann, ""))(t)
			time.Sleep(5 * time.Second)
			forge(t, w)
			if a = first(t, w.db, time.Minute, omen.ActionRefused); a.Guard != remedy.GuardOwnTrouble || h.called() != 0 {
				t.Errorf("guard %s, %d calls", a.Guard, h.called())
			}
		})
	})
	t.Run("to take back", func(t *testing.T) {
		h := &hand{}
		running(t, policy(omen.ModeAutomatic), h, func(t *testing.T, l *remedy.Loop, w *world, _ func() *remedy.Loop) {
			a := first(t, w.db, time.Minute, omen.ActionDone)
			forge(t, w)
			if _, err := l.Undo(t.Context(), a.ID, ann, ""); !errors.Is(err, omen.ErrConflict) || h.undone != 0 {
				t.Errorf("undone %d times: %v", h.undone, err)
			}
		})
	})
}
