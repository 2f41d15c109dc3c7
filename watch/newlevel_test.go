package watch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// marks is a sink that keeps events.
type marks struct {
	deaf
	events []mute.Event
}

func (m *marks) Note(_ context.Context, e mute.Event) error {
	m.events = append(m.events, e)
	return e.Validate()
}

// settledAnew is a rig whose first host has had a feature at a new level for so long that
// it is expected there.
func settledAnew(t *testing.T) (*rig, *marks) {
	t.Helper()
	r, kept := newRig(t, open(t), "web-1"), &marks{}
	must.OK(t, r.load(t.Context()))
	r.grow(t)
	r.o.Sink = kept
	r.world.fault["mem"] = 8
	for range 30 * 60 {
		if r.pass(t, 60); len(r.Hosts()[0].NewLevels) > 0 {
			return r, kept
		}
	}
	t.Fatal("no new level within thirty hours")
	return nil, nil
}

// A feature that stays at another level is expected there from then on: the host's
// status and its scores say so, its timeline has a mark, and it goes on after a
// restart of Omen and under another model.
func TestNewLevelIsMarkedAndOutlivesARestart(t *testing.T) {
	r, kept := settledAnew(t)
	l := r.Hosts()[0].NewLevels[0]
	if l.Feature != "mem" || l.Level < 4*l.Was || r.Hosts()[0].Score.NewLevels[0] != l {
		t.Fatalf("new level %+v, want mem at eight times", l)
	}
	r.noteEvents(t.Context())
	if len(kept.events) != 1 || kept.events[0].Kind != mute.EventNote || !strings.HasPrefix(kept.events[0].Title, "mem: new level ") {
		t.Fatalf("events %+v, want one note of the new level", kept.events)
	}
	must.OK(t, r.keepLevels(t.Context()))
	next := r.again(t, 20*time.Second)
	same := func(a, b omen.NewLevel) bool {
		return a.Feature == b.Feature && a.Level == b.Level && a.Since.Equal(b.Since)
	}
	if !slices.EqualFunc(next.Hosts()[0].NewLevels, []omen.NewLevel{l}, same) {
		t.Errorf("after a restart new levels are %+v, want %+v", next.Hosts()[0].NewLevels, l)
	}
	if n := next.alerts(t, 60); n > 0 {
		t.Errorf("%d of 60 samples alert after a restart", n)
	}
	next.world.fault["mem"] = 1
	if n := next.alerts(t, 60); n > 0 {
		t.Errorf("%d of 60 samples back at the old level alert", n)
	}
}
