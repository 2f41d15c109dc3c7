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
	"github.com/prometheus/prometheus/tsdb/chunks"
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
func (l *line) Iterator(chunkenc.Iterator) chunkenc.Iterator { return storage.NewListSeriesIterator(l) }

// Len implements [storage.Samples].
func (l *line) Len() int { return len(l.at) }

// Get implements [storage.Samples].
func (l *line) Get(i int) chunks.Sample { return point{l.at[i], l.values[i]} }

// point is a [chunks.Sample] that is a number.
type point struct {
	at    int64 // ms
	value float64
}

func (p point) T() int64                      { return p.at }
func (p point) ST() int64                     { return 0 } // not known
func (p point) F() float64                    { return p.value }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }
