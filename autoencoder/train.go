package autoencoder

import (
	"context"
	"fmt"
	"math"
)

// Epoch is one pass over the training rows.
//
// Both losses are mean squared errors in squared units of the rows, over the
// entries that were hidden (masked network) or over all (plain network).
// Beyond [Options.Clip] the square continues linearly, as training sees it.
type Epoch struct {
	Train      float64 // while the weights were moving
	Validation float64 // on the held-out rows after the epoch; NaN without them
}

// Report says how training went.
type Report struct {
	Epochs  []Epoch
	Best    int // index in Epochs of the weights that were kept
	Rows    int // trained on
	HeldOut int // watched
}

// Train fits a network to rows: row-major, width columns, in time order,
// standardised (see the package comment). The result depends on nothing but
// its arguments. Cancelling ctx ends training between two batches with ctx's
// cause. NaN (unless [Options.Gaps]) and infinities are refused with the row
// and column of the first.
func Train(ctx context.Context, rows []float32, width int, o Options) (*Network, Report, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, Report{}, err
	}
	if err := checkRows(rows, width, o.Gaps); err != nil {
		return nil, Report{}, err
	}
	t, err := newTrainer(rows, width, o)
	if err != nil {
		return nil, Report{}, err
	}
	report := Report{Rows: t.train, HeldOut: t.rows - t.train}
	best, lowest := t.net, math.Inf(1)
	for e := range o.Epochs {
		loss, err := t.epoch(ctx)
		if err != nil {
			return nil, Report{}, err
		}
		ep := Epoch{Train: loss, Validation: math.NaN()}
		watched := loss
		if t.train < t.rows {
			ep.Validation = t.validate()
			watched = ep.Validation
		}
		if t.diverged() {
			return nil, Report{}, fmt.Errorf("train autoencoder on %d rows of %d: diverged in epoch %d", t.train, width, e+1)
		}
		report.Epochs = append(report.Epochs, ep)
		switch {
		case t.train == t.rows || math.IsNaN(watched):
			report.Best, best = e, t.net
		case watched < lowest:
			lowest, report.Best, best = watched, e, t.net.clone()
		}
		if o.Progress != nil {
			o.Progress(e+1, o.Epochs)
		}
	}
	return best, report, nil
}

func checkRows(rows []float32, width int, gaps bool) error {
	if width < 1 || width > maxUnits {
		return fmt.Errorf("train autoencoder: width %d, want 1 to %d", width, maxUnits)
	}
	if len(rows) == 0 || len(rows)%width != 0 {
		return fmt.Errorf("train autoencoder: %d values are not whole rows of %d", len(rows), width)
	}
	for i, v := range rows {
		if v-v != 0 && (!gaps || v == v) {
			return fmt.Errorf("train autoencoder: row %d column %d is %v", i/width, i%width, v)
		}
	}
	return nil
}
