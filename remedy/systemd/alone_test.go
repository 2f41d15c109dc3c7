package systemd

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

// Two Omens of one machine that look at a unit at the same time restart it once: the
// second is refused while the first acts, and sees afterwards that it is not what it
// was; and each later one sees when it was restarted.
func TestTwoOmensRestartAUnitOnce(t *testing.T) {
	f, bus := newFake(t)
	u := running(f, "shop.service")
	one, other := newRestart(t, bus), newRestart(t, bus)
	mine, theirs := resolved(t, one), resolved(t, other)
	theirs.ID = "a9999999999ff"
	if !mine.Target.MarkedAt.IsZero() {
		t.Errorf("its first start counts as a restart: %+v", mine.Target)
	}
	said := make(chan error, 1)
	f.set(func() {
		u.does = func(u *fakeUnit) string {
			_, err := other.Do(t.Context(), theirs)
			said <- err
			u.up(f.clock)
			return "done"
		}
	})
	must.Get(one.Do(t.Context(), mine))(t)
	if meanwhile := <-said; !errors.Is(meanwhile, remedy.ErrRefused) || !strings.Contains(meanwhile.Error(), "another Omen of this machine acts on shop.service now") {
		t.Errorf("meanwhile: %v", meanwhile)
	}
	if _, err := other.Do(t.Context(), theirs); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("afterwards: %v", err)
	}
	if got := f.asked(); got != "restart shop.service" {
		t.Errorf("asked %s", got)
	}
	if got := resolved(t, other).Target; got.MarkedAt != start0.Add(time.Second) || got.Mark != "" {
		t.Errorf("the next target %+v, want it restarted a second after noon", got)
	}
	f.set(func() { u.automatic = 1 })
	if got := resolved(t, other).Target; !got.MarkedAt.IsZero() {
		t.Errorf("restarted by systemd itself: %+v", got)
	}
}

// Another Omen's run of a script is known by its instance.
func TestTwoOmensRunAScriptOnce(t *testing.T) {
	f, bus := newFake(t)
	for _, id := range []string{"a0123456789ab", "a9999999999ff"} {
		f.add("omen-action-clean@"+id+".service", func(u *fakeUnit) {
			u.kind, u.remains, u.fragment = "oneshot", true, "/etc/passwd" // a file of root's
		})
	}
	one, other := must.Get(NewScript(bus, "clean"))(t), must.Get(NewScript(bus, "clean"))(t)
	mine := action
	mine.Target = must.Get(one.Resolve(t.Context(), mine))(t)
	theirs := omen.Action{ID: "a9999999999ff", Host: action.Host, Started: start0}
	theirs.Target = must.Get(other.Resolve(t.Context(), theirs))(t)
	must.Get(one.Do(t.Context(), mine))(t)
	if _, err := other.Do(t.Context(), theirs); !errors.Is(err, remedy.ErrChanged) || !strings.Contains(err.Error(), "action a0123456789ab ran it since") {
		t.Errorf("the second: %v", err)
	}
	if got := must.Get(other.Resolve(t.Context(), theirs))(t); got.Mark != "a0123456789ab" || got.MarkedAt != start0.Add(time.Second) {
		t.Errorf("the next target %+v", got)
	}
	if got := f.asked(); got != "start omen-action-clean@a0123456789ab.service" {
		t.Errorf("asked %s", got)
	}
}

// Of many runs of a script the one that began last counts, in whatever order systemd
// lists them.
func TestTheLastRunOfAScript(t *testing.T) {
	f, bus := newFake(t)
	script(f, "omen-action-")
	for i, hours := range []time.Duration{5, 3, 1, 2, 4, 6, 7, 8} {
		f.add(fmt.Sprintf("omen-action-clean-cache@a99999999990%d.service", i), func(u *fakeUnit) { u.began = start0.Add(-hours * time.Hour) })
	}
	for range 4 {
		if got := resolved(t, newScript(t, bus)).Target; got.Mark != "a999999999902" || !got.MarkedAt.Equal(start0.Add(-time.Hour)) {
			t.Fatalf("the last run %s at %s", got.Mark, got.MarkedAt)
		}
	}
}

// The runs of a script are asked for at once, as many as may; before, one after the
// other, so that a systemd that answers slowly took its time for each.
func TestRunsAreAskedForAtOnce(t *testing.T) {
	f, bus := newFake(t)
	script(f, "omen-action-")
	for i := range 2 * askedAtOnce {
		f.add(fmt.Sprintf("omen-action-clean-cache@a9999999999%02d.service", i), func(u *fakeUnit) { u.began = start0.Add(time.Duration(i-100) * time.Hour) })
	}
	asked, all := make(chan struct{}, askedAtOnce), make(chan struct{})
	open := sync.OnceFunc(func() { close(all) })
	t.Cleanup(open)
	f.set(func() {
		f.gate = func(name string) {
			if !strings.Contains(name, "@a99999999") {
				return
			}
			select {
			case asked <- struct{}{}:
				if len(asked) == cap(asked) {
					open()
				}
				<-all
			case <-all:
			}
		}
	})
	if got := resolved(t, newScript(t, bus)).Target; got.Mark != "a999999999931" {
		t.Errorf("the last run %s", got.Mark)
	}
}
