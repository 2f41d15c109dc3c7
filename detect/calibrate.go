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
	if f.h.span() >= day*9/10 {
		return 0
	}
	return doubtRows / float64(f.h.len()+doubtRows)
}

// measure learns the scales of what the channels found.
func (f *fit) measure() {
	m, rows, w := f.m, f.h.len(), len(f.m.active)
	var jumps, errs []float64
	m.rmsR, m.rmsE, m.rmsU, m.jump, m.bandLow, m.bandHigh = nil, nil, nil, nil, nil, nil
	m.liftR, m.liftE, m.liftU = nil, nil, nil
	for j := range w {
		var sumR, sumE, sumU float64
		jumps, errs = jumps[:0], errs[:0]
		for t := range rows {
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
		n := float64(max(1, len(jumps)))
		doubt := f.doubt()
		sumE += doubt * max(0, n-sumE)
		slices.Sort(jumps)
		slices.Sort(errs)
		// A deviation that is not worth waking somebody for is not evidence,
		// however still the feature was; one that is counts in full (lift).
		inZ := m.specs[m.active[j]].deviation / m.scales[j].zWidth
		inA := math.Asinh(m.specs[m.active[j]].deviation / m.scales[j].aWidth)
		scale := func(rms, lifts *[]float32, sum, least float64) {
			usual := math.Sqrt(sum/n) + floorRMS
			wide := max(usual, least/wakeSigmas)
			*rms = append(*rms, float32(wide))
			*lifts = append(*lifts, float32(min(sq(wide/usual), liftMost)))
		}
		scale(&m.rmsR, &m.liftR, sumR, inA)
		scale(&m.rmsU, &m.liftU, sumU, inA)
		scale(&m.rmsE, &m.liftE, sumE, inZ)
		if len(jumps) == 0 {
			jumps, errs = []float64{0}, []float64{0}
		}
		m.jump = append(m.jump, float32(max(quantile(jumps, 0.99)+jumpMargin, inZ/2)))
		m.bandLow = append(m.bandLow, float32(quantile(errs, bandTail)))
		m.bandHigh = append(m.bandHigh, float32(quantile(errs, 1-bandTail)))
	}
}

// bandTail is the share of training residuals on either side of the expected
// band.
const bandTail = 0.005

// calibrate learns the channels' units and the limit.
func (f *fit) calibrate() error {
	m, n, w := f.m, f.h.len(), len(f.m.active)
	var sums [channels][]float64
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
	for c := range sums {
		slices.Sort(sums[c])
		m.middle[c] = quantile(sums[c], 0.5)
		m.spread[c] = max(quantile(sums[c], 0.99)-m.middle[c], 1e-3*float64(w))
	}
	m.spread[byAutoencoder] += 2 * f.doubt() * float64(w)
	j = newJudge(m)
	inside := map[int]float64{} // scores in shifting windows
	f.scores = make([]float64, 0, n)
	for t := range n {
		if !f.t.warm[t] {
			j.restart()
			continue
		}
		j.step(f.row(t))
		if f.h.shifted[t] >= 0 {
			inside[t] = j.smoothed
			continue
		}
		f.scores = append(f.scores, j.smoothed)
	}
	f.chooseLimit()
	f.easeShifts(inside)
	return nil
}
