package baseline

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/bench"
)

// rollingSamples is the original's rolling window (pandas rolling(5)).
const rollingSamples = 5

// original is the system that Omen replaces, on any columns: values, change
// per sample, rolling mean and deviation of each metric, the ratio of each
// metric to the first, hour and weekday; min-max scaling learned on train; a
// dense autoencoder 64-32-16-32-64 trained on mean squared error; the limit is
// a percentile of the training error (its notebook offers 95, its default, 99
// and 99.5). It is fitted once, as there.
type original struct {
	limit float64 // the quantile
}

// Run implements [bench.Detector].
func (d original) Run(ctx context.Context, s *bench.Series, progress func(float64)) (*bench.Scored, error) {
	began := time.Now()
	o := &columns{metrics: len(s.Features)}
	past := o.expand(s.Train, nil)
	o.fit(past)
	rows := o.scale(past)
	net, _, err := autoencoder.Train(ctx, rows, o.width(), autoencoder.Options{
		Hidden: []int{64, 32, 16, 32, 64}, Clip: -1, GradientScale: 1, LearningRate: 1e-3, Batch: 64, Epochs: 12, Seed: 1,
		Progress: func(epoch, epochs int) { progress(0.9 * float64(epoch) / float64(epochs)) },
	})
	if err != nil {
		return nil, fmt.Errorf("train the original's autoencoder: %w", err)
	}
	seen := make([]float64, len(s.Train))
	o.errors(net, rows, seen, nil)
	r := bench.NewScored(s, true)
	r.TrainTime = time.Since(began)
	began = time.Now()
	tail := s.Train[max(0, len(s.Train)-rollingSamples):]
	o.errors(net, o.scale(o.expand(s.Test, tail)), r.Scores, r.Parts)
	r.ScoreTime = time.Since(began)
	r.DivideBy(quantile(seen, d.limit))
	return r, nil
}

// columns are the original's features and their scaling.
type columns struct {
	metrics  int
	low, inv []float64
}

// width is the number of columns: per metric value, change, rolling mean,
// rolling deviation and ratio to the first; then hour and weekday.
func (o *columns) width() int { return 5*o.metrics + 2 }

// expand derives the columns; tail is what came before the samples.
func (o *columns) expand(samples, tail []omen.Vector) [][]float64 {
	all := append(append([]omen.Vector{}, tail...), samples...)
	out := make([][]float64, 0, len(samples))
	m := o.metrics
	for i := len(tail); i < len(all); i++ {
		row := make([]float64, o.width())
		for j := range m {
			x := value(all[i], j, 0)
			row[j] = x
			row[m+j] = x - value(all[max(0, i-1)], j, x)
			row[2*m+j], row[3*m+j] = rolling(all[max(0, i-rollingSamples+1):i+1], j)
			row[4*m+j] = x / (value(all[i], 0, 0) + 0.01)
		}
		at := all[i].At
		row[5*m], row[5*m+1] = float64(at.Hour()), float64(at.Weekday())
		out = append(out, row)
	}
	return out
}

// value is a sample's metric, or other where it is a gap.
func value(v omen.Vector, j int, other float64) float64 {
	if x := v.Values[j]; !math.IsNaN(x) {
		return x
	}
	return other
}

func rolling(window []omen.Vector, j int) (mean, deviation float64) {
	for _, v := range window {
		mean += value(v, j, 0)
	}
	mean /= float64(len(window))
	for _, v := range window {
		d := value(v, j, 0) - mean
		deviation += d * d
	}
	return mean, math.Sqrt(deviation / float64(max(1, len(window)-1)))
}

// fit learns the min-max scaling; a constant column scales to 0.
func (o *columns) fit(rows [][]float64) {
	w := o.width()
	o.low, o.inv = make([]float64, w), make([]float64, w)
	for j := range w {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, r := range rows {
			lo, hi = min(lo, r[j]), max(hi, r[j])
		}
		o.low[j] = lo
		if hi > lo {
			o.inv[j] = 1 / (hi - lo)
		} else {
			o.inv[j] = 1
		}
	}
}

func (o *columns) scale(rows [][]float64) []float32 {
	out := make([]float32, 0, len(rows)*o.width())
	for _, r := range rows {
		for j, x := range r {
			out = append(out, float32(max(-1e6, min(1e6, (x-o.low[j])*o.inv[j]))))
		}
	}
	return out
}

// errors is the mean squared error per row; parts sums a metric's columns.
func (o *columns) errors(net *autoencoder.Network, rows []float32, errs []float64, parts []float32) {
	w, m := o.width(), o.metrics
	const batch = 256
	dst := make([]float32, batch*w)
	scratch := net.NewScratch(batch)
	for from := 0; from < len(errs); from += batch {
		n := min(batch, len(errs)-from)
		in := rows[from*w : (from+n)*w]
		net.Reconstruct(dst[:n*w], in, nil, scratch)
		for i := range n {
			var sum float64
			for j := range w {
				d := float64(in[i*w+j] - dst[i*w+j])
				sum += d * d
				if parts != nil && j < 5*m {
					parts[(from+i)*m+j%m] += float32(d * d)
				}
			}
			errs[from+i] = sum / float64(w)
		}
	}
}
