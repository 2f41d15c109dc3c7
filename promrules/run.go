package promrules

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// Span says over which time rules are evaluated, and how often.
type Span struct {
	From, To time.Time
	Every    time.Duration // for groups that name no interval; 0: one minute, as in Prometheus
}

// Outcome is what became of rules over a span.
type Outcome struct {
	Firings []Firing  `json:"firings"` // by the time at which they fired
	Failed  []Failure `json:"failed"`
	Absent  []Absence `json:"absent"`         // alerting rules that never gave anything, and read what is not there
	Alerts  int       `json:"alerting_rules"` // evaluated
}

// Firing is one alert of one rule, from when it was pending until it resolved.
type Firing struct {
	Place
	Labels   map[string]string `json:"labels"` // those of the alert, with alertname
	Active   time.Time         `json:"active"` // since when it was pending
	Fired    time.Time         `json:"fired"`
	Resolved time.Time         `json:"resolved"` // the first evaluation at which it was over; zero: not within the span
}

// Failure is a rule that could not be evaluated, and why.
type Failure struct {
	Place
	Why string `json:"why"`
}

// Absence is a rule that reads metrics of which the origin has no sample.
type Absence struct {
	Place
	Metrics []string `json:"metrics"` // in the order of their names
}

// Run evaluates all rules at the multiples of their intervals within a span, and
// before it for as long as alerts are pending. Recordings that rules read are made
// anew, whatever the origin has under their names. A rule that reads a recording of
// its own group sees it at once, whichever comes first.
//
// It fails only if the origin cannot be read; a rule that is wrong for the data is
// a [Failure]. Firings that were over before the span are left out.
func (all *Rules) Run(ctx context.Context, origin tsdb.Origin, span Span, progress func(done float64)) (*Outcome, error) {
	if span.Every <= 0 {
		span.Every = time.Minute
	}
	run := &run{scratch: tsdb.NewScratch(origin), span: span, rules: all.rules, out: &Outcome{Firings: []Firing{}, Failed: []Failure{}, Absent: []Absence{}}, failed: map[*rule]bool{}, absent: map[string]bool{}}
	for _, r := range all.rules {
		run.pending = max(run.pending, r.hold+r.keep)
		run.reach = max(run.reach, r.reach)
	}
	err := run.all(ctx, progress)
	if err := errors.Join(err, run.scratch.Close()); err != nil {
		return nil, err
	}
	slices.SortStableFunc(run.out.Firings, func(a, b Firing) int { return a.Fired.Compare(b.Fired) })
	return run.out, nil
}

// run is one evaluation of all rules.
type run struct {
	scratch *tsdb.Scratch
	span    Span
	rules   []*rule
	pending time.Duration // how long before the span alerts may have been pending
	reach   time.Duration // how far back rules read
	out     *Outcome
	failed  map[*rule]bool
	absent  map[string]bool // whether the origin lacks a metric, of those that were looked for
}

func (u *run) all(ctx context.Context, progress func(float64)) error {
	order, circular := u.order()
	for _, r := range circular {
		u.fail(r, "it reads itself, by way of recordings")
	}
	for i, r := range order {
		if progress != nil {
			progress(float64(i) / float64(len(order)))
		}
		switch err := u.one(ctx, r); {
		case err == nil:
		case errors.Is(err, omen.ErrInvalid):
			u.fail(r, strings.TrimSuffix(err.Error(), ": "+omen.ErrInvalid.Error()))
		default:
			return omen.WithHint(fmt.Errorf("%s: %w", r.Place, err), omen.Hint(err))
		}
	}
	if progress != nil {
		progress(1)
	}
	return nil
}

func (u *run) fail(r *rule, why string) {
	u.failed[r] = true
	u.out.Failed = append(u.out.Failed, Failure{r.Place, why})
}

// makers are the recording rules of the metrics that an expression names, or of one
// of them.
func (u *run) makers(r *rule, only ...string) (found []*rule) {
	for _, other := range u.rules {
		if !other.alert && slices.Contains(r.readings, other.Rule) && (len(only) == 0 || slices.Contains(only, other.Rule)) {
			found = append(found, other)
		}
	}
	return found
}

// order is the rules with those that make a recording before those that read it,
// and the rules for which there is no such order.
func (u *run) order() (order, circular []*rule) {
	const entered, left = 1, 2
	state := map[*rule]int{}
	var visit func(r *rule) bool
	visit = func(r *rule) bool {
		if state[r] != 0 {
			return state[r] == left
		}
		state[r] = entered
		for _, maker := range u.makers(r) {
			if !visit(maker) {
				if !slices.Contains(circular, r) {
					circular = append(circular, r)
				}
				return false
			}
		}
		state[r] = left
		order = append(order, r)
		return true
	}
	for _, r := range u.rules {
		visit(r)
	}
	return order, circular
}

// one evaluates a rule over the span. Errors that wrap [omen.ErrInvalid] are the
// rule's, others the origin's.
func (u *run) one(ctx context.Context, r *rule) error {
	if r.refused != "" {
		return fmt.Errorf("%s: %w", r.refused, omen.ErrInvalid)
	}
	for _, maker := range u.makers(r) {
		if u.failed[maker] {
			return fmt.Errorf("it reads %s, which could not be evaluated: %w", maker.Rule, omen.ErrInvalid)
		}
	}
	every := r.every
	if every == 0 {
		every = u.span.Every
	}
	from := u.span.From.Add(-u.pending)
	if !r.alert {
		from = from.Add(-2*u.reach - 5*time.Minute) // what reads it looks back, by way of another recording at most twice
	}
	at := from.Truncate(every)
	curves, err := u.scratch.Curves(ctx, r.text, series.Range{Start: at.Add(-r.offset), End: u.span.To.Add(-r.offset), Step: every})
	if err != nil {
		return err
	}
	for i := range curves {
		for j := range curves[i].At {
			curves[i].At[j] += r.offset.Milliseconds()
		}
	}
	if !r.alert {
		return u.record(r, every, curves)
	}
	firings, err := r.follow(ctx, curves, instants{at.UnixMilli(), u.span.To.UnixMilli(), every.Milliseconds()})
	if err != nil {
		return err
	}
	u.out.Alerts++
	if len(curves) == 0 {
		missing, err := u.missing(ctx, r, series.Range{Start: at.Add(-u.reach), End: u.span.To, Step: every})
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			u.out.Absent = append(u.out.Absent, Absence{r.Place, missing})
		}
	}
	for _, f := range firings {
		if f.Resolved.IsZero() || f.Resolved.After(u.span.From) {
			u.out.Firings = append(u.out.Firings, f)
		}
	}
	return nil
}

// missing are the metrics that a rule reads, itself or by way of recordings, and that
// the origin has at no instant of a range.
func (u *run) missing(ctx context.Context, r *rule, over series.Range) (names []string, err error) {
	for _, name := range r.readings {
		found := []string{name}
		switch makers := u.makers(r, name); {
		case len(makers) > 0:
			found = nil
			for _, maker := range makers {
				more, err := u.missing(ctx, maker, over)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
		default:
			absent, known := u.absent[name]
			if !known {
				curves, err := u.scratch.Curves(ctx, fmt.Sprintf("count({__name__=%q})", name), over)
				if err != nil {
					return nil, err
				}
				absent = len(curves) == 0
				u.absent[name] = absent
			}
			if !absent {
				found = nil
			}
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// record holds what a recording rule gives.
func (u *run) record(r *rule, every time.Duration, curves []series.Curve) error {
	count := map[int64]int{}
	seen := map[string]map[int64]bool{}
	for i := range curves {
		c := &curves[i]
		c.Labels = maps.Clone(c.Labels)
		delete(c.Labels, "__name__")
		maps.Copy(c.Labels, r.labels)
		key := keyOf(c.Labels)
		if seen[key] == nil {
			seen[key] = map[int64]bool{}
		}
		for _, at := range c.At {
			if seen[key][at] {
				return fmt.Errorf("it gives several series of the same labels: %s: %w", key, omen.ErrInvalid)
			}
			seen[key][at] = true
			count[at]++
		}
	}
	if r.limit > 0 {
		for i := range curves {
			curves[i] = without(curves[i], func(at int64) bool { return count[at] > r.limit })
		}
	}
	u.scratch.Hold(r.Rule, every, curves)
	return nil
}

// without is a curve without some of its instants.
func without(c series.Curve, drop func(at int64) bool) series.Curve {
	kept := series.Curve{Labels: c.Labels}
	for i, at := range c.At {
		if !drop(at) {
			kept.At, kept.Values = append(kept.At, at), append(kept.Values, c.Values[i])
		}
	}
	return kept
}

// keyOf is labels as one string, the same for the same labels.
func keyOf(labels map[string]string) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%q", name, labels[name])
	}
	return b.String()
}
