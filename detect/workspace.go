package detect

import (
	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/internal/simd"
)

// workspace is what scoring one sample needs besides what it keeps for the
// next: the streams of a batch share one, so that it stays in the cache. All
// is per active feature.
type workspace struct {
	x        []float64 // the sample, what is shifted taken off
	z, a, s  []float64 // the same in scaled units; gaps hold what was expected
	forecast []float32 // of A
	usual    []float32 // of A, at this time of day
	recon    []float32 // of S, each feature from the other groups
	r, e, u  []float32 // residuals of forecast, autoencoder and season, 0 at a gap
	jump     []float32 // size of recent moves
	soft     []float32 // the network's input, 0 at a gap
	here     []float32 // 0 at a gap, else 1
	memory   *autoencoder.CrossScratch

	evidence [channels][]float64 // at least 0

	counts []bool    // it is there, and may be to blame
	parts  []float64 // its part of the unsmoothed score, before the limit
	z0     []float64 // expected Z
	band   simd.Band
	keys   []int64 // parts in order
	blamed []int   // the causes' features

	clock clock
	ahead ahead
}

func newWorkspace(m *Model) *workspace {
	n := len(m.active)
	wide := make([]float64, (9+channels)*n)
	single := make([]float32, 7*n+2*simd.Pad(n))
	take := func(k int) (v []float64) { v, wide = wide[:k:k], wide[k:]; return v }
	take32 := func(k, room int) (v []float32) { v, single = single[:k:room], single[room:]; return v }
	w := &workspace{
		x: take(n), z: take(n), a: take(n), s: take(n), parts: take(n), z0: take(n),
		band:     simd.Band{Expected: take(n), Low: take(n), High: take(n)},
		forecast: take32(n, simd.Pad(n)), usual: take32(n, simd.Pad(n)), recon: take32(n, n),
		r: take32(n, n), e: take32(n, n), u: take32(n, n), jump: take32(n, n), soft: take32(n, n), here: take32(n, n),
		counts: make([]bool, n), keys: make([]int64, n), blamed: make([]int, 0, omen.MaxCauses),
	}
	for c := range w.evidence {
		w.evidence[c] = take(n)
	}
	if m.net != nil {
		w.memory = m.net.NewCrossScratch()
	}
	return w
}

// fits tells whether a model's streams can work in it.
func (w *workspace) fits(m *Model) bool {
	if len(w.z) != len(m.active) || (m.net == nil) != (w.memory == nil) {
		return false
	}
	return m.net == nil || m.net.Takes(w.memory)
}
