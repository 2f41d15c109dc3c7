package detect

import (
	"context"
	"fmt"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
)

// Renewal is a new model of a host, and whether it is to serve.
type Renewal struct {
	Model    *Model
	Promoted bool   // false: the champion goes on
	Why      string // for people
}

// Renew fits a model of one host to its history and proves it against the one
// that serves now, the champion, which may be nil. excluded spans are not
// learned, benign ones are although the champion alerted in them; o's own are
// replaced, as is its Warm. Errors are those of [Fit].
func Renew(ctx context.Context, schema *feature.Schema, all []omen.Vector, champion *Model, excluded, benign []omen.Span, o Options) (Renewal, error) {
	o.Excluded, o.Benign, o.Warm = Spans(excluded), Spans(benign), nil
	if champion != nil && 2*champion.rows >= len(all) {
		o.Warm = champion // a few epochs more do not teach the day to a network that knows an hour
	}
	m, err := Fit(ctx, schema, all, nil, o)
	if err != nil {
		return Renewal{}, err
	}
	r := Renewal{Model: m, Promoted: true, Why: "the first model of this host"}
	if champion != nil {
		r.Promoted, r.Why = prove(champion, m, all, excluded)
	}
	return r, nil
}

// conduct is how a model behaved on a stretch of history.
type conduct struct {
	quiet, alerts     int // samples outside excluded spans, and those of them in alert
	troubled, noticed int // confirmed incidents in the stretch, and those with an alert
}

// rate is the share of quiet samples in alert.
func (c conduct) rate() float64 { return float64(c.alerts) / float64(max(c.quiet, 1)) }

const (
	// loudRate is the share of quiet time in alert that no model may exceed.
	loudRate = 0.05
	// slack is how much louder than the champion a challenger may be: half as
	// much again, and by chance some samples or a thousandth of the quiet time.
	slack        = 1.5
	slackSamples = 5
	slackShare   = 0.001
	// proofWarmth is how many samples before the proof a stream is warmed up
	// with: the slowest of its averages forgets within a few hundred.
	proofWarmth = 300
)

// prove has the challenger and the champion score the last day (or the last
// fifth, if that is more than there is) side by side, and judges. Of the spans
// that were left out of training the confirmed incidents must be noticed; what
// is found in the others, which nobody judged, is held against neither.
func prove(champion, challenger *Model, all []omen.Vector, excluded []omen.Span) (bool, string) {
	n := min(len(all), max(len(all)/5, int(day/challenger.step)))
	old := behave(champion, all, n, excluded)
	fresh := behave(challenger, all, n, excluded)
	return promotes(old, fresh, champion.grade, challenger.grade)
}

// promotes decides whether a challenger with the conduct fresh replaces a
// champion with the conduct old.
func promotes(old, fresh conduct, had, has omen.Grade) (promote bool, why string) {
	switch {
	case fresh.rate() > loudRate:
		return false, fmt.Sprintf("kept the old model: the new one alerts on %.1f%% of quiet time", 100*fresh.rate())
	case rank(has) < rank(had) && old.rate() <= loudRate:
		return false, fmt.Sprintf("kept the old model: the history shrank, the new one would be %s, the old one is %s", has, had)
	case rank(has) > rank(had):
		return true, fmt.Sprintf("grew from %s to %s", had, has)
	case float64(fresh.alerts) > slack*float64(old.alerts)+max(slackSamples, slackShare*float64(fresh.quiet)):
		return false, fmt.Sprintf("kept the old model: the new one alerts on %d quiet samples, the old one on %d", fresh.alerts, old.alerts)
	case fresh.noticed < old.noticed:
		return false, fmt.Sprintf("kept the old model: the new one notices %d of %d confirmed incidents, the old one %d", fresh.noticed, fresh.troubled, old.noticed)
	default:
		return true, fmt.Sprintf("alerts on %d of %d quiet samples (before: %d), notices %d of %d confirmed incidents", fresh.alerts, fresh.quiet, old.alerts, fresh.noticed, fresh.troubled)
	}
}

// rank orders grades.
func rank(g omen.Grade) int {
	switch g {
	case omen.Established:
		return 2
	case omen.Learning:
		return 1
	}
	return 0
}

// behave scores the last n samples with a stream of the model's own.
func behave(m *Model, all []omen.Vector, n int, excluded []omen.Span) conduct {
	var c conduct
	begin := len(all) - n
	stream := m.Stream(all[max(0, begin-proofWarmth):begin])
	seen := map[string]bool{} // confirmed incidents met -> alerted
	for _, v := range all[begin:] {
		score, err := stream.Score(v)
		if err != nil {
			continue // another width: judged by the other samples
		}
		inside := false
		for _, s := range excluded {
			if v.At.Before(s.From) || v.At.After(s.To) {
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
		c.quiet++
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
