//go:build amd64 && !purego

package detect

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// vectorised tells whether this processor (and its operating system) runs the
// AVX2 kernels. Only tests change it.
var vectorised = cpu.X86.HasAVX2

// The assembly kernels: n is a multiple of their lanes, strides are in
// elements, w and by and so on as in the plain kernel of the name.

// touch fetches cache lines into the second level: lines of them, from the
// from-th after at on. It never faults.
//
//go:noescape
func touch(at unsafe.Pointer, from, lines int)

//go:noescape
func project40(dst, x, w *float32, depth, n int)

//go:noescape
func project8(dst, x, w *float32, depth, n int)

//go:noescape
func standardiseVector(z, a, x *float64, by *scaling, n int, table *[16][double]float64)

//go:noescape
func recentreVector(evidence, centre *float64, r, rms *float32, counts *bool, n int, rate float64, sums *[double]float64)

//go:noescape
func temperVector(parts, evidence *float64, n int, scale float64)

//go:noescape
func followVector(average, v *float32, n int, rate float32)

//go:noescape
func mixVector(sums, x, w *float32, n int)

//go:noescape
func travelVector(jump, moves, now *float32, stride int, z, old *float64, n int)

//go:noescape
func residualVector(dst *float32, x *float64, y *float32, n int)

//go:noescape
func boundVector(expected, low, high, z *float64, down, up *float32, by *scaling, within *limits, n int)

func project(dst, x, w []float32) {
	if !vectorised || len(x) == 0 {
		projectPlain(dst, x, w)
		return
	}
	// The assembly does not check: the far ends do, here and below.
	n := len(dst)
	_ = w[len(x)*n-1]
	j := 0
	for ; n-j >= 5*lanes; j += 5 * lanes {
		project40(&dst[j], &x[0], &w[j], len(x), n)
	}
	for ; j < n; j += lanes {
		project8(&dst[j], &x[0], &w[j], len(x), n)
	}
}

var standardiseTable = func() (t [16][double]float64) {
	for i, v := range []float64{
		clipZ, clipA, 1, math.Copysign(0, -1), math.Float64frombits(toRootHalf),
		1 << 52, 1<<52 + exponentBias, math.Float64frombits(mantissa), math.Float64frombits(rootHalf),
		log1, log2, log3, log4, log5, log6, log7,
	} {
		t[i] = [double]float64{v, v, v, v}
	}
	return t
}()

func standardise(z, a, x []float64, by []scaling) {
	k := 0
	if vectorised {
		k = len(x) &^ (double - 1)
	}
	if k > 0 {
		_, _, _ = z[k-1], a[k-1], by[k-1]
		standardiseVector(&z[0], &a[0], &x[0], &by[0], k, &standardiseTable)
	}
	standardisePlain(z[k:], a[k:], x[k:], by[k:])
}

func recentre(evidence, centre []float64, r, rms []float32, counts []bool, rate float64) float64 {
	var sums [double]float64
	k := 0
	if vectorised {
		k = len(counts) &^ (double - 1)
	}
	if k > 0 {
		_, _, _, _ = evidence[k-1], centre[k-1], r[k-1], rms[k-1]
		recentreVector(&evidence[0], &centre[0], &r[0], &rms[0], &counts[0], k, rate, &sums)
	}
	recentrePlain(evidence[k:], centre[k:], r[k:], rms[k:], counts[k:], rate, &sums)
	return total(&sums)
}

func temper(parts, evidence []float64, scale float64) {
	k := 0
	if vectorised {
		k = len(evidence) &^ (double - 1)
	}
	if k > 0 {
		_ = parts[k-1]
		temperVector(&parts[0], &evidence[0], k, scale)
	}
	temperPlain(parts[k:], evidence[k:], scale)
}

func follow(average, v []float32, rate float32) {
	k := 0
	if vectorised {
		k = len(v) &^ (lanes - 1)
	}
	if k > 0 {
		_ = average[k-1]
		followVector(&average[0], &v[0], k, rate)
	}
	followPlain(average[k:], v[k:], rate)
}

func mix(sums, x, w []float32) {
	k := 0
	if vectorised {
		k = len(x) &^ (lanes - 1)
	}
	if k > 0 {
		_, _ = sums[k-1], w[k-1]
		mixVector(&sums[0], &x[0], &w[0], k)
	}
	mixPlain(sums[k:], x[k:], w[k:])
}

func travel(jump, moves []float32, at, stride int, z, old []float64) {
	k := 0
	if vectorised {
		k = len(z) &^ (double - 1)
	}
	if k > 0 {
		_, _, _, _ = jump[k-1], moves[(jumpSpan-1)*stride+k-1], moves[at+k-1], old[k-1]
		travelVector(&jump[0], &moves[0], &moves[at], stride, &z[0], &old[0], k)
	}
	travelPlain(jump[k:], moves[k:], at, stride, z[k:], old[k:])
}

func residual(dst []float32, x []float64, y []float32) {
	k := 0
	if vectorised {
		k = len(x) &^ (double - 1)
	}
	if k > 0 {
		_, _ = dst[k-1], y[k-1]
		residualVector(&dst[0], &x[0], &y[0], k)
	}
	residualPlain(dst[k:], x[k:], y[k:])
}

func bound(b band, z []float64, low, high []float32, by []scaling, within []limits) {
	k := 0
	if vectorised {
		k = len(z) &^ (double - 1)
	}
	if k > 0 {
		_, _, _ = b.expected[k-1], b.low[k-1], b.high[k-1]
		_, _, _, _ = low[k-1], high[k-1], by[k-1], within[k-1]
		boundVector(&b.expected[0], &b.low[0], &b.high[0], &z[0], &low[0], &high[0], &by[0], &within[0], k)
	}
	boundPlain(b.from(k), z[k:], low[k:], high[k:], by[k:], within[k:])
}
