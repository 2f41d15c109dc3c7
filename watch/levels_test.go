package watch

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// settle lets a rig's first host change for good, and waits for its level.
func (r *rig) settle(t *testing.T) {
	t.Helper()
	r.grow(t)
	r.world.fault["mem"] = 100
	r.pass(t, int(time.Hour/time.Second))
	if s := r.Hosts()[0].Score; s.Value <= 1 || s.Anomalous() {
		t.Fatalf("an hour into a plateau: score %g at a level of %g, want between 1 and the level", s.Value, s.Level)
	}
}

// again is a rig after a restart on the same store, an instant later.
func (r *rig) again(t *testing.T, after time.Duration) *rig {
	t.Helper()
	next := newRig(t, r.o.Store, r.world.hosts...)
	next.world, next.now, next.o.Source = r.world, r.now.Add(after), r.world
	must.OK(t, next.load(t.Context()))
	next.pass(t, 1)
	must.OK(t, next.lookUp(t.Context()))
	return next
}

// alerts are how many of the next instants' scores alert on the first host.
func (r *rig) alerts(t *testing.T, n int) (alerts int) {
	t.Helper()
	for _, k := range r.pass(t, n) {
		if len(k.Scores) == 0 {
			t.Fatalf("no score at %s", k.At)
		}
		if k.Scores[0].Anomalous() {
			alerts++
		}
	}
	return alerts
}

// A plateau that has settled alerts no more after a restart, at steps of a second,
// at which the latest samples are too few to show it.
func TestLevelOutlivesARestart(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	must.OK(t, r.load(t.Context()))
	r.settle(t)
	must.OK(t, r.keepLevels(t.Context()))
	next := r.again(t, 20*time.Second)
	must.OK(t, next.keepLevels(t.Context()))
	if n := next.alerts(t, 120); n > 0 {
		t.Errorf("%d of 120 samples alert after the restart", n)
	}
	// A level of a host that is not back yet is not lost either.
	twice := newRig(t, r.o.Store, "web-1")
	must.OK(t, twice.load(t.Context()))
	must.OK(t, twice.keepLevels(t.Context()))
	if n := next.again(t, 20*time.Second).alerts(t, 60); n > 0 {
		t.Errorf("%d of 60 samples alert after two more restarts", n)
	}
	// One whose plateau is over alerts when the trouble is back.
	next.world.fault["mem"] = 1
	next.pass(t, int(time.Hour/time.Second))
	must.OK(t, next.keepLevels(t.Context()))
	next.world.fault["mem"] = 100
	if next.again(t, time.Second).alerts(t, 60) == 0 {
		t.Error("after the plateau's end the same trouble alerts no more")
	}
}

// Levels that are absent or damaged are ignored: the host alerts as one that has
// never had one, and the log says which was damaged.
func TestLevelThatIsDamagedIsIgnored(t *testing.T) {
	for name, stored := range map[string]any{
		"absent":        map[string]any{},
		"of another":    []string{"web-1"},
		"without times": map[string]any{"web-1": map[string]any{}},
		"no numbers":    map[string]any{"web-1": map[string]any{"level": map[string]any{"at": time.Now(), "rises": []any{map[string]any{"left": -4}}}}},
		"too long":      map[string]any{"web-1": map[string]any{"level": map[string]any{"at": time.Now(), "window": make([]float64, 61)}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, open(t), "web-1")
			r.settle(t)
			must.OK(t, r.o.Store.PutSetting(t.Context(), r.levelsSetting(), stored))
			var log bytes.Buffer
			next := newRig(t, r.o.Store, "web-1")
			next.world, next.now, next.o.Source, next.log = r.world, r.now, r.world, slog.New(slog.NewTextHandler(&log, nil))
			must.OK(t, next.load(t.Context()))
			next.pass(t, 1)
			must.OK(t, next.lookUp(t.Context()))
			if n := next.alerts(t, 60); n == 0 {
				t.Error("nothing alerts: the test does not show that the level was needed")
			}
			if said := strings.Contains(log.String(), "level of host ignored"); said != (name != "absent" && name != "of another") {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

// While Omen runs the levels are stored every minute.
func TestLevelsAreStoredWhileOmenRuns(t *testing.T) {
	source := &world{hosts: []string{"web-1"}, born: bubble}
	source.set("mem", 100, bubble.Add(5*time.Minute), bubble.Add(24*time.Hour))
	live(t, source, Options{Schema: profile(t), Step: time.Second}, func(w *whole) {
		w.until(7*time.Minute + 500*time.Millisecond)
		k := must.Get(w.readLevels(w.t.Context()))(t)["web-1"]
		if age := time.Since(k.Level.Since()); age > keepLevelsEvery+time.Second {
			t.Errorf("the level as stored is %s old, want a minute at most", age)
		}
	})
}

// They are stored once more when it ends.
func TestLevelsAreStoredAtTheEnd(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	must.OK(t, r.load(t.Context()))
	r.settle(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must.OK(t, r.levelLoop(ctx))
	if k := must.Get(r.readLevels(t.Context()))(t)["web-1"]; !k.Level.Since().Equal(r.now) {
		t.Errorf("stored of %s, want %s", k.Level.Since(), r.now)
	}
}

// What people say of an incident moves the level of its host, which is stored, also
// that of one that is not back yet since the start.
func TestVerdictsMoveALevel(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	must.OK(t, r.load(t.Context()))
	r.grow(t)
	r.pass(t, 30)
	in := omen.Incident{
		Host: r.Hosts()[0].Host, State: omen.Closed, Verdict: omen.NotAProblem, Peak: 8,
		Since: r.now.Add(-20 * time.Second), ClosedAt: r.now.Add(-5 * time.Second),
	}
	level := func(r *rig) float64 { return r.pass(t, 1)[0].Scores[0].Level }
	before := level(r)
	r.Judged(in)
	rejected := level(r)
	if rejected < 1.3*before {
		t.Fatalf("level %g before and %g after an incident was rejected, want a third more", before, rejected)
	}
	if len(r.levelsChanged) != 1 {
		t.Error("the loop was not asked to store it")
	}
	must.OK(t, r.keepLevels(t.Context()))
	next := newRig(t, r.o.Store, "web-1")
	next.world, next.now, next.o.Source = r.world, r.now, r.world
	must.OK(t, next.load(t.Context()))
	in.Verdict = omen.Real
	next.Judged(in)
	next.pass(t, 1)
	must.OK(t, next.lookUp(t.Context()))
	if now := level(next); now > before+.01 {
		t.Errorf("level %g after a restart and another verdict, want %g", now, before)
	}
}
