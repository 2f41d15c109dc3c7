package detect

import "math"

// The plain kernels of scoring. As in package autoencoder, every element is
// one chain of separately rounded operations in a stated order (the explicit
// conversions forbid the compiler to fuse a multiplication with an addition),
// and the vectorised kernels follow it lane by lane: equal bits.
const (
	lanes  = 8 // float32 in a vector register
	double = 4 // float64 in one
)

// pad is the next multiple of lanes.
func pad(n int) int { return (n + lanes - 1) / lanes * lanes }

// projectPlain sets dst[j] = Σ_k x[k]·w[k,j] for the len(dst) columns, a
// multiple of lanes: even and odd k are summed apart, upwards, and then added.
func projectPlain(dst, x, w []float32) {
	n := len(dst)
	for j := 0; j < n; j += lanes {
		var even, odd [lanes]float32
		for k, v := range x {
			row, sum := w[k*n+j:][:lanes], &even
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

// standardisePlain sets z and a to the two scalings of x. What it gives for a
// gap means nothing.
func standardisePlain(z, a, x []float64, by []scaling) {
	for j, v := range x {
		z[j], a[j] = by[j].z(v), by[j].a(v)
	}
}

// Constants of the logarithm in fdlibm (Sun Microsystems 1993, e_log.c,
// s_log1p.c), as musl arranges it.
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
	log1    = 6.666666666666735130e-01
	log2    = 3.999999999940941908e-01
	log3    = 2.857142874366239149e-01
	log4    = 2.222219843214978396e-01
	log5    = 1.818357216161805012e-01
	log6    = 1.531383769920937332e-01
	log7    = 1.479819860511658591e-01

	exponentBias = 0x3ff
	rootHalf     = 0x3fe6a09e << 32 // bits of √½, the low half of them 0
	toRootHalf   = exponentBias<<52 - rootHalf
	mantissa     = 1<<52 - 1
)

// asinh is within 3e-16 of math.Asinh, relatively, up to clipA: by log(1+u)
// with u = |x| + x²/(1+√(x²+1)), which loses nothing near 0.
func asinh(x float64) float64 {
	t := math.Abs(x)
	q := float64(t * t)
	u := t + q/(1+math.Sqrt(q+1))
	w := 1 + u
	c := (u - (w - 1)) / w // what w lost
	bits := math.Float64bits(w) + toRootHalf
	k := float64(int64(bits>>52) - exponentBias)
	f := math.Float64frombits(bits&mantissa+rootHalf) - 1
	half := float64(float64(0.5*f) * f)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	even := float64(s4*log6) + log4
	even = float64(even*s4) + log2
	even = float64(even * s4)
	odd := float64(s4*log7) + log5
	odd = float64(odd*s4) + log3
	odd = float64(odd*s4) + log1
	odd = float64(odd * s2)
	r := float64(s*(half+(odd+even))) + (float64(k*ln2Low) + c)
	return math.Copysign(r-half+f+float64(k*ln2High), x)
}

// recentrePlain sets, where counts, evidence to the squared distance of r from
// its drifting centre in units of rms, and moves the centre, by at most
// recentreMax rms times rate; elsewhere evidence is 0. It adds the evidence to
// sums, element i to sum i mod double.
func recentrePlain(evidence, centre []float64, r, rms []float32, counts []bool, rate float64, sums *[double]float64) {
	for i, ok := range counts {
		evidence[i] = 0
		if !ok {
			continue
		}
		unit := float64(rms[i])
		d := float64(r[i]) - centre[i]
		centre[i] += float64(rate * clip(d, recentreMax*unit))
		d /= unit
		evidence[i] = d * d
		sums[i%double] += float64(d * d)
	}
}

// temperPlain adds to each part scale times its evidence to the power of 3/4:
// with the plain squares one extreme sample of one feature hides all others
// that are to blame.
func temperPlain(parts, evidence []float64, scale float64) {
	for i, e := range evidence {
		root := math.Sqrt(e)
		parts[i] += float64(scale * float64(root*math.Sqrt(root)))
	}
}

// followPlain moves averages towards v.
func followPlain(average, v []float32, rate float32) {
	for i, x := range v {
		average[i] += float32(rate * (x - average[i]))
	}
}

// mixPlain adds to each sum x times w.
func mixPlain(sums, x, w []float32) {
	for i, v := range x {
		sums[i] += float32(v * w[i])
	}
}

// travelPlain puts the square of a jumpMean-th of z − old into moves[at:], old
// to z, and jump to the root of the sum of each column of moves, which has
// jumpSpan rows of the given stride.
func travelPlain(jump, moves []float32, at, stride int, z, old []float64) {
	for j, x := range z {
		d := float32((x - old[j]) / jumpMean)
		moves[at+j] = d * d
		old[j] = x
		sum := moves[j]
		for k := 1; k < jumpSpan; k++ {
			sum += moves[k*stride+j]
		}
		jump[j] = float32(math.Sqrt(float64(sum)))
	}
}

// residualPlain sets dst to x − y.
func residualPlain(dst []float32, x []float64, y []float32) {
	for i, v := range x {
		dst[i] = float32(v) - y[i]
	}
}

// band is where values are expected, per feature, in its unit.
type band struct{ expected, low, high []float64 }

// from is the band without its first i features.
func (b band) from(i int) band { return band{b.expected[i:], b.low[i:], b.high[i:]} }

// limits are a feature's physical range.
type limits struct{ min, max float64 }

func (l limits) hold(x float64) float64 { return min(max(x, l.min), l.max) }

// boundPlain fills b for the expected z and residuals between low and high.
func boundPlain(b band, z []float64, low, high []float32, by []scaling, within []limits) {
	for j, v := range z {
		s := by[j]
		expected := s.unZ(v)
		b.expected[j] = within[j].hold(expected)
		b.low[j] = within[j].hold(min(s.unZ(v+float64(low[j])), expected))
		b.high[j] = within[j].hold(max(s.unZ(v+float64(high[j])), expected))
	}
}

// total adds up the lanes of a sum.
func total(sums *[double]float64) float64 { return (sums[0] + sums[1]) + (sums[2] + sums[3]) }
