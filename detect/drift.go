package detect

import (
	"time"

	"github.com/omenhq/omen"
)

// Drift says how far a host has left what its model learned.
type Drift struct {
	Age      time.Duration `json:"age_ns"`   // from the last sample learned from to the latest scored
	Quantile float64       `json:"quantile"` // share of samples scored above half of the limit; about what it was in training if nothing drifts
	Expected float64       `json:"expected"` // the same in training
	Shifted  []string      `json:"shifted"`  // features whose usual error has moved by more than two deviations
}

// shiftedRMS is two deviations, of which a scale is about 1.75.
const shiftedRMS = 1.15

// DriftOf measures drift over samples that were not learned from, in time
// order, with recent the samples before them. It is for reports: it scores the
// samples on a stream of its own.
func DriftOf(m *Model, recent, samples []omen.Vector) Drift {
	d := Drift{Expected: m.busy}
	s := m.Stream(recent)
	n, above := 0, 0
	for _, v := range samples {
		score, err := s.Score(v)
		if err != nil {
			continue
		}
		n++
		if score.Value > 0.5 {
			above++
		}
		d.Age = max(d.Age, v.At.Sub(m.trainedAt))
	}
	if n > 0 {
		d.Quantile = float64(above) / float64(n)
	}
	d.Shifted = s.Shifted()
	return d
}

// Shifted are the features whose usual error has moved by more than two
// deviations since the stream began; never nil.
func (s *Stream) Shifted() []string {
	shifted := []string{}
	for j, i := range s.m.active {
		if c := s.judge.centreE[j]; c > shiftedRMS*float64(s.m.rmsE[j]) || c < -shiftedRMS*float64(s.m.rmsE[j]) {
			shifted = append(shifted, s.m.specs[i].name)
		}
	}
	return shifted
}
