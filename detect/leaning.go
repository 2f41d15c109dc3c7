package detect

import (
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// A slow leak or drift has no residual that is odd by itself; what is odd is that they
// all lie on one side. A feature is leaning if the mean of the network's residuals over
// leanOver samples is leanFactor times as far from 0 as ever in training: so many times
// because the network knows the training. docs/bench.md has what half and more of it
// find, and what else was tried. That is for people: a mark on the timeline, and what a
// cause says of the feature; the score does not know of it, since no labels ask for it
// and it lasts after other troubles.
const (
	leanOver   = 60
	leanFactor = 6.0
	// leanLeast, in the feature's deviations, is what the largest mean in training is
	// taken for at least.
	leanLeast = 0.15
	// leanClip is how many root mean squares one residual counts at most: a spike is
	// no drift. While the score is above the limit it is one, so that a trouble that
	// was found is not found for another leanOver samples after it.
	leanClip = 5.0
	// leanRests is for how long a drift that is over may go on as the same one, and is
	// listed: models of every day learn a leak, and it goes on.
	leanRests = day
)

// leaner follows the means of the residuals, and what of them are drifts.
type leaner struct {
	mean   []float64 // of the network's residuals over leanOver samples, in Z, per active feature
	since  []int64   // from when on it has been further away than in training, in nanoseconds since 1970; 0: it is not
	taken  int       // samples that the means are of
	found  bool      // at the last sample a feature is leaning
	drifts []drift
	turns  int // how often drifts came, or ended
}

// drift is a feature that has begun to lean, and is not further away the other way.
type drift struct {
	feature         int // among the active ones
	up              bool
	mean, expected  float64 // when it was found, in the feature's unit
	since, at, back time.Time
	learned         bool // it is over because of another model
	handed          bool // another model found it, and this one has not said yet whether it sees it
}

// leanerFloats is how many float64 a leaner keeps per feature.
const leanerFloats = 1

func (l *leaner) init(memory []float64) { l.mean, l.since = memory, make([]int64, len(memory)) }

// take takes in the network's residuals of one sample, in Z, none of which counts for
// more than clip root mean squares.
func (l *leaner) take(m *Model, e []float32, ok []bool, clip float64, at time.Time) {
	now := at.UnixNano()
	l.taken++
	l.found = false
	for i, most := range m.leanMost {
		if !ok[i] || !m.blame[i] {
			continue
		}
		top := clip * float64(m.rmsE[i])
		l.mean[i] += min(max(float64(e[i])-l.mean[i], -top), top) / leanOver
		far := math.Abs(l.mean[i])
		switch {
		case far <= float64(most)/leanFactor:
			l.since[i] = 0
		case l.since[i] == 0:
			l.since[i] = now
		}
		l.found = l.found || far > float64(most)
	}
}

// lean takes in what the front half found of a sample, before the score knows of it.
func (s *Stream) lean(at time.Time) {
	if s.front.shift != nil || len(s.m.leanMost) == 0 {
		s.leaner.found = false
		return
	}
	clip := leanClip
	if s.judge.smoothed > s.m.limit {
		clip = 1
	}
	s.leaner.take(s.m, s.front.e, s.front.ok, clip, at)
}

// drift follows the features that have begun to lean, or no longer do. What has a new
// level is expected there, and drifts no more.
func (s *Stream) drift(at time.Time) {
	l, n := &s.leaner, len(s.leaner.drifts)
	if n > 0 {
		l.drifts = slices.DeleteFunc(l.drifts, func(d drift) bool {
			return s.mover.has(d.feature) || !d.back.IsZero() && at.Sub(d.back) >= leanRests
		})
		l.turns += n - len(l.drifts)
	}
	for k := range l.drifts {
		d := &l.drifts[k]
		on := l.since[d.feature] != 0 && (l.mean[d.feature] > 0) == d.up
		switch {
		case !d.back.IsZero() || l.taken < leanOver: // the means of a new stream begin at 0
		case on:
			d.handed = false
		default:
			d.back, d.learned = at, d.handed
			l.turns++
		}
	}
	if !l.found {
		return
	}
	for j, most := range s.m.leanMost {
		i, mean := s.m.active[j], l.mean[j]
		if !(math.Abs(mean) > float64(most)) || !s.front.ok[j] || !s.m.specs[i].direction.Matters(mean) || s.mover.has(j) {
			continue
		}
		expected := s.expected[i]
		l.begin(drift{
			feature: j, up: mean > 0, since: time.Unix(0, l.since[j]), at: at,
			mean: s.m.within[j].Clamp(expected + mean*s.m.scales[j].ZWidth), expected: expected,
		})
	}
}

// begin takes up a drift, unless it is one that is known.
func (l *leaner) begin(d drift) {
	k := slices.IndexFunc(l.drifts, func(o drift) bool { return o.feature == d.feature })
	switch {
	case k < 0:
		l.drifts = append(l.drifts, d)
	case l.drifts[k].up != d.up:
		l.drifts[k] = d
	case !l.drifts[k].back.IsZero():
		l.drifts[k].back, l.drifts[k].learned, l.drifts[k].handed = time.Time{}, false, false
	default:
		return
	}
	l.turns++
}

// driftingFor is for how long feature j has been drifting; 0: it is not.
func (s *Stream) driftingFor(j int) time.Duration {
	for _, d := range s.leaner.drifts {
		if d.feature == j && d.back.IsZero() {
			return max(0, s.front.last.Sub(d.since))
		}
	}
	return 0
}

// SlowDrifts are the features that drift, and those that no longer do for less than a
// day; nil: none. As long as [Stream.Turns] is the same, they are.
func (s *Stream) SlowDrifts() []omen.SlowDrift {
	var all []omen.SlowDrift
	for _, d := range s.leaner.drifts {
		sp := &s.m.specs[s.m.active[d.feature]]
		all = append(all, omen.SlowDrift{
			Feature: sp.name, Unit: sp.unit, Up: d.up, Mean: d.mean, Expected: d.expected,
			Since: d.since, At: d.at, Back: d.back, Learned: d.learned,
		})
	}
	return all
}

// takeUpDrifts takes up drifts that another stream found, of this model or another.
func (s *Stream) takeUpDrifts(c Centres) {
	if len(s.m.leanMost) == 0 {
		return
	}
	for _, o := range c.Drifts {
		j := slices.IndexFunc(s.m.active, func(i int32) bool { return s.m.specs[i].name == o.Feature })
		if j < 0 || !usable(o.Mean) || !usable(o.Expected) {
			continue
		}
		s.leaner.drifts = append(s.leaner.drifts, drift{
			feature: j, up: o.Up, mean: o.Mean, expected: o.Expected, since: o.Since, at: o.At, back: o.Back,
			learned: o.Learned, handed: o.Back.IsZero() && c.Model != s.m.id,
		})
	}
}

// learnLeaning finds the largest mean of each feature in training. Only a history of a
// day tells, nights included: without one nothing is leaning. Nor is what is off by less
// than is worth waking somebody for.
func (f *fit) learnLeaning() {
	m := f.m
	m.leanMost = nil
	if m.without.Leaning || m.net == nil || m.grade != omen.Established {
		return
	}
	largest := make([]float64, len(m.active))
	m.leanMost = make([]float32, len(m.active))
	var l leaner
	l.init(make([]float64, len(m.active)))
	for t := range f.h.len() {
		row := f.row(t)
		if !f.t.warm[t] || row.shift != nil {
			continue
		}
		l.take(m, row.e, row.ok, leanClip, f.h.at[t])
		for i, v := range l.mean {
			largest[i] = max(largest[i], math.Abs(v))
		}
	}
	for i, v := range largest {
		m.leanMost[i] = float32(max(leanFactor*max(v, leanLeast), f.trivialZ(i)))
	}
}
