package series

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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
		var scrape time.Duration
		if scrape, w.sure, err = r.interval(ctx, q); err != nil {
			return rateWindow{}, err
		}
		w.is = max(4*q.Step, 4*scrape, time.Second)
		if scrape == 0 {
			return w, nil
		}
	}
	w.lookback = wholeSeconds(max(2*w.is, 10*time.Second))
	return w, nil
}

type rateWindow struct {
	is, lookback time.Duration
	sure         bool // it may stay: it was given, or measured from enough samples
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

// absentFor is for how long, in the data's time, what has no samples is not looked for
// again while there are others.
const absentFor = time.Minute

// interval measures how far apart the samples are that the expressions read, by
// counting those of a few selectors; 0 if there are none. Rates over $window have to
// find samples of each exporter that they are made from: where one is scraped more
// rarely than another, such as kube-state-metrics beside the kubelets, its interval
// counts. It is sure where the samples were many.
func (r *Reader) interval(ctx context.Context, q Query) (is time.Duration, sure bool, err error) {
	sure = true
	var absent []string
	for _, of := range exporters(q) {
		for _, selector := range of {
			interval, certain, err := r.intervalOf(ctx, q, selector)
			if err != nil {
				return 0, false, err
			}
			if interval == 0 {
				absent = append(absent, selector)
				continue
			}
			is, sure = max(is, interval), sure && certain
			break
		}
	}
	if is == 0 {
		return 0, false, nil
	}
	for _, selector := range absent {
		if _, known := r.intervals.of(selector, q.End); !known {
			r.intervals.remember(selector, measured{at: q.End})
		}
	}
	return is, sure, nil
}

// of is what is known of a selector at an instant.
func (i *intervals) of(selector string, at time.Time) (is time.Duration, known bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m, ok := i.known[selector]
	age := at.Sub(m.at).Abs()
	return m.interval, ok && (age < absentFor || m.interval > 0 && age < measuredFor)
}

// remember takes up what was measured.
func (i *intervals) remember(selector string, m measured) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known == nil || len(i.known) > 100 {
		i.known = map[string]measured{}
	}
	i.known[selector] = m
}

// intervalOf is how far apart the samples of one selector are; 0: there are none.
func (r *Reader) intervalOf(ctx context.Context, q Query, selector string) (is time.Duration, sure bool, err error) {
	if is, known := r.intervals.of(selector, q.End); known {
		return is, true, nil
	}
	for _, at := range []time.Time{q.End, q.Start.Add(q.End.Sub(q.Start) / 2), q.Start} {
		is, sure, err = r.measure(ctx, selector, at)
		if err != nil {
			return 0, false, err
		}
		if is > 0 {
			break
		}
	}
	if is > 0 && sure {
		r.intervals.remember(selector, measured{q.End, is})
	}
	return is, sure, nil
}

// measure estimates the interval between samples at an instant. A span w that
// holds c samples of a series, the newest of age a, bounds the interval from above
// by (w-a)/(c-1), also if the series began within the span; the shortest bound over
// several spans is taken per series, and of the series the ninth decile, so that
// one slow host does not blur the others and the slow ones still have rates. Series
// that have ended say nothing, if there are others: a fleet that scales leaves some.
//
// It fails if not even the first, cheap query is answered.
func (r *Reader) measure(ctx context.Context, selector string, at time.Time) (interval time.Duration, sure bool, err error) {
	shortest := map[string]time.Duration{}
	most := 0
	ages, err := r.targets(ctx, fmt.Sprintf("min by (job, instance) (time() - timestamp(%s))", selector), at)
	if unanswered(ctx, err) {
		return 0, false, err
	}
	for _, span := range []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute} {
		counts, err := r.targets(ctx, fmt.Sprintf("max by (job, instance) (count_over_time(%s[%ds]))", selector, int(span.Seconds())), at)
		if err != nil {
			if len(shortest) == 0 && unanswered(ctx, err) {
				return 0, false, err
			}
			break // with what the shorter spans say
		}
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
		}
		if most >= 40 {
			break // longer spans would say the same
		}
	}
	if len(shortest) == 0 {
		return 0, false, nil
	}
	all := slices.Sorted(maps.Values(shortest))
	return nearRound(all[(len(all)-1)*9/10]), most >= 15, nil
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

const (
	mostExporters = 4 // of which intervals are measured
	selectorsEach = 3 // that are tried of one: a host may lack some
	// rangeProbe stands for $window where expressions are looked at.
	rangeProbe = 61007 * time.Millisecond
)

// exporters are the first metric selectors of what the expressions read over $window,
// by what their metrics' names begin with, which is of one exporter as a rule: node,
// container, kube. Where nothing is read over $window, they are the first ones of all.
func exporters(q Query) [][]string {
	var names []string
	ranged, all := map[string][]string{}, []string{}
	parse := parser.NewParser(parser.Options{})
	for _, e := range q.Exprs {
		expr, err := parse.ParseExpr(e.expand(rangeProbe, q.By))
		if err != nil {
			continue // a dialect, such as MetricsQL: the source judges it
		}
		parser.Inspect(expr, func(node parser.Node, above []parser.Node) error {
			s, ok := node.(*parser.VectorSelector)
			if !ok || s.OriginalOffset != 0 || s.Timestamp != nil {
				return nil
			}
			text := s.String()
			if len(all) < selectorsEach && !slices.Contains(all, text) {
				all = append(all, text)
			}
			name, _, _ := strings.Cut(s.Name, "_")
			of := ranged[name]
			if !slices.ContainsFunc(above, overWindow) || len(of) == selectorsEach || slices.Contains(of, text) || of == nil && len(ranged) == mostExporters {
				return nil
			}
			if of == nil {
				names = append(names, name)
			}
			ranged[name] = append(of, text)
			return nil
		})
	}
	if len(names) == 0 && len(all) > 0 {
		return [][]string{all}
	}
	found := make([][]string, len(names))
	for i, name := range names {
		found[i] = ranged[name]
	}
	return found
}

// overWindow reports whether a node of an expression is a range of $window.
func overWindow(node parser.Node) bool {
	switch n := node.(type) {
	case *parser.MatrixSelector:
		return n.Range == rangeProbe
	case *parser.SubqueryExpr:
		return n.Range == rangeProbe
	}
	return false
}
