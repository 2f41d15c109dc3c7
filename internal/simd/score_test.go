//go:build amd64 && !purego

package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// plainly runs f with the plain kernels.
func plainly(t *testing.T, f func()) {
	t.Helper()
	if !vectorised {
		t.Skip("this processor has no AVX2: there is nothing to compare the plain kernels with")
	}
	vectorised = false
	defer func() { vectorised = true }()
	f()
}

// both runs f on the same noise with either kind of kernels and compares what
// it wrote, bit for bit. f fills a float32 and a float64 part of the noise.
func both(t *testing.T, what string, n int, f func(x []float32, y []float64)) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	x, y := make([]float32, 16*n), make([]float64, 16*n)
	for i := range x {
		x[i], y[i] = float32(rng.NormFloat64()), 30*rng.NormFloat64()
	}
	y[0], y[n-1] = math.NaN(), math.Inf(1)
	x2, y2 := slices.Clone(x), slices.Clone(y)
	f(x, y)
	plainly(t, func() { f(x2, y2) })
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(x2[i]) || math.Float64bits(y[i]) != math.Float64bits(y2[i]) && !(y[i] != y[i] && y2[i] != y2[i]) {
			t.Fatalf("%s, width %d: place %d is %v and %v, the plain kernel gives %v and %v", what, n, i, x[i], y[i], x2[i], y2[i])
		}
	}
}

// Every kernel, every remainder of the vectors' width.
func TestKernelsEqualPlain(t *testing.T) {
	for n := 1; n < 50; n++ {
		scales, within, counts := make([]scaling, n), make([]limits, n), make([]bool, n)
		for j := range n {
			scales[j] = scaling{float64(j), 1 + float64(j)/3, float64(j) / 7, 0.3 + float64(j)}
			within[j], counts[j] = limits{float64(-j), float64(3 * j)}, j%3 != 1
		}
		d := func(y []float64, k int) []float64 { return y[k*n:][:n] }
		s := func(x []float32, k int) []float32 { return x[k*n:][:n] }
		both(t, "standardise", n, func(_ []float32, y []float64) {
			standardise(d(y, 2), d(y, 3), d(y, 1), scales) // not of gaps, which mean nothing
		})
		both(t, "recentre", n, func(x []float32, y []float64) {
			rms := s(x, 1)
			for i := range rms {
				rms[i] = 0.05 + rms[i]*rms[i]
			}
			y[2*n] = recentre(d(y, 1)[:n], d(y, 3), s(x, 0), rms, counts, 0.01)
		})
		both(t, "temper", n, func(_ []float32, y []float64) {
			e := d(y, 1)
			for i := range e {
				e[i] = e[i]*e[i] - 5
				e[i] = max(0, e[i])
			}
			temper(d(y, 2), e, 0.7)
		})
		both(t, "follow", n, func(x []float32, _ []float64) { follow(s(x, 0), s(x, 1), 0.1) })
		both(t, "mix", n, func(x []float32, _ []float64) { mix(s(x, 0), s(x, 1), s(x, 2)) })
		both(t, "residual", n, func(x []float32, y []float64) { residual(s(x, 0), d(y, 1), s(x, 1)) })
		both(t, "travel", n, func(x []float32, y []float64) {
			travel(s(x, 0), x[n:7*n], 2*n, n, d(y, 1), d(y, 2))
		})
		both(t, "bound", n, func(x []float32, y []float64) {
			z := d(y, 1)
			bound(band{d(y, 2), d(y, 3), d(y, 4)}, z, s(x, 0), s(x, 1), scales, within)
		})
		both(t, "project", n, func(x []float32, _ []float64) {
			for _, depth := range []int{0, 1, 2, 7} {
				w := make([]float32, depth*pad(n))
				for i := range w {
					w[i] = float32(i%13) - 6.1
				}
				dst := make([]float32, pad(n))
				project(dst, x[5*n:][:depth], w)
				copy(s(x, depth), dst)
			}
		})
	}
}

// asinh agrees with the standard library's.
func TestAsinh(t *testing.T) {
	for _, x := range []float64{0, 1e-300, 1e-20, 1e-9, 1e-3, 0.4, 0.7, 1, 2, 7, 49.9, 50} {
		for _, x := range []float64{x, -x} {
			got, want := asinh(x), math.Asinh(x)
			if math.Abs(got-want) > 3e-16*math.Abs(want) || math.Signbit(got) != math.Signbit(want) {
				t.Errorf("asinh %v = %v, want %v", x, got, want)
			}
		}
	}
	for range 10_000 {
		x := 100*rand.Float64() - 50
		if got, want := asinh(x), math.Asinh(x); math.Abs(got-want) > 4.5e-16*math.Abs(want) {
			t.Errorf("asinh %v = %v, want %v", x, got, want)
		}
	}
}

// A whole model and its scores are the same either way.
func TestScoringEqualsPlain(t *testing.T) {
	s := columns(t, 43)
	all := synthetic(15, 3*1440, 43, time.Minute)
	for k := 2000; k < len(all); k += 7 {
		all[k].Values[k%43] = math.NaN()
		all[k].Values[(k+5)%43] += 1
	}
	m := fitted(t, s, all[:3000], Options{})
	want := play(t, m.Stream(nil), all[3000:])
	plainly(t, func() {
		plain := fitted(t, s, all[:3000], Options{})
		for i, sc := range play(t, plain.Stream(nil), all[3000:]) {
			if !equalScores(sc, want[i]) {
				t.Fatalf("sample %d: %+v, plain %+v", i, want[i], sc)
			}
		}
	})
}
