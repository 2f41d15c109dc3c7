package baseline

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/bench"
)

// random is what no knowledge at all reaches.
type random struct{}

// Run implements [bench.Detector].
func (random) Run(_ context.Context, s *bench.Series, _ func(float64)) (*bench.Scored, error) {
	r := bench.NewScored(s, false)
	var seed uint64 = 14695981039346656037 // FNV-1a of the name: another stream per series
	for _, b := range []byte(s.Set + "/" + s.Name) {
		seed = (seed ^ uint64(b)) * 1099511628211
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range r.Scores {
		r.Scores[i] = rng.Float64()
	}
	r.DivideBy(0.99)
	return r, nil
}

// zscore is |x−median|/(1.4826·MAD) of the worst metric; the deviation is at
// least 0.01 of a metric's range, or constants would rule.
type zscore struct{}

// Run implements [bench.Detector].
func (zscore) Run(_ context.Context, s *bench.Series, _ func(float64)) (*bench.Scored, error) {
	began := time.Now()
	m := len(s.Features)
	middle, spread := make([]float64, m), make([]float64, m)
	for j := range m {
		x := bench.Column(s.Train, j)
		middle[j] = quantile(x, .5)
		span := quantile(x, 1) - quantile(x, 0)
		for i := range x {
			x[i] = math.Abs(x[i] - middle[j])
		}
		spread[j] = max(1.4826*quantile(x, .5), 0.01*span, 1e-4)
	}
	z := func(v omen.Vector, parts []float32) float64 {
		worst := 0.0
		for j, x := range v.Values {
			d := math.Abs(x-middle[j]) / spread[j]
			if math.IsNaN(d) {
				d = 0
			}
			worst = max(worst, d)
			if parts != nil {
				parts[j] = float32(d)
			}
		}
		return worst
	}
	past := make([]float64, len(s.Train))
	for i, v := range s.Train {
		past[i] = z(v, nil)
	}
	r := bench.NewScored(s, true)
	r.TrainTime = time.Since(began)
	began = time.Now()
	for i, v := range s.Test {
		r.Scores[i] = z(v, r.Parts[i*m:(i+1)*m])
	}
	r.ScoreTime = time.Since(began)
	r.DivideBy(quantile(past, .99))
	return r, nil
}

// Grafana's adaptive bands ("promql-anomaly-detection", adaptive strategy):
// an average over 26 hours, and a band of the larger of its standard deviation
// (filtered of calm metrics) and a margin around it. A sample outside alerts.
const (
	grafanaHours      = 26
	grafanaMultiplier = 3    // stddev_multiplier
	grafanaMargin     = 0.05 // margin_multiplier, of the average
)

// grafana scores |x−average|/half band of the worst metric, with the window
// running on through test as recording rules do. There is no training: limit 1.
type grafana struct{}

// Run implements [bench.Detector].
func (grafana) Run(_ context.Context, s *bench.Series, _ func(float64)) (*bench.Scored, error) {
	m := len(s.Features)
	width := max(2, int(grafanaHours*time.Hour/s.Step))
	r := bench.NewScored(s, true)
	began := time.Now()
	all := append(slices.Clone(s.Train[max(0, len(s.Train)-width):]), s.Test...)
	past := len(all) - len(s.Test)
	for j := range m {
		x := bench.Column(all, j)
		var sum, square, n float64
		shift := quantile(x[:past], .5) // against cancellation in the running sums
		move := func(v, sign float64) {
			if !math.IsNaN(v) {
				sum += sign * (v - shift)
				square += sign * (v - shift) * (v - shift)
				n += sign
			}
		}
		for i, v := range x {
			move(v, 1)
			if i >= width {
				move(x[i-width], -1)
			}
			if i < past || math.IsNaN(v) || n < 2 {
				continue
			}
			mean := sum / n
			deviation := math.Sqrt(max(0, square/n-mean*mean))
			average := mean + shift
			half := max(grafanaMultiplier*deviation, grafanaMargin*math.Abs(average), 1e-6)
			r.Parts[(i-past)*m+j] = float32(math.Abs(v-average) / half)
		}
	}
	for i := range r.Scores {
		for _, p := range r.Parts[i*m : (i+1)*m] {
			r.Scores[i] = max(r.Scores[i], float64(p))
		}
	}
	r.ScoreTime = time.Since(began)
	return r, nil
}
