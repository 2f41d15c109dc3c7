package training

import (
	"fmt"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// conduct is how a model behaved on a stretch of history.
type conduct struct {
	normal, alerts    int // samples outside excluded spans, and those of them in alert
	troubled, noticed int // confirmed incidents in the stretch, and those with an alert
}

// rate is the share of normal samples in alert.
func (c conduct) rate() float64 { return float64(c.alerts) / float64(max(c.normal, 1)) }

const (
	// loudRate is the share of normal time in alert that no model may exceed.
	loudRate = 0.05
	// slack is how much louder than the champion a challenger may be: half as
	// much again, and by chance some samples or a thousandth of the normal time.
	slack        = 1.5
	slackSamples = 5
	slackShare   = 0.001
	// WarmSteps is the recent history that a stream starts from: the slowest of
	// its averages forgets within a few hundred samples.
	WarmSteps = 300
)

// validate has the challenger and the champion score the last day (or the last
// fifth, if that is more) side by side, and judges. Of the spans that were left out
// of training the confirmed incidents must be noticed; what is found in the others,
// which nobody judged, is held against neither. Where they cover nearly all of that
// time it reaches further back: what no sample was judged by is no better model.
func validate(champion, challenger *detect.Model, all []omen.Vector, excluded []omen.Span) (bool, string) {
	n := judged(all, min(len(all), max(len(all)/5, int(day/challenger.Step()))), excluded)
	old := behave(champion, all, n, excluded)
	fresh := behave(challenger, all, n, excluded)
	return promotes(old, fresh, champion.Grade(), challenger.Grade())
}

// judged is how many of the last samples are to be scored: n, or more where fewer than
// firstSamples of these are outside excluded spans.
func judged(all []omen.Vector, n int, excluded []omen.Span) int {
	normal := 0
	for i := range all {
		v := all[len(all)-1-i]
		if !slices.ContainsFunc(excluded, func(s omen.Span) bool { return s.Contains(v.At) }) {
			normal++
		}
		if i+1 >= n && normal >= firstSamples {
			return i + 1
		}
	}
	return len(all)
}

// promotes decides whether a challenger with the conduct fresh replaces a
// champion with the conduct old.
func promotes(old, fresh conduct, had, has omen.Grade) (promote bool, why string) {
	switch {
	case fresh.rate() > loudRate:
		return false, fmt.Sprintf("kept the old model: the new one alerts on %.1f%% of normal time", 100*fresh.rate())
	case rank(has) < rank(had) && old.rate() <= loudRate:
		return false, fmt.Sprintf("kept the old model: the history shrank, the new one would be %s, the old one is %s", has, had)
	case rank(has) > rank(had):
		return true, fmt.Sprintf("grew from %s to %s", had, has)
	case float64(fresh.alerts) > slack*float64(old.alerts)+max(slackSamples, slackShare*float64(fresh.normal)):
		return false, fmt.Sprintf("kept the old model: the new one alerts on %d normal samples, the old one on %d", fresh.alerts, old.alerts)
	case fresh.noticed < old.noticed:
		return false, fmt.Sprintf("kept the old model: the new one notices %d of %d confirmed incidents, the old one %d", fresh.noticed, fresh.troubled, old.noticed)
	default:
		return true, fmt.Sprintf("alerts on %d of %d normal samples (before: %d), notices %d of %d confirmed incidents", fresh.alerts, fresh.normal, old.alerts, fresh.noticed, fresh.troubled)
	}
}

// rank orders grades.
func rank(g omen.Grade) int {
	return slices.Index([]omen.Grade{omen.Provisional, omen.Learning, omen.Established}, g)
}

// behave scores the last n samples with a stream of the model's own.
func behave(m *detect.Model, all []omen.Vector, n int, excluded []omen.Span) conduct {
	var c conduct
	begin := len(all) - n
	stream := m.Stream(all[max(0, begin-WarmSteps):begin])
	seen := map[string]bool{} // confirmed incidents met -> alerted
	for _, v := range all[begin:] {
		score, err := stream.Score(v)
		if err != nil {
			continue // another width: judged by the other samples
		}
		inside := false
		for _, s := range excluded {
			if !s.Contains(v.At) {
				continue
			}
			inside = true
			if s.Confirmed {
				seen[s.Why] = seen[s.Why] || score.Anomalous()
			}
		}
		if inside {
			continue
		}
		c.normal++
		if score.Anomalous() {
			c.alerts++
		}
	}
	c.troubled = len(seen)
	for _, alerted := range seen {
		if alerted {
			c.noticed++
		}
	}
	return c
}
