package watch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/forecast"
	"github.com/omenhq/omen/series"
)

const (
	// named is how many resources a query for history names: the expressions of
	// more are too long for a source.
	named = 4
	// few is up to how many new resources are asked for by name, and not all of
	// the source's: hosts that come and go.
	few = 100
	// recalledValues bounds the values of one read of history: 32 MB.
	recalledValues = 4 << 20
)

// unread is why a limit's history could not be read, and how often in a row.
type unread struct {
	why   string
	tries int
}

// recallLoop reads the history of resources that are new: after a start of all.
// Nobody is notified of one whose history is not read.
func (w *Watch) recallLoop(ctx context.Context) error {
	if len(w.limits.queries) == 0 {
		return nil
	}
	for ctx.Err() == nil {
		if wait := w.limits.wait(); wait > 0 {
			await(ctx, wait, w.limits.news)
			continue
		}
		if !w.recallSome(ctx) {
			await(ctx, time.Hour, w.limits.news)
		}
	}
	return nil
}

// recallSome reads the history of some resources of one query, of all at once
// where they are many, and reports whether there were any. A limit whose history
// cannot be read keeps the others of its query from nothing.
func (w *Watch) recallSome(ctx context.Context) (more bool) {
	l := &w.limits
	some := l.waiting()
	if len(some) == 0 {
		return false
	}
	w.mu.Lock()
	at, window := w.last, w.window
	w.mu.Unlock()
	past, failed := w.history(ctx, some, at, window)
	if ctx.Err() != nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	answered := false // what could not be read can be
	for r, p := range past {
		if failed[r.limit.Name] != nil {
			continue
		}
		if !p.first.IsZero() {
			r.series, r.at = p.series, p.last
			if p.first.Before(r.first) {
				r.first = p.first
			}
		}
		r.ready = true
		answered = answered || l.unread[r.limit.Name].tries > 0
		delete(l.unread, r.limit.Name)
	}
	if answered {
		l.again = time.Time{}
	}
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		u := unread{failed[name].Error(), l.unread[name].tries + 1}
		if l.unread[name] = u; u.tries == 1 {
			w.log.Warn("history of resources not read yet", "limit", name, "err", failed[name])
		}
		l.again = time.Now().Add(min(time.Second<<min(l.unread[name].tries-1, 10), time.Minute))
	}
	return true
}

// wait is how long to wait before any history is asked for: only where there is none
// left but of limits whose could not be read, and the last of these that was asked for
// could not be read again.
func (l *limits) wait() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.next(); r != nil && l.unread[r.limit.Name].tries > 0 {
		return time.Until(l.again)
	}
	return 0
}

// next is a resource whose history is to be read: first of those limits whose could be
// read so far, then of that which was tried least. The caller holds mu.
func (l *limits) next() (next *resource) {
	for _, r := range l.of {
		if r.ready {
			continue
		}
		if next == nil || cmp.Or(
			cmp.Compare(l.unread[r.limit.Name].tries, l.unread[next.limit.Name].tries),
			cmp.Compare(r.query, next.query), strings.Compare(r.limit.Name, next.limit.Name)) < 0 {
			next = r
		}
	}
	return next
}

// waiting are resources of one query whose history is not read, by their names in
// frames. Those of a limit whose history could not be
// read are alone, after all others.
func (l *limits) waiting() (some map[string][]*resource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	some = map[string][]*resource{}
	next := l.next()
	for _, r := range l.of {
		if r.ready {
			continue
		}
		failed := l.unread[r.limit.Name].tries > 0
		if r.limit == next.limit || r.query == next.query && !failed && l.unread[next.limit.Name].tries == 0 {
			some[r.name] = append(some[r.name], r)
		}
	}
	if len(some) > few {
		return some
	}
	for name := range some {
		if len(some) > named {
			delete(some, name)
		}
	}
	return some
}

// past is a resource's history as a series.
type past struct {
	series      *forecast.Series
	first, last time.Time // samples; zero: there are none
}

// history reads the history of resources of one query, by their names in frames,
// up to an instant: of many in one pass over all of the source's, as long as fits
// at a time. It returns of which limits that failed, and why.
func (w *Watch) history(ctx context.Context, some map[string][]*resource, at time.Time, window time.Duration) (all map[*resource]*past, failed map[string]error) {
	all, failed = map[*resource]*past{}, map[string]error{}
	limits, query := map[string]bool{}, 0
	for _, of := range some {
		for _, r := range of {
			all[r] = &past{series: forecast.New(full(r.limit))}
			limits[r.limit.Name], query = true, r.query
		}
	}
	left := w.limits.queries[query].Only(func(l *feature.Limit) bool { return limits[l.Name] })
	q := series.Query{By: slices.Concat(w.o.Schema.By(), left.By), Window: window}
	if len(some) <= named {
		q.Hosts = slices.Sorted(maps.Keys(some))
	}
	instants := max(1, recalledValues/(len(some)*len(left.Exprs)))
	for _, s := range forecast.Stretches() {
		q.Step = s.Step
		end := at.Add(-s.To).Truncate(s.Step)
		for q.Start = at.Add(-s.From).Truncate(s.Step).Add(s.Step); !q.Start.After(end); q.Start = q.End.Add(s.Step) {
			q.End = q.Start.Add(time.Duration(instants-1) * s.Step)
			if q.End.After(end) {
				q.End = end
			}
			maps.Copy(failed, left.Read(ctx, w.o.Source, q, w.apart, func(f *series.Frame) {
				for name, of := range some {
					for _, r := range of {
						all[r].take(r.limit, f, name)
					}
				}
			}))
			left = left.Only(func(l *feature.Limit) bool { return failed[l.Name] == nil })
			if len(left.Limits) == 0 || ctx.Err() != nil {
				return all, failed
			}
		}
	}
	return all, failed
}

// take observes a resource's samples of a frame.
func (p *past) take(l *feature.Limit, f *series.Frame, name string) {
	row := f.Host(name)
	if row < 0 {
		return
	}
	for i := range f.Instants {
		used, most := l.Amount(f, row, i)
		if at := f.Time(i); p.series.Observe(at, used, most) {
			if p.last = at; p.first.IsZero() {
				p.first = at
			}
		}
	}
}
