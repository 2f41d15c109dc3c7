package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/omenhq/omen"
)

// Options say how a model is fitted. The zero value works.
type Options struct {
	// Step is the time between two samples. 0: the median distance in train.
	Step time.Duration
	// PagesPerWeek is how many false pages the operator accepts per week; the
	// limit follows from it. 0: 1. Negative is refused.
	PagesPerWeek float64
	// Seed makes the fit reproducible: the same samples, options and seed give
	// the same model, bit for bit.
	Seed uint64
	// Warm is the model that serves now: its network is trained on instead of
	// a fresh one, which takes a third of the time. Ignored if the features
	// it knows are not the ones found now.
	Warm *Model
	// Excluded spans are not learned: open or confirmed incidents.
	Excluded []omen.Span
	// Benign spans are learned although Warm alerted in them: an operator said
	// that nothing was wrong.
	Benign []omen.Span
	// Progress is called after each stage and epoch.
	Progress func(done, total int)

	// Hidden are the network's layers, default 32, 8, 32.
	Hidden []int
	// Epochs are the passes over the samples, default 12, and 4 from a warm
	// start.
	Epochs int
	// LearningRate is Adam's, default 2e-3, and 1e-3 from a warm start.
	LearningRate float64
	// MaskRate is the share of entries hidden in training, default 0.3.
	MaskRate float64
	// Ridge is the regularisation of the forecast, default 30.
	Ridge float64

	// SelfTest injects synthetic faults into the last part of the history and
	// puts on the card what share the fitted model finds. It costs about as
	// much as scoring the history three times over.
	SelfTest bool

	// Without turns off parts, for ablations.
	Without Parts
}

// Parts name what an ablation turns off.
type Parts struct {
	Forecast    bool `json:"forecast"`
	Autoencoder bool `json:"autoencoder"`
	Breadth     bool `json:"breadth"`
	SecondLook  bool `json:"second_look"`
	Season      bool `json:"season"`
	Smoothing   bool `json:"smoothing"`
	Cleaning    bool `json:"cleaning"`
	Recentring  bool `json:"recentring"`
	Moving      bool `json:"moving"` // of what people see as expected to a feature's new level
	Stuck       bool `json:"stuck"`
	Leaning     bool `json:"leaning"` // of slow drifts that people see
	TimeOfDay   bool `json:"time_of_day"`
	Level       bool `json:"level"` // of the host, which no model has: who scores leaves it out
}

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// withDefaults fills what is not set; it needs the samples for the step.
func (o Options) withDefaults(train []omen.Vector) (Options, error) {
	if o.Step == 0 {
		o.Step = medianStep(train)
	}
	switch {
	case o.Step <= 0:
		return o, fmt.Errorf("detect options: step %v: %w", o.Step, omen.ErrInvalid)
	case o.PagesPerWeek < 0 || math.IsNaN(o.PagesPerWeek):
		return o, fmt.Errorf("detect options: %v pages per week: %w", o.PagesPerWeek, omen.ErrInvalid)
	case o.Epochs < 0 || o.LearningRate < 0 || o.Ridge < 0 || o.MaskRate < 0 || o.MaskRate >= 1:
		return o, fmt.Errorf("detect options: negative size or mask rate outside [0, 1): %w", omen.ErrInvalid)
	}
	if o.PagesPerWeek == 0 {
		o.PagesPerWeek = 1
	}
	if len(o.Hidden) == 0 {
		o.Hidden = []int{32, 8, 32}
	}
	if o.Ridge == 0 {
		o.Ridge = 30
	}
	if o.MaskRate == 0 {
		o.MaskRate = 0.3
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	return o, nil
}
