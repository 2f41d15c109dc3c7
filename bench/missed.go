package bench

import (
	"math"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/replay"
)

// Missed says how far labelled segments came of which people were not notified:
// each counts once, where it came furthest.
type Missed struct {
	Limit   int `json:"below_limit"`      // the score stayed at or below the model's limit
	Level   int `json:"below_level"`      // above it, but not above the host's level
	Samples int `json:"too_few_samples"`  // in alert, but not for as long as an incident asks for
	Trivial int `json:"trivial"`          // an incident without a deviation worth a message
	Young   int `json:"young_model"`      // an incident by a provisional model
	Minor   int `json:"below_page_level"` // an incident that never came to the page level, and did not last
	Severe  int `json:"page_level_short"` // the same, at the page level for too few samples
	Learned int `json:"expected"`         // an incident that recurs, and is expected
	Other   int `json:"other"`
}

func (m *Missed) add(o Missed) {
	m.Limit += o.Limit
	m.Level += o.Level
	m.Samples += o.Samples
	m.Trivial += o.Trivial
	m.Young += o.Young
	m.Minor += o.Minor
	m.Severe += o.Severe
	m.Learned += o.Learned
	m.Other += o.Other
}

// missed are the table's columns.
var missed = []column{
	{"missed", 0, -1, missing(func(p Pages) int { return p.Segments - p.Found })},
	{"below limit", 0, -1, missing(func(p Pages) int { return p.Missed.Limit })},
	{"level", 0, -1, missing(func(p Pages) int { return p.Missed.Level })},
	{"few samples", 0, -1, missing(func(p Pages) int { return p.Missed.Samples })},
	{"trivial", 0, -1, missing(func(p Pages) int { return p.Missed.Trivial })},
	{"young model", 0, -1, missing(func(p Pages) int { return p.Missed.Young })},
	{"page level", 0, -1, missing(func(p Pages) int { return p.Missed.Minor })},
	{"short", 0, -1, missing(func(p Pages) int { return p.Missed.Severe })},
	{"expected", 0, -1, missing(func(p Pages) int { return p.Missed.Learned })},
	{"other", 0, -1, missing(func(p Pages) int { return p.Missed.Other })},
}

// missing is a count, of a method that notifies people.
func missing(of func(Pages) int) func(Metrics) Number {
	return func(m Metrics) Number {
		if m.Notified.HostWeeks == 0 {
			return Number(math.NaN())
		}
		return Number(of(m.Notified))
	}
}

// missedOf are a series' segments of which people were not notified.
func missedOf(s *Series, r *Scored) (m Missed) {
	sent := messages(r.Timeline)
	for _, g := range s.Segments {
		if _, _, found := g.message(sent); !found {
			m.add(g.reached(r))
		}
	}
	return m
}

// reached is how far a segment came of which people were not notified: in its
// samples and the five after.
func (g Segment) reached(r *Scored) (m Missed) {
	last := min(g.End+LateBy, len(r.Scores)-1)
	var furthest *replay.Incident
	for _, in := range r.Timeline.Incidents {
		if g.near(in.From, in.To) && (furthest == nil || in.Peak > furthest.Peak) {
			furthest = in
		}
	}
	switch {
	case furthest != nil:
		m.suppressed(furthest.Suppressed, g.any(last, func(i int) bool { return r.Severe[i] }))
	case g.any(last, r.alert):
		m.Samples++
	case g.any(last, func(i int) bool { return r.Scores[i] > 1 }):
		m.Level++
	default:
		m.Limit++
	}
	return m
}

// suppressed counts an incident; severe: it was at the page level.
func (m *Missed) suppressed(reason string, severe bool) {
	switch {
	case reason == omen.ReasonTrivial:
		m.Trivial++
	case reason == omen.ReasonColdStart:
		m.Young++
	case reason == omen.ReasonMinor && severe:
		m.Severe++
	case reason == omen.ReasonMinor:
		m.Minor++
	case reason == omen.ReasonFeedback:
		m.Learned++
	default:
		m.Other++
	}
}

// any reports whether something holds of a sample from the segment's first to
// another.
func (g Segment) any(last int, holds func(i int) bool) bool {
	for i := g.Start; i <= last; i++ {
		if holds(i) {
			return true
		}
	}
	return false
}
