package detect

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/feature"
)

const (
	minRows      = 30  // fewer samples are not worth a model
	minPresence  = 0.2 // share of samples in which a feature must be present
	forecastRows = 20  // rows per regressor below which residuals are cross-validated
	folds        = 4
	doubtRows    = 600
	wakeSigmas   = 2.0    // root mean squares that a feature's smallest deviation worth a page may be away at most
	maxRows      = 45_000 // more samples than that are learned from, not weighed, each k-th
)

// Fit learns what is normal for one host. train and calib are samples of one
// host in schema order, in time order, calib after train; NaN is a gap. The
// parameters are learned from both; calib may be empty. Given, it is what the
// network's loss is watched on and reported for; otherwise the last tenth of
// train is.
//
// Too little history is [omen.ErrTooFew]; samples of another width are
// [omen.ErrSchema]. The result depends on nothing but the arguments.
func Fit(ctx context.Context, schema *feature.Schema, train, calib []omen.Vector, o Options) (*Model, error) {
	all := train
	if len(calib) > 0 {
		all = append(slices.Clip(train), calib...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("fit: no samples: %w", omen.ErrTooFew)
	}
	o, err := o.withDefaults(all)
	if err != nil {
		return nil, err
	}
	var held []omen.Span
	if !o.Without.Cleaning && o.Warm != nil && o.Warm.schema == schema.Hash() {
		held = suspects(o.Warm, all, o.Benign)
	}
	unlearned := holdBack(held, all, o.Step)
	h, err := newHistory(schema.Len(), all, o.Excluded, unlearned)
	if err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	h.covered = h.cover(all, o.Step)
	shifts := h.keepShifts()
	f := &fit{ctx: ctx, o: o, h: h, kind: shapeOf(schema), m: &Model{
		host: all[0].Host, schema: schema.Hash(), specs: shapeOf(schema).specs, step: o.Step,
		suspects: held, pages: o.PagesPerWeek, without: o.Without,
	}}
	f.m.card.Shifts = shifts
	f.holdout = 0.1
	f.m.card.Suspects = unlearned
	if len(calib) > 0 {
		f.holdout = min(0.5, float64(len(calib))/float64(len(all)))
	}
	if err := f.run(); err != nil {
		return nil, fmt.Errorf("fit %s: %w", f.m.host, err)
	}
	return f.m, nil
}

// fit is a model in the making.
type fit struct {
	ctx     context.Context
	o       Options
	h       history
	m       *Model
	kind    *shape
	holdout float64

	report  autoencoder.Report
	dropped []Inactive
	ranges  []float64        // per active feature, largest minus smallest value
	folds   [folds][]float32 // forecasts without one fold, if cross-validated
	scores  []float64        // smoothed, per sample, before the limit
	t       tracks
}

// tracks are what the channels found in training, row-major n x M.
type tracks struct {
	warm []bool // per row
	trace
}

// row is sample i's part.
func (f *fit) row(i int) trace {
	t, width := &f.t, len(f.m.active)
	from, to := i*width, (i+1)*width
	return trace{shift: f.shiftAt(i), r: t.r[from:to], e: t.e[from:to], u: t.u[from:to], jump: t.jump[from:to], ok: t.ok[from:to]}
}

const fitSteps = 5

func (f *fit) run() error {
	m, h := f.m, f.h
	if n := h.usualRows(); n < minRows {
		return fmt.Errorf("%d samples, want at least %d: %w", n, minRows, omen.ErrTooFew)
	}
	covered := h.covered + m.step
	m.from, m.trainedAt, m.rows = h.at[0], h.at[h.len()-1], h.len()
	m.grade = GradeOf(covered)
	m.timeOfDay = covered >= day && !f.o.Without.TimeOfDay
	m.recentre = max(float64(min(covered, day)/m.step), 600)
	m.id = fmt.Sprintf("%s@%s-%04x", m.host.ID(), m.trainedAt.UTC().Format("20060102T150405Z"), uint16(f.o.Seed)^uint16(h.len()))
	if err := f.selectFeatures(); err != nil {
		return err
	}
	f.learnLevels()
	f.learnRuns()
	for i, stage := range []func() error{f.fitNetwork, f.fitForecast, f.trace, f.calibrate, f.writeCard} {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if err := stage(); err != nil {
			return err
		}
		f.o.Progress(i+1, fitSteps)
	}
	m.settle()
	return nil
}

// selectFeatures finds the features that the host has, and scales them.
func (f *fit) selectFeatures() error {
	var values []float64
	usual := f.h.usualRows()
	for i, sp := range f.m.specs {
		values = f.h.usableOf(values[:0], i)
		switch present := float64(len(values)) / float64(usual); {
		case len(values) == 0:
			f.dropped = append(f.dropped, Inactive{sp.name, "absent in training"})
		case present < minPresence:
			f.dropped = append(f.dropped, Inactive{sp.name, fmt.Sprintf("present in %.1f%% of the samples only", 100*present)})
		default:
			f.m.active = append(f.m.active, int32(i))
			f.ranges = append(f.ranges, slices.Max(values)-slices.Min(values))
			f.m.scales = append(f.m.scales, learnScaling(values, sp))
		}
	}
	if len(f.m.active) == 0 {
		return fmt.Errorf("no feature is present in %d samples: %w", f.h.len(), omen.ErrTooFew)
	}
	f.m.bind(f.kind)
	f.m.group = grouping(len(f.m.active), f.o.Seed)
	return nil
}

// grouping deals features into random groups of equal size.
func grouping(n int, seed uint64) []uint8 {
	g := make([]uint8, n)
	for i, j := range rand.New(rand.NewPCG(seed, 0x67726f757073)).Perm(n) {
		g[j] = uint8(i % groups)
	}
	return g
}

// stride is how many samples the learning of weights moves on at a time.
func (f *fit) stride() int { return 1 + (f.h.len()-1)/maxRows }

func (f *fit) fitNetwork() error {
	m := f.m
	if f.o.Without.Autoencoder {
		return nil
	}
	n := len(m.active)
	rows := make([]float32, 0, f.h.len()/f.stride()*n+n)
	for t := 0; t < f.h.len(); t += f.stride() {
		if f.h.shifted[t] >= 0 {
			continue
		}
		for k, i := range m.active {
			v := f.h.values[t][i]
			if !usable(v) {
				rows = append(rows, float32(math.NaN()))
				continue
			}
			rows = append(rows, float32(soft(m.scales[k].Z(v))))
		}
	}
	o := autoencoder.Options{
		Hidden: f.o.Hidden, Masked: true, MaskRate: f.o.MaskRate, Gaps: true,
		Holdout: f.holdout, Seed: f.o.Seed,
		Epochs: f.o.Epochs, LearningRate: f.o.LearningRate,
		Progress: func(done, total int) { f.o.Progress(0, fitSteps) },
	}
	warm := f.o.Warm
	if warm != nil && warm.net != nil && slices.Equal(warm.active, m.active) && slices.Equal(warm.net.Hidden(), f.o.Hidden) {
		o.Warm = warm.net
		m.card.Warm = warm.id
		m.group = warm.group
	}
	batches := max(1, len(rows)/n/128)
	if o.Epochs == 0 {
		o.Epochs = max(12, min(100, 600/batches))
		if o.Warm != nil {
			o.Epochs = max(4, min(30, 200/batches))
		}
	}
	if o.LearningRate == 0 && o.Warm != nil {
		o.LearningRate = 1e-3
	}
	var err error
	if m.net, f.report, err = autoencoder.Train(f.ctx, rows, n, o); err != nil {
		return fmt.Errorf("train the network: %w", err)
	}
	m.cross = m.net.Crossing(m.group)
	return nil
}

// trace runs the first half of scoring over the history.
func (f *fit) trace() error {
	m, n := f.m, f.h.len()
	size := n * len(m.active)
	column := func() []float32 { return make([]float32, 0, size) }
	f.t = tracks{warm: make([]bool, n), trace: trace{r: column(), e: column(), u: column(), jump: column(), ok: make([]bool, 0, size)}}
	full := m.ridge
	front := newFront(m)
	for t := range n {
		if t%4096 == 0 && f.ctx.Err() != nil {
			return f.ctx.Err()
		}
		if f.folds[0] != nil {
			m.ridge = f.folds[f.fold(t)]
		}
		front.shift = f.shiftAt(t)
		f.t.warm[t] = front.step(f.h.at[t], f.h.values[t])
		f.t.r = append(f.t.r, front.r...)
		f.t.e = append(f.t.e, front.e...)
		f.t.u = append(f.t.u, front.u...)
		f.t.jump = append(f.t.jump, front.jump...)
		f.t.ok = append(f.t.ok, front.ok...)
	}
	m.ridge = full
	f.measure()
	f.measureShifts()
	return nil
}
