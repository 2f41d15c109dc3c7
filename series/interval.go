package series

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
func (r *Reader) window(ctx context.Context, q Query) (w rateWindow, err error) {
	w = rateWindow{is: q.Window, sure: true}
	if w.is == 0 {
		var scrape measured
		if scrape, w.sure, err = r.interval(ctx, q); err != nil {
			return rateWindow{}, err
		}
		w.usual = scrape.usual
		w.is = max(4*q.Step, 4*scrape.interval, time.Second)
		if scrape.interval == 0 {
			return w, nil
		}
	}
	w.lookback = wholeSeconds(max(2*w.is, 10*time.Second))
	return w, nil
}

type rateWindow struct {
	is, lookback time.Duration
	usual        time.Duration // how far apart the samples of most targets are; 0: it is not known beyond doubt
	sure         bool          // it may stay: it was given, or measured from enough samples
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
	at       time.Time     // in the data's time
	interval time.Duration // of the ninth decile of targets
	usual    time.Duration // of most; 0: it is not known beyond doubt
}

// measuredFor is how long, in the data's time, a measured interval is taken as
// known.
const measuredFor = 10 * time.Minute

// interval measures how far apart the samples are that the expressions read,
// by counting those of the first selectors; the zero value if there are none. It is sure where
// they were many, without a gap.
func (r *Reader) interval(ctx context.Context, q Query) (is measured, sure bool, err error) {
	for _, selector := range selectors(q, 3) {
		r.intervals.mu.Lock()
		m, ok := r.intervals.known[selector]
		r.intervals.mu.Unlock()
		if ok && q.End.Sub(m.at).Abs() < measuredFor {
			return m, true, nil
		}
		for _, at := range []time.Time{q.End, q.Start.Add(q.End.Sub(q.Start) / 2), q.Start} {
			m, sure, err := r.measure(ctx, selector, at)
			if err != nil {
				return measured{}, false, err
			}
			if m.interval == 0 {
				continue
			}
			if sure {
				r.intervals.mu.Lock()
				if r.intervals.known == nil || len(r.intervals.known) > 100 {
					r.intervals.known = map[string]measured{}
				}
				m.at = q.End
				r.intervals.known[selector] = m
				r.intervals.mu.Unlock()
			}
			return m, sure, nil
		}
	}
	return measured{}, false, nil
}

// measure estimates the interval between samples at an instant. A span w that
// holds c samples of a series, the newest of age a, bounds the interval from above
// by (w-a)/(c-1), also if the series began within the span; the shortest bound over
// several spans is taken per series, and of the series the ninth decile, so that
// one slow host does not blur the others and the slow ones still have rates. Series
// that have ended say nothing, if there are others: a fleet that scales leaves some.
//
// It fails if not even the first, cheap query is answered.
func (r *Reader) measure(ctx context.Context, selector string, at time.Time) (m measured, sure bool, err error) {
	shortest := map[string]time.Duration{}
	known := map[string]time.Duration{} // those of them that rest on enough samples
	most := 0
	var counts, fewer map[string]float64 // of the last span, and of the one before it
	var looked, nearer time.Duration
	ages, err := r.targets(ctx, fmt.Sprintf("min by (job, instance) (time() - timestamp(%s))", selector), at)
	if unanswered(ctx, err) {
		return m, false, err
	}
	for _, span := range []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, longestSpan} {
		found, err := r.targets(ctx, fmt.Sprintf("max by (job, instance) (count_over_time(%s[%ds]))", selector, int(span.Seconds())), at)
		if err != nil {
			if len(shortest) == 0 && unanswered(ctx, err) {
				return m, false, err
			}
			break // with what the shorter spans say
		}
		counts, fewer, looked, nearer = found, counts, span, looked
		for target, count := range counts {
			seconds, present := ages[target]
			age := time.Duration(seconds * float64(time.Second))
			if count < 3 || age >= span || !present && len(ages) > 0 {
				continue
			}
			most = max(most, int(count))
			bound := (span - age) / time.Duration(count-1)
			if old, ok := shortest[target]; !ok || bound < old {
				shortest[target] = bound
			}
			if count >= enough {
				known[target] = shortest[target]
			}
		}
		if most >= 40 {
			break // longer spans would say the same
		}
	}
	if len(shortest) == 0 {
		return m, false, nil
	}
	maps.DeleteFunc(known, func(target string, apart time.Duration) bool { // of what stopped and goes on, the gap is in it
		age := time.Duration(ages[target] * float64(time.Second))
		return fewer[target] < .75*float64((nearer-age)/apart)
	})
	all := slices.Sorted(maps.Values(shortest))
	m.interval = nearRound(all[(len(all)-1)*9/10])
	switch middle := all[len(all)/2]; {
	case 2*len(known) > len(shortest):
		all = slices.Sorted(maps.Values(known))
		m.usual = nearRound(all[len(all)/2])
	case middle > longestSpan/atLeast: // of what comes more seldom a bound may be too long by half
	case all[len(all)-1] >= looked/enough && r.before(ctx, selector, at.Add(-longestSpan), shortest): // else they would have had enough, if they had not just begun
		m.usual = nearRound(middle)
	}
	return m, len(known) > 0, nil
}

const (
	longestSpan = 30 * time.Minute
	enough      = 15 // samples of one target, for its interval to be known
	atLeast     = 5  // intervals in the longest span, for it to be known of what comes seldom
)

// before reports whether most of the targets had samples within half an hour before an
// instant, so that few samples since then mean that they are far apart, and not that
// they have just begun.
func (r *Reader) before(ctx context.Context, selector string, at time.Time, shortest map[string]time.Duration) bool {
	then, err := r.targets(ctx, fmt.Sprintf("max by (job, instance) (count_over_time(%s[%ds]))", selector, int(longestSpan.Seconds())), at)
	if err != nil {
		return false // then it is not known
	}
	found := 0
	for target := range shortest {
		if then[target] >= 3 {
			found++
		}
	}
	return 2*found > len(shortest)
}

// Repeated says of a step that is shorter than the samples are apart that values are read
// again as though they were measured again, and what to write instead; both are empty
// where that is not so, or not known.
func Repeated(step, scrape time.Duration) (why, hint string) {
	if scrape*4 < step*5 { // what is measured is a little too long
		return "", ""
	}
	apart := (scrape + time.Second - 1) / time.Second
	return fmt.Sprintf("samples come every %ds and are read every %s: what is measured once counts as up to %d measurements", apart, step, (scrape+step-1)/step),
		fmt.Sprintf("step: %ds", apart)
}

// unanswered tells a source that does not answer from one that refuses a query.
func unanswered(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, omen.ErrUnavailable) || errors.Is(err, omen.ErrDenied))
}

// targets is what an expression says of each target at an instant.
func (r *Reader) targets(ctx context.Context, promQL string, at time.Time) (map[string]float64, error) {
	a := &Answer{by: []string{"job", "instance"}, anonymous: true, start: at.UnixMilli(), step: 1, instants: 1,
		hosts: map[string]*HostValues{}, doubled: map[string]int{}}
	if err := r.Evaluator.Evaluate(ctx, promQL, Range{Start: at, End: at}, a); err != nil {
		return nil, err
	}
	said := map[string]float64{}
	for target, t := range a.hosts {
		said[target] = t.values[0]
	}
	return said, nil
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
