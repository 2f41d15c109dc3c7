package watch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
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

// A drift has a mark at its begin, also where it was found before the start, and one at
// its end: at once if it turned round, and once it cannot go on if a model has learned
// it; one that became a new level has no end of its own. It is stored with the host's
// level.
func TestSlowDriftsAreMarkedOnce(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	must.OK(t, r.load(t.Context()))
	r.grow(t)
	begin := r.now.Add(-30 * time.Hour)
	frame := must.Get((&world{hosts: []string{"web-1"}, born: begin}).Read(t.Context(), series.Query{
		Exprs: []series.Expr{{Feature: "cpu"}, {Feature: "disk"}, {Feature: "net"}, {Feature: "mem"}}, Start: begin, End: r.now, Step: time.Minute,
	}))(t)
	var day []omen.Vector
	for i := range frame.Instants {
		day = r.o.Schema.AppendVectors(day, frame, "test", frame.Time(i))
	}
	m := must.Get(detect.Fit(t.Context(), r.o.Schema, day, nil, detect.Options{Step: time.Minute}))(t)
	h := r.hosts["web-1"]
	drift := omen.SlowDrift{Feature: "mem", Unit: omen.Count, Up: true, Mean: 5, Expected: 3, Since: r.now.Add(-time.Hour), At: r.now}
	over := drift
	over.Back = r.now.Add(-time.Minute)
	learned, down := over, drift
	learned.Learned = true
	down.Up, down.Since = false, r.now.Add(-time.Minute)
	for _, c := range []struct {
		name        string
		before, now []omen.SlowDrift
		marks       []string
		at          time.Time
	}{
		{"found", nil, []omen.SlowDrift{drift}, []string{"mem drifts upwards: 5 on average where 3 is expected, since "}, drift.Since},
		{"goes on", []omen.SlowDrift{drift}, []omen.SlowDrift{drift}, nil, time.Time{}},
		{"turned round", []omen.SlowDrift{drift}, []omen.SlowDrift{over}, []string{"mem: back from drifting upwards, since "}, over.Back},
		{"stays turned round", []omen.SlowDrift{over}, []omen.SlowDrift{over}, nil, time.Time{}},
		{"was said to be over", []omen.SlowDrift{over}, nil, nil, time.Time{}},
		{"goes on again", []omen.SlowDrift{over}, []omen.SlowDrift{drift}, []string{"again: mem drifts upwards: 5 on average "}, h.seen},
		{"goes the other way", []omen.SlowDrift{drift}, []omen.SlowDrift{down}, []string{"mem drifts downwards: ", "mem: back from drifting upwards, since "}, down.Since},
		{"learned, and may go on", []omen.SlowDrift{drift}, []omen.SlowDrift{learned}, nil, time.Time{}},
		{"learned, and went on", []omen.SlowDrift{learned}, []omen.SlowDrift{drift}, nil, time.Time{}},
		{"learned, and over", []omen.SlowDrift{learned}, nil, []string{"mem: a new model expects what it has drifted to, since "}, over.Back},
		{"a new level", []omen.SlowDrift{drift}, nil, nil, time.Time{}},
	} {
		r.moves = nil
		h.stream = m.GoOn(nil, detect.Centres{Drifts: c.now})
		r.drifted(h, c.before)
		if len(r.moves) != len(c.marks) || len(h.drifts) != len(c.now) {
			t.Errorf("%s: marks %+v of %v, want %q", c.name, r.moves, h.drifts, c.marks)
			continue
		}
		for i, e := range r.moves {
			if must.OK(t, e.Validate()); !strings.HasPrefix(e.Title, c.marks[i]) || !e.At.Equal(c.at) || e.Kind != mute.EventNote {
				t.Errorf("%s: %+v, want %q at %s", c.name, e, c.marks[i], c.at)
			}
		}
	}
	h.stream = m.GoOn(nil, detect.Centres{Drifts: []omen.SlowDrift{drift}})
	r.drifted(h, nil)
	if got := r.Hosts()[0].SlowDrifts; len(got) != 1 || !got[0].Is(drift) {
		t.Errorf("the host's drifts are %v", got)
	}
	r.pass(t, 1)
	must.OK(t, r.keepLevels(t.Context()))
	if stored := must.Get(r.readLevels(t.Context()))(t)["web-1"].Centres.Drifts; len(stored) != 1 || !stored[0].Is(drift) {
		t.Errorf("stored are %v", stored)
	}
}
