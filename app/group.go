package app

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/series"
)

// groupInstants is at how many instants a group of hosts is read: forty hosts are
// then less than an hour of one at a step of a second.
const groupInstants = 60

// Spreads implements [api.Runtime].
func (g *generation) Spreads(ctx context.Context, of omen.Host, others []string, from, to time.Time) (api.Spreads, error) {
	w := g.of(of)
	if w == nil {
		return api.Spreads{}, fmt.Errorf("host %s: %w", of.ID(), omen.ErrNotFound)
	}
	step := w.step
	if span := to.Sub(from) / groupInstants; span > step {
		step = span.Truncate(w.step) + w.step
	}
	q := series.Query{Exprs: w.schema.Exprs(), By: w.schema.By(), Hosts: others, Start: from.Truncate(step).Add(step), End: to.Truncate(step), Step: step}
	if step > w.step {
		q.Window = max(step, 4*w.step) // a rate is the mean since the instant before
	}
	if q.End.Before(q.Start) {
		return api.Spreads{Step: step}, nil
	}
	select { // it takes as much as a history that is scored again
	case g.p.rescoring <- struct{}{}:
		defer func() { <-g.p.rescoring }()
	case <-ctx.Done():
		return api.Spreads{}, ctx.Err()
	}
	f, err := w.reader.Read(ctx, q)
	if err != nil {
		return api.Spreads{}, err
	}
	out := api.Spreads{Step: step, Failed: slices.Sorted(maps.Keys(f.Failed))}
	for column, name := range f.Features {
		at := w.schema.Index(name)
		if at < 0 || f.Failed[name] != nil {
			continue
		}
		spec := w.schema.Features()[at]
		out.Features = append(out.Features, spread(f, column, name, spec.Unit, spec.Clean))
	}
	return out, nil
}

// spread is one feature of all hosts of a frame; each quantile is a value that one of
// them had.
func spread(f *series.Frame, column int, name string, unit omen.Unit, clean func(float64) float64) api.Spread {
	s := api.Spread{Feature: name, Unit: unit}
	values := make([]float64, 0, len(f.Hosts))
	for i := range f.Instants {
		values = values[:0]
		for h := range f.Hosts {
			if v := clean(f.At(h, i, column)); !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		at := func(p float64) api.Number {
			if len(values) == 0 {
				return api.Number(math.NaN())
			}
			return api.Number(stat.Quantile(p, stat.Empirical, values, nil))
		}
		s.Times, s.Hosts = append(s.Times, api.Unix(f.Time(i))), append(s.Hosts, len(values))
		s.Median, s.Low, s.High = append(s.Median, at(.5)), append(s.Low, at(.1)), append(s.High, at(.9))
	}
	return s
}
