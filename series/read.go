package series

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
)

// Evaluator evaluates single expressions: what a store or a server must be able
// to do for a [Reader] to make a [Source] of it. It is safe for concurrent use.
//
// Evaluate adds every series that comes back to the answer, in the order of
// their labels. Its error wraps [ErrTooMuch] if a shorter range may work, and
// otherwise one of the kinds that [Source] names.
type Evaluator interface {
	Evaluate(ctx context.Context, promQL string, r Range, a *Answer) error
}

// Range is the instants of one evaluation.
type Range struct {
	Start, End time.Time     // inclusive
	Step       time.Duration // 0: one instant, Start
	Lookback   time.Duration // how far back a sample counts as present; 0: the evaluator's own
}

// ErrTooMuch says that an answer was too large to be given in one piece.
var ErrTooMuch = errors.New("too many samples for one answer")

// Reader is the [Source] over an [Evaluator]. The embedded store and [Remote]
// share it, so that both give the same frame.
type Reader struct {
	Evaluator   Evaluator
	Concurrency int // expressions evaluated at once, at least 1
	MaxPoints   int // steps per evaluation; 0: 11,000, since Prometheus refuses more

	intervals intervals
}

// Sizes of a piece: the first evaluation of an expression shows how many series it
// has; the following ones are as long as maxSamples allows.
const (
	firstPoints = 2000
	minPoints   = 60
	maxPoints   = 11_000
	maxSamples  = 2_000_000 // about 50 MB of JSON
)

// Read implements [Source].
func (r *Reader) Read(ctx context.Context, q Query) (*Frame, error) {
	q, err := q.check()
	if err != nil {
		return nil, err
	}
	window, lookback, err := r.window(ctx, q)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("measure how far apart samples are: %w", err), omen.Hint(err))
	}

	answers := make([]*Answer, len(q.Exprs))
	failures := make([]error, len(q.Exprs))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var unavailable, answered atomic.Int32
	var group errgroup.Group
	group.SetLimit(r.Concurrency)
	for i, e := range q.Exprs {
		group.Go(func() error {
			a := newAnswer(q)
			err := r.feature(ctx, a, e.expand(window, q.By), lookback)
			answers[i], failures[i] = a, err
			switch {
			case err == nil:
				answered.Add(1)
				failures[i] = a.err()
			case errors.Is(err, omen.ErrUnavailable), errors.Is(err, omen.ErrDenied):
				// A source that never answers would hold a tick for as many
				// time-outs as there are features.
				if int(unavailable.Add(1)) >= r.Concurrency && answered.Load() == 0 {
					stop(errGivenUp)
				}
			}
			return nil
		})
	}
	_ = group.Wait() // the functions never fail
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errGivenUp) {
		return nil, fmt.Errorf("read %d features: %w", len(q.Exprs), context.Cause(ctx))
	}
	return frameOf(q, window, answers, failures)
}

var errGivenUp = fmt.Errorf("not asked, since the source did not answer other queries: %w", omen.ErrUnavailable)

// frameOf is the frame, or the error if every feature failed.
func frameOf(q Query, window time.Duration, answers []*Answer, failures []error) (*Frame, error) {
	failed := map[string]error{}
	var first error
	samples := 0
	for i, err := range failures {
		samples += answers[i].samples
		if err == nil {
			continue
		}
		failed[q.Exprs[i].Feature] = err
		if first == nil || errors.Is(first, context.Canceled) {
			first = err
		}
	}
	if len(failed) == len(q.Exprs) && samples == 0 {
		if kind := kindOf(first); !errors.Is(first, kind) {
			first = omen.WithHint(fmt.Errorf("%w: %w", first, kind), omen.Hint(first))
		}
		return nil, omen.WithHint(fmt.Errorf("read %d features: %w", len(q.Exprs), first), omen.Hint(first))
	}
	f := assemble(q, answers)
	f.Window = window
	f.Failed = failed
	return f, nil
}

// feature evaluates one expression over the whole range, in as many pieces as
// it takes. What was read before a piece failed stays in the answer.
func (r *Reader) feature(ctx context.Context, a *Answer, promQL string, lookback time.Duration) error {
	longest := r.MaxPoints
	if longest == 0 {
		longest = maxPoints
	}
	points := min(firstPoints, longest)
	for from := 0; from < a.instants; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(points, a.instants-from)
		piece := Range{Start: a.time(from), End: a.time(from + n - 1), Lookback: lookback}
		if n > 1 {
			piece.Step = time.Duration(a.step) * time.Millisecond
		}
		a.series = 0
		err := r.Evaluator.Evaluate(ctx, promQL, piece, a)
		switch {
		case errors.Is(err, ErrTooMuch) && n > minPoints:
			points = max(n/4, minPoints)
			continue
		case err != nil && from > 0:
			return fmt.Errorf("answered only until %s: %w", piece.Start.Format(time.RFC3339), err)
		case err != nil:
			return err
		}
		from += n
		points = min(max(maxSamples/max(a.series, 1), minPoints), longest)
	}
	return nil
}
