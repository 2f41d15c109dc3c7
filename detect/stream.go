package detect

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/simd"
)

// Stream is one host's running state under one model. It is not safe for
// concurrent use; it holds no resource and needs no closing.
type Stream struct {
	m      *Model
	front  *front
	judge  *judge
	mover  mover
	leaner leaner

	actual              []float64 // per active feature, the sample's values
	expected, low, high []float64 // per schema feature
	shares              []float64 // per schema feature
	causes              []omen.Cause

	memory regions // what scoring touches
}

// body is what a stream keeps, but for the slices.
type body struct {
	s Stream
	f front
	j judge
}

// Stream makes a running state from recent history, at best the last hundred
// samples or more; without it the first sample is scored 0 and the moving
// averages start there. Vectors of another width are ignored.
func (m *Model) Stream(recent []omen.Vector) *Stream { return m.GoOn(recent, Centres{}) }

// GoOn is [Model.Stream] of a host that another stream has scored before: c is
// where that one's residuals were centred.
func (m *Model) GoOn(recent []omen.Vector, c Centres) *Stream {
	n, w := len(m.specs), len(m.active)
	// What a stream keeps lies together: scoring many hosts is reading memory.
	b := &body{}
	wide, single := make([]float64, (frontWide+judgeFloats+leanerFloats+moverFloats+1)*w+4*n), make([]float32, frontFloats(w))
	take := func(k int) (v []float64) { v, wide = wide[:k:k], wide[k:]; return v }
	own := newWorkspace(m)
	all := wide
	b.f.init(m, own, take(frontWide*w), single)
	s := &b.s
	*s = Stream{
		m: m, front: &b.f, judge: &b.j, actual: take(w),
		expected: take(n), low: take(n), high: take(n), shares: take(n),
		causes: make([]omen.Cause, 0, omen.MaxCauses),
	}
	b.j.init(m, own, take(judgeFloats*w))
	s.leaner.init(take(leanerFloats * w))
	s.mover.init(w, take(moverFloats*w))
	s.mapMemory(all, single)
	for i := range n {
		s.expected[i], s.low[i], s.high[i] = math.NaN(), math.NaN(), math.NaN()
	}
	s.takeUp(c.Moved)
	s.takeUpDrifts(c)
	for _, v := range recent {
		if len(v.Values) == n {
			s.advance(v)
		}
	}
	s.judge.recall(c)
	return s
}

// Model is what the stream scores with.
func (s *Stream) Model() *Model { return s.m }

func (s *Stream) advance(v omen.Vector) {
	f, j := s.front, s.judge
	f.shift = s.m.shiftOf(v.Shift)
	if !f.step(v.At, v.Values) {
		j.restart()
		s.leaner.found = false
		return
	}
	s.lean(v.At)
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
	s.follow(v.At)
	s.drift(v.At)
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
	var sums [simd.Doubles]float64
	recon := s.front.recon
	for j, ok := range s.front.ok {
		if ok {
			d := s.front.s[j] - float64(recon[j])
			sums[j%simd.Doubles] += float64(d * d)
		}
	}
	return simd.Total(&sums) / float64(max(1, len(recon)-s.front.gaps))
}

// explain fills expected values, bands, shares and causes.
func (s *Stream) explain(v omen.Vector) {
	m := s.m
	s.expect(v)
	var sum float64
	if s.judge.unsmoothed > 0 {
		for _, p := range s.judge.parts {
			sum += p
		}
	}
	if sum > 0 {
		for j, i := range m.active {
			s.actual[j], s.shares[i] = v.Values[i], s.judge.parts[j]/sum
		}
	} else {
		for j, i := range m.active {
			s.actual[j], s.shares[i] = v.Values[i], 0
		}
	}
	s.causes, s.judge.blamed = s.causes[:0], s.judge.blamed[:0]
	s.front.ahead.pull()
	if sum > 0 {
		s.rank()
	}
	if s.judge.unsmoothed > m.limit {
		s.markClearing()
	}
	s.front.ahead.pull()
}

// expect fills what the features should have been and their bands, in their
// units.
func (s *Stream) expect(v omen.Vector) {
	m, f := s.m, s.front
	z := f.z0
	f.ahead.pull()
	if m.net != nil {
		for j, y := range f.recon {
			z[j] = unsoft(float64(y))
		}
	} else {
		for j, sc := range m.scales {
			z[j] = sc.Z(sc.UnA(float64(f.forecast[j])))
		}
	}
	switch {
	case f.shift != nil:
		for j, i := range m.active {
			s.expected[i], s.low[i], s.high[i] = f.shift.expect(m, j, z[j])
		}
	case m.whole:
		simd.Bound(simd.Band{Expected: s.expected, Low: s.low, High: s.high}, z, m.bandLow, m.bandHigh, m.scales, m.within)
	default:
		simd.Bound(f.band, z, m.bandLow, m.bandHigh, m.scales, m.within)
		for j, i := range m.active {
			s.expected[i], s.low[i], s.high[i] = f.band.Expected[j], f.band.Low[j], f.band.High[j]
		}
	}
	s.expectMoved(v.Values, z)
}

// rank lists the features with the largest shares, of equal ones (to some
// 1e-12) the first.
func (s *Stream) rank() {
	// A key is a part's bits, which are ordered as the parts are, and in the
	// last of them the feature.
	keys := s.front.keys
	low := int64(1)<<bits.Len(uint(len(keys))) - 1
	for j, p := range s.judge.parts {
		keys[j] = int64(math.Float64bits(p))&^low | (low - int64(j))
	}
	for range min(omen.MaxCauses, len(keys)) {
		best := largestOf(keys)
		j := int(low - best&low)
		if s.judge.parts[j] <= 0 {
			return
		}
		keys[j] = 0
		s.blame(j)
	}
}

// largestOf is the largest key; four chains, because each waits for itself.
func largestOf(keys []int64) int64 {
	var a, b, c, d int64
	for ; len(keys) >= 4; keys = keys[4:] {
		a, b, c, d = max(a, keys[0]), max(b, keys[1]), max(c, keys[2]), max(d, keys[3])
	}
	for _, k := range keys {
		a = max(a, k)
	}
	return max(max(a, b), max(c, d))
}

// blame adds active feature j to the causes.
func (s *Stream) blame(j int) {
	i := s.m.active[j]
	sp := &s.m.specs[i]
	c := omen.Cause{Feature: sp.name, Unit: sp.unit, Share: s.shares[i],
		Actual: s.actual[j], Expected: s.expected[i], Lower: s.low[i], Upper: s.high[i]}
	if !sp.work {
		c.Smallest = cmp.Or(sp.deviation, sp.scale)
	}
	d := c.Actual - c.Expected
	c.Stuck, c.Drifting = s.stuckFor(j), s.driftingFor(j)
	c.Trivial = c.Stuck == 0 && (math.Abs(d) < sp.deviation || !sp.direction.Matters(d))
	s.causes = append(s.causes, c)
	s.judge.blamed = append(s.judge.blamed, j)
}
