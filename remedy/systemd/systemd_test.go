package systemd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

var action = omen.Action{
	ID: "a0123456789ab", Started: start0,
	Host: omen.Host{Source: "local", Profile: "node", Name: "here"},
}

// running is a unit that has been up since a minute before the action.
func running(f *fake, name string) *fakeUnit {
	return f.add(name, func(u *fakeUnit) { u.up(start0.Add(-time.Minute)) })
}

// set changes what the fake reads.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func resolved(t *testing.T, h remedy.Hand) omen.Action {
	t.Helper()
	a := action
	a.Target = must.Get(h.Resolve(t.Context(), a))(t)
	return a
}

func happened(t *testing.T, h remedy.Hand, a omen.Action, want remedy.Answer) {
	t.Helper()
	if got := must.Get(h.Happened(t.Context(), a))(t); got != want {
		t.Errorf("happened: %v, want %v", got, want)
	}
}

func newRestart(t *testing.T, b Bus) *Restart {
	t.Helper()
	return must.Get(NewRestart(b, "shop.service"))(t)
}

func TestRestart(t *testing.T) {
	f, bus := newFake(t)
	running(f, "shop.service")
	h := newRestart(t, bus)
	a := resolved(t, h)
	want := omen.Target{Kind: "unit", Name: "shop.service", UID: strings.Repeat("01", 16),
		Version: "2026-11-29T11:59:00Z", Detail: "active since 2026-11-29T11:59:00Z"}
	if a.Target != want {
		t.Errorf("target %+v, want %+v", a.Target, want)
	}
	if text := must.Get(h.DryRun(t.Context(), a))(t); !strings.Contains(text, "restart shop.service") || f.asked() != "" {
		t.Errorf("dry run says %q and asked %q", text, f.asked())
	}
	happened(t, h, a, remedy.No)
	if receipt := must.Get(h.Do(t.Context(), a))(t); receipt != strings.Repeat("02", 16) {
		t.Errorf("receipt %q", receipt)
	}
	happened(t, h, a, remedy.Yes)
	if err := h.Undo(t.Context(), a); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("undo: %v", err)
	}
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) || f.asked() != "restart shop.service" {
		t.Errorf("a second time: %v, asked %s", err, f.asked())
	}
}

func TestRestartsThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		unit   func(*fakeUnit)
		want   error
		also   error
		answer remedy.Answer
	}{
		{"not allowed", func(u *fakeUnit) { u.deny = "org.freedesktop.DBus.Error.AccessDenied" }, remedy.ErrRefused, omen.ErrDenied, remedy.No},
		{"nobody to ask for a password", func(u *fakeUnit) { u.deny = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired" }, remedy.ErrRefused, omen.ErrDenied, remedy.No},
		{"refused", func(u *fakeUnit) { u.deny = "org.freedesktop.systemd1.TransactionIsDestructive" }, remedy.ErrRefused, nil, remedy.No},
		{"no reply", func(u *fakeUnit) { u.deny = "org.freedesktop.DBus.Error.NoReply" }, remedy.ErrUnknown, nil, remedy.No},
		{"started too often", func(u *fakeUnit) {
			u.does = func(u *fakeUnit) string { u.active, u.result = "failed", startLimit; return "failed" }
		}, remedy.ErrUnknown, nil, remedy.CannotTell},
		{"stopped, and does not start", func(u *fakeUnit) {
			u.does = func(u *fakeUnit) string { u.active, u.result = "failed", "exit-code"; return "failed" }
		}, remedy.ErrUnknown, nil, remedy.CannotTell},
		{"not stopped at all", func(u *fakeUnit) {
			u.does = func(u *fakeUnit) string { return "dependency" }
		}, remedy.ErrRefused, nil, remedy.No},
		{"slow to start", func(u *fakeUnit) {
			u.does = func(u *fakeUnit) string { u.active = "activating"; u.job = 7; return "timeout" }
		}, remedy.ErrUnknown, nil, remedy.CannotTell},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, bus := newFake(t)
			u := running(f, "shop.service")
			f.set(func() { c.unit(u) })
			h := newRestart(t, bus)
			a := resolved(t, h)
			_, err := h.Do(t.Context(), a)
			if !errors.Is(err, c.want) || c.also != nil && !errors.Is(err, c.also) {
				t.Errorf("%v, want %v", err, c.want)
			}
			happened(t, h, a, c.answer)
			if f.asked() != "restart shop.service" {
				t.Errorf("asked %s: it has to be asked once, and nothing reset", f.asked())
			}
		})
	}
}

// Nobody hears how the job ended: the unit itself says it.
func TestLostAnswerIsSettledByObservation(t *testing.T) {
	f, bus := newFake(t)
	ctx, stop := context.WithCancel(t.Context())
	u := running(f, "shop.service")
	f.set(func() { u.does = func(u *fakeUnit) string { u.up(f.clock); stop(); return "" } })
	h := newRestart(t, bus)
	a := resolved(t, h)
	if _, err := h.Do(ctx, a); !errors.Is(err, remedy.ErrUnknown) {
		t.Errorf("an answer that got lost: %v", err)
	}
	happened(t, h, a, remedy.Yes)
	if f.asked() != "restart shop.service" {
		t.Errorf("asked %s", f.asked())
	}
}

func TestUnitsThatAreLeftAlone(t *testing.T) {
	f, bus := newFake(t)
	for name, unit := range map[string]func(*fakeUnit){
		"is masked":                func(u *fakeUnit) { u.load = "masked" },
		"by hand":                  func(u *fakeUnit) { u.refuses = true },
		"it was started too often": func(u *fakeUnit) { u.active, u.result = "failed", startLimit },
		"systemd gave up on":       func(u *fakeUnit) { u.active, u.result, u.restart = "failed", "exit-code", "on-failure" },
		"a job is under way":       func(u *fakeUnit) { u.job = 3 },
		"is deactivating":          func(u *fakeUnit) { u.active = "deactivating" },
	} {
		u := running(f, "shop.service")
		f.set(func() { unit(u) })
		if _, err := newRestart(t, bus).Resolve(t.Context(), action); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
	if _, err := must.Get(NewRestart(bus, "none.service"))(t).Resolve(t.Context(), action); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("a unit that is not there: %v", err)
	}
	running(f, "shop.service")
	a := action
	a.Host.Source = "prod"
	if _, err := newRestart(t, bus).Resolve(t.Context(), a); !errors.Is(err, remedy.ErrRefused) || omen.Hint(err) == "" {
		t.Errorf("an incident of another machine: %v", err)
	}
	for _, name := range []string{"omen.service", "dbus.service", "dbus-broker.service", "systemd-journald.service", "polkit.service", "user@1000.service", "shop", "a b.service", "shop.socket", ""} {
		if _, err := NewRestart(bus, name); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%q may be restarted: %v", name, err)
		}
	}
	if f.asked() != "" {
		t.Errorf("asked %s", f.asked())
	}
}

func TestSteps(t *testing.T) {
	b := System()
	for _, step := range []remedy.Step{
		{Name: "systemd_restart", With: map[string]string{"unit": "shop.service"}}, {Name: "script", With: map[string]string{"name": "clean-cache"}},
	} {
		must.Get(b.Hand(step))(t)
	}
	for want, step := range map[string]remedy.Step{
		"there are script, systemd_restart":                 {Name: "reboot"},
		"systemd_restart: unknown key uint: known here is ": {Name: "systemd_restart", With: map[string]string{"uint": "shop.service"}},
		`systemd_restart: unit: "" is no name`:              {Name: "systemd_restart"},
		`script: "": want lower-case`:                       {Name: "script"},
	} {
		if _, err := b.Hand(step); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestOwnUnit(t *testing.T) {
	for cgroup, want := range map[string]string{
		"0::/system.slice/omen.service\n":                                    "omen.service",
		"0::/user.slice/user-0.slice/user@0.service/app.slice/run-1.scope\n": "run-1.scope",
		"0::/\n": "", "": "",
	} {
		if got := unitOf(cgroup); got != want {
			t.Errorf("%q: %q, want %q", cgroup, got, want)
		}
	}
}

// What could not be asked of systemd did not happen, and nobody has to find out.
func TestNoBus(t *testing.T) {
	bus := Bus{Address: "unix:path=" + filepath.Join(t.TempDir(), "none")}
	for name, h := range map[string]remedy.Hand{"restart": newRestart(t, bus), "script": newScript(t, bus)} {
		if _, err := h.Resolve(t.Context(), action); !errors.Is(err, omen.ErrUnavailable) {
			t.Errorf("%s: resolve: %v", name, err)
		}
		if _, err := h.Do(t.Context(), action); !errors.Is(err, remedy.ErrRefused) {
			t.Errorf("%s: do: %v", name, err)
		}
		if got, err := h.Happened(t.Context(), action); got != remedy.CannotTell || err == nil {
			t.Errorf("%s: happened: %v, %v", name, got, err)
		}
	}
}

// script is a template unit as it has to be, with its instance for the action.
func script(f *fake, prefix string) *fakeUnit {
	return f.add(prefix+"clean-cache@"+action.ID+".service", func(u *fakeUnit) {
		u.kind, u.remains, u.fragment = "oneshot", true, "/etc/passwd" // a file of root's
	})
}

func newScript(t *testing.T, b Bus) *Script {
	t.Helper()
	return must.Get(NewScript(b, "clean-cache"))(t)
}

func TestScriptRunsOnce(t *testing.T) {
	f, bus := newFake(t)
	script(f, "omen-action-")
	h := newScript(t, bus)
	a := resolved(t, h)
	happened(t, h, a, remedy.No)
	if receipt := must.Get(h.Do(t.Context(), a))(t); receipt == "" {
		t.Error("no receipt")
	}
	happened(t, h, a, remedy.Yes)
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrUnknown) {
		t.Errorf("a second time: %v", err)
	}
	if want := "start omen-action-clean-cache@a0123456789ab.service"; f.asked() != want {
		t.Errorf("asked %s, want %s", f.asked(), want)
	}
}

func TestScriptThatFails(t *testing.T) {
	f, bus := newFake(t)
	u := script(f, "omen-action-")
	f.set(func() {
		u.does = func(u *fakeUnit) string { u.active, u.result, u.began = "failed", "exit-code", start0; return "failed" }
	})
	h := newScript(t, bus)
	a := resolved(t, h)
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), "exit-code") {
		t.Errorf("a script that failed: %v", err)
	}
	happened(t, h, a, remedy.No)
}

func TestScriptInDoubt(t *testing.T) {
	f, bus := newFake(t)
	u := script(f, "omen-action-")
	ctx, stop := context.WithCancel(t.Context())
	f.set(func() {
		u.does = func(u *fakeUnit) string { u.active, u.job = "activating", 1; stop(); return "" }
	})
	h := newScript(t, bus)
	a := resolved(t, h)
	if _, err := h.Do(ctx, a); !errors.Is(err, remedy.ErrUnknown) {
		t.Errorf("nobody heard of its end: %v", err)
	}
	happened(t, h, a, remedy.CannotTell) // it still runs
	f.set(func() { u.active, u.job = "active", 0 })
	happened(t, h, a, remedy.Yes)
	script(f, "omen-action-")
	f.set(func() { f.booted = start0.Add(time.Minute) })
	happened(t, h, a, remedy.CannotTell) // the machine booted since, and has forgotten
}

func TestTemplatesThatAreNotSound(t *testing.T) {
	f, bus := newFake(t)
	loose := filepath.Join(t.TempDir(), "omen-action-clean-cache@.service")
	must.OK(t, os.WriteFile(loose, nil, 0o600))
	must.OK(t, os.Chmod(loose, 0o666))
	for want, unit := range map[string]func(*fakeUnit){
		"run twice":      func(u *fakeUnit) { u.remains = false },
		"could run":      func(u *fakeUnit) { u.kind = "simple" },
		"for ever":       func(u *fakeUnit) { u.endless = true },
		"root's alone":   func(u *fakeUnit) { u.fragment = loose },
		"cannot be chec": func(u *fakeUnit) { u.fragment = "/does/not/exist" },
		"is masked":      func(u *fakeUnit) { u.load = "masked" },
	} {
		u := script(f, "omen-action-")
		f.set(func() { unit(u) })
		if _, err := newScript(t, bus).Resolve(t.Context(), action); !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := must.Get(NewScript(bus, "none"))(t).Resolve(t.Context(), action); !errors.Is(err, omen.ErrNotFound) || omen.Hint(err) == "" {
		t.Errorf("a template that is not there: %v", err)
	}
	a := action
	a.ID = "../x"
	if _, err := newScript(t, bus).Resolve(t.Context(), a); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("an ID that is none: %v", err)
	}
	for _, name := range []string{"", "A", "a/b", "a@b", "-a"} {
		if _, err := NewScript(bus, name); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("a script is called %q: %v", name, err)
		}
	}
}

func TestUndoOfAScript(t *testing.T) {
	f, bus := newFake(t)
	script(f, "omen-action-")
	h := newScript(t, bus)
	a := resolved(t, h)
	must.Get(h.Do(t.Context(), a))(t)
	if err := h.Undo(t.Context(), a); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without an undo unit: %v", err)
	}
	script(f, "omen-undo-")
	must.OK(t, h.Undo(t.Context(), a))
	if !strings.HasSuffix(f.asked(), "start omen-undo-clean-cache@a0123456789ab.service") {
		t.Errorf("asked %s", f.asked())
	}
}
