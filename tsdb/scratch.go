package tsdb

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// Origin gives the series of an expression, as [series.Remote.Curves] does.
type Origin interface {
	Curves(ctx context.Context, promQL string, r series.Range) ([]series.Curve, error)
}

// Scratch evaluates expressions over series that it holds in memory, such as
// those that a recording rule makes, and over those of an origin beside them. What
// does not read a held series the origin evaluates by itself. Nothing is stored.
// It is not safe for concurrent use.
type Scratch struct {
	origin Origin // nil: there is nothing but what is held
	engine *promql.Engine
	parser parser.Parser
	held   map[string][]line // by metric name
}

// line is a held series; a gap of it begins with Prometheus' staleness marker.
type line struct {
	labels labels.Labels
	at     []int64
	values []float64
}

// scratchSamples and scratchTime bound one evaluation.
const (
	scratchSamples = 50_000_000
	scratchTime    = 10 * time.Minute
)

// NewScratch holds nothing yet. origin may be nil.
func NewScratch(origin Origin) *Scratch {
	return &Scratch{
		origin: origin, engine: newEngine(slog.New(slog.DiscardHandler), scratchSamples, scratchTime),
		parser: parser.NewParser(parser.Options{}), held: map[string][]line{},
	}
}

// Close ends the engine.
func (s *Scratch) Close() error {
	if err := s.engine.Close(); err != nil {
		return fmt.Errorf("close the engine for rules: %w", err)
	}
	return nil
}

// Hold takes series in under a metric's name: the origin is not asked for it any
// more. They have a sample each step; where one is missing the series is absent,
// as after a scrape without it.
func (s *Scratch) Hold(name string, step time.Duration, curves []series.Curve) {
	if s.held[name] == nil {
		s.held[name] = []line{}
	}
	for _, c := range curves {
		b := labels.NewBuilder(labels.FromMap(c.Labels))
		b.Set(model.MetricNameLabel, name)
		s.held[name] = append(s.held[name], marked(b.Labels(), step, c))
	}
}

// holds reports whether an expression reads a held series.
func (s *Scratch) holds(expr parser.Expr) bool {
	for _, selector := range parser.ExtractSelectors(expr) {
		if name, ok := metricName(selector); ok && s.held[name] != nil {
			return true
		}
	}
	return false
}

// metricName is the one metric that a selector reads; false: it may be others.
func metricName(selector []*labels.Matcher) (string, bool) {
	for _, m := range selector {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value, true
		}
	}
	return "", false
}

// stale is the staleness marker.
var stale = math.Float64frombits(value.StaleNaN)

// marked is a curve with a marker wherever a sample is missing at a step.
func marked(ls labels.Labels, step time.Duration, c series.Curve) line {
	l := line{labels: ls, at: make([]int64, 0, len(c.At)+1), values: make([]float64, 0, len(c.At)+1)}
	every := step.Milliseconds()
	for i, at := range c.At {
		l.at, l.values = append(l.at, at), append(l.values, c.Values[i])
		if every > 0 && (i+1 == len(c.At) || c.At[i+1]-at > every*3/2) {
			l.at, l.values = append(l.at, at+every), append(l.values, stale)
		}
	}
	return l
}

// HoldAll takes in series under the names that they have.
func (s *Scratch) HoldAll(step time.Duration, curves []series.Curve) {
	for _, c := range curves {
		s.Hold(c.Labels[model.MetricNameLabel], step, []series.Curve{c})
	}
}

// Evaluate implements [series.Evaluator], so that a [series.Reader] of one
// expression at once makes it a source.
func (s *Scratch) Evaluate(ctx context.Context, promQL string, r series.Range, a *series.Answer) error {
	curves, err := s.Curves(ctx, promQL, r)
	for _, c := range curves {
		host := a.Series(c.Labels)
		for i, at := range c.At {
			host.Put(at, c.Values[i])
		}
	}
	return err
}

// Curves evaluates an expression at the instants of a range. An expression that
// is wrong wraps [omen.ErrInvalid]; other errors are the origin's.
func (s *Scratch) Curves(ctx context.Context, promQL string, r series.Range) ([]series.Curve, error) {
	expr, err := s.parser.ParseExpr(promQL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, omen.ErrInvalid)
	}
	if s.origin != nil && !s.holds(expr) {
		return s.origin.Curves(ctx, promQL, r)
	}
	opts := promql.NewPrometheusQueryOpts(false, r.Lookback, nil)
	from := &mixed{Scratch: s, lookback: cmp.Or(r.Lookback, defaultLookback), exact: !subquery(expr)}
	var q promql.Query
	if r.Step == 0 {
		q, err = s.engine.NewInstantQuery(ctx, from, opts, promQL, r.Start)
	} else {
		q, err = s.engine.NewRangeQuery(ctx, from, opts, promQL, r.Start, r.End, r.Step)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, omen.ErrInvalid)
	}
	defer q.Close()
	result := q.Exec(ctx)
	switch {
	case from.failed != nil:
		return nil, from.failed
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case result.Err != nil:
		return nil, fmt.Errorf("%w: %w", result.Err, omen.ErrInvalid)
	}
	return curvesOf(result.Value)
}

// subquery reports whether an expression has one: its instants are not those of
// the evaluation.
func subquery(expr parser.Expr) (found bool) {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		_, is := n.(*parser.SubqueryExpr)
		found = found || is
		return nil
	})
	return found
}

// curvesOf copies an engine's result, whose memory is the query's.
func curvesOf(v parser.Value) ([]series.Curve, error) {
	var all []series.Curve
	switch v := v.(type) {
	case promql.Matrix:
		for _, s := range v {
			if len(s.Histograms) > 0 {
				return nil, series.ErrHistogram
			}
			c := series.Curve{Labels: s.Metric.Map(), At: make([]int64, len(s.Floats)), Values: make([]float64, len(s.Floats))}
			for i, p := range s.Floats {
				c.At[i], c.Values[i] = p.T, p.F
			}
			all = append(all, c)
		}
	case promql.Vector:
		for _, s := range v {
			if s.H != nil {
				return nil, series.ErrHistogram
			}
			all = append(all, series.Curve{Labels: s.Metric.Map(), At: []int64{s.T}, Values: []float64{s.F}})
		}
	case promql.Scalar:
		all = append(all, series.Curve{Labels: map[string]string{}, At: []int64{v.T}, Values: []float64{v.V}})
	default:
		return nil, series.NotSeries(v.Type())
	}
	slices.SortFunc(all, func(a, b series.Curve) int { return labels.Compare(labels.FromMap(a.Labels), labels.FromMap(b.Labels)) })
	return all, nil
}
