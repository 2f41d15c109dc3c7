package series

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen"
)

// window is what $window becomes and how far back a sample counts as present.
// The lookback is twice the window, so that a host that vanished without a
// staleness marker shows as a gap instead of a flat line for five minutes; it
// is 0, the source's own, if nothing is known of the data.
//
// It fails only if the source as a whole does not answer.
func (r *Reader) window(ctx context.Context, q Query) (window, lookback time.Duration, err error) {
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
	return window, wholeSeconds(max(2*window, 10*time.Second)), nil
}

// wholeSeconds is d, rounded up: the query API takes no fractions in a duration.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
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
func (r *Reader) interval(ctx context.Context, q Query) (time.Duration, error) {
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
func (r *Reader) measure(ctx context.Context, selector string, at time.Time) (interval time.Duration, sure bool, err error) {
	shortest := map[string]time.Duration{}
	most := 0
	for _, span := range []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute} {
		a := &Answer{by: []string{"job", "instance"}, anonymous: true, start: at.UnixMilli(), step: 1, instants: 1,
			hosts: map[string]*HostValues{}, doubled: map[string]int{}}
		promQL := fmt.Sprintf("max by (job, instance) (count_over_time(%s[%ds]))", selector, int(span.Seconds()))
		if err := r.Evaluator.Evaluate(ctx, promQL, Range{Start: at, End: at}, a); err != nil {
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
