package detect

import "github.com/omenhq/omen"

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
// expected values takes the unsmoothed score of the last sample that was above
// the limit to the limit or below; it is empty if the last sample was not. The
// set is found greedily, the feature that lowers the score most first, and
// then each feature that turns out not to be needed is put back; so it is
// minimal, if not always the smallest possible. It takes 4 M evaluations for
// each feature of the set.
//
// A feature at its expected value has no evidence against it; what the others
// are expected to be is left as it was, because that is what they were judged
// by. Scores mark the same features in their causes ([omen.Cause]).
func (s *Stream) Counterfactual() Counterfactual {
	if s.judge.unsmoothed <= s.m.limit {
		return Counterfactual{Value: s.judge.unsmoothed / s.m.limit, Clears: true}
	}
	set, value := s.clearing(&s.judge.kept)
	out := Counterfactual{Value: value, Clears: value <= 1}
	for _, i := range set {
		f := s.m.active[i]
		out.Changes = append(out.Changes, Change{s.m.specs[f].name, s.m.specs[f].unit, s.actual[i], s.expected[f]})
	}
	return out
}

// clearing is the set, as indexes into the active features, and the score
// without their evidence. It is valid until the next call.
func (s *Stream) clearing(evidence *[channels][]float64) (set []int, value float64) {
	j := s.judge
	var h [channels]float64
	for c := range channels {
		for _, e := range evidence[c] {
			h[c] += e
		}
	}
	without := func(i int, sign float64) (left [channels]float64) {
		for c := range channels {
			left[c] = h[c] - sign*evidence[c][i]
		}
		return left
	}
	gone := j.gone
	clear(gone)
	set, value = j.set[:0], s.valueOf(h)
	for value > 1 && len(set) < len(gone) {
		best, at := value, -1
		for i := range gone {
			if gone[i] || !s.front.ok[i] {
				continue
			}
			if v := s.valueOf(without(i, 1)); v < best {
				best, at = v, i
			}
		}
		if at < 0 {
			break
		}
		h, gone[at], value = without(at, 1), true, best
		set = append(set, at)
	}
	if value > 1 {
		return set, value
	}
	needed := set[:0]
	for _, i := range set {
		if back := without(i, -1); s.valueOf(back) <= 1 {
			h = back
		} else {
			needed = append(needed, i)
		}
	}
	return needed, s.valueOf(h)
}

// valueOf is the unsmoothed score, in units of the limit, of sums of evidence.
func (s *Stream) valueOf(h [channels]float64) float64 {
	m := s.m
	var sum float64
	for c := range channels {
		sum += weights[c] * max(0, h[c]-m.middle[c]) / m.spread[c]
	}
	return sum / s.judge.ease / m.limit
}

// markClearing marks, in the causes, the features whose return to what is
// expected would clear the alert, if they are all among them.
func (s *Stream) markClearing() {
	set, value := s.clearing(&s.judge.evidence)
	if value > 1 {
		return
	}
	found := 0
	for k := range s.causes {
		if s.inSet(set, s.causes[k].Feature) {
			s.causes[k].Clears = true
			found++
		}
	}
	if found < len(set) {
		for k := range s.causes {
			s.causes[k].Clears = false
		}
	}
}

func (s *Stream) inSet(set []int, feature string) bool {
	for _, i := range set {
		if s.m.specs[s.m.active[i]].name == feature {
			return true
		}
	}
	return false
}
