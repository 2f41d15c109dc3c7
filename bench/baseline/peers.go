package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// quantile is the q-quantile of the numbers that are not NaN, by linear
// interpolation; it sorts a copy. NaN without any.
func quantile(x []float64, q float64) float64 {
	s := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) {
			s = append(s, v)
		}
	}
	if len(s) == 0 {
		return math.NaN()
	}
	slices.Sort(s)
	at := q * float64(len(s)-1)
	lo := int(at)
	hi := min(lo+1, len(s)-1)
	return s[lo] + (s[hi]-s[lo])*(at-float64(lo))
}

// divideBy makes raw scores relative to a limit; a limit of nothing (a method
// that was silent on all of train) becomes the smallest positive number, so
// that any score is an alert.
func (r *Scored) divideBy(limit float64) {
	if !(limit > 0) {
		limit = 1e-12
	}
	for i := range r.Scores {
		r.Scores[i] /= limit
	}
}

func column(v []omen.Vector, j int) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i].Values[j]
	}
	return out
}

// runRandom is what no knowledge at all reaches.
func runRandom(_ context.Context, s *Series, _ func(float64)) (*Scored, error) {
	r := newScored(s, false)
	var seed uint64 = 14695981039346656037 // FNV-1a of the name: another stream per series
	for _, b := range []byte(s.Set + "/" + s.Name) {
		seed = (seed ^ uint64(b)) * 1099511628211
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range r.Scores {
		r.Scores[i] = rng.Float64()
	}
	r.divideBy(0.99)
	return r, nil
}

// runZScore is |x−median|/(1.4826·MAD) of the worst metric; the deviation is at
// least 0.01 of a metric's range, or constants would rule.
func runZScore(_ context.Context, s *Series, _ func(float64)) (*Scored, error) {
	began := time.Now()
	m := len(s.Features)
	middle, spread := make([]float64, m), make([]float64, m)
	for j := range m {
		x := column(s.Train, j)
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
	r := newScored(s, true)
	r.TrainTime = time.Since(began)
	began = time.Now()
	for i, v := range s.Test {
		r.Scores[i] = z(v, r.Parts[i*m:(i+1)*m])
	}
	r.ScoreTime = time.Since(began)
	r.divideBy(quantile(past, .99))
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

// runGrafana scores |x−average|/half band of the worst metric, with the window
// running on through test as recording rules do. There is no training: limit 1.
func runGrafana(_ context.Context, s *Series, _ func(float64)) (*Scored, error) {
	m := len(s.Features)
	width := max(2, int(grafanaHours*time.Hour/s.Step))
	r := newScored(s, true)
	began := time.Now()
	all := append(slices.Clone(s.Train[max(0, len(s.Train)-width):]), s.Test...)
	past := len(all) - len(s.Test)
	for j := range m {
		x := column(all, j)
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
