package detect

import "math"

// The three channels.
const (
	byForecast = iota
	byAutoencoder
	byBreadth
	channels
)

const (
	floorRMS    = 0.05 // added to a residual's root mean square
	recentreMax = 3.0  // in root mean squares: how far one sample moves a centre
	smoothing   = 1.0 / 3
	jumpMargin  = 1e-4
)

// judge is the second half of scoring: from what the channels find odd about
// each feature to one score. It keeps the drifting centres of the residuals
// and the smoothed score.
type judge struct {
	m          *Model
	centreR    []float64
	centreE    []float64
	evidence   [channels][]float64 // per feature, at least 0
	parts      []float64           // per feature: its part of the unsmoothed score, before the limit
	h          [channels]float64   // sums of evidence
	q          [channels]float64   // the same in units of their behaviour in training
	unsmoothed float64             // sum of q
	smoothed   float64
	count      int // samples since the start
}

func newJudge(m *Model) *judge {
	n := len(m.active)
	j := &judge{m: m, centreR: make([]float64, n), centreE: make([]float64, n), parts: make([]float64, n)}
	for c := range j.evidence {
		j.evidence[c] = make([]float64, n)
	}
	return j
}

// weigh turns residuals into evidence and its sums.
func (j *judge) weigh(r, e, jump []float32, ok []bool) {
	m := j.m
	rate := 1 / m.recentre
	if m.without.Recentring {
		rate = 0
	}
	j.h = [channels]float64{}
	for i := range ok {
		j.evidence[byForecast][i], j.evidence[byAutoencoder][i], j.evidence[byBreadth][i] = 0, 0, 0
		if !ok[i] {
			continue
		}
		if !m.without.Forecast {
			j.evidence[byForecast][i] = recentred(&j.centreR[i], float64(r[i]), float64(m.rmsR[i]), rate)
		}
		if !m.without.Autoencoder {
			j.evidence[byAutoencoder][i] = recentred(&j.centreE[i], float64(e[i]), float64(m.rmsE[i]), rate)
		}
		if !m.without.Breadth && jump[i] > m.jump[i] {
			j.evidence[byBreadth][i] = 1
		}
		for c := range channels {
			j.h[c] += j.evidence[c][i]
		}
	}
}

// recentred is the squared distance of residual r from its drifting centre, in
// units of rms; it moves the centre.
func recentred(centre *float64, r, rms, rate float64) float64 {
	d := r - *centre
	*centre += rate * clip(d, recentreMax*rms)
	d /= rms
	return d * d
}

// step weighs one sample and updates the smoothed score. Without meaning (the
// first sample after a start) the score stays as it is.
func (j *judge) step(r, e, jump []float32, ok []bool) {
	j.weigh(r, e, jump, ok)
	j.unsmoothed = 0
	for c := range channels {
		j.q[c] = max(0, j.h[c]-j.m.middle[c]) / j.m.spread[c]
		j.unsmoothed += j.q[c]
	}
	for i := range j.parts {
		j.parts[i] = 0
		for c := range channels {
			j.parts[i] += j.evidence[c][i] / j.m.spread[c]
		}
	}
	weight := smoothing
	if j.m.without.Smoothing {
		weight = 1
	}
	j.smoothed += weight * (j.unsmoothed - j.smoothed)
	j.count++
}

// restart forgets the smoothed score, not the centres.
func (j *judge) restart() { j.smoothed, j.unsmoothed = 0, 0 }

func rootMeanSquare(v []float32, ok func(int) bool) float64 {
	var sum float64
	var n int
	for i, x := range v {
		if ok(i) {
			sum += float64(x) * float64(x)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}
