package simd

import "math"

// ClipZ is where Z is clipped, on either side, and clipA where A is, before its
// asinh.
const (
	ClipZ = 100.0
	clipA = 50.0
)

// Scaling maps one feature from its own unit to Z, standardised by mean and
// deviation, and to A, by median and quartiles under an asinh, and back.
type Scaling struct {
	ZCentre, ZWidth float64
	ACentre, AWidth float64
}

// Z scales x by mean and deviation.
func (s Scaling) Z(x float64) float64 { return clip((x-s.ZCentre)/s.ZWidth, ClipZ) }

// a scales x by median and quartiles.
func (s Scaling) a(x float64) float64 { return asinh(clip((x-s.ACentre)/s.AWidth, clipA)) }

// UnZ is the inverse of Z inside the clipping range.
func (s Scaling) UnZ(z float64) float64 { return s.ZCentre + float64(z*s.ZWidth) }

// UnA is the inverse of a inside the clipping range.
func (s Scaling) UnA(a float64) float64 { return s.ACentre + math.Sinh(a)*s.AWidth }

// Range is the physical range of a feature.
type Range struct{ Min, Max float64 }

// Clamp is the value in the range that is nearest to x.
func (r Range) Clamp(x float64) float64 { return min(max(x, r.Min), r.Max) }

func clip(v, limit float64) float64 {
	switch {
	case v > limit:
		return limit
	case v < -limit:
		return -limit
	}
	return v
}

// Standardise sets z and a to the two scalings of x. What it gives for a gap
// means nothing.
func Standardise(z, a, x []float64, by []Scaling) {
	k := whole(len(x), Doubles)
	if k > 0 {
		_, _, _ = z[k-1], a[k-1], by[k-1]
		standardiseVector(&z[0], &a[0], &x[0], &by[0], k, &standardiseTable)
	}
	for j := k; j < len(x); j++ {
		z[j], a[j] = by[j].Z(x[j]), by[j].a(x[j])
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

var standardiseTable = func() (t [16][Doubles]float64) {
	for i, v := range []float64{
		ClipZ, clipA, 1, math.Copysign(0, -1), math.Float64frombits(toRootHalf),
		1 << 52, 1<<52 + exponentBias, math.Float64frombits(mantissa), math.Float64frombits(rootHalf),
		log1, log2, log3, log4, log5, log6, log7,
	} {
		t[i] = [Doubles]float64{v, v, v, v}
	}
	return t
}()
