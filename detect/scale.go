package detect

import (
	"math"
	"slices"

	"github.com/omenhq/omen/internal/simd"
)

// Every feature is mapped to about [0, 1] by its range in training (or by its
// profile's scale, if it moved less than that) and then standardised twice: Z by
// mean and deviation, for the network, and A by median and quartiles under an
// asinh, for the forecast, which must not be led by outliers.
const (
	floorSD  = 0.01
	floorIQR = 0.3
	normIQR  = 1.349 // quartile distance of a normal distribution in deviations
	softKnee = 5.0
)

// learnScaling learns from one feature's finite values. scratch is reordered.
func learnScaling(values []float64, f spec) simd.Scaling {
	lo, hi := slices.Min(values), slices.Max(values)
	unit := max(hi-lo, f.scale)
	var sum, sq float64
	for _, v := range values {
		sum += (v - lo) / unit
	}
	mean := sum / float64(len(values))
	for _, v := range values {
		d := (v-lo)/unit - mean
		sq += d * d
	}
	sd := math.Sqrt(sq / float64(len(values)))
	slices.Sort(values)
	iqr := (quantile(values, 0.75) - quantile(values, 0.25)) / unit
	return simd.Scaling{
		ZCentre: lo + mean*unit,
		ZWidth:  (sd + floorSD) * unit,
		ACentre: quantile(values, 0.5),
		AWidth:  max(iqr/normIQR, floorIQR*sd, floorSD) * unit,
	}
}

// soft keeps z up to the knee and grows with its logarithm beyond it.
func soft(z float64) float64 {
	switch {
	case z > softKnee:
		return softKnee + math.Log(z-softKnee+1)
	case z < -softKnee:
		return -softKnee - math.Log(-z-softKnee+1)
	}
	return z
}

// unsoft is the inverse of soft.
func unsoft(s float64) float64 {
	switch {
	case s > softKnee:
		return softKnee - 1 + math.Exp(min(s-softKnee, 12))
	case s < -softKnee:
		return -softKnee + 1 - math.Exp(min(-s-softKnee, 12))
	}
	return s
}

// largest is beyond anything that can be measured; what is larger is a gap, as
// NaN is, because sums of it would overflow.
const largest = 1e100

// usable tells a measurement from a gap.
func usable(v float64) bool { return math.Abs(v) <= largest }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// quantile of sorted values, linear between neighbours (Hyndman and Fan's
// type 7). NaN without values.
func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	i := int(at)
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
