package autoencoder

import "math"

// The kernels below are written so that each result element is one chain of
// separately rounded operations in a stated order; the explicit float32
// conversions forbid the compiler to fuse a multiplication with an addition.
// Vectorised kernels follow the same order lane by lane, hence equal bits.

// multiplyPlain sets c[r,j] = bias[j] + Σ_k a[r,k]·b[k,j], summed from k = 0
// upwards, for r < rows, k < depth, j < n, where n is a multiple of lanes.
// c has row stride cs, b has bs; a[r,k] is a[r·ars + k·aks]. A nil bias is 0.
func multiplyPlain(c []float32, cs int, a []float32, ars, aks int, b []float32, bs int, bias []float32, rows, depth, n int) {
	var none [lanes]float32
	for r := range rows {
		for j := 0; j < n; j += lanes {
			init := &none
			if bias != nil {
				init = (*[lanes]float32)(bias[j:])
			}
			// Eight scalars, because the compiler keeps no array in registers.
			c0, c1, c2, c3 := init[0], init[1], init[2], init[3]
			c4, c5, c6, c7 := init[4], init[5], init[6], init[7]
			ai, bi := r*ars, j
			for range depth {
				v, w := a[ai], (*[lanes]float32)(b[bi:])
				c0 += float32(v * w[0])
				c1 += float32(v * w[1])
				c2 += float32(v * w[2])
				c3 += float32(v * w[3])
				c4 += float32(v * w[4])
				c5 += float32(v * w[5])
				c6 += float32(v * w[6])
				c7 += float32(v * w[7])
				ai += aks
				bi += bs
			}
			*(*[lanes]float32)(c[r*cs+j:]) = [lanes]float32{c0, c1, c2, c3, c4, c5, c6, c7}
		}
	}
}

// Coefficients of Eigen's rational approximation of tanh in float32
// (Eigen/src/Core/MathFunctionsImpl.h, generic_fast_tanh_float): odd
// numerator of degree 13 over even denominator of degree 6 on [-9, 9].
const (
	tanhMax = 9
	tanhP1  = 4.89352455891786e-03
	tanhP3  = 6.37261928875436e-04
	tanhP5  = 1.48572235717979e-05
	tanhP7  = 5.12229709037114e-08
	tanhP9  = -8.60467152213735e-11
	tanhP11 = 2.00018790482477e-13
	tanhP13 = -2.76076847742355e-16
	tanhQ0  = 4.89352518554385e-03
	tanhQ2  = 2.26843463243900e-03
	tanhQ4  = 1.18534705686654e-04
	tanhQ6  = 1.19825839466702e-06
)

// tanhPlain replaces each x by tanh x, within 5e-7 of it.
func tanhPlain(x []float32) {
	for i, v := range x {
		v = max(min(v, tanhMax), -tanhMax)
		q := float32(v * v)
		p := float32(q*tanhP13) + tanhP11
		p = float32(p*q) + tanhP9
		p = float32(p*q) + tanhP7
		p = float32(p*q) + tanhP5
		p = float32(p*q) + tanhP3
		p = float32(p*q) + tanhP1
		p = float32(p * v)
		d := float32(q*tanhQ6) + tanhQ4
		d = float32(d*q) + tanhQ2
		d = float32(d*q) + tanhQ0
		x[i] = p / d
	}
}

// derivePlain multiplies g by the derivative 1−h² of tanh at outputs h.
func derivePlain(g, h []float32) {
	for i, v := range h {
		g[i] = float32(g[i] * (1 - float32(v*v)))
	}
}

// random is eight independent xoshiro128+ generators (Blackman, Vigna 2019),
// one per lane, so that masks can be drawn eight at a time.
type random [4][lanes]uint32

// hidePlain makes the network input of one row x, padded with NaN to a
// multiple of lanes: in[:len(x)] = x·m, in[len(x):] = m, where m is 0 with
// probability threshold/2³¹ and where x is NaN, else 1.
func hidePlain(in, x []float32, threshold int32, s *random) {
	n := len(x)
	for j := 0; j < n; j += lanes {
		for i := range lanes {
			draw := int32((s[0][i] + s[3][i]) >> 1)
			t := s[1][i] << 9
			s[2][i] ^= s[0][i]
			s[3][i] ^= s[1][i]
			s[1][i] ^= s[2][i]
			s[0][i] ^= s[3][i]
			s[2][i] ^= t
			s[3][i] = s[3][i]<<11 | s[3][i]>>21
			v, m := x[j+i], float32(1)
			if draw < threshold || v != v {
				v, m = 0, 0
			}
			in[j+i], in[n+j+i] = v, m
		}
	}
}

// weights of entries: of the gradient and of the loss, where the mask is 1
// and where it is 0.
type weights struct {
	clip                      float32
	present, hidden           float32
	countPresent, countHidden float32
}

// tally sums the loss and its weights, lane by lane.
type tally struct {
	loss, count [lanes]float32
}

// differPlain turns outputs y of one row into the gradient of the loss by
// them: y = w·clip(y−x), 0 where x is NaN, with w by mask m. It adds to t the
// squared error, which continues linearly beyond clip (Huber's loss, times 2).
func differPlain(y, x, m []float32, w *weights, t *tally) {
	for j := 0; j < len(y); j += lanes {
		for i := range lanes {
			e := y[j+i] - x[j+i]
			gw, lw := w.present, w.countPresent
			if m[j+i] == 0 {
				gw, lw = w.hidden, w.countHidden
			}
			if e != e {
				e, lw = 0, 0
			}
			c := max(min(e, w.clip), -w.clip)
			y[j+i] = float32(gw * c)
			t.loss[i] += float32(lw * float32(c*(e+(e-c))))
			t.count[i] += lw
		}
	}
}

// step holds the constants of one step of Adam.
type step struct {
	rate        float32 // learning rate / (1 − β1^t)
	correct     float32 // 1 / √(1 − β2^t)
	keepM, addM float32 // β1, 1−β1
	keepV, addV float32 // β2, 1−β2
	epsilon     float32
}

// adamPlain makes one step of Adam (Kingma, Ba 2015) on parameters p with
// gradient g and moments m, v.
func adamPlain(p, g, m, v []float32, a *step) {
	for i, gi := range g {
		mi := float32(a.keepM*m[i]) + float32(a.addM*gi)
		vi := float32(a.keepV*v[i]) + float32(float32(a.addV*gi)*gi)
		m[i], v[i] = mi, vi
		d := float32(float32(math.Sqrt(float64(vi)))*a.correct) + a.epsilon
		p[i] -= float32(a.rate*mi) / d
	}
}
