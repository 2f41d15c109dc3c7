package watch

import (
	"math"
	"slices"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// A feature that has no value any more is said of its host, and whether its counters
// are there without a rate; once it has values it is not. What a silent host lacks is
// not said.
func TestFeaturesWithoutValuesAreSaid(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2")
	must.OK(t, r.load(t.Context()))
	r.grow(t)
	gaps := func() []omen.Gap { return r.Hosts()[0].Gaps }
	minutes := func(n int) {
		for range n {
			r.pass(t, 60)
		}
	}
	for _, c := range []struct {
		factor   float64
		stepping bool
	}{{math.NaN(), false}, {math.Inf(1), true}} {
		if minutes(2); len(gaps()) > 0 {
			t.Fatalf("gaps %+v of a host that sends all", gaps())
		}
		since := r.now
		r.world.fault["mem"] = c.factor
		if minutes(13); len(gaps()) > 0 {
			t.Errorf("gaps %+v after 13 minutes", gaps())
		}
		minutes(4)
		if got := gaps(); len(got) != 1 || got[0].Feature != "mem" || got[0].Stepping != c.stepping || !got[0].Since.Equal(since) {
			t.Errorf("gaps %+v, want mem since %s, stepping: %t", got, since, c.stepping)
		}
		if other := r.Hosts()[1].Gaps; len(other) > 0 {
			t.Errorf("gaps %+v of another host", other)
		}
		r.world.hush("web-1", true)
		minutes(20)
		r.world.hush("web-1", false)
		if minutes(3); len(gaps()) > 0 {
			t.Errorf("gaps %+v three minutes after a silence", gaps())
		}
		minutes(16)
		if len(gaps()) != 1 {
			t.Errorf("gaps %+v long after a silence, want one", gaps())
		}
		r.world.fault["mem"] = 1
	}
	// What a model never knew is on its card, unless it is a counter without a rate.
	h := r.hosts["web-1"]
	h.gaps.used = slices.DeleteFunc(slices.Clone(h.gaps.used), func(name string) bool { return name == "mem" })
	for want, factor := range []float64{math.NaN(), math.Inf(1)} {
		r.world.fault["mem"] = factor
		if minutes(18); len(gaps()) != want {
			t.Errorf("gaps %+v of what the model does without, want %d", gaps(), want)
		}
	}
}
