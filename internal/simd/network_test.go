//go:build amd64 && !purego

package autoencoder

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
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

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d of %d is %v, the plain kernel gives %v", what, i, len(want), got[i], want[i])
		}
	}
}

func noise(rng *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * scale)
	}
	return x
}

// TestMultiplyEqualsPlain covers every remainder of rows and columns, both
// orientations of a, with and without bias, and that nothing outside is
// written.
func TestMultiplyEqualsPlain(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for rows := 1; rows < 21; rows++ {
		for _, n := range []int{8, 16, 24, 32, 40} {
			for _, depth := range []int{1, 2, 7, 80} {
				a, b, bias := noise(rng, rows*depth, 1), noise(rng, depth*n, 1), noise(rng, n, 1)
				for _, strides := range [][2]int{{depth, 1}, {1, rows}, {0, 0}} {
					for _, bi := range [][]float32{bias, nil} {
						got, want := make([]float32, rows*n+4), make([]float32, rows*n+4)
						multiply(got, n, a, strides[0], strides[1], b, n, bi, rows, depth, n)
						plainly(t, func() { multiply(want, n, a, strides[0], strides[1], b, n, bi, rows, depth, n) })
						same(t, "multiply", got, want)
					}
				}
			}
		}
	}
}

func TestElementKernelsEqualPlain(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	nan := float32(math.NaN())
	for _, n := range []int{8, 16, 40, 256} {
		for _, scale := range []float64{1e-30, 1e-4, 1, 30, 1e30} {
			x := noise(rng, n, scale)
			got, want := append([]float32(nil), x...), append([]float32(nil), x...)
			tanh(got)
			plainly(t, func() { tanh(want) })
			same(t, "tanh", got, want)

			h := append([]float32(nil), got...)
			got, want = append([]float32(nil), x...), append([]float32(nil), x...)
			derive(got, h)
			plainly(t, func() { derive(want, h) })
			same(t, "derive", got, want)

			target := noise(rng, n, scale)
			target[3] = nan
			var s, s2 random
			for i := range s {
				for j := range s[i] {
					s[i][j] = rng.Uint32()
				}
			}
			s2 = s
			in, in2 := make([]float32, 2*n), make([]float32, 2*n)
			hide(in, target, 3<<28, &s)
			plainly(t, func() { hide(in2, target, 3<<28, &s2) })
			same(t, "hide", in, in2)
			if s != s2 {
				t.Fatal("hide: the generators differ")
			}

			w := weights{clip: 2, present: 0.1, hidden: 1, countHidden: 1}
			var sum, sum2 tally
			got, want = append([]float32(nil), x...), append([]float32(nil), x...)
			differ(got, target, in[n:], &w, &sum)
			plainly(t, func() { differ(want, target, in[n:], &w, &sum2) })
			same(t, "differ", got, want)
			same(t, "loss", sum.loss[:], sum2.loss[:])
			same(t, "count", sum.count[:], sum2.count[:])

			a := step{rate: 1e-3, correct: 3, keepM: 0.9, addM: 0.1, keepV: 0.999, addV: 0.001, epsilon: 1e-8}
			m, v := noise(rng, n, scale), make([]float32, n)
			p := append([]float32(nil), x...)
			p2, m2, v2 := append([]float32(nil), p...), append([]float32(nil), m...), append([]float32(nil), v...)
			adam(p, h, m, v, &a)
			plainly(t, func() { adam(p2, h, m2, v2, &a) })
			same(t, "adam parameters", p, p2)
			same(t, "adam m", m, m2)
			same(t, "adam v", v, v2)
		}
	}
}

// TestCrossingEqualsPlain covers blocks of columns of every kind.
func TestCrossingEqualsPlain(t *testing.T) {
	for _, width := range []int{1, 3, 8, 13, 40, 47, 130} {
		for _, hidden := range [][]int{{32, 8, 32}, {20, 5, 11}, {70}} {
			for _, gaps := range []bool{false, true} {
				n, group, row, present := crossed(t, width, hidden, gaps)
				got, want := make([]float32, width), make([]float32, width)
				n.Crossing(group).Predict(got, row, present, !gaps, n.NewCrossScratch())
				plainly(t, func() { n.Crossing(group).Predict(want, row, present, !gaps, n.NewCrossScratch()) })
				same(t, "crossing", got, want)
			}
		}
	}
}

// TestTrainingEqualsPlain: a whole training gives the same bytes either way.
func TestTrainingEqualsPlain(t *testing.T) {
	rows := lowRank(700, 13, 3, 0.1, 1)
	rows[50] = float32(math.NaN())
	for _, masked := range []bool{false, true} {
		o := Options{Masked: masked, Seed: 3, Epochs: 4, Holdout: 0.1, Gaps: true}
		fast, fastReport := mustTrain(t, rows, 13, o)
		plainly(t, func() {
			slow, slowReport := mustTrain(t, rows, 13, o)
			if !bytes.Equal(encoded(t, fast), encoded(t, slow)) {
				t.Errorf("masked %v: the networks differ", masked)
			}
			if fastReport.Loss() != slowReport.Loss() {
				t.Errorf("masked %v: losses %v, plain %v", masked, fastReport.Loss(), slowReport.Loss())
			}
		})
	}
}
