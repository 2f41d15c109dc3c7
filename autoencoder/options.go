package autoencoder

import (
	"fmt"
	"math"
)

// Options say how a network is built and trained. The zero value is the
// plain (unmasked) autoencoder with the defaults named at each field.
type Options struct {
	Hidden        []int   // units of the tanh layers, default 32, 8, 32
	Masked        bool    // input is [x·m, m] instead of x, and entries are hidden while training
	MaskRate      float64 // probability that an entry is hidden, default 0.3; negative: never
	PlainWeight   float64 // gradient weight of entries that are not hidden, default 0.1 (hidden ones weigh 1); negative: 0. Masked only
	Clip          float64 // errors are clipped to ±Clip in the gradient, default 3; negative: not at all
	GradientScale float64 // factor of the gradient, default 0.25
	Batch         int     // rows per step, default 128
	Epochs        int     // passes over the rows, default 12
	LearningRate  float64 // of Adam at the start, default 2e-3; it falls to 0 along a cosine

	// Holdout is the share of rows, taken from the end, that is not trained
	// on but watched: the weights of the epoch with the lowest validation
	// loss are kept. 0: none, all epochs run and the last weights are kept.
	Holdout float64

	// Gaps allows NaN in the rows: such an entry is always hidden and never
	// counts as an error. Without it NaN is refused.
	Gaps bool

	Seed     uint64
	Warm     *Network // start from these weights; must have the same shape. Adam starts afresh
	Progress func(epoch, epochs int)
}

// maxUnits bounds a layer, so that a corrupt or absurd shape is refused
// instead of exhausting memory.
const maxUnits = 1 << 16

func (o Options) withDefaults() Options {
	if len(o.Hidden) == 0 {
		o.Hidden = []int{32, 8, 32}
	}
	set := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&o.MaskRate, 0.3)
	set(&o.PlainWeight, 0.1)
	set(&o.Clip, 3)
	set(&o.GradientScale, 0.25)
	set(&o.LearningRate, 2e-3)
	if o.Batch == 0 {
		o.Batch = 128
	}
	if o.Epochs == 0 {
		o.Epochs = 12
	}
	o.MaskRate = max(o.MaskRate, 0)
	o.PlainWeight = max(o.PlainWeight, 0)
	if o.Clip < 0 {
		o.Clip = math.MaxFloat32
	}
	return o
}

func (o Options) check() error {
	for _, h := range o.Hidden {
		if h < 1 || h > maxUnits {
			return fmt.Errorf("autoencoder options: hidden layer of %d units, want 1 to %d", h, maxUnits)
		}
	}
	bad := func(name string, v float64, ok bool) error {
		if ok {
			return nil
		}
		return fmt.Errorf("autoencoder options: %s is %v", name, v)
	}
	for _, err := range []error{
		bad("mask rate", o.MaskRate, o.MaskRate < 1),
		bad("plain weight", o.PlainWeight, finite(o.PlainWeight)),
		bad("clip", o.Clip, o.Clip > 0),
		bad("gradient scale", o.GradientScale, o.GradientScale > 0 && finite(o.GradientScale)),
		bad("learning rate", o.LearningRate, o.LearningRate > 0 && finite(o.LearningRate)),
		bad("holdout", o.Holdout, o.Holdout >= 0 && o.Holdout < 1),
		bad("batch", float64(o.Batch), o.Batch > 0 && o.Batch <= maxUnits),
		bad("epochs", float64(o.Epochs), o.Epochs > 0),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
