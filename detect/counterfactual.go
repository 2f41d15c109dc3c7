package detect

import (
	"math"

	"github.com/omenhq/omen"
)

// Change is one feature of a counterfactual: what it was and what it should
// have been, in the feature's unit.
type Change struct {
	Feature string    `json:"feature"`
	Unit    omen.Unit `json:"unit"`
	From    float64   `json:"from"`
	To      float64   `json:"to"`
}

// Counterfactual is the answer to "what would have to return to normal?".
type Counterfactual struct {
	Changes []Change `json:"changes"` // the features that have to return, the most blamed first
	Value   float64  `json:"score"`   // the unsmoothed score with them at their expected values
	Clears  bool     `json:"clears"`  // it is at most the limit then
}

// Counterfactual finds a smallest set of features whose return to their
// expected values takes the last sample's unsmoothed score to the limit or
// below. The set is found greedily, the feature that lowers the score most
// first, and then each feature that turns out not to be needed is put back;
// so it is minimal, if not always the smallest possible. It is for people who
// ask, not for every sample: it allocates, and takes M² evaluations at most.
//
// A feature at its expected value has no evidence against it; what the others
// are expected to be is left as it was, because that is what they were judged
// by.
func (s *Stream) Counterfactual() Counterfactual {
	j, m := s.judge, s.m
	gone := make([]bool, len(m.active))
	value := func() float64 {
		var sum float64
		for c := range channels {
			var h float64
			for i, e := range j.kept[c] {
				if !gone[i] {
					h += e
				}
			}
			sum += weights[c] * max(0, h-m.middle[c]) / m.spread[c]
		}
		return sum / j.ease / m.limit
	}
	var chosen []int
	now := j.unsmoothed / m.limit
	if now > 1 {
		now = value()
	}
	for now > 1 && len(chosen) < len(gone) {
		best, at := math.Inf(1), -1
		for i := range gone {
			if gone[i] || !s.front.ok[i] {
				continue
			}
			gone[i] = true
			if v := value(); v < best {
				best, at = v, i
			}
			gone[i] = false
		}
		if at < 0 || best >= now {
			break
		}
		gone[at], now = true, best
		chosen = append(chosen, at)
	}
	kept := chosen[:0:0]
	for _, i := range chosen {
		gone[i] = false
		if v := value(); v > 1 || now > 1 {
			gone[i] = true
			kept = append(kept, i)
		}
	}
	out := Counterfactual{Value: now, Clears: now <= 1}
	if len(kept) > 0 {
		out.Value = value()
		out.Clears = out.Value <= 1
	}
	for _, i := range kept {
		f := m.active[i]
		out.Changes = append(out.Changes, Change{m.specs[f].name, m.specs[f].unit, s.actual[i], s.expected[f]})
	}
	return out
}
