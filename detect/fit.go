package detect

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/feature"
)

const (
	minRows      = 30  // fewer samples are not worth a model
	minPresence  = 0.2 // share of samples in which a feature must be present
	forecastRows = 20  // rows per regressor below which residuals are cross-validated
	folds        = 4
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
// Method: DETECTION.md section 1.
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
	h, err := newHistory(schema.Len(), all, o.Excluded)
	if err != nil {
		return nil, fmt.Errorf("fit: %w", err)
	}
	f := &fit{ctx: ctx, o: o, h: h, m: &Model{
		host: all[0].Host, schema: schema.Hash(), specs: specsOf(schema), step: o.Step,
		pages: o.PagesPerWeek, without: o.Without,
	}}
	f.holdout = 0.1
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
	holdout float64

	report  autoencoder.Report
	dropped []Inactive
	folds   [folds][]float32 // forecasts without one fold, if cross-validated
	t       tracks
}

// tracks are what the channels found in training, row-major n x M.
type tracks struct {
	warm []bool // per row
	trace
}

// row is one sample's part.
func (t *tracks) row(i, width int) trace {
	from, to := i*width, (i+1)*width
	return trace{r: t.r[from:to], e: t.e[from:to], u: t.u[from:to], jump: t.jump[from:to], ok: t.ok[from:to]}
}

const stages = 5

func (f *fit) run() error {
	m, h := f.m, f.h
	if h.len() < minRows {
		return fmt.Errorf("%d samples, want at least %d: %w", h.len(), minRows, omen.ErrTooFew)
	}
	covered := h.span() + m.step
	m.from, m.trainedAt, m.rows = h.at[0], h.at[h.len()-1], h.len()
	m.grade = gradeOf(covered)
	m.timeOfDay = covered >= day && !f.o.Without.TimeOfDay
	m.recentre = max(float64(min(covered, day)/m.step), 600)
	m.id = fmt.Sprintf("%s@%s-%04x", m.host.ID(), m.trainedAt.UTC().Format("20060102T150405Z"), uint16(f.o.Seed)^uint16(h.len()))
	if err := f.selectFeatures(); err != nil {
		return err
	}
	for i, stage := range []func() error{f.fitNetwork, f.fitForecast, f.trace, f.calibrate, f.report5} {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if err := stage(); err != nil {
			return err
		}
		f.o.Progress(i+1, stages)
	}
	return nil
}

// selectFeatures finds the features that the host has, and scales them.
func (f *fit) selectFeatures() error {
	var values []float64
	for i, sp := range f.m.specs {
		values = f.h.finiteOf(values[:0], i)
		switch present := float64(len(values)) / float64(f.h.len()); {
		case len(values) == 0:
			f.dropped = append(f.dropped, Inactive{sp.name, "absent in training"})
		case present < minPresence:
			f.dropped = append(f.dropped, Inactive{sp.name, fmt.Sprintf("present in %.1f%% of the samples only", 100*present)})
		default:
			f.m.active = append(f.m.active, int32(i))
			f.m.scales = append(f.m.scales, learnScaling(values, sp))
		}
	}
	if len(f.m.active) == 0 {
		return fmt.Errorf("no feature is present in %d samples: %w", f.h.len(), omen.ErrTooFew)
	}
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
		for k, i := range m.active {
			v := f.h.values[t][i]
			if !finite(v) {
				rows = append(rows, float32(math.NaN()))
				continue
			}
			rows = append(rows, float32(soft(m.scales[k].z(v))))
		}
	}
	o := autoencoder.Options{
		Hidden: f.o.Hidden, Masked: true, MaskRate: f.o.MaskRate, Gaps: true,
		Holdout: f.holdout, Seed: f.o.Seed,
		Epochs: f.o.Epochs, LearningRate: f.o.LearningRate,
		Progress: func(done, total int) { f.o.Progress(0, stages) },
	}
	warm := f.o.Warm
	if warm != nil && warm.net != nil && slices.Equal(warm.active, m.active) && slices.Equal(warm.net.Hidden(), f.o.Hidden) {
		o.Warm = warm.net
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
	return nil
}

// fitForecast solves the ridge regression; with few rows per regressor also
// without each fold in turn, because then residuals in sample flatter.
func (f *fit) fitForecast() error {
	m, n := f.m, f.h.len()
	if f.o.Without.Forecast {
		return nil
	}
	p := m.regressors()
	crossed := n < forecastRows*p
	var sums [folds]*gram
	for k := range sums {
		if k == 0 || crossed {
			sums[k] = newGram(p, len(m.active))
		}
	}
	var seasons []*gram
	var x [seasonWeights]float32
	if m.timeOfDay && !f.o.Without.Season {
		seasons = make([]*gram, len(m.active))
		for j := range seasons {
			seasons[j] = newGram(seasonWeights, 1)
		}
	}
	// The regressors alone: neither forecast nor network.
	front := newFront(&Model{active: m.active, scales: m.scales, step: m.step, timeOfDay: m.timeOfDay})
	stride := f.stride()
	for t := range n {
		k := 0
		if crossed {
			k = t * folds / n
		}
		front.learn = func(phi []float32, a []float64) {
			if t%stride == 0 {
				sums[k].add(phi[:p], a)
				if seasons != nil {
					for j := range seasons {
						front.seasonal(&x, j)
						seasons[j].add(x[:], a[j:j+1])
					}
				}
			}
		}
		front.step(f.h.at[t], f.h.values[t])
	}
	for _, g := range seasons {
		w, err := g.solve(f.o.Ridge)
		if err != nil {
			return err
		}
		m.season = append(m.season, w...)
	}
	total := newGram(p, len(m.active))
	for _, s := range sums {
		if s != nil {
			total.plus(s)
		}
	}
	var err error
	if m.ridge, err = total.solve(f.o.Ridge); err != nil {
		return err
	}
	for k := range sums {
		if !crossed {
			break
		}
		if f.folds[k], err = total.minus(sums[k]).solve(f.o.Ridge); err != nil {
			return err
		}
	}
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
			m.ridge = f.folds[t*folds/n]
		}
		f.t.warm[t] = front.step(f.h.at[t], f.h.values[t])
		f.t.r = append(f.t.r, front.r...)
		f.t.e = append(f.t.e, front.e...)
		f.t.u = append(f.t.u, front.u...)
		f.t.jump = append(f.t.jump, front.jump...)
		f.t.ok = append(f.t.ok, front.ok...)
	}
	m.ridge = full
	f.measure()
	return nil
}

// measure learns the scales of what the channels found.
func (f *fit) measure() {
	m, n, w := f.m, f.h.len(), len(f.m.active)
	var jumps, errs []float64
	for j := range w {
		var sumR, sumE, sumU float64
		jumps, errs = jumps[:0], errs[:0]
		for t := range n {
			i := t*w + j
			if !f.t.warm[t] || !f.t.ok[i] {
				continue
			}
			r, e := float64(f.t.r[i]), float64(f.t.e[i])
			sumR += r * r
			sumE += e * e
			sumU += float64(f.t.u[i]) * float64(f.t.u[i])
			jumps = append(jumps, float64(f.t.jump[i]))
			errs = append(errs, e)
		}
		rows := float64(max(1, len(jumps)))
		slices.Sort(jumps)
		slices.Sort(errs)
		m.rmsR = append(m.rmsR, float32(math.Sqrt(sumR/rows)+floorRMS))
		m.rmsU = append(m.rmsU, float32(math.Sqrt(sumU/rows)+floorRMS))
		m.rmsE = append(m.rmsE, float32(math.Sqrt(sumE/rows)+floorRMS))
		if len(jumps) == 0 {
			jumps, errs = []float64{0}, []float64{0}
		}
		m.jump = append(m.jump, float32(quantile(jumps, 0.99)+jumpMargin))
		m.bandLow = append(m.bandLow, float32(quantile(errs, bandTail)))
		m.bandHigh = append(m.bandHigh, float32(quantile(errs, 1-bandTail)))
	}
}

// bandTail is the share of training residuals on either side of the expected
// band.
const bandTail = 0.005

// calibrate learns the channels' units and the limit.
func (f *fit) calibrate() error {
	m, n, w := f.m, f.h.len(), len(f.m.active)
	var sums [channels][]float64
	j := newJudge(m)
	for t := range n {
		if !f.t.warm[t] {
			continue
		}
		j.weigh(f.t.row(t, w))
		for c := range sums {
			sums[c] = append(sums[c], j.h[c])
		}
	}
	if len(sums[0]) < minRows/2 {
		return fmt.Errorf("%d samples without gaps before them: %w", len(sums[0]), omen.ErrTooFew)
	}
	for c := range sums {
		slices.Sort(sums[c])
		m.middle[c] = quantile(sums[c], 0.5)
		m.spread[c] = max(quantile(sums[c], 0.99)-m.middle[c], 1e-3*float64(w))
	}
	j = newJudge(m)
	scores := make([]float64, 0, n)
	for t := range n {
		if !f.t.warm[t] {
			j.restart()
			continue
		}
		j.step(f.t.row(t, w))
		scores = append(scores, j.smoothed)
	}
	m.limit = f.chooseLimit(scores)
	return nil
}

func (f *fit) report5() error { return nil }

func (f *fit) chooseLimit(scores []float64) float64 {
	s := slices.Clone(scores)
	slices.Sort(s)
	return max(quantile(s, 0.99), 1e-6)
}

var _ = time.Second
