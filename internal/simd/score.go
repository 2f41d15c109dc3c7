package simd

import "math"

// Project sets dst[j] = Σ_k x[k]·w[k,j] for the len(dst) columns, a multiple of
// Lanes: even and odd k are summed apart, upwards, and then added.
func Project(dst, x, w []float32) {
	n := len(dst)
	if vectorised && len(x) > 0 {
		_ = w[len(x)*n-1]
		j := 0
		for ; n-j >= 5*Lanes; j += 5 * Lanes {
			project40(&dst[j], &x[0], &w[j], len(x), n)
		}
		for ; j < n; j += Lanes {
			project8(&dst[j], &x[0], &w[j], len(x), n)
		}
		return
	}
	for j := 0; j < n; j += Lanes {
		var even, odd [Lanes]float32
		for k, v := range x {
			row, sum := w[k*n+j:][:Lanes], &even
			if k%2 == 1 {
				sum = &odd
			}
			for i, b := range row {
				sum[i] += float32(v * b)
			}
		}
		for i := range even {
			dst[j+i] = even[i] + odd[i]
		}
	}
}

// recentreMax is how far, in root mean squares, one sample moves a centre.
const recentreMax = 3.0

// Recentre sets, where counts, evidence to the squared distance of r from its
// drifting centre in units of rms, and moves the centre, by at most recentreMax
// rms times rate; elsewhere evidence is 0. It returns the sum of the evidence,
// formed for every fourth element apart (see [Total]).
func Recentre(evidence, centre []float64, r, rms []float32, counts []bool, rate float64) float64 {
	var sums [Doubles]float64
	k := whole(len(counts), Doubles)
	if k > 0 {
		_, _, _, _ = evidence[k-1], centre[k-1], r[k-1], rms[k-1]
		recentreVector(&evidence[0], &centre[0], &r[0], &rms[0], &counts[0], k, rate, &sums)
	}
	for i := k; i < len(counts); i++ {
		evidence[i] = 0
		if !counts[i] {
			continue
		}
		unit := float64(rms[i])
		d := float64(r[i]) - centre[i]
		centre[i] += float64(rate * clip(d, recentreMax*unit))
		d /= unit
		evidence[i] = d * d
		sums[i%Doubles] += float64(d * d)
	}
	return Total(&sums)
}

// Total adds up the lanes of a sum.
func Total(sums *[Doubles]float64) float64 { return (sums[0] + sums[1]) + (sums[2] + sums[3]) }

// Temper adds to each part scale times its evidence to the power of 3/4: with
// the plain squares one extreme sample of one feature hides all others that are
// to blame.
func Temper(parts, evidence []float64, scale float64) {
	k := whole(len(evidence), Doubles)
	if k > 0 {
		_ = parts[k-1]
		temperVector(&parts[0], &evidence[0], k, scale)
	}
	for i := k; i < len(evidence); i++ {
		root := math.Sqrt(evidence[i])
		parts[i] += float64(scale * float64(root*math.Sqrt(root)))
	}
}

// Follow moves averages towards v.
func Follow(average, v []float32, rate float32) {
	k := whole(len(v), Lanes)
	if k > 0 {
		_ = average[k-1]
		followVector(&average[0], &v[0], k, rate)
	}
	for i := k; i < len(v); i++ {
		average[i] += float32(rate * (v[i] - average[i]))
	}
}

// Mix adds to each sum x times w.
func Mix(sums, x, w []float32) {
	k := whole(len(x), Lanes)
	if k > 0 {
		_, _ = sums[k-1], w[k-1]
		mixVector(&sums[0], &x[0], &w[0], k)
	}
	for i := k; i < len(x); i++ {
		sums[i] += float32(x[i] * w[i])
	}
}

// What [Travel] measures: the changes of JumpSpan samples, each the mean of
// JumpMean.
const (
	JumpMean = 3
	JumpSpan = 6
)

// Travel puts the square of a JumpMean-th of z − old into moves[at:], old to z,
// and jump to the root of the sum of each column of moves, which has JumpSpan
// rows of the given stride.
func Travel(jump, moves []float32, at, stride int, z, old []float64) {
	k := whole(len(z), Doubles)
	if k > 0 {
		_, _, _, _ = jump[k-1], moves[(JumpSpan-1)*stride+k-1], moves[at+k-1], old[k-1]
		travelVector(&jump[0], &moves[0], &moves[at], stride, &z[0], &old[0], k)
	}
	for j := k; j < len(z); j++ {
		d := float32((z[j] - old[j]) / JumpMean)
		moves[at+j] = d * d
		old[j] = z[j]
		sum := moves[j]
		for row := 1; row < JumpSpan; row++ {
			sum += moves[row*stride+j]
		}
		jump[j] = float32(math.Sqrt(float64(sum)))
	}
}

// Residual sets dst to x − y.
func Residual(dst []float32, x []float64, y []float32) {
	k := whole(len(x), Doubles)
	if k > 0 {
		_, _ = dst[k-1], y[k-1]
		residualVector(&dst[0], &x[0], &y[0], k)
	}
	for i := k; i < len(x); i++ {
		dst[i] = float32(x[i]) - y[i]
	}
}

// Band is where values are expected, per feature, in its unit.
type Band struct{ Expected, Low, High []float64 }

// Bound fills b for the expected z and residuals between low and high.
func Bound(b Band, z []float64, low, high []float32, by []Scaling, within []Range) {
	k := whole(len(z), Doubles)
	if k > 0 {
		_, _, _ = b.Expected[k-1], b.Low[k-1], b.High[k-1]
		_, _, _, _ = low[k-1], high[k-1], by[k-1], within[k-1]
		boundVector(&b.Expected[0], &b.Low[0], &b.High[0], &z[0], &low[0], &high[0], &by[0], &within[0], k)
	}
	for j := k; j < len(z); j++ {
		s, in := by[j], within[j]
		expected := s.UnZ(z[j])
		b.Expected[j] = in.Clamp(expected)
		b.Low[j] = in.Clamp(min(s.UnZ(z[j]+float64(low[j])), expected))
		b.High[j] = in.Clamp(max(s.UnZ(z[j]+float64(high[j])), expected))
	}
}
