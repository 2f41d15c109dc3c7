package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/watch"
)

const (
	// maxHistory bounds the instants of a feature's history that is not scored
	// again.
	maxHistory = 300
	// maxCells bounds the points of an answer times its features: some 5 MB of JSON.
	maxCells = 60_000
	// rescoring bounds the histories that are scored again at once: each takes a
	// processor, which the scoring of now needs first.
	rescoring = 2
)

// Features is the history of some features, read from the host's source, with what
// was expected of them.
func (g *generation) Features(ctx context.Context, h omen.Host, names []string, from, to time.Time, points int) (api.Features, error) {
	w := g.of(h)
	if w == nil {
		return api.Features{}, fmt.Errorf("host %s: %w", h.ID(), omen.ErrNotFound)
	}
	if n := int(to.Sub(from) / w.step); n > watch.MaxRescored {
		all, step, err := w.coarse(ctx, h, names, from, to)
		return api.Features{Step: api.Number(step.Seconds()), Features: all, NoBand: fmt.Sprintf(
			"the span has %d samples, and what was expected is worked out for at most %d, %s", n, watch.MaxRescored, omen.Soon(watch.MaxRescored*w.step))}, err
	}
	each := max(w.step, to.Sub(from)/time.Duration(max(1, min(points, maxCells/max(1, len(names)))/extremes)))
	all := make([]*thinned, 0, len(names))
	for _, name := range names {
		if at := w.schema.Index(name); at >= 0 {
			spec := w.schema.Features()[at]
			all = append(all, &thinned{at: at, each: each, from: from, FeatureHistory: api.FeatureHistory{Feature: name, Unit: spec.Unit}})
		}
	}
	var last time.Time
	err := g.rescore(ctx, w, h, from, to, func(v omen.Vector, s *omen.Score) {
		gap := !last.IsZero() && v.At.Sub(last) > max(2*w.step, each)
		for _, t := range all {
			if gap {
				t.gap(last.Add(w.step))
			}
			t.add(v, s)
		}
		last = v.At
	})
	if err != nil {
		return api.Features{}, err
	}
	out := api.Features{Step: api.Number(each.Seconds())}
	for _, t := range all {
		out.Features = append(out.Features, t.history())
	}
	return out, nil
}

// rescore is [watch.Watch.Rescore], a few at once; who waits for it waits with its
// request.
func (g *generation) rescore(ctx context.Context, w *watched, h omen.Host, from, to time.Time, visit func(omen.Vector, *omen.Score)) error {
	select {
	case g.p.rescoring <- struct{}{}:
		defer func() { <-g.p.rescoring }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return w.Rescore(ctx, h, from, to, visit)
}

// coarse is the history of features without what was expected, at a step that keeps
// it small.
func (w *watched) coarse(ctx context.Context, h omen.Host, names []string, from, to time.Time) ([]api.FeatureHistory, time.Duration, error) {
	step := w.step
	if span := to.Sub(from) / maxHistory; span > step {
		step = span.Truncate(w.step) + w.step
	}
	q := series.Query{Hosts: []string{h.Name}, By: w.schema.By(), Start: from.Truncate(step).Add(step), End: to.Truncate(step), Step: step, Window: 4 * step}
	for _, e := range w.schema.Exprs() {
		if slices.Contains(names, e.Feature) {
			q.Exprs = append(q.Exprs, e)
		}
	}
	if len(q.Exprs) == 0 || q.End.Before(q.Start) {
		return nil, step, nil
	}
	f, err := w.reader.Read(ctx, q)
	if err != nil {
		return nil, step, err
	}
	all, err := histories(w.schema, f, h, names)
	return all, step, err
}

// histories are the features of a host of a frame, in the order asked for.
func histories(schema *feature.Schema, f *series.Frame, h omen.Host, names []string) ([]api.FeatureHistory, error) {
	row := f.Host(h.Name)
	if row < 0 {
		return nil, nil
	}
	var all []api.FeatureHistory
	var errs []error
	for _, name := range names {
		column := slices.Index(f.Features, name)
		at := schema.Index(name)
		if column < 0 || at < 0 {
			continue // derived: it has a history where vectors are read
		}
		if err := f.Failed[name]; err != nil {
			errs = append(errs, err)
			continue
		}
		spec := schema.Features()[at]
		one := api.FeatureHistory{Feature: name, Unit: spec.Unit}
		for i := range f.Instants {
			v := spec.Clean(f.At(row, i, column))
			if math.IsNaN(v) && len(one.Times) == 0 {
				continue // a history begins with its first sample
			}
			one.Times, one.Actual = append(one.Times, api.Unix(f.Time(i))), append(one.Actual, api.Number(v))
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// decides is how many samples up to a moment are scored again to say why people
// were (not) notified then: more than any evidence asks for.
const decides = 60

// JudgedAt is what a host's samples up to an instant were worth.
func (g *generation) JudgedAt(ctx context.Context, h omen.Host, at time.Time) (api.Judged, error) {
	w := g.of(h)
	if w == nil {
		return api.Judged{}, fmt.Errorf("host %s: %w", h.ID(), omen.ErrNotFound)
	}
	out := api.Judged{Step: w.step, Lasting: hysteresis(g.conf).Lasting}
	from := at.Add(-decides * w.step)
	err := g.rescore(ctx, w, h, from, at, func(v omen.Vector, s *omen.Score) {
		one := omen.Score{Host: h, At: v.At}
		if s != nil {
			one = *s
			one.Causes = slices.Clone(s.Causes)
			one.Expected, one.Lower, one.Upper, one.Shares = nil, nil, nil, nil
		}
		out.Scores = append(out.Scores, one)
	})
	if err != nil || len(out.Scores) == 0 {
		return out, err
	}
	levels, err := g.stored(ctx, h, from.Add(-w.step), at, w.step)
	if err != nil {
		return out, err
	}
	for _, l := range levels {
		for i := range out.Scores {
			if s := &out.Scores[i]; s.At.Equal(l.At) && l.Level > 0 {
				s.Level = l.Level
			}
		}
	}
	out.Opens = hysteresis(g.conf).Opens(out.Scores[len(out.Scores)-1].Grade, w.step)
	return out, nil
}
