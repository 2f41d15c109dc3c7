//go:build amd64 && !purego

package autoencoder

import "golang.org/x/sys/cpu"

// vectorised tells whether this processor (and its operating system) runs the
// AVX2 kernels. Only tests change it.
var vectorised = cpu.X86.HasAVX2

// The assembly kernels. multiplyRxC computes C columns of tiles·R rows; strides
// are in elements; bias points to C values. The others take a number of lane
// groups.

//go:noescape
func multiply4x16(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)

//go:noescape
func multiply8x8(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)

//go:noescape
func multiply4x8(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)

//go:noescape
func multiply1x8(c *float32, cs int, a *float32, ars, aks int, b *float32, bs int, bias *float32, tiles, depth int)

//go:noescape
func tanhVector(x *float32, groups int, table *[13]float32)

//go:noescape
func deriveVector(d, h *float32, groups int)

//go:noescape
func hideVector(in, present, x *float32, groups int, threshold int32, s *random)

//go:noescape
func differVector(y, x, m *float32, groups int, w *weights, t *tally)

//go:noescape
func adamVector(p, d, m, v *float32, groups int, a *step)

var zeros [16]float32

func multiply(c []float32, cs int, a []float32, ars, aks int, b []float32, bs int, bias []float32, rows, depth, n int) {
	if !vectorised {
		multiplyPlain(c, cs, a, ars, aks, b, bs, bias, rows, depth, n)
		return
	}
	// The assembly does not check: the far corners of each matrix do.
	_, _, _ = c[(rows-1)*cs+n-1], a[(rows-1)*ars+(depth-1)*aks], b[(depth-1)*bs+n-1]
	if bias != nil {
		_ = bias[n-1]
	}
	for j := 0; j < n; {
		init := &zeros[0]
		if bias != nil {
			init = &bias[j]
		}
		if n-j >= 2*lanes {
			if rows >= 4 {
				multiply4x16(&c[j], cs, &a[0], ars, aks, &b[j], bs, init, rows/4, depth)
			}
			if r := rows &^ 3; r < rows {
				multiply1x8(&c[r*cs+j], cs, &a[r*ars], ars, aks, &b[j], bs, init, rows-r, depth)
				if bias != nil {
					init = &bias[j+lanes]
				}
				multiply1x8(&c[r*cs+j+lanes], cs, &a[r*ars], ars, aks, &b[j+lanes], bs, init, rows-r, depth)
			}
			j += 2 * lanes
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
		j += lanes
	}
}

var tanhTable = [13]float32{tanhMax, -tanhMax, tanhP13, tanhP11, tanhP9, tanhP7, tanhP5, tanhP3, tanhP1, tanhQ6, tanhQ4, tanhQ2, tanhQ0}

func tanh(x []float32) {
	if !vectorised || len(x) == 0 {
		tanhPlain(x)
		return
	}
	tanhVector(&x[0], len(x)/lanes, &tanhTable)
}

func derive(g, h []float32) {
	if !vectorised || len(h) == 0 {
		derivePlain(g, h)
		return
	}
	_ = g[len(h)-1]
	deriveVector(&g[0], &h[0], len(h)/lanes)
}

func hide(in, x []float32, threshold int32, s *random) {
	if !vectorised {
		hidePlain(in, x, threshold, s)
		return
	}
	_ = in[2*len(x)-1]
	hideVector(&in[0], &in[len(x)], &x[0], len(x)/lanes, threshold, s)
}

func differ(y, x, m []float32, w *weights, t *tally) {
	if !vectorised {
		differPlain(y, x, m, w, t)
		return
	}
	_, _ = x[len(y)-1], m[len(y)-1]
	differVector(&y[0], &x[0], &m[0], len(y)/lanes, w, t)
}

func adam(p, g, m, v []float32, a *step) {
	if !vectorised {
		adamPlain(p, g, m, v, a)
		return
	}
	_, _, _ = p[len(g)-1], m[len(g)-1], v[len(g)-1]
	adamVector(&p[0], &g[0], &m[0], &v[0], len(g)/lanes, a)
}
