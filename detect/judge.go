package detect

import "github.com/omenhq/omen/internal/simd"

// The channels.
const (
	byForecast = iota
	byAutoencoder
	byBreadth
	bySeason
	byStuck
	channels
)

// weights of the channels in the score.
var weights = [channels]float64{byForecast: 1.5, byAutoencoder: 1, byBreadth: 1, bySeason: 1.5, byStuck: 1}

// trace is what the channels found odd in one sample, per active feature.
type trace struct {
	r, e, u, jump []float32
	ok            []bool
	shift         *shift    // the window that the sample is in
	stood         []float32 // for how many samples a feature has kept its value…
	stuck         int       // …and how many have for too long
}

const (
	floorRMS   = 0.05 // added to a residual's root mean square
	smoothing  = 1.0 / 3
	jumpMargin = 1e-4
)

// judge is the second half of scoring: from what the channels find odd about
// each feature to one score. It keeps the drifting centres of the residuals
// and the smoothed score.
type judge struct {
	*workspace
	m          *Model
	centreR    []float64
	centreE    []float64
	centreU    []float64
	h          [channels]float64 // sums of evidence
	q          [channels]float64 // the same in units of their behaviour in training
	unsmoothed float64           // sum of q
	smoothed   float64
	count      int     // samples since the start
	ease       float64 // what the last sample's score was divided by
	after      *shift  // the window that ended less than afterSamples ago
	afterwards int     // samples until it is forgotten
}

// newJudge is the state before the first sample.
func newJudge(m *Model) *judge {
	j := &judge{}
	j.init(m, newWorkspace(m), make([]float64, judgeFloats*len(m.active)))
	return j
}

// judgeFloats is how many float64 a judge keeps per feature.
const judgeFloats = 3

func (j *judge) init(m *Model, w *workspace, memory []float64) {
	n := len(m.active)
	part := func(k int) []float64 { return memory[k*n : (k+1)*n : (k+1)*n] }
	*j = judge{workspace: w, m: m, centreR: part(0), centreE: part(1), centreU: part(2)}
}

// weigh turns residuals into evidence and its sums.
func (j *judge) weigh(t trace) {
	m := j.m
	rate := 1 / m.recentre
	if m.without.Recentring {
		rate = 0
	}
	j.h = [channels]float64{}
	for c := range j.evidence { // of a channel that is left out
		clear(j.evidence[c])
	}
	for i, ok := range t.ok {
		j.counts[i] = ok && m.blame[i]
	}
	j.ahead.pull()
	if !m.without.Forecast {
		j.h[byForecast] = simd.Recentre(j.evidence[byForecast], j.centreR, t.r, m.rmsR, j.counts, rate)
		j.h[byForecast] += lift(j.evidence[byForecast], m.liftR)
	}
	j.ahead.pull()
	if !m.without.Autoencoder {
		j.h[byAutoencoder] = simd.Recentre(j.evidence[byAutoencoder], j.centreE, t.e, m.rmsE, j.counts, rate)
		j.h[byAutoencoder] += lift(j.evidence[byAutoencoder], m.liftE)
	}
	if !m.without.Season && m.season != nil {
		j.h[bySeason] = simd.Recentre(j.evidence[bySeason], j.centreU, t.u, m.rmsU, j.counts, rate)
		j.h[bySeason] += lift(j.evidence[bySeason], m.liftU)
	}
	j.ahead.pull()
	if breadth := j.evidence[byBreadth]; !m.without.Breadth {
		for i, jump := range t.jump {
			if jump > m.jump[i] && j.counts[i] {
				breadth[i] = 1
				j.h[byBreadth]++
			}
		}
	}
	if t.stuck > 0 {
		for i, after := range m.stuckAfter {
			if t.stood[i] > after && j.counts[i] {
				j.evidence[byStuck][i] = 1
				j.h[byStuck]++
			}
		}
	}
	if t.shift != nil {
		j.damp(t)
	}
}

const (
	// liftMost bounds how far a feature that was very still is lifted: ten times
	// its floor's worth of deviations.
	liftMost = 100.0
	liftFrom = 0.75 // of the smallest deviation worth waking somebody for
)

// lift gives deviations that are worth waking somebody for the evidence that
// they have by how still the feature was. Below that the evidence stays as
// small as the scale's floor makes it. It returns what it added.
func lift(evidence []float64, lifts []float32) (added float64) {
	const from, full = liftFrom * liftFrom * wakeSigmas * wakeSigmas, wakeSigmas * wakeSigmas
	for i, e := range evidence {
		if l := float64(lifts[i]); l > 1 && e > from {
			more := e * (l - 1) * min(1, (e-from)/(full-from))
			evidence[i] += more
			added += more
		}
	}
	return added
}

// damp weakens the evidence inside a window that shifts the expectation.
func (j *judge) damp(t trace) {
	for i, counts := range j.counts {
		if counts {
			t.shift.damp(&j.evidence, i, t, j.m.jump[i])
		}
	}
	for c := range channels {
		j.h[c] = 0
		for _, e := range j.evidence[c] {
			j.h[c] += e
		}
	}
}

// step weighs one sample and updates the smoothed score. Without meaning (the
// first sample after a start) the score stays as it is.
func (j *judge) step(t trace) {
	j.weigh(t)
	j.unsmoothed, j.ease = 0, j.easing(t.shift)
	for c := range channels {
		j.q[c] = weights[c] * max(0, j.h[c]-j.m.middle[c]) / (j.m.spread[c] * j.ease)
		j.unsmoothed += j.q[c]
	}
	var scale [channels]float64
	for c := range channels {
		scale[c] = weights[c] / j.m.spread[c]
	}
	j.ahead.pull()
	clear(j.parts)
	for c := range channels {
		if j.h[c] > 0 {
			simd.Temper(j.parts, j.evidence[c], scale[c])
		}
	}
	weight := smoothing
	if j.m.without.Smoothing {
		weight = 1
	}
	j.smoothed += weight * (j.unsmoothed - j.smoothed)
	j.count++
}

// afterSamples is how long a window that shifts the expectation is felt after its
// end: a job that ended before or after it leaves a step in the values that are
// compared, and averages and moves remember that.
const afterSamples = jumpSpan

// easing is what the score is divided by, in a window and just after it.
func (j *judge) easing(now *shift) float64 {
	switch {
	case now != nil:
		j.after, j.afterwards = now, afterSamples
	case j.afterwards > 0:
		j.afterwards--
	default:
		return 1
	}
	return j.after.ease
}

// restart forgets the smoothed score and the window that has ended, not the
// centres.
func (j *judge) restart() { j.smoothed, j.unsmoothed, j.afterwards = 0, 0, 0 }
