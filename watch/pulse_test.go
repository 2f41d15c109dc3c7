package watch

import (
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// A watch has loaded its models once those of before the start serve; a host that
// appears later changes nothing of that.
func TestLoadedIsWhenTheModelsOfBeforeServe(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1", "web-2")
	r.grow(t)
	must.OK(t, r.keep(t.Context()))
	again := newRig(t, db, "web-1", "web-2", "web-3")
	again.world.born, again.now, again.world.silent["web-2"] = r.world.born, r.now, true
	for i, step := range []func(){
		func() { again.pass(t, 1) },
		func() { must.OK(t, again.load(t.Context())) },
		func() { must.OK(t, again.lookUp(t.Context())) },
		func() { again.hosts["web-1"].known = false },
	} {
		if step(); again.Pulse().Loaded != (i >= 2) {
			t.Errorf("after step %d loaded is %v", i, again.Pulse().Loaded)
		}
	}
	if p := again.Pulse(); p.Models != 2 {
		t.Errorf("%d models, want 2", p.Models)
	}
}

// That only hosts with a model are silent is no standstill; that one sends samples
// and is not scored is.
func TestSilentHostsAreNoStandstill(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	r.grow(t)
	long := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		set  func()
		beat bool
	}{
		"scored":      {func() {}, true},
		"not judged":  {func() { r.judged = r.now.Add(time.Minute) }, false},
		"both silent": {func() { r.world.silent["web-1"], r.world.silent["web-2"] = true, true }, true},
		"young speaks": {func() {
			r.world.silent["web-1"], r.world.silent["web-2"] = true, false
			r.hosts["web-2"].model, r.hosts["web-2"].stream = nil, nil
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			judged, models := r.judged, *r.hosts["web-2"]
			c.set()
			r.pulse.Scored = long
			r.pass(t, 1)
			if beat := !r.Pulse().Scored.Equal(long); beat != c.beat {
				t.Errorf("counted as alive: %v, want %v", beat, c.beat)
			}
			r.judged, *r.hosts["web-2"] = judged, models
			clear(r.world.silent)
		})
	}
}
