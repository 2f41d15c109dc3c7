package detect

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// history is what a fit learns from: samples in time order, without excluded
// spans. It aliases the vectors' values.
type history struct {
	at       []time.Time
	values   [][]float64
	excluded []omen.Span // of Options.Excluded, those that hit samples
	dropped  int         // samples inside them, or out of order
	covered  time.Duration

	shifts  []string // IDs of the windows that shift the expectation, in order of appearance
	shifted []int16  // per sample: index into shifts, or -1
}

// newHistory takes the samples outside of the excluded spans, and of those
// held back. Samples of a shifting window are never held back: what is odd
// about them is to be learned.
func newHistory(width int, vectors []omen.Vector, excluded, held []omen.Span) (history, error) {
	var h history
	used := make([]bool, len(excluded))
	for _, v := range vectors {
		if len(v.Values) != width {
			return h, fmt.Errorf("sample of %s at %s has %d values, the schema has %d features: %w",
				v.Host, v.At.Format(time.RFC3339), len(v.Values), width, omen.ErrSchema)
		}
		if len(h.at) > 0 && !v.At.After(h.at[len(h.at)-1]) {
			h.dropped++
			continue
		}
		if v.Shift == "" && slices.ContainsFunc(held, func(s omen.Span) bool { return s.Contains(v.At) }) {
			h.dropped++
			continue
		}
		if i := slices.IndexFunc(excluded, func(s omen.Span) bool { return s.Contains(v.At) }); i >= 0 {
			h.dropped++
			used[i] = true
			continue
		}
		h.at = append(h.at, v.At)
		h.values = append(h.values, v.Values)
		h.shifted = append(h.shifted, h.shiftOf(v))
	}
	for i, s := range excluded {
		if used[i] {
			h.excluded = append(h.excluded, s)
		}
	}
	return h, nil
}

func (h history) len() int { return len(h.at) }

// A gap is more than gapSteps steps and leastGap without a sample, left out or
// not: what ends the count of an incident's evidence (docs/incidents.md).
const (
	gapSteps = 4
	leastGap = 10 * time.Second
)

// cover is the time that the samples between the first and the last that are
// learned stand for: a gap, in which the host or Omen was off, is no history.
func (h history) cover(vectors []omen.Vector, step time.Duration) time.Duration {
	if h.len() == 0 {
		return 0
	}
	var sum time.Duration
	last := h.at[0]
	for _, v := range vectors {
		if !v.At.After(last) || v.At.After(h.at[h.len()-1]) {
			continue
		}
		since := v.At.Sub(last)
		if since > max(gapSteps*step, leastGap) {
			since = step
		}
		sum, last = sum+since, v.At
	}
	return sum
}

// shiftOf is the index of the sample's window.
func (h *history) shiftOf(v omen.Vector) int16 {
	if v.Shift == "" {
		return -1
	}
	i := slices.Index(h.shifts, v.Shift)
	if i < 0 {
		i = len(h.shifts)
		h.shifts = append(h.shifts, v.Shift)
	}
	return int16(min(i, math.MaxInt16))
}

// usableOf appends the values that are not gaps of one feature, in samples
// outside of shifting windows.
func (h history) usableOf(dst []float64, feature int) []float64 {
	for t, v := range h.values {
		if h.shifted[t] < 0 && usable(v[feature]) {
			dst = append(dst, v[feature])
		}
	}
	return dst
}

// medianStep is the median distance between samples, 0 with fewer than two.
func medianStep(vectors []omen.Vector) time.Duration {
	var d []time.Duration
	for i := 1; i < len(vectors) && len(d) < 10_000; i++ {
		if step := vectors[i].At.Sub(vectors[i-1].At); step > 0 {
			d = append(d, step)
		}
	}
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// GradeOf says how much a model of this much history can be trusted: a day and
// more is established, an hour learning.
func GradeOf(covered time.Duration) omen.Grade {
	switch {
	case covered >= day*95/100:
		return omen.Established
	case covered >= time.Hour*95/100:
		return omen.Learning
	}
	return omen.Provisional
}
