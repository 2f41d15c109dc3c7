package detect

import (
	"math"

	"github.com/omenhq/omen"
)

// A slow leak or drift has no residual that is odd by itself; what is odd is that they
// all lie on one side. A feature is leaning if the mean of the network's residuals over
// leanOver samples is leanFactor times as far from 0 as ever in training: so many times
// because the network knows the training. docs/bench.md has what half and more of it
// find, and what else was tried.
const (
	leanOver   = 60
	leanFactor = 4.0
	// leanLeast, in the feature's deviations, is what the largest mean in training is
	// taken for at least.
	leanLeast = 0.15
	// leanClip is how many root mean squares one residual counts at most: a spike is
	// no drift. While the other channels are above the limit it is one, so that a
	// trouble that they have found is not found for another leanOver samples after it.
	leanClip = 5.0
	// leanScore is what one leaning feature adds to the score: an alert by itself, and
	// as far above the limit as alerts are that mean little. It is no severity.
	leanScore = 1.5
)

// lean takes in the network's residuals of one sample, in Z, and reports whether a
// feature is leaning.
func (j *judge) lean(e []float32) (found bool) {
	m := j.m
	clip := leanClip
	if j.others > m.limit && m.limit > 0 {
		clip = 1
	}
	for i, most := range m.leanMost {
		if !j.counts[i] {
			continue
		}
		top := clip * float64(m.rmsE[i])
		j.leaning[i] += min(max(float64(e[i])-j.leaning[i], -top), top) / leanOver
		found = found || math.Abs(j.leaning[i]) > float64(most)
	}
	return found
}

// isLeaning reports whether feature i is.
func (j *judge) isLeaning(i int) bool { return math.Abs(j.leaning[i]) > float64(j.m.leanMost[i]) }

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
	j := newJudge(m)
	for t := range f.h.len() {
		row := f.row(t)
		if !f.t.warm[t] || row.shift != nil {
			continue
		}
		copy(j.counts, row.ok)
		j.lean(row.e)
		for i, v := range j.leaning {
			largest[i] = max(largest[i], math.Abs(v))
		}
	}
	for i, v := range largest {
		m.leanMost[i] = float32(max(leanFactor*max(v, leanLeast), f.trivialZ(i)))
	}
}

// setLeanUnit sets the unit of the channel that counts leaning features, which follows
// from the limit.
func (m *Model) setLeanUnit() { m.spread[byLeaning] = 1 / (leanScore * m.limit) }
