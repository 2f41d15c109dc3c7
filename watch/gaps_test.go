package watch

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// refusing is a world that refuses the query of mem for a while, and has it as a gap.
type refusing struct {
	*world
	refused atomic.Bool
}

func (r *refusing) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	f, err := r.world.Read(ctx, q)
	if err == nil && r.refused.Load() {
		if i := slices.Index(f.Features, "mem"); i >= 0 {
			f.Failed["mem"] = errors.New("many-to-many matching not allowed")
			for h := range f.Hosts {
				for at := range f.Instants {
					f.Set(h, at, i, math.NaN())
				}
			}
		}
	}
	return f, err
}

// gapRigged is a rig over such a world.
type gapRigged struct {
	*rig
	*refusing
}

// steppingMem is a rate that is infinite while its counter steps back.
const steppingMem = "sum by ($by) (1 / clamp_min(1 / deriv(mem[$window]), 0))"

// gapRig is a rig, grown up, whose feature mem has that expression.
func gapRig(t *testing.T, expr string) gapRigged {
	t.Helper()
	r := gapRigged{rig: newRig(t, nil, "web-1", "web-2")}
	r.refusing = &refusing{world: r.rig.world}
	p := feature.Profile{Name: "test", By: []string{"instance"}}
	for _, spec := range profile(t).Features() {
		if spec.Name == "mem" {
			spec.Expr = expr
		}
		p.Features = append(p.Features, spec)
	}
	r.Watch = New(Options{
		Source: r.refusing, Name: "test", Schema: must.Get(feature.NewSchema(p))(t), Step: time.Second, Store: open(t), History: time.Hour, Sink: r.rig,
		Zone: time.FixedZone("CET", 3600),
	})
	must.OK(t, r.load(t.Context()))
	r.grow(t)
	return r
}

// What is infinite without a counter's rate is a division by 0: no counter steps back,
// and it is nothing to people where no model uses it.
func TestADivisionByZeroIsNoCounterThatStepsBack(t *testing.T) {
	r := gapRig(t, "sum by ($by) (rate(mem[$window])) / sum by ($by) (rate(cpu[$window]))")
	r.rig.world.fault["mem"] = math.Inf(1)
	for range 18 {
		r.pass(t, 60)
	}
	got := r.Hosts()[0].Gaps
	if len(got) != 1 || got[0].Stepping || !got[0].Used || r.gapped != 1 {
		t.Fatalf("gaps %+v, want mem, undefined", got)
	}
	if s := got[0].String(); !strings.Contains(s, "CET") || !strings.HasSuffix(s, "its series are gone, or it is undefined, as a share of nothing is") {
		t.Error(s)
	}
	h := r.rig.hosts["web-1"]
	h.gaps.used = nil
	for range 2 {
		r.pass(t, 60)
	}
	if got := r.Hosts()[0].Gaps; len(got) > 0 {
		t.Errorf("gaps %+v of what no model uses", got)
	}
}

// A feature that has no value any more is said of its host, and whether its counters
// are there without a rate; once it has values it is not. What a silent host lacks is
// not said.
func TestFeaturesWithoutValuesAreSaid(t *testing.T) {
	r := gapRig(t, steppingMem)
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
		r.rig.world.fault["mem"] = c.factor
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
		r.rig.world.hush("web-1", true)
		minutes(20)
		r.rig.world.hush("web-1", false)
		if minutes(3); len(gaps()) > 0 {
			t.Errorf("gaps %+v three minutes after a silence", gaps())
		}
		minutes(16)
		if len(gaps()) != 1 {
			t.Errorf("gaps %+v long after a silence, want one", gaps())
		}
		r.rig.world.fault["mem"] = 1
	}
	r.pass(t, 60)
	// A feature that the source refuses is said of the source.
	r.refused.Store(true)
	if minutes(30); len(gaps()) > 0 {
		t.Errorf("gaps %+v of what the source refuses", gaps())
	}
	r.refused.Store(false)
	minutes(2)
	// What a model never knew is on its card, unless it is a counter without a rate.
	h := r.rig.hosts["web-1"]
	h.gaps.used = slices.DeleteFunc(slices.Clone(h.gaps.used), func(name string) bool { return name == "mem" })
	for want, factor := range []float64{math.NaN(), math.Inf(1)} {
		r.rig.world.fault["mem"] = factor
		if minutes(18); len(gaps()) != want || want > 0 && gaps()[0].Used || r.gapped > 0 {
			t.Errorf("gaps %+v of what the model does without, want %d", gaps(), want)
		}
	}
}
