package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// both runs f on the same noise with either kind of kernels and compares what
// it left there, bit for bit. x is of the given scale, y thirty times as wide
// and has a gap and an infinity.
func both(t *testing.T, what string, n int, scale float64, f func(x []float32, y []float64)) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	x, y := make([]float32, 16*n), make([]float64, 16*n)
	for i := range x {
		x[i], y[i] = float32(scale*rng.NormFloat64()), 30*rng.NormFloat64()
	}
	y[0], y[n-1] = math.NaN(), math.Inf(1)
	x2, y2 := slices.Clone(x), slices.Clone(y)
	f(x, y)
	if !Plainly(func() { f(x2, y2) }) {
		t.Skip("this build or processor has only the plain kernels: there is nothing to compare them with")
	}
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(x2[i]) || math.Float64bits(y[i]) != math.Float64bits(y2[i]) && !(y[i] != y[i] && y2[i] != y2[i]) {
			t.Fatalf("%s, width %d, scale %g: place %d is %v and %v, the plain kernel gives %v and %v", what, n, scale, i, x[i], y[i], x2[i], y2[i])
		}
	}
}

// TestMultiplyEqualsPlain covers every remainder of rows and columns, both
// orientations of a, with and without bias, and that nothing outside is
// written.
func TestMultiplyEqualsPlain(t *testing.T) {
	for rows := 1; rows < 21; rows++ {
		for _, n := range []int{8, 16, 24, 32, 40} {
			for _, depth := range []int{1, 2, 7, 80} {
				for _, strides := range [][2]int{{depth, 1}, {1, rows}, {0, 0}} {
					for _, biased := range []bool{false, true} {
						both(t, "multiply", rows*n+depth*(n+rows), 1, func(x []float32, _ []float64) {
							c, a, rest := x[:rows*n], x[rows*n+4:][:rows*depth], x[rows*n+4+rows*depth:]
							bias := rest[depth*n:][:n]
							if !biased {
								bias = nil
							}
							Multiply(c, n, a, strides[0], strides[1], rest, n, bias, rows, depth, n)
						})
					}
				}
			}
		}
	}
}

// TestTrainingKernelsEqualPlain covers the kernels for padded rows.
func TestTrainingKernelsEqualPlain(t *testing.T) {
	for _, n := range []int{8, 16, 40, 256} {
		row := func(x []float32, k int) []float32 { return x[k*n:][:n] }
		for _, scale := range []float64{1e-30, 1e-4, 1, 30, 1e30} {
			both(t, "tanh", n, scale, func(x []float32, _ []float64) { Tanh(row(x, 0)) })
			both(t, "derive", n, scale, func(x []float32, _ []float64) {
				Tanh(row(x, 1))
				Derive(row(x, 0), row(x, 1))
			})
			both(t, "hide and differ", n, scale, func(x []float32, y []float64) {
				row(x, 1)[3] = float32(math.NaN())
				var s Random
				for i := range s {
					for j := range s[i] {
						s[i][j] = uint32(i*Lanes+j+1) * 0x9e3779b9
					}
				}
				Hide(x[2*n:4*n], row(x, 1), 3<<28, &s)
				w := Weights{Clip: 2, Present: 0.1, Hidden: 1, CountHidden: 1}
				var sum Tally
				Differ(row(x, 0), row(x, 1), row(x, 3), &w, &sum)
				copy(row(x, 4), sum.Loss[:])
				copy(row(x, 5), sum.Count[:])
				for i := range s {
					for j := range s[i] {
						y[i*Lanes+j] = float64(s[i][j])
					}
				}
			})
			both(t, "adam", n, scale, func(x []float32, _ []float64) {
				clear(row(x, 3))
				Adam(row(x, 0), row(x, 1), row(x, 2), row(x, 3), &AdamStep{
					Rate: 1e-3, Correct: 3, KeepM: 0.9, AddM: 0.1, KeepV: 0.999, AddV: 0.001, Epsilon: 1e-8,
				})
			})
		}
	}
}

// TestCrossingKernelsEqualPlain covers blocks of columns of every kind.
func TestCrossingKernelsEqualPlain(t *testing.T) {
	for _, n := range []int{8, 24, 32, 40, 48, 72} {
		both(t, "gather", n, 1, func(x []float32, _ []float64) {
			Gather(x[:n], x[n:], nil, x[2*n:])
			Gather(x[n:2*n], x[2*n:], []int32{0, 1, 3, 7}, x[3*n:])
		})
		both(t, "others", n, 1, func(x []float32, _ []float64) { Others(x[:4*n], x[4*n:], x[8*n:], x[12*n:], n) })
		both(t, "transpose", n, 1, func(x []float32, _ []float64) { Transpose(x[:4*n], x[4*n:8*n], n) })
		both(t, "pick", n, 1, func(x []float32, _ []float64) {
			group := make([]uint8, n)
			for j := range group {
				group[j] = uint8(j * 7 % Groups)
			}
			Pick(x[:n], x[n:], group, x[5*n:], x[15*n:], 10, n)
		})
	}
}

// TestScoringKernelsEqualPlain covers every remainder of the vectors' width.
func TestScoringKernelsEqualPlain(t *testing.T) {
	for n := 1; n < 50; n++ {
		scales, within, counts := make([]Scaling, n), make([]Range, n), make([]bool, n)
		for j := range n {
			scales[j] = Scaling{float64(j), 1 + float64(j)/3, float64(j) / 7, 0.3 + float64(j)}
			within[j], counts[j] = Range{float64(-j), float64(3 * j)}, j%3 != 1
		}
		d := func(y []float64, k int) []float64 { return y[k*n:][:n] }
		s := func(x []float32, k int) []float32 { return x[k*n:][:n] }
		equal := func(what string, f func(x []float32, y []float64)) {
			t.Helper()
			both(t, what, n, 1, f)
		}
		equal("standardise", func(_ []float32, y []float64) {
			Standardise(d(y, 2), d(y, 3), d(y, 1), scales) // not of gaps, which mean nothing
		})
		equal("recentre", func(x []float32, y []float64) {
			rms := s(x, 1)
			for i := range rms {
				rms[i] = 0.05 + rms[i]*rms[i]
			}
			y[2*n] = Recentre(d(y, 1), d(y, 3), s(x, 0), rms, counts, 0.01)
		})
		equal("temper", func(_ []float32, y []float64) {
			e := d(y, 1)
			for i := range e {
				e[i] = max(0, e[i]*e[i]-5)
			}
			Temper(d(y, 2), e, 0.7)
		})
		equal("follow", func(x []float32, _ []float64) { Follow(s(x, 0), s(x, 1), 0.1) })
		equal("mix", func(x []float32, _ []float64) { Mix(s(x, 0), s(x, 1), s(x, 2)) })
		equal("residual", func(x []float32, y []float64) { Residual(s(x, 0), d(y, 1), s(x, 1)) })
		equal("travel", func(x []float32, y []float64) {
			Travel(s(x, 0), x[n:7*n], 2*n, n, d(y, 1), d(y, 2))
		})
		equal("bound", func(x []float32, y []float64) {
			Bound(Band{d(y, 2), d(y, 3), d(y, 4)}, d(y, 1), s(x, 0), s(x, 1), scales, within)
		})
		equal("project", func(x []float32, _ []float64) {
			for _, depth := range []int{0, 1, 2, 7} {
				w := make([]float32, depth*Pad(n))
				for i := range w {
					w[i] = float32(i%13) - 6.1
				}
				dst := make([]float32, Pad(n))
				Project(dst, x[5*n:][:depth], w)
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

// TestTanh: within 5e-7 of tanh over the whole line, odd, exactly 0 at 0.
func TestTanh(t *testing.T) {
	var worst, at float64
	check := func(v float32) {
		x := slices.Repeat([]float32{v}, Lanes)
		Tanh(x)
		if d := math.Abs(float64(x[0]) - math.Tanh(float64(v))); d > worst || d != d {
			worst, at = d, float64(v)
		}
	}
	for v := -12.0; v <= 12; v += 1e-4 {
		check(float32(v))
	}
	for e := -140; e < 128; e++ {
		check(float32(math.Ldexp(1.3, e)))
		check(float32(math.Ldexp(-1.3, e)))
	}
	check(float32(math.Inf(1)))
	if worst > 5e-7 {
		t.Errorf("error %v at %v", worst, at)
	}
	zero := make([]float32, Lanes)
	if Tanh(zero); zero[0] != 0 {
		t.Errorf("tanh 0 = %v", zero[0])
	}
	t.Logf("largest error %v at %v", worst, at)
}
