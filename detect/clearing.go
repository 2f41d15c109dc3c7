package detect

import (
	"math"
	"math/bits"

	"github.com/omenhq/omen"
)

// room is the sums of evidence left, per channel, over what is usual, in units
// of the limit: a score is at the limit where the positive ones add up to 1.
type room [channels]float64

func (r *room) value() (sum float64) {
	for _, v := range r {
		sum += max(0, v)
	}
	return sum
}

// markClearing marks the smallest set of causes whose return to what is
// expected would take the unsmoothed score to the limit or below, of several
// the one that takes it lowest; none if all of them would not.
//
// A feature at its expected value has no evidence against it; what the others
// are expected to be is left as it was, because that is what they were judged
// by. There are few enough causes to try every set.
func (s *Stream) markClearing() {
	m, j := s.m, s.judge
	var unit [channels]float64
	var left [1 << omen.MaxCauses]room // by set, a bit for each cause
	for c := range channels {
		unit[c] = weights[c] / (m.spread[c] * j.ease * m.limit)
		left[0][c] = (j.h[c] - m.middle[c]) * unit[c]
	}
	sets := 1 << len(s.causes)
	best, fewest, lowest := 0, len(s.causes)+1, math.Inf(1)
	for set := 1; set < sets; set++ {
		last := bits.Len(uint(set)) - 1
		at := j.blamed[last]
		without := &left[set]
		*without = left[set&^(1<<last)]
		for c := range channels {
			without[c] -= j.evidence[c][at] * unit[c]
		}
		n := bits.OnesCount(uint(set))
		if value := without.value(); value <= 1 && (n < fewest || n == fewest && value < lowest) {
			best, fewest, lowest = set, n, value
		}
	}
	for k := range s.causes {
		s.causes[k].Clears = best>>k&1 == 1
	}
}
