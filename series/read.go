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
// their labels. Its error wraps one of the kinds that [Source] names, and
// [ErrTooMuch] if a shorter range or fewer hosts may work.
type Evaluator interface {
	Evaluate(ctx context.Context, promQL string, r Range, a *Answer) error
}

// Range is the instants of one evaluation.
type Range struct {
	Start, End time.Time     // inclusive
	Step       time.Duration // 0: one instant, Start
	Lookback   time.Duration // how far back a sample counts as present; 0: the evaluator's own
}

// instants is how many there are.
func (r Range) instants() int {
	if r.Step <= 0 {
		return 1
	}
	return int(r.End.Sub(r.Start)/r.Step) + 1
}

// ErrTooMuch says that an answer was too large, or too much work, to be given in
// one piece.
var ErrTooMuch = errors.New("too many samples for one answer")

// Reader is the [Source] over an [Evaluator]. The embedded store and [Remote]
// share it, so that both give the same frame.
type Reader struct {
	Evaluator   Evaluator
	Concurrency int // expressions evaluated at once, at least 1
	MaxPoints   int // steps per evaluation; 0: 11,000, since Prometheus refuses more

	intervals intervals
}

// Read implements [Source].
func (r *Reader) Read(ctx context.Context, q Query) (*Frame, error) {
	q, err := q.check()
	if err != nil {
		return nil, err
	}
	window, err := r.window(ctx, q)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("measure how far apart samples are: %w", err), omen.Hint(err))
	}

	only := q.named()
	answers := make([]*Answer, len(q.Exprs))
	failures := make([]error, len(q.Exprs))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var unavailable, answered atomic.Int32
	var group errgroup.Group
	group.SetLimit(r.Concurrency)
	for i, e := range q.Exprs {
		group.Go(func() error {
			a := newAnswer(q, only)
			err := r.feature(ctx, a, newAsk(e.expand(window.is, q.By), q), window.lookback)
			answers[i], failures[i] = a, err
			if q.Done != nil {
				q.Done(e.Feature)
			}
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
		return nil, fmt.Errorf("run %s: %w", omen.Plural(len(q.Exprs), "query", "queries"), context.Cause(ctx))
	}
	return frameOf(q, window, answers, failures)
}

var errGivenUp = fmt.Errorf("not asked, since the source did not answer other queries: %w", omen.ErrUnavailable)

// frameOf is the frame, or the error if every feature failed.
func frameOf(q Query, window rateWindow, answers []*Answer, failures []error) (*Frame, error) {
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
		return nil, omen.WithHint(fmt.Errorf("run %s: %w", omen.Plural(len(q.Exprs), "query", "queries"), first), omen.Hint(first))
	}
	f := assemble(q, answers)
	f.Window, f.Sure, f.Scrape = window.is, window.sure, window.usual
	f.Failed = failed
	for i, a := range answers {
		if said := a.leftOut(); said != "" {
			f.LeftOut[q.Exprs[i].Feature] = said
		}
	}
	return f, nil
}
