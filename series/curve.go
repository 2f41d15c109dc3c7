package series

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
)

// Curve is one series as an expression gives it, with all of its labels. A
// [Frame] has hosts instead; rules need the series themselves.
type Curve struct {
	Labels map[string]string
	At     []int64 // milliseconds since 1970, growing
	Values []float64
}

// Curves evaluates an expression at the instants of a range, which may be of any
// length, and gives every series that it has there; at one instant it may give
// samples, as of up[5m]. The source's delay is not applied: the past is read as it
// is. Errors are those of [Remote.Read].
func (r *Remote) Curves(ctx context.Context, promQL string, span Range) ([]Curve, error) {
	var c curves
	points := firstPoints
	for start := span.Start; ; {
		piece := Range{Start: start, End: start, Step: span.Step, Lookback: span.Lookback}
		n := 1
		if span.Step > 0 {
			n = min(points, int(span.End.Sub(start)/span.Step)+1)
			piece.End = start.Add(time.Duration(n-1) * span.Step)
		}
		before := len(c.all)
		err := r.ask(ctx, promQL, piece, func(v model.Value, _ []string) error { return c.add(v) })
		switch {
		case err == nil:
			points = min(max(maxSamples/max(len(c.all), 1), minPoints), maxPoints)
			if start = start.Add(time.Duration(n) * span.Step); span.Step == 0 || start.After(span.End) {
				return c.all, nil
			}
		case errors.Is(err, ErrTooMuch) && n > minPoints && len(c.all) == before:
			points = max(n/4, minPoints)
		default:
			return nil, omen.WithHint(fmt.Errorf("source %s: %w", r.url, err), omen.Hint(err))
		}
	}
}

// curves are those of the pieces so far.
type curves struct {
	all []Curve
	of  map[model.Fingerprint][]int
}

// add adds a decoded answer, whose instants are later than those before.
func (c *curves) add(v model.Value) error {
	switch v := v.(type) {
	case model.Matrix:
		for _, s := range v {
			if len(s.Histograms) > 0 {
				return ErrHistogram
			}
			to := c.curve(s.Metric)
			for _, p := range s.Values {
				to.put(int64(p.Timestamp), float64(p.Value))
			}
		}
	case model.Vector:
		for _, s := range v {
			if s.Histogram != nil {
				return ErrHistogram
			}
			c.curve(s.Metric).put(int64(s.Timestamp), float64(s.Value))
		}
	case *model.Scalar:
		c.curve(nil).put(int64(v.Timestamp), float64(v.Value))
	case nil:
		return badAnswer(errors.New("it has no result"))
	default:
		return NotSeries(v.Type().String())
	}
	return nil
}

func (c *curves) curve(m model.Metric) *Curve {
	if c.of == nil {
		c.of = map[model.Fingerprint][]int{}
	}
	key := m.Fingerprint()
	for _, i := range c.of[key] {
		if same(c.all[i].Labels, m) {
			return &c.all[i]
		}
	}
	labels := make(map[string]string, len(m))
	for name, value := range m {
		labels[string(name)] = string(value)
	}
	c.of[key] = append(c.of[key], len(c.all))
	c.all = append(c.all, Curve{Labels: labels})
	return &c.all[len(c.all)-1]
}

func same(labels map[string]string, m model.Metric) bool {
	if len(labels) != len(m) {
		return false
	}
	for name, value := range m {
		if labels[string(name)] != string(value) {
			return false
		}
	}
	return true
}

// put adds a value; NaN is one, too: a rule may ask for it.
func (c *Curve) put(at int64, v float64) {
	if n := len(c.At); n > 0 && c.At[n-1] >= at {
		return
	}
	c.At, c.Values = append(c.At, at), append(c.Values, v)
}
