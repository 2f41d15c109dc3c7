package series

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/prometheus/prometheus/model/labels"

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
	c := curves{of: map[string]int{}}
	points := firstPoints
	for start := span.Start; ; {
		piece := Range{Start: start, End: start, Step: span.Step, Lookback: span.Lookback}
		n := 1
		if span.Step > 0 {
			n = min(points, int(span.End.Sub(start)/span.Step)+1)
			piece.End = start.Add(time.Duration(n-1) * span.Step)
		}
		found, err := r.piece(ctx, promQL, piece)
		switch {
		case err == nil:
			for _, one := range found {
				c.add(one)
			}
			points = min(max(maxSamples/max(len(c.all), 1), minPoints), maxPoints)
			if start = start.Add(time.Duration(n) * span.Step); span.Step == 0 || start.After(span.End) {
				return c.all, nil
			}
		case errors.Is(err, ErrTooMuch) && n > minPoints:
			points = max(n/4, minPoints)
		default:
			return nil, omen.WithHint(fmt.Errorf("source %s: %w", r.url, err), omen.Hint(err))
		}
	}
}

// piece is the series of one answer.
func (r *Remote) piece(ctx context.Context, promQL string, span Range) ([]Curve, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.Timeout, errTimeout)
	defer cancel()
	ctx, held := r.budget.lease(ctx)
	defer held.release()
	d := newDecoder(nil, 0, span.instants(), held)
	d.whole = &curves{of: map[string]int{}}
	switch err := r.ask(ctx, promQL, span, 0, d); {
	case err == nil:
		return d.whole.all, nil
	case errors.Is(err, omen.ErrInvalid): // it is well answered, and of no use
		return nil, err
	default:
		return nil, explain(ctx, err)
	}
}

// curves are those of the pieces so far.
type curves struct {
	all []Curve
	of  map[string]int
}

// add adds a series, or goes on with it. NaN is a value, too: a rule may ask for it.
func (c *curves) add(one Curve) {
	key := labels.FromMap(one.Labels).String()
	i, known := c.of[key]
	if !known {
		c.of[key], c.all = len(c.all), append(c.all, one)
		return
	}
	c.all[i].At, c.all[i].Values = append(c.all[i].At, one.At...), append(c.all[i].Values, one.Values...)
}

// take adds a decoded series, whose memory is the decoder's.
func (c *curves) take(of map[string]string, points []point) {
	one := Curve{Labels: maps.Clone(of), At: make([]int64, len(points)), Values: make([]float64, len(points))}
	for i, p := range points {
		one.At[i], one.Values[i] = p.at, p.v
	}
	c.add(one)
}

// put adds a value that is later than those before.
func (c *Curve) put(at int64, v float64) {
	if n := len(c.At); n > 0 && c.At[n-1] >= at {
		return
	}
	c.At, c.Values = append(c.At, at), append(c.Values, v)
}
