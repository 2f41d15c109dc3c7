package detect

import (
	"fmt"
	"math"
	"slices"

	"github.com/omenhq/omen"
)

// doubt is how far the network's residuals, which are in sample, are drawn
// towards 1, the deviation of the feature itself, with less than a day of
// history: as though doubtRows more samples had been seen of which it knows
// nothing.
func (f *fit) doubt() float64 {
	if f.h.covered >= day*9/10 {
		return 0
	}
	return doubtRows / float64(f.h.len()+doubtRows)
}

const (
	// unitQuantile is the quantile of a channel's evidence in training that is its
	// unit, above its median. Chosen by leaving data sets of weeks out (docs/bench.md).
	unitQuantile = 0.98
	// unitYoung is the same of less than a day of history, whose moments of trouble
	// are a larger share of it, and of a host of one feature, whose evidence is no mean:
	// with a smaller unit they, and so the limit, come near to the highest score that it
	// can have.
	unitYoung = 0.99
)

// typical is the part of a channel's typical residual on the host, the median
// over its features, that is added to each feature's own: a feature that was
// almost still in training is judged by what its host is like, too. Without
// labels this tells a noisy host from a quiet one. Chosen with unitQuantile
// and the channels' weights; docs/bench.md has what they do on series left out.
const typical = 0.75

// measure learns the scales of what the channels found.
func (f *fit) measure() {
	m, n, w := f.m, f.h.len(), len(f.m.active)
	var jumps, errs []float64
	m.jump, m.bandLow, m.bandHigh = nil, nil, nil
	var rms [3][]float64
	for j := range w {
		var sumR, sumE, sumU float64
		jumps, errs = jumps[:0], errs[:0]
		for t := range n {
			i := t*w + j
			if !f.t.warm[t] || !f.t.ok[i] || f.h.shifted[t] >= 0 {
				continue
			}
			r, e := float64(f.t.r[i]), float64(f.t.e[i])
			sumR += r * r
			sumE += e * e
			sumU += float64(f.t.u[i]) * float64(f.t.u[i])
			jumps = append(jumps, float64(f.t.jump[i]))
			errs = append(errs, e)
		}
		rows := float64(max(1, len(jumps)))
		doubt := f.doubt()
		sumE += doubt * max(0, rows-sumE)
		slices.Sort(jumps)
		slices.Sort(errs)
		for c, sum := range []float64{sumR, sumE, sumU} {
			rms[c] = append(rms[c], math.Sqrt(sum/rows))
		}
		if len(jumps) == 0 {
			jumps, errs = []float64{0}, []float64{0}
		}
		m.jump = append(m.jump, float32(max(quantile(jumps, 0.99)+jumpMargin, f.trivialZ(j)/2)))
		m.bandLow = append(m.bandLow, float32(quantile(errs, bandTail)))
		m.bandHigh = append(m.bandHigh, float32(quantile(errs, 1-bandTail)))
	}
	m.rmsR, m.liftR = scaled(rms[0], f.trivialA)
	m.rmsE, m.liftE = scaled(rms[1], f.trivialZ)
	m.rmsU, m.liftU = scaled(rms[2], f.trivialA)
}

// scaled turns one channel's root mean squares into its scales. A deviation
// that is not worth waking somebody for is not evidence, however still the
// feature was; one that is counts in full again, by its lift.
func scaled(rms []float64, trivial func(j int) float64) (scales, lifts []float32) {
	sorted := slices.Clone(rms)
	slices.Sort(sorted)
	floor := max(floorRMS, typical*quantile(sorted, 0.5))
	scales, lifts = make([]float32, len(rms)), make([]float32, len(rms))
	for j, x := range rms {
		usual := x + floor
		wide := max(usual, trivial(j)/wakeSigmas)
		scales[j], lifts[j] = float32(wide), float32(min(sq(wide/usual), liftMost))
	}
	return scales, lifts
}

// trivialZ and trivialA are feature j's smallest deviation worth waking
// somebody for.
func (f *fit) trivialZ(j int) float64 {
	return f.m.specs[f.m.active[j]].deviation / f.m.scales[j].ZWidth
}

func (f *fit) trivialA(j int) float64 {
	return math.Asinh(f.m.specs[f.m.active[j]].deviation / f.m.scales[j].AWidth)
}

// bandTail is the share of training residuals on either side of the expected
// band.
const bandTail = 0.005

// calibrate learns the channels' units and the limit.
func (f *fit) calibrate() error {
	m, n, w := f.m, f.h.len(), len(f.m.active)
	var sums [channels][]float64
	f.learnLeaning()
	j := newJudge(m)
	for t := range n {
		if !f.t.warm[t] {
			continue
		}
		j.weigh(f.row(t))
		if f.h.shifted[t] >= 0 {
			continue
		}
		for c := range sums {
			sums[c] = append(sums[c], j.h[c])
		}
	}
	if len(sums[0]) < minRows/2 {
		return fmt.Errorf("%d samples without gaps before them: %w", len(sums[0]), omen.ErrTooFew)
	}
	if m.unit = unitQuantile; m.grade != omen.Established || w == 1 {
		m.unit = unitYoung
	}
	for c := range sums {
		slices.Sort(sums[c])
		m.middle[c] = quantile(sums[c], 0.5)
		m.spread[c] = max(quantile(sums[c], m.unit)-m.middle[c], 1e-3*float64(w))
	}
	m.spread[byAutoencoder] += 2 * f.doubt() * float64(w)
	j = newJudge(m)
	inside := map[int]float64{} // scores in shifting windows and just after
	f.scores = make([]float64, 0, n)
	for t := range n {
		if !f.t.warm[t] {
			j.restart()
			continue
		}
		usual := j.afterwards == 0 && f.h.shifted[t] < 0
		if j.step(f.row(t)); !usual {
			inside[t] = j.smoothed
			continue
		}
		f.scores = append(f.scores, j.smoothed)
	}
	f.chooseLimit()
	m.setStuckUnit()
	f.easeShifts(inside)
	return nil
}
