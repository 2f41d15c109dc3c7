package series

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
)

// evaluate runs one expression at every step from start to end and adds what
// comes back to the answer. It returns errTooMuch if fewer steps may work.
type evaluate func(ctx context.Context, a *answer, promQL string, start, end time.Time, step, lookback time.Duration) (series int, err error)

// errTooMuch says that an answer was too large to be given in one piece.
var errTooMuch = errors.New("too many samples for one answer")

// reader turns queries into evaluations of single expressions; [Local] and
// [Remote] share it, so that both give the same frame.
type reader struct {
	eval        evaluate
	concurrency int // expressions evaluated at once
	maxPoints   int // steps per evaluation: Prometheus refuses more than 11,000
	intervals   intervals
}

// Chunk sizes: the first evaluation of an expression shows how many series it
// has; the following ones are as long as maxSamples allows.
const (
	firstPoints = 2000
	minPoints   = 60
	maxSamples  = 2_000_000 // about 50 MB of JSON
)

// read answers a query.
func (r *reader) read(ctx context.Context, q Query) (*Frame, error) {
	q, err := q.check()
	if err != nil {
		return nil, err
	}
	window, lookback, err := r.window(ctx, q)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("measure how far apart samples are: %w", err), omen.Hint(err))
	}

	answers := make([]*answer, len(q.Exprs))
	failures := make([]error, len(q.Exprs))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var unavailable, answered atomic.Int32
	var group errgroup.Group
	group.SetLimit(r.concurrency)
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
				if int(unavailable.Add(1)) >= r.concurrency && answered.Load() == 0 {
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
func frameOf(q Query, window time.Duration, answers []*answer, failures []error) (*Frame, error) {
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
func (r *reader) feature(ctx context.Context, a *answer, promQL string, lookback time.Duration) error {
	points := min(firstPoints, r.maxPoints)
	for from := 0; from < a.instants; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(points, a.instants-from)
		start := time.UnixMilli(a.start + int64(from)*a.step).UTC()
		end := time.UnixMilli(a.start + int64(from+n-1)*a.step).UTC()
		series, err := r.eval(ctx, a, promQL, start, end, time.Duration(a.step)*time.Millisecond, lookback)
		switch {
		case errors.Is(err, errTooMuch) && n > minPoints:
			points = max(n/4, minPoints)
			continue
		case err != nil && from > 0:
			return fmt.Errorf("answered only until %s: %w", start.Format(time.RFC3339), err)
		case err != nil:
			return err
		}
		from += n
		points = min(max(maxSamples/max(series, 1), minPoints), r.maxPoints)
	}
	return nil
}

// window is what $window becomes and how far back a sample counts as present.
// The lookback is twice the window, so that a host that vanished without a
// staleness marker shows as a gap instead of a flat line for five minutes; it
// is 0, the source's own, if nothing is known of the data.
//
// It fails only if the source as a whole does not answer.
func (r *reader) window(ctx context.Context, q Query) (window, lookback time.Duration, err error) {
	window = q.Window
	if window == 0 {
		scrape, err := r.interval(ctx, q)
		if err != nil {
			return 0, 0, err
		}
		window = max(4*q.Step, 4*scrape, time.Second)
		if scrape == 0 {
			return window, 0, nil
		}
	}
	return window, max(2*window, 10*time.Second), nil
}

// intervals remembers what was measured, by selector.
type intervals struct {
	mu    sync.Mutex
	known map[string]measured
}

type measured struct {
	at       time.Time // in the data's time
	interval time.Duration
}

// measuredFor is how long, in the data's time, a measured interval is taken as
// known.
const measuredFor = 10 * time.Minute

// interval measures how far apart the samples are that the expressions read,
// by counting those of the first selectors; 0 if there are none.
func (r *reader) interval(ctx context.Context, q Query) (time.Duration, error) {
	for _, selector := range selectors(q, 3) {
		r.intervals.mu.Lock()
		m, ok := r.intervals.known[selector]
		r.intervals.mu.Unlock()
		if ok && q.End.Sub(m.at).Abs() < measuredFor {
			return m.interval, nil
		}
		for _, at := range []time.Time{q.End, q.Start.Add(q.End.Sub(q.Start) / 2), q.Start} {
			interval, sure, err := r.measure(ctx, selector, at)
			if err != nil {
				return 0, err
			}
			if interval == 0 {
				continue
			}
			if sure {
				r.intervals.mu.Lock()
				if r.intervals.known == nil || len(r.intervals.known) > 100 {
					r.intervals.known = map[string]measured{}
				}
				r.intervals.known[selector] = measured{q.End, interval}
				r.intervals.mu.Unlock()
			}
			return interval, nil
		}
	}
	return 0, nil
}

// measure estimates the interval between samples at an instant. A span w that
// holds c samples of a series bounds the interval from above by w/(c-1), also
// if the series began within the span; the shortest bound over several spans
// is taken per series, and of the series the ninth decile, so that one slow
// host does not blur the others and the slow ones still have rates.
//
// It fails if not even the first, cheap query is answered.
func (r *reader) measure(ctx context.Context, selector string, at time.Time) (interval time.Duration, sure bool, err error) {
	shortest := map[string]time.Duration{}
	most := 0
	for _, span := range []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute} {
		a := &answer{by: []string{"job", "instance"}, anonymous: true, start: at.UnixMilli(), step: 1, instants: 1,
			hosts: map[string]*track{}, doubled: map[string]int{}}
		promQL := fmt.Sprintf("max by (job, instance) (count_over_time(%s[%ds]))", selector, int(span.Seconds()))
		if _, err := r.eval(ctx, a, promQL, at, at, time.Second, 0); err != nil {
			if len(shortest) == 0 && (ctx.Err() != nil || errors.Is(err, omen.ErrUnavailable) || errors.Is(err, omen.ErrDenied)) {
				return 0, false, err
			}
			break // with what the shorter spans say
		}
		for host, t := range a.hosts {
			count := int(t.values[0])
			if count < 3 {
				continue
			}
			most = max(most, count)
			bound := span / time.Duration(count-1)
			if old, ok := shortest[host]; !ok || bound < old {
				shortest[host] = bound
			}
		}
		if most >= 40 {
			break // longer spans would say the same
		}
	}
	if len(shortest) == 0 {
		return 0, false, nil
	}
	var all []time.Duration
	for _, d := range shortest {
		all = append(all, d)
	}
	slices.Sort(all)
	return nearRound(all[(len(all)-1)*9/10]), most >= 15, nil
}

// nearRound is the usual scrape interval at or a little below d, if there is
// one: measured bounds are a little too long.
func nearRound(d time.Duration) time.Duration {
	for _, s := range []time.Duration{300, 120, 60, 30, 20, 15, 10, 5, 2, 1} {
		if round := s * time.Second; d >= round && d <= round*5/4 {
			return round
		}
	}
	return d.Round(time.Second / 10)
}

// selectors are the first n metric selectors in the expressions.
func selectors(q Query, n int) []string {
	var found []string
	parse := parser.NewParser(parser.Options{})
	for _, e := range q.Exprs {
		if len(found) == n {
			break
		}
		expr, err := parse.ParseExpr(e.expand(time.Minute, q.By))
		if err != nil {
			continue // a dialect, such as MetricsQL: the source judges it
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if s, ok := node.(*parser.VectorSelector); ok && len(found) < n && s.OriginalOffset == 0 && s.Timestamp == nil {
				if text := s.String(); !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
			return nil
		})
	}
	return found
}
