//go:build !amd64 || purego

package autoencoder

// vectorised is false: this build has the plain kernels only.
const vectorised = false

func multiply(c []float32, cs int, a []float32, ars, aks int, b []float32, bs int, bias []float32, rows, depth, n int) {
	multiplyPlain(c, cs, a, ars, aks, b, bs, bias, rows, depth, n)
}

func tanh(x []float32)                                 { tanhPlain(x) }
func derive(g, h []float32)                            { derivePlain(g, h) }
func hide(in, x []float32, threshold int32, s *random) { hidePlain(in, x, threshold, s) }
func differ(y, x, m []float32, w *weights, t *tally)   { differPlain(y, x, m, w, t) }
func adam(p, g, m, v []float32, a *step)               { adamPlain(p, g, m, v, a) }

func gather(c, x []float32, rows []int32, w []float32) { gatherPlain(c, x, rows, w) }
func others(c, sums, masks, b []float32, n int)        { othersPlain(c, sums, masks, b, n) }
func transpose(c, a []float32, k int)                  { transposePlain(c, a, k) }
func pick(c, a []float32, group []uint8, w, b []float32, k, n int) {
	pickPlain(c, a, group, w, b, k, n)
}
