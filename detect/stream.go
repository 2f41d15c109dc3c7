package detect

import (
	"fmt"
	"math"
	"slices"

	"github.com/omenhq/omen"
)

// Stream is one host's running state under one model. It is not safe for
// concurrent use; it holds no resource and needs no closing.
type Stream struct {
	m     *Model
	front *front
	judge *judge

	actual              []float64 // per active feature, the sample's values
	expected, low, high []float64 // per schema feature
	shares              []float64 // per schema feature
	order               []int32   // active features by share, the largest first
	causes              []omen.Cause
}

// Stream makes a running state from recent history, at best the last hundred
// samples or more; without it the first sample is scored 0 and the moving
// averages start there. Vectors of another width are ignored.
func (m *Model) Stream(recent []omen.Vector) *Stream {
	n := len(m.specs)
	s := &Stream{
		m: m, front: newFront(m), judge: newJudge(m),
		actual:   make([]float64, len(m.active)),
		expected: make([]float64, n), low: make([]float64, n), high: make([]float64, n), shares: make([]float64, n),
		order: make([]int32, len(m.active)), causes: make([]omen.Cause, 0, omen.MaxCauses),
	}
	for i := range n {
		s.expected[i], s.low[i], s.high[i] = math.NaN(), math.NaN(), math.NaN()
	}
	for _, v := range recent {
		if len(v.Values) == n {
			s.advance(v)
		}
	}
	return s
}

// Model is what the stream scores with.
func (s *Stream) Model() *Model { return s.m }

func (s *Stream) advance(v omen.Vector) {
	f, j := s.front, s.judge
	f.shift = s.m.shiftOf(v.Shift)
	if !f.step(v.At, v.Values) {
		j.restart()
		return
	}
	j.step(f.trace())
}

// Score judges the next sample. It allocates nothing; the result's slices are
// valid until the next call. A sample of another width is
// [omen.ErrSchema]. NaN, infinities and what is beyond 1e100 are gaps: they are replaced by what was
// expected and never to blame. A sample not later than the one before, or one
// after a long silence, starts the stream afresh and scores 0.
func (s *Stream) Score(v omen.Vector) (omen.Score, error) {
	m := s.m
	if len(v.Values) != len(m.specs) {
		return omen.Score{}, fmt.Errorf("score %s: %d values, model %s has %d features: %w", v.Host, len(v.Values), m.id, len(m.specs), omen.ErrSchema)
	}
	s.advance(v)
	s.explain(v)
	return omen.Score{
		Host: v.Host, At: v.At,
		Value: s.judge.smoothed / m.limit, Unsmoothed: s.judge.unsmoothed / m.limit,
		ReconstructionError: s.reconstructionError(),
		Grade:               m.grade, Model: m.id, PageLevel: m.pageLevel,
		Causes: s.causes, Expected: s.expected, Lower: s.low, Upper: s.high, Shares: s.shares,
	}, nil
}

// reconstructionError is the mean squared residual of the autoencoder over the
// features that are there, in softened Z.
func (s *Stream) reconstructionError() float64 {
	if s.m.net == nil {
		return 0
	}
	var sum float64
	n := 0
	for j, ok := range s.front.ok {
		if ok {
			d := s.front.s[j] - float64(s.front.recon[j])
			sum += d * d
			n++
		}
	}
	return sum / float64(max(1, n))
}

// explain fills expected values, bands, shares and causes.
func (s *Stream) explain(v omen.Vector) {
	m := s.m
	var total float64
	if s.judge.unsmoothed > 0 {
		for _, p := range s.judge.parts {
			total += p
		}
	}
	for j, i := range m.active {
		s.actual[j] = v.Values[i]
		s.expected[i], s.low[i], s.high[i] = s.expect(j)
		s.shares[i] = 0
		if total > 0 {
			s.shares[i] = s.judge.parts[j] / total
		}
		s.order[j] = int32(j)
	}
	s.causes = s.causes[:0]
	if total > 0 {
		s.rank()
	}
}

// expect is what feature j should have been and its band, in its unit.
func (s *Stream) expect(j int) (expected, low, high float64) {
	m := s.m
	sp, sc := &m.specs[m.active[j]], m.scales[j]
	var z float64
	if m.net != nil {
		z = unsoft(float64(s.front.recon[j]))
	} else {
		z = sc.z(sc.unA(float64(s.front.forecast[j])))
	}
	by, wide := 0.0, 1.0
	if sh := s.front.shift; sh != nil {
		by, wide = sh.by[j], float64(sh.e[j])
	}
	low, high = sc.unZ(z+float64(m.bandLow[j])*wide)+by, sc.unZ(z+float64(m.bandHigh[j])*wide)+by
	expected = sc.unZ(z) + by
	within := func(x float64) float64 { return min(max(x, sp.min), sp.max) }
	return within(expected), within(min(low, expected)), within(max(high, expected))
}

// rank lists the features with the largest shares.
func (s *Stream) rank() {
	m := s.m
	for len(s.causes) < omen.MaxCauses && len(s.causes) < len(s.order) {
		best, at := -1.0, 0
		for k := len(s.causes); k < len(s.order); k++ {
			if p := s.judge.parts[s.order[k]]; p > best {
				best, at = p, k
			}
		}
		if best <= 0 {
			return
		}
		k := len(s.causes)
		s.order[k], s.order[at] = s.order[at], s.order[k]
		j := s.order[k]
		i := m.active[j]
		sp := &m.specs[i]
		c := omen.Cause{Feature: sp.name, Unit: sp.unit, Share: s.shares[i],
			Actual: s.actual[j], Expected: s.expected[i], Lower: s.low[i], Upper: s.high[i]}
		d := c.Actual - c.Expected
		c.Trivial = math.Abs(d) < sp.deviation || !sp.direction.Matters(d)
		s.causes = append(s.causes, c)
	}
}

// Shares in schema order of the last score, for callers that keep sums.
func (s *Stream) Shares() []float64 { return slices.Clip(s.shares) }
