//go:build amd64 && !purego

package simd

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// vectorised tells whether this processor (and its operating system) runs the
// assembly. Only tests change it, by [Plainly].
var vectorised = cpu.X86.HasAVX2

// Plainly runs f with the plain kernels, for tests that compare results; no
// kernel may run elsewhere meanwhile. It reports whether there were others to
// compare with.
func Plainly(f func()) bool {
	was := vectorised
	vectorised = false
	defer func() { vectorised = was }()
	f()
	return was
}

// The assembly kernels. Strides are in elements; n is a multiple of their
// lanes, groups a number of Lanes; the rest is as in the function of the name.
// multiplyRxC computes C columns of tiles·R rows; bias points to C values.

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
func hideVector(in, present, x *float32, groups int, threshold int32, s *Random)

//go:noescape
func differVector(y, x, m *float32, groups int, w *Weights, t *Tally)

//go:noescape
func adamVector(p, d, m, v *float32, groups int, a *AdamStep)

//go:noescape
func gather32(c, x *float32, rows *int32, count int, w *float32, ws int)

//go:noescape
func gather8(c, x *float32, rows *int32, count int, w *float32, ws int)

//go:noescape
func othersVector(c, sums, masks, b *float32, n int)

//go:noescape
func transposeVector(c, a *float32, k int)

//go:noescape
func pick40(c, a *float32, group *uint8, w, b *float32, k, n int)

//go:noescape
func pick8(c, a *float32, group *uint8, w, b *float32, k, n int)

// Prefetch fetches cache lines into the second level: lines of them, from the
// from-th after at on. It never faults.
//
//go:noescape
func Prefetch(at unsafe.Pointer, from, lines int)

//go:noescape
func project40(dst, x, w *float32, depth, n int)

//go:noescape
func project8(dst, x, w *float32, depth, n int)

//go:noescape
func standardiseVector(z, a, x *float64, by *Scaling, n int, table *[16][Doubles]float64)

//go:noescape
func recentreVector(evidence, centre *float64, r, rms *float32, counts *bool, n int, rate float64, sums *[Doubles]float64)

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
func boundVector(expected, low, high, z *float64, down, up *float32, by *Scaling, within *Range, n int)
