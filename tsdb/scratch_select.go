package tsdb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/omenhq/omen/series"
)

// mixed gives the engine the held series, and those of the origin beside them,
// for one evaluation.
type mixed struct {
	*Scratch
	lookback time.Duration // of selectors without a range
	exact    bool          // every selector without a range is read at the evaluation's own instants
	failed   error         // the origin's
}

// Querier implements [storage.Queryable].
func (m *mixed) Querier(int64, int64) (storage.Querier, error) { return m, nil }

// Close implements [storage.Querier]; the origin is not the query's.
func (m *mixed) Close() error { return nil }

// LabelValues implements [storage.Querier]; the engine does not ask.
func (m *mixed) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements [storage.Querier]; the engine does not ask.
func (m *mixed) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Select implements [storage.Querier].
func (m *mixed) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []line
	name, one := metricName(matchers)
	switch {
	case one && m.held[name] != nil:
		found = matching(m.held[name], matchers)
	case m.origin != nil:
		var err error
		if found, err = m.read(ctx, hints, matchers); err != nil {
			m.failed = err
			return storage.ErrSeriesSet(err)
		}
	default:
		for _, held := range m.held {
			found = append(found, matching(held, matchers)...)
		}
	}
	slices.SortFunc(found, func(a, b line) int { return labels.Compare(a.labels, b.labels) })
	return &lines{all: found}
}

func matching(all []line, matchers []*labels.Matcher) (found []line) {
	for _, l := range all {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(l.labels.Get(m.Name)) }) {
			found = append(found, l)
		}
	}
	return found
}

// rawPiece is how much of a series is read at once where its samples are needed.
const rawPiece = 6 * time.Hour

// read reads a selector of the origin. Without a range it is asked at the
// evaluation's own instants, so that the origin decides where a series is absent:
// samples alone do not say that, and only ranges do not ask.
func (m *mixed) read(ctx context.Context, hints *storage.SelectHints, matchers []*labels.Matcher) ([]line, error) {
	selector := (&parser.VectorSelector{LabelMatchers: matchers}).String()
	end := time.UnixMilli(hints.End)
	if hints.Range == 0 && m.exact {
		r := series.Range{Start: time.UnixMilli(hints.Start).Add(m.lookback - time.Millisecond), End: end, Step: time.Duration(hints.Step) * time.Millisecond}
		if !r.End.After(r.Start) {
			r.Start, r.Step = end, 0
		}
		curves, err := m.origin.Curves(ctx, selector, r)
		all := make([]line, len(curves))
		for i, c := range curves {
			all[i] = marked(labels.FromMap(c.Labels), r.Step, c)
		}
		return all, err
	}
	var all []line
	at := map[uint64]int{}
	for start := time.UnixMilli(hints.Start - 1); start.Before(end); start = start.Add(rawPiece) {
		stop := start.Add(rawPiece)
		if stop.After(end) {
			stop = end
		}
		curves, err := m.origin.Curves(ctx, fmt.Sprintf("%s[%s]", selector, model.Duration(stop.Sub(start))), series.Range{Start: stop, End: stop})
		if err != nil {
			return nil, err
		}
		for _, c := range curves {
			ls := labels.FromMap(c.Labels)
			i, known := at[ls.Hash()]
			if !known {
				i = len(all)
				at[ls.Hash()], all = i, append(all, line{labels: ls})
			}
			all[i].at, all[i].values = append(all[i].at, c.At...), append(all[i].values, c.Values...)
		}
	}
	return all, nil
}

// lines is a [storage.SeriesSet].
type lines struct {
	all  []line
	next int
}

// Next implements [storage.SeriesSet].
func (l *lines) Next() bool { l.next++; return l.next <= len(l.all) }

// At implements [storage.SeriesSet].
func (l *lines) At() storage.Series { return &l.all[l.next-1] }

// Err implements [storage.SeriesSet].
func (l *lines) Err() error { return nil }

// Warnings implements [storage.SeriesSet].
func (l *lines) Warnings() annotations.Annotations { return nil }

// Labels implements [storage.Series].
func (l *line) Labels() labels.Labels { return l.labels }

// Iterator implements [storage.Series].
func (l *line) Iterator(chunkenc.Iterator) chunkenc.Iterator { return &cursor{line: l, i: -1} }

// cursor is at one sample of a line.
type cursor struct {
	*line
	i int
}

// Next implements [chunkenc.Iterator].
func (c *cursor) Next() chunkenc.ValueType {
	c.i++
	return c.kind()
}

// Seek implements [chunkenc.Iterator].
func (c *cursor) Seek(t int64) chunkenc.ValueType { //nolint:govet // Prometheus' Seek is not that of io.Seeker
	c.i = max(c.i, 0)
	if c.i < len(c.at) && c.at[c.i] < t {
		n, _ := slices.BinarySearch(c.at[c.i:], t)
		c.i += n
	}
	return c.kind()
}

func (c *cursor) kind() chunkenc.ValueType {
	if c.i >= len(c.at) {
		return chunkenc.ValNone
	}
	return chunkenc.ValFloat
}

// At implements [chunkenc.Iterator].
func (c *cursor) At() (int64, float64) { return c.at[c.i], c.values[c.i] }

// AtT implements [chunkenc.Iterator].
func (c *cursor) AtT() int64 { return c.at[c.i] }

// AtST implements [chunkenc.Iterator]; start times are not known.
func (c *cursor) AtST() int64 { return 0 }

// Err implements [chunkenc.Iterator].
func (c *cursor) Err() error { return nil }

// AtHistogram implements [chunkenc.Iterator]; there are none.
func (c *cursor) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	return c.at[c.i], nil
}

// AtFloatHistogram implements [chunkenc.Iterator]; there are none.
func (c *cursor) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return c.at[c.i], nil
}
