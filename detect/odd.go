package detect

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

const (
	// mergeGap is how many samples may lie between two alerts of one episode.
	mergeGap = 10
	// heldScore is the peak from which an episode is not learned. Weaker ones
	// are mostly habits of the host; anomalies that spoil a model are far above
	// (in the benchmark 10 to 1000 times the limit against 1.1 to 3).
	heldScore = 3
	// heldShare is the share of the samples that is held back at most.
	heldShare = 0.1
	// recurDays is on how many days in a row an episode begins at one time of
	// day, give or take recurWithin and recurSteps samples, until it is learned.
	recurDays   = 3
	recurWithin = 2 * time.Minute
	recurSteps  = 2
)

// suspects are the episodes that must not be learned: those that the model
// before this one held back, and those in which it alerted since. Both are
// found again from what the fit is given, so that learning does not depend on
// who keeps the incidents; a benign span (an operator's verdict) is taken out.
//
// Only a model that knows the day is trusted with this: what a younger one
// finds odd has to be learned, or it stays odd for ever.
func suspects(warm *Model, samples []omen.Vector, benign []omen.Span) []omen.Span {
	if warm == nil || warm.grade != omen.Established {
		return nil
	}
	spans := warm.suspects
	first := 0
	for first < len(samples) && !samples[first].At.After(warm.trainedAt) {
		first++
	}
	if first < len(samples) {
		recent := samples[max(0, first-max(1, int(day/warm.step))):first]
		spans = append(append([]omen.Span(nil), spans...), warm.episodes(recent, samples[first:])...)
	}
	var out []omen.Span
	for _, s := range joined(spans, mergeGap*warm.step) {
		if !overlapsAny(s, benign) && len(samples) > 0 && !s.To.Before(samples[0].At) {
			out = append(out, s)
		}
	}
	return out
}

// holdBack is the suspects that are not learned: not those that recur, and never
// more than heldShare of the samples, the longest first to be learned, which
// are more likely a new normal than the short ones.
func holdBack(suspects []omen.Span, samples []omen.Vector, step time.Duration) []omen.Span {
	var out []omen.Span
	for _, s := range suspects {
		if !recurs(s, suspects, step) {
			out = append(out, s)
		}
	}
	within := func() int {
		n := 0
		for _, v := range samples {
			if slices.ContainsFunc(out, func(s omen.Span) bool { return s.Contains(v.At) }) {
				n++
			}
		}
		return n
	}
	for len(out) > 0 && float64(within()) > heldShare*float64(len(samples)) {
		longest := slices.MaxFunc(out, func(a, b omen.Span) int { return cmp.Compare(a.To.Sub(a.From), b.To.Sub(b.From)) })
		out = slices.DeleteFunc(out, func(s omen.Span) bool { return s == longest })
	}
	return out
}

// recurs tells whether an episode began at about the same time of day on
// recurDays distinct days in a row: a job, which is to be learned.
func recurs(s omen.Span, all []omen.Span, step time.Duration) bool {
	tolerance := max(recurWithin, recurSteps*step)
	on := map[int]bool{}
	for _, o := range all {
		d := o.From.Sub(s.From)
		days := int(math.Round(float64(d) / float64(day)))
		if (d - time.Duration(days)*day).Abs() <= tolerance {
			on[days] = true
		}
	}
	for first := 1 - recurDays; first <= 0; first++ {
		n := 0
		for d := first; d < first+recurDays && on[d]; d++ {
			n++
		}
		if n == recurDays {
			return true
		}
	}
	return false
}

// episodes are the spans in which the model alerts on samples.
func (m *Model) episodes(recent, samples []omen.Vector) []omen.Span {
	var out []omen.Span
	var open omen.Span
	var peak float64
	closeOpen := func() {
		if peak > heldScore {
			out = append(out, open)
		}
		peak = 0
	}
	s := m.Stream(recent)
	for _, v := range samples {
		score, err := s.Score(v)
		if err != nil || !score.Anomalous() {
			continue
		}
		if peak > 0 && v.At.Sub(open.To) > mergeGap*m.step {
			closeOpen()
		}
		if peak == 0 {
			open.From = v.At
		}
		open.To, peak = v.At, max(peak, score.Value)
	}
	closeOpen()
	return out
}

// joined merges spans in time order that are at most gap apart.
func joined(spans []omen.Span, gap time.Duration) []omen.Span {
	var out []omen.Span
	for _, s := range spans {
		if k := len(out) - 1; k >= 0 && s.From.Sub(out[k].To) <= gap {
			if s.To.After(out[k].To) {
				out[k].To = s.To
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

func overlapsAny(s omen.Span, others []omen.Span) bool {
	for _, o := range others {
		if !s.From.After(o.To) && !o.From.After(s.To) {
			return true
		}
	}
	return false
}
