package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// daily is a small series of hourly samples with a daily rhythm, three days of
// training and two of test, in which hours 30-35 of test are ten times too high.
func daily(name string) *Series {
	s := &Series{Set: "small", Name: name, Step: 5 * time.Minute, Features: []string{"a", "b", "c", "d"}}
	rng := rand.New(rand.NewPCG(7, uint64(len(name))))
	perDay := s.PerDay()
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for i := range 4 * perDay {
		load := .3 + .1*math.Sin(2*math.Pi*float64(i)/float64(perDay)) + .02*rng.NormFloat64()
		v := omen.Vector{Host: omen.Host{Source: "bench", Profile: "small", Name: name}, At: start.Add(time.Duration(i) * s.Step)}
		v.Values = []float64{load, load/2 + .01*rng.NormFloat64(), .5 + .01*rng.NormFloat64(), .1 * rng.Float64()}
		label := i >= 3*perDay+30 && i <= 3*perDay+50
		if label {
			v.Values[0], v.Values[2] = .95, .1
		}
		if i < 2*perDay {
			s.Train = append(s.Train, v)
			continue
		}
		s.Test = append(s.Test, v)
		s.Labels = append(s.Labels, label)
	}
	s.Segments = segmentsOf(s.Labels)
	s.Segments[0].Blamed = []int{0, 2}
	return s
}

// A score may use samples up to its own, never later ones: cutting the future
// off, or replacing it, changes nothing before the cut.
func TestCausal(t *testing.T) {
	whole := daily("causal")
	cut := len(whole.Test) - 100
	other := *whole
	other.Test = append([]omen.Vector{}, whole.Test[:cut]...)
	for _, v := range whole.Test[cut:] {
		v.Values = []float64{9, -9, math.NaN(), 1e6}
		other.Test = append(other.Test, v)
	}
	for _, d := range Detectors(detect.Options{}) {
		t.Run(d.Name, func(t *testing.T) {
			a, err := d.Run(t.Context(), whole.unlabelled(), func(float64) {})
			if err != nil {
				t.Fatal(err)
			}
			b, err := d.Run(t.Context(), other.unlabelled(), func(float64) {})
			if err != nil {
				t.Fatal(err)
			}
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

func TestUnlabelled(t *testing.T) {
	s := daily("hidden")
	d := Detector{Name: "peek", Run: func(_ context.Context, s *Series, _ func(float64)) (*Scored, error) {
		if s.Labels != nil || s.Segments != nil {
			t.Error("the detector sees labels")
		}
		return newScored(s, false), nil
	}}
	if _, err := Run(t.Context(), Options{Series: []*Series{s}, Detectors: []Detector{d}}); err != nil {
		t.Fatal(err)
	}
}

// A run is the same however many workers there are, and finds what anybody
// would.
func TestRunDeterministic(t *testing.T) {
	all := []*Series{daily("one"), daily("three"), daily("seventeen")}
	detectors, err := Named([]string{"ran", "zscore", "random"}, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var results []Result
	last := 0.0
	for _, workers := range []int{1, 3} {
		r, err := Run(t.Context(), Options{Series: all, Detectors: detectors, Workers: workers, Progress: func(x float64) { last = x }})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(last-1) > 1e-9 {
			t.Errorf("progress ended at %v", last)
		}
		results = append(results, r)
	}
	ignore := cmpopts.IgnoreFields(Outcome{}, "TrainSeconds", "ScoreMicroseconds")
	if diff := cmp.Diff(results[0], results[1], ignore, numbers()); diff != "" {
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

func TestResultJSON(t *testing.T) {
	nan := Number(math.NaN())
	r := Result{Feedback: []Lesson{{Set: "asd", Verdicts: 3}}, Faults: &FaultReport{FalsePages: 2}, Outcomes: []Outcome{
		{Detector: "ran", Datasets: map[string]Metrics{"asd": {VUSPR: .5, HitRate: nan}}, Series: map[string]Metrics{"omi-1": {VUSPR: .5, HitRate: nan}}, TrainSeconds: 2},
		{Detector: "random", Datasets: map[string]Metrics{"asd": {VUSPR: .1}}},
	}}
	var buf bytes.Buffer
	if err := r.WriteJSON(&buf); err != nil {
		t.Fatal(err)
	}
	var plain struct {
		Datasets     map[string]map[string]any `json:"datasets"`
		Series       map[string]map[string]any `json:"series"`
		TrainSeconds *float64                  `json:"train_seconds"`
		Micros       *float64                  `json:"score_microseconds"`
	}
	if err := json.Unmarshal(buf.Bytes(), &plain); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("vus_pr auc_pr recall precision f1 false_alarms_per_day false_alert_time_ratio hit_rate_100 top1_at_alert delay_samples_median") {
		for where, m := range map[string]map[string]any{"datasets": plain.Datasets["asd"], "series": plain.Series["omi-1"]} {
			if _, ok := m[key]; !ok {
				t.Errorf("%s has no %s", where, key)
			}
		}
	}
	if plain.TrainSeconds == nil || plain.Micros == nil || plain.Datasets["asd"]["hit_rate_100"] != nil {
		t.Errorf("%s", buf.Bytes())
	}
	back, err := ReadResult(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back, numbers()); diff != "" {
		t.Error(diff)
	}
	alone, err := json.Marshal(Result{Budgets: []Kept{{Set: "asd", Promised: 1}}})
	if err != nil || !strings.Contains(string(alone), `"budgets":[{"set":"asd","promised":1`) || strings.Contains(string(alone), "detector") {
		t.Errorf("budgets alone: %s, %v", alone, err)
	}
	if _, err := ReadResult(strings.NewReader(`{"hello":1}`)); err == nil {
		t.Error("foreign JSON is taken for a result")
	}
}

func TestCompare(t *testing.T) {
	before := Result{Outcomes: []Outcome{{Detector: "ran", Datasets: map[string]Metrics{"asd": {VUSPR: .5, F1: .8, FAPerDay: .2}}}}}
	after := Result{Outcomes: []Outcome{{Detector: "ran", Datasets: map[string]Metrics{"asd": {VUSPR: .6, F1: .7, FAPerDay: .1}}}, {Detector: "zscore"}}}
	var out strings.Builder
	if err := Compare(&out, before, after); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0.600 (+0.100+)", "0.700 (-0.100!)", "0.10 (-0.10+)", "0.000 =", "not in the earlier run"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestNamed(t *testing.T) {
	if _, err := Named([]string{"ran", "magic"}, detect.Options{}); err == nil || !strings.Contains(err.Error(), `"magic"`) || !strings.Contains(omen.Hint(err), "netdata") {
		t.Errorf("%v, hint %q", err, omen.Hint(err))
	}
	if all, err := Named([]string{"all"}, detect.Options{}); err != nil || len(all) != len(Detectors(detect.Options{})) {
		t.Errorf("all: %d, %v", len(all), err)
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ds, _ := Named([]string{"ran"}, detect.Options{})
	if _, err := Run(ctx, Options{Series: []*Series{daily("x")}, Detectors: ds}); err == nil {
		t.Error("a cancelled run ends without error")
	}
}

// numbers takes NaN for equal to NaN.
func numbers() cmp.Option {
	return cmp.Comparer(func(a, b Number) bool {
		return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
	})
}
