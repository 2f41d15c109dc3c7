package app

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

// extremes is how many points stand for a stretch of a history at most: its least,
// its greatest, and the one that is furthest outside of what was expected.
const extremes = 3

// thinned is a feature's history, made of its samples in time order and reduced
// without losing an extreme.
type thinned struct {
	api.FeatureHistory
	at      int // of the feature in the schema
	each    time.Duration
	from    time.Time
	stretch int64
	any     bool // the stretch has samples, though none may be finite
	begin   time.Time
	kept    [extremes]sampled // of the stretch; those with a zero At are not there
	band    bool              // some point has one
}

// sampled is one sample of a feature with what was expected, NaN where that is not known.
type sampled struct {
	at                             time.Time
	actual, expected, lower, upper float64
}

// outside is how far a sample is out of its band, in widths of that; 0 or less:
// it is within, or there is none.
func (s sampled) outside() float64 {
	if width := s.upper - s.lower; width > 0 {
		return max(s.actual-s.upper, s.lower-s.actual) / width
	}
	return max(s.actual-s.upper, s.lower-s.actual, math.Inf(-1)) // of no width
}

// add takes up a sample.
func (t *thinned) add(v omen.Vector, s *omen.Score) {
	if n := int64(v.At.Sub(t.from) / t.each); n != t.stretch || !t.any {
		t.flush()
		t.stretch, t.any, t.begin = n, true, v.At
	}
	one := sampled{v.At, v.Values[t.at], math.NaN(), math.NaN(), math.NaN()}
	if math.IsNaN(one.actual) {
		return
	}
	if s != nil && t.at < len(s.Expected) {
		one.expected, one.lower, one.upper = s.Expected[t.at], s.Lower[t.at], s.Upper[t.at]
	}
	k := &t.kept
	if k[0].at.IsZero() || one.actual < k[0].actual {
		k[0] = one
	}
	if k[1].at.IsZero() || one.actual > k[1].actual {
		k[1] = one
	}
	if out := one.outside(); out > 0 && (k[2].at.IsZero() || out > k[2].outside()) {
		k[2] = one
	}
}

// gap breaks the line at an instant.
func (t *thinned) gap(at time.Time) {
	t.flush()
	t.put(sampled{at, math.NaN(), math.NaN(), math.NaN(), math.NaN()})
}

// flush writes down the stretch that is over.
func (t *thinned) flush() {
	if !t.any {
		return
	}
	found := slices.DeleteFunc(slices.Clone(t.kept[:]), func(s sampled) bool { return s.at.IsZero() })
	slices.SortFunc(found, func(a, b sampled) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	found = slices.CompactFunc(found, func(a, b sampled) bool { return a.at.Equal(b.at) })
	for _, s := range found {
		t.put(s)
	}
	if len(found) == 0 && len(t.Times) > 0 { // a history begins with its first sample
		t.put(sampled{t.begin, math.NaN(), math.NaN(), math.NaN(), math.NaN()})
	}
	t.any, t.kept = false, [extremes]sampled{}
}

func (t *thinned) put(s sampled) {
	t.Times, t.Actual = append(t.Times, api.Unix(s.at)), append(t.Actual, api.Number(s.actual))
	t.Expected, t.Lower, t.Upper = append(t.Expected, api.Number(s.expected)), append(t.Lower, api.Number(s.lower)), append(t.Upper, api.Number(s.upper))
	t.band = t.band || !math.IsNaN(s.lower)
}

// history is what there is in the end.
func (t *thinned) history() api.FeatureHistory {
	t.flush()
	if !t.band {
		t.Expected, t.Lower, t.Upper = nil, nil, nil
	}
	return t.FeatureHistory
}
