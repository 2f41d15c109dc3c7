package watch

import (
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

const (
	driftSpan    = 24 * time.Hour // over which drift is an average
	driftSamples = 60             // fewer say nothing
	driftBusy    = 0.1            // more of the time above half of the limit than in training, and…
	driftFactor  = 2              // …so many times as much, is drift
	driftPart    = 4              // and so are shifted features: one of so many
)

// drift follows how far a host has left what its model learned, score by score.
type drift struct {
	expected float64 // share of the samples in training above half of the limit
	features int     // that the model uses
	young    bool    // it is provisional: it is retrained soon anyway
	busy     float64 // the same share since the model serves, over a day at most
	samples  int
}

func newDrift(m *detect.Model) drift {
	return drift{expected: m.Busy(), features: len(m.Card().Active), young: m.Grade() == omen.Provisional}
}

// add takes in one score of a host that is scored every step.
func (d *drift) add(s omen.Score, step time.Duration) {
	d.samples = min(d.samples+1, max(driftSamples, int(driftSpan/step)))
	above := 0.0
	if s.Value > 0.5 {
		above = 1
	}
	d.busy += (above - d.busy) / float64(d.samples)
}

// status is what is known, nothing after a few samples.
func (d *drift) status(s *detect.Stream) omen.Drift {
	if d.samples < driftSamples || s == nil {
		return omen.Drift{}
	}
	out := omen.Drift{Samples: d.samples, Busy: d.busy, Expected: d.expected, Shifted: s.Shifted()}
	out.Drifting = !d.young && (d.busy > d.expected+driftBusy && d.busy > driftFactor*d.expected ||
		driftPart*len(out.Shifted) >= max(d.features, driftPart))
	return out
}

// stale reports whether a model is older than two intervals between trainings.
func (w *Watch) stale(h *host, now time.Time) bool {
	return h.model != nil && now.Sub(h.info.TrainedAt) > 2*w.o.Retrain
}

// selfTest is what a model's card says of synthetic faults, by kind.
func selfTest(m *detect.Model) []omen.SelfTest {
	var all []omen.SelfTest
	for _, t := range m.Card().SelfTest {
		one := omen.SelfTest{Kind: t.Kind, Delay: time.Duration(t.Delay * float64(m.Step())), Smallest: t.Smallest}
		for _, r := range t.Recall {
			one.Recall += r / float64(len(t.Recall))
		}
		all = append(all, one)
	}
	return all
}
