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

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

// Daily is a small series of hourly samples with a daily rhythm, three days of
// training and two of test, in which hours 30-35 of test are ten times too high.
func Daily(name string) *Series {
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

func TestUnlabelled(t *testing.T) {
	d := &peek{}
	must.Get(Run(t.Context(), Options{Series: []*Series{Daily("hidden")}, Detectors: []Method{{Name: "peek", Detector: d}}}))(t)
	if d.saw == nil || d.saw.Labels != nil || d.saw.Segments != nil {
		t.Error("the detector sees labels")
	}
}

// peek is a detector that keeps what it is given.
type peek struct{ saw *Series }

func (p *peek) Run(_ context.Context, s *Series, _ func(float64)) (*Scored, error) {
	p.saw = s
	return NewScored(s, false), nil
}

func TestResultJSON(t *testing.T) {
	nan := Number(math.NaN())
	r := Result{Feedback: []Lesson{{Set: "asd", Verdicts: 3}}, Faults: &FaultReport{FalsePages: 2}, Outcomes: []Outcome{
		{Detector: "ran", Datasets: map[string]Metrics{"asd": {VUSPR: .5, HitRate: nan}}, Series: map[string]Metrics{"omi-1": {VUSPR: .5, HitRate: nan}}, TrainSeconds: 2},
		{Detector: "random", Datasets: map[string]Metrics{"asd": {VUSPR: .1}}},
	}}
	var buf bytes.Buffer
	must.OK(t, r.WriteJSON(&buf))
	var plain struct {
		Datasets     map[string]map[string]any `json:"datasets"`
		Series       map[string]map[string]any `json:"series"`
		TrainSeconds *float64                  `json:"train_seconds"`
		Micros       *float64                  `json:"score_microseconds"`
	}
	must.OK(t, json.Unmarshal(buf.Bytes(), &plain))
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
	back := must.Get(ReadResult(&buf))(t)
	if diff := cmp.Diff(r, back, Numbers()); diff != "" {
		t.Error(diff)
	}
	alone, err := json.Marshal(Result{Weeks: []Week{{Set: "asd", Seed: 1}}})
	if err != nil || !strings.Contains(string(alone), `"weeks":[{"set":"asd"`) || strings.Contains(string(alone), "detector") {
		t.Errorf("weeks alone: %s, %v", alone, err)
	}
	if _, err := ReadResult(strings.NewReader(`{"hello":1}`)); err == nil {
		t.Error("foreign JSON is taken for a result")
	}
}

func TestCompare(t *testing.T) {
	before := Result{Outcomes: []Outcome{{Detector: "ran", Datasets: map[string]Metrics{"asd": {VUSPR: .5, F1: .8, FAPerDay: .2}}}}}
	after := Result{Outcomes: []Outcome{{Detector: "ran", Datasets: map[string]Metrics{"asd": {VUSPR: .6, F1: .7, FAPerDay: .1}}}, {Detector: "zscore"}}}
	var out strings.Builder
	must.OK(t, Compare(&out, before, after))
	for _, want := range []string{"0.600 (+0.100+)", "0.700 (-0.100!)", "0.10 (-0.10+)", "0.000 =", "not in the earlier run"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Options{Series: []*Series{Daily("x")}, Detectors: Omen(detect.Options{})}); err == nil {
		t.Error("a cancelled run ends without error")
	}
}

// Numbers takes NaN for equal to NaN.
func Numbers() cmp.Option {
	return cmp.Comparer(func(a, b Number) bool {
		return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
	})
}
