package detect

import (
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
	// shiftAfter is how long an episode lasts until it is the new normal: then
	// it is learned, and the alerts end.
	shiftAfter = 3 * day
)

// suspects are the episodes that must not be learned: those that the model
// before this one held back, and those in which it alerted since. Both are
// found again from what the fit is given, so that learning does not depend on
// who keeps the incidents; a benign span (an operator's verdict) is taken out,
// and so is what lasts for longer than shiftAfter.
func suspects(warm *Model, samples []omen.Vector, benign []Span) []Span {
	if warm == nil {
		return nil
	}
	spans := warm.suspects
	first := 0
	for first < len(samples) && !samples[first].At.After(warm.trainedAt) {
		first++
	}
	if first < len(samples) {
		recent := samples[max(0, first-max(1, int(day/warm.step))):first]
		spans = append(append([]Span(nil), spans...), warm.episodes(recent, samples[first:])...)
	}
	var out []Span
	for _, s := range joined(spans, mergeGap*warm.step) {
		if s.To.Sub(s.From) < shiftAfter && !overlapsAny(s, benign) && len(samples) > 0 && !s.To.Before(samples[0].At) {
			out = append(out, s)
		}
	}
	return out
}

// episodes are the spans in which the model alerts on samples.
func (m *Model) episodes(recent, samples []omen.Vector) []Span {
	var out []Span
	var open Span
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
func joined(spans []Span, gap time.Duration) []Span {
	var out []Span
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

func overlapsAny(s Span, others []Span) bool {
	for _, o := range others {
		if !s.From.After(o.To) && !o.From.After(s.To) {
			return true
		}
	}
	return false
}
