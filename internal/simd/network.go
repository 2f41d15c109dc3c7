package simd

import "math"

// Multiply sets c[r,j] = bias[j] + Σ_k a[r,k]·b[k,j], summed from k = 0
// upwards, for r < rows, k < depth, j < n, where n is a multiple of Lanes.
// c has row stride cs, b has bs; a[r,k] is a[r·ars + k·aks]. A nil bias is 0.
func Multiply(c []float32, cs int, a []float32, ars, aks int, b []float32, bs int, bias []float32, rows, depth, n int) {
	if !vectorised {
		multiplyPlain(c, cs, a, ars, aks, b, bs, bias, rows, depth, n)
		return
	}
	_, _, _ = c[(rows-1)*cs+n-1], a[(rows-1)*ars+(depth-1)*aks], b[(depth-1)*bs+n-1]
	if bias != nil {
		_ = bias[n-1]
	}
	for j := 0; j < n; {
		init := &zeros[0]
		if bias != nil {
			init = &bias[j]
		}
		if n-j >= 2*Lanes {
			if rows >= 4 {
				multiply4x16(&c[j], cs, &a[0], ars, aks, &b[j], bs, init, rows/4, depth)
			}
			if r := rows &^ 3; r < rows {
				multiply1x8(&c[r*cs+j], cs, &a[r*ars], ars, aks, &b[j], bs, init, rows-r, depth)
				if bias != nil {
					init = &bias[j+Lanes]
				}
				multiply1x8(&c[r*cs+j+Lanes], cs, &a[r*ars], ars, aks, &b[j+Lanes], bs, init, rows-r, depth)
			}
			j += 2 * Lanes
			continue
		}
		r := rows &^ 7
		if r > 0 {
			multiply8x8(&c[j], cs, &a[0], ars, aks, &b[j], bs, init, r/8, depth)
		}
		if rows-r >= 4 {
			multiply4x8(&c[r*cs+j], cs, &a[r*ars], ars, aks, &b[j], bs, init, 1, depth)
			r += 4
		}
		if r < rows {
			multiply1x8(&c[r*cs+j], cs, &a[r*ars], ars, aks, &b[j], bs, init, rows-r, depth)
		}
		j += Lanes
	}
}

func multiplyPlain(c []float32, cs int, a []float32, ars, aks int, b []float32, bs int, bias []float32, rows, depth, n int) {
	var none [Lanes]float32
	for r := range rows {
		for j := 0; j < n; j += Lanes {
			init := &none
			if bias != nil {
				init = (*[Lanes]float32)(bias[j:])
			}
			// Eight scalars, because the compiler keeps no array in registers.
			c0, c1, c2, c3 := init[0], init[1], init[2], init[3]
			c4, c5, c6, c7 := init[4], init[5], init[6], init[7]
			ai, bi := r*ars, j
			for range depth {
				v, w := a[ai], (*[Lanes]float32)(b[bi:])
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
			*(*[Lanes]float32)(c[r*cs+j:]) = [Lanes]float32{c0, c1, c2, c3, c4, c5, c6, c7}
		}
	}
}

var zeros [2 * Lanes]float32

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

var tanhTable = [13]float32{tanhMax, -tanhMax, tanhP13, tanhP11, tanhP9, tanhP7, tanhP5, tanhP3, tanhP1, tanhQ6, tanhQ4, tanhQ2, tanhQ0}

// Tanh replaces each x, a multiple of Lanes of them, by tanh x, within 5e-7 of
// it.
func Tanh(x []float32) {
	if vectorised && len(x) > 0 {
		tanhVector(&x[0], len(x)/Lanes, &tanhTable)
		return
	}
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

// Derive multiplies g by the derivative 1−h² of tanh at outputs h, a multiple of
// Lanes of them.
func Derive(g, h []float32) {
	if vectorised && len(h) > 0 {
		_ = g[len(h)-1]
		deriveVector(&g[0], &h[0], len(h)/Lanes)
		return
	}
	for i, v := range h {
		g[i] = float32(g[i] * (1 - float32(v*v)))
	}
}

// Random is eight independent xoshiro128+ generators (Blackman, Vigna 2019),
// one per lane, so that masks can be drawn eight at a time.
type Random [4][Lanes]uint32

// Hide makes the network input of one row x, padded with NaN to a
// multiple of Lanes: in[:len(x)] = x·m, in[len(x):] = m, where m is 0 with
// probability threshold/2³¹ and where x is NaN, else 1.
func Hide(in, x []float32, threshold int32, s *Random) {
	if vectorised {
		_ = in[2*len(x)-1]
		hideVector(&in[0], &in[len(x)], &x[0], len(x)/Lanes, threshold, s)
		return
	}
	n := len(x)
	for j := 0; j < n; j += Lanes {
		for i := range Lanes {
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

// Weights of entries in the gradient and in the loss, where the mask is 1
// (present) and where it is 0 (hidden).
type Weights struct {
	Clip                      float32 // of errors
	Present, Hidden           float32 // of the gradient
	CountPresent, CountHidden float32 // of the loss
}

// Tally sums the loss and its weights, lane by lane.
type Tally struct {
	Loss, Count [Lanes]float32
}

// Differ turns outputs y of one padded row into the gradient of the loss by
// them: y = w·clip(y−x), 0 where x is NaN, with w by mask m. It adds to t the
// squared error, which continues linearly beyond clip (Huber's loss, times 2).
func Differ(y, x, m []float32, w *Weights, t *Tally) {
	if vectorised {
		_, _ = x[len(y)-1], m[len(y)-1]
		differVector(&y[0], &x[0], &m[0], len(y)/Lanes, w, t)
		return
	}
	for j := 0; j < len(y); j += Lanes {
		for i := range Lanes {
			e := y[j+i] - x[j+i]
			gw, lw := w.Present, w.CountPresent
			if m[j+i] == 0 {
				gw, lw = w.Hidden, w.CountHidden
			}
			if e != e {
				e, lw = 0, 0
			}
			c := max(min(e, w.Clip), -w.Clip)
			y[j+i] = float32(gw * c)
			t.Loss[i] += float32(lw * float32(c*(e+(e-c))))
			t.Count[i] += lw
		}
	}
}

// AdamStep holds the constants of one step of Adam.
type AdamStep struct {
	Rate        float32 // learning rate / (1 − β1^t)
	Correct     float32 // 1 / √(1 − β2^t)
	KeepM, AddM float32 // β1, 1−β1
	KeepV, AddV float32 // β2, 1−β2
	Epsilon     float32
}

// Adam makes one step of Adam (Kingma, Ba 2015) on parameters p with
// gradient g and moments m, v, a multiple of Lanes of each.
func Adam(p, g, m, v []float32, a *AdamStep) {
	if vectorised {
		_, _, _ = p[len(g)-1], m[len(g)-1], v[len(g)-1]
		adamVector(&p[0], &g[0], &m[0], &v[0], len(g)/Lanes, a)
		return
	}
	for i, gi := range g {
		mi := float32(a.KeepM*m[i]) + float32(a.AddM*gi)
		vi := float32(a.KeepV*v[i]) + float32(float32(a.AddV*gi)*gi)
		m[i], v[i] = mi, vi
		d := float32(float32(math.Sqrt(float64(vi)))*a.Correct) + a.Epsilon
		p[i] -= float32(a.Rate*mi) / d
	}
}
