//go:build !amd64 || purego

package detect

import "unsafe"

// touch does nothing here.
func touch(unsafe.Pointer, int, int) {}

func project(dst, x, w []float32)                      { projectPlain(dst, x, w) }
func standardise(z, a, x []float64, by []scaling)      { standardisePlain(z, a, x, by) }
func temper(parts, evidence []float64, scale float64)  { temperPlain(parts, evidence, scale) }
func follow(average, v []float32, rate float32)        { followPlain(average, v, rate) }
func mix(sums, x, w []float32)                         { mixPlain(sums, x, w) }
func residual(dst []float32, x []float64, y []float32) { residualPlain(dst, x, y) }

func recentre(evidence, centre []float64, r, rms []float32, counts []bool, rate float64) float64 {
	var sums [double]float64
	recentrePlain(evidence, centre, r, rms, counts, rate, &sums)
	return total(&sums)
}

func travel(jump, moves []float32, at, stride int, z, old []float64) {
	travelPlain(jump, moves, at, stride, z, old)
}

func bound(b band, z []float64, low, high []float32, by []scaling, within []limits) {
	boundPlain(b, z, low, high, by, within)
}
