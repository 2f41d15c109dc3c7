package bench_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/bench"
	"github.com/omenhq/omen/bench/baseline"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

func methods() []bench.Method { return append(bench.Omen(detect.Options{}), baseline.Methods()...) }

// A score may use samples up to its own, never later ones: cutting the future
// off, or replacing it, changes nothing before the cut.
func TestCausal(t *testing.T) {
	whole := bench.Daily("causal")
	cut := len(whole.Test) - 100
	other := *whole
	other.Test = append([]omen.Vector{}, whole.Test[:cut]...)
	for _, v := range whole.Test[cut:] {
		v.Values = []float64{9, -9, math.NaN(), 1e6}
		other.Test = append(other.Test, v)
	}
	for _, d := range methods() {
		t.Run(d.Name, func(t *testing.T) {
			a := must.Get(d.Run(t.Context(), whole, func(float64) {}))(t)
			b := must.Get(d.Run(t.Context(), &other, func(float64) {}))(t)
			if diff := cmp.Diff(a.Scores[:cut], b.Scores[:cut]); diff != "" {
				t.Errorf("the future changed the past:\n%s", diff)
			}
			if a.Parts != nil && !cmp.Equal(a.Parts[:cut*4], b.Parts[:cut*4]) {
				t.Error("the future changed past causes")
			}
			for i, x := range b.Scores {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Fatalf("score %v at %d", x, i)
				}
			}
		})
	}
}

// A run is the same however many workers there are, and finds what anybody
// would.
func TestRunDeterministic(t *testing.T) {
	all := []*bench.Series{bench.Daily("one"), bench.Daily("three"), bench.Daily("seventeen")}
	detectors := must.Get(bench.Named([]string{"ran", "zscore", "random"}, methods()))(t)
	var results []bench.Result
	last := 0.0
	for _, workers := range []int{1, 3} {
		r := must.Get(bench.Run(t.Context(), bench.Options{Series: all, Detectors: detectors, Workers: workers, Progress: func(x float64) { last = x }}))(t)
		if math.Abs(last-1) > 1e-9 {
			t.Errorf("progress ended at %v", last)
		}
		results = append(results, r)
	}
	ignore := cmpopts.IgnoreFields(bench.Outcome{}, "TrainSeconds", "ScoreMicroseconds")
	if diff := cmp.Diff(results[0], results[1], ignore, bench.Numbers()); diff != "" {
		t.Errorf("1 and 3 workers differ:\n%s", diff)
	}
	ran := results[0].Outcomes[0].Datasets["small"]
	if ran.Recall != 1 || ran.VUSPR < .8 {
		t.Errorf("ran: recall %v, VUS-PR %v; three gross faults should be found", ran.Recall, ran.VUSPR)
	}
	random := results[0].Outcomes[2].Datasets["small"]
	if random.VUSPR > ran.VUSPR/2 || !math.IsNaN(float64(random.HitRate)) {
		t.Errorf("random: VUS-PR %v, hit rate %v", random.VUSPR, random.HitRate)
	}
}

func TestNamed(t *testing.T) {
	if _, err := bench.Named([]string{"ran", "magic"}, methods()); err == nil || !strings.Contains(err.Error(), `"magic"`) || !strings.Contains(omen.Hint(err), "netdata") {
		t.Errorf("%v, hint %q", err, omen.Hint(err))
	}
	if all, err := bench.Named([]string{"all"}, methods()); err != nil || len(all) != len(methods()) {
		t.Errorf("all: %d, %v", len(all), err)
	}
}

// One series end to end: what no method in the table of docs/bench.md but
// Omen's reaches on it, with room for honest changes. The full run is
// `make bench`.
func TestQualityFloor(t *testing.T) {
	all := must.Get(bench.Load("testdata"))(t)
	ds := must.Get(bench.Named([]string{"ran", "original-p99", "zscore"}, methods()))(t)
	r := must.Get(bench.Run(t.Context(), bench.Options{Series: all, Detectors: ds}))(t)
	ran := r.Outcomes[0].Datasets["asd"]
	for _, o := range r.Outcomes[1:] {
		if other := o.Datasets["asd"]; ran.VUSPR <= other.VUSPR || ran.F1 <= other.F1 {
			t.Errorf("VUS-PR %.3f, F1 %.3f; %s has %.3f, %.3f", ran.VUSPR, ran.F1, o.Detector, other.VUSPR, other.F1)
		}
	}
	if ran.FAPerDay > 1 || ran.FalseTime > 0.02 || ran.Recall < 0.5 {
		t.Errorf("%.2f false alarms a day, %.3f of the time, recall %.2f", ran.FAPerDay, ran.FalseTime, ran.Recall)
	}
}
