// Package simd holds the arithmetic of packages autoencoder and detect that is
// done for whole slices at a time: matrix products and the steps of training,
// the scaling of samples and the sums of scoring. It keeps no state and has no
// key type: its functions are the kernels, on slices of float32 and float64.
// It allocates nothing, knows nothing of networks or models, and has no kernel
// that nobody calls.
//
// On amd64 with AVX2, found out once at run time, the kernels are assembly;
// elsewhere, and with the build tag purego, they are the Go beside it. Both
// give the same bits: each result is one chain of separately rounded operations
// in a stated order. The explicit float32 and float64 conversions forbid the
// compiler to fuse a multiplication with an addition, and the assembly makes
// the operations of the Go lane by lane.
//
// The choice was between assembly and Go 1.26's simd/archsimd, which needs
// GOEXPERIMENT=simd at build time, so that a plain `go build` or `go install`
// would be slow without a word, and whose API is not covered by Go's
// compatibility promise. It does without FMA and AVX-512: fused multiplication
// would need an emulation in every other build to keep equal bits, and separate
// operations are fast enough. docs/design/0001-kernels.md has the figures.
//
// Where a comment asks for a multiple of [Lanes], matrices are padded with
// [Pad]; all others take slices of any length. Lengths are checked at the far
// ends, with a panic, because the assembly does not check.
package simd

// Lanes is how many float32 a vector register holds, Doubles how many float64.
const (
	Lanes   = 8
	Doubles = 4
)

// Pad is the next multiple of [Lanes].
func Pad(n int) int { return (n + Lanes - 1) / Lanes * Lanes }

// whole is how many of n elements the vector kernels take, lanes at a time.
func whole(n, lanes int) int {
	if !vectorised {
		return 0
	}
	return n &^ (lanes - 1)
}
