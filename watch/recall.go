package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
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

// historyTime bounds one reading of a limit's history that is in doubt.
const historyTime = 5 * time.Minute

var errLong = fmt.Errorf("no answer in full within %s: %w", historyTime, omen.ErrUnavailable)

// recallLoop reads the history of resources that are new: after a start of all.
func (w *Watch) recallLoop(ctx context.Context) error {
	if len(w.limits.queries) == 0 {
		return nil
	}
	for ctx.Err() == nil {
		if !w.recallSome(ctx) {
			await(ctx, w.recallAfter(), w.limits.news)
		}
	}
	return nil
}

// recallSome reads the history of some resources of one query, of all at once
// where they are many, and reports whether it asked for any, and the source was there.
// Histories that cannot be read are in doubt as limits of the present are: they are
// asked for alone, after all others, and then more and more seldom, in smaller pieces.
func (w *Watch) recallSome(ctx context.Context) (more bool) {
	l := &w.limits
	w.mu.Lock()
	at, window := w.last, w.window
	w.mu.Unlock()
	e := l.waiting(at)
	if len(e.some) == 0 || !w.answers() {
		return false
	}
	past, faults := w.history(ctx, e, l.measured(e.some), window)
	switch late, one := anyLate(faults); {
	case !one:
		l.unanswered = 0
	case w.away(ctx, late, at, &l.unanswered):
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	for _, r := range byReason(l.recalled(e, past, faults, at)) {
		w.log.Warn("history of resources not read", "limit", r.limits, "err", r.why)
	}
	return true
}

// recalled takes up the histories that were read, and gives why others were not that
// could be before.
func (l *limits) recalled(e errand, past map[*resource]*past, faults map[string]feature.Fault, at time.Time) (news map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer nudge(l.read)
	for r, p := range past {
		if faults[r.limit.Name].Err != nil {
			continue
		}
		if !p.first.IsZero() {
			r.series = p.series
			r.series.Observe(r.at, r.used, r.most)
			if p.first.Before(r.first) {
				r.first = p.first
			}
		}
		r.ready = true
	}
	news = map[string]string{}
	for _, limit := range e.query.Limits {
		f, failed := faults[limit.Name]
		switch {
		case failed:
			l.histories.blame(limit.Name, at, f)
			if d := l.histories[limit.Name]; f.Itself {
				l.again = at.Add(limitsEvery)
				if d.tries == 1 {
					news[limit.Name] = d.why
				}
			}
		case !e.alone:
			delete(l.histories, limit.Name)
		case l.histories.clear(limit.Name):
			l.histories.hurry(at)
			l.again = time.Time{}
		}
	}
	return news
}

// measured is when the latest of some resources was. The history of what is newer would
// be ahead of its round.
func (l *limits) measured(some map[string][]*resource) (at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range some {
		for _, r := range of {
			at = omen.Later(at, omen.Later(r.at, r.first))
		}
	}
	return at
}

// recallAfter is how long to wait before any history is asked for that was not read.
func (w *Watch) recallAfter() time.Duration {
	l := &w.limits
	w.mu.Lock()
	at := w.last
	w.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := time.Hour
	for _, r := range l.of {
		if r.ready {
			continue
		}
		left := time.Duration(0) // the source was away
		if d := l.histories[r.limit.Name]; d.tries > 0 {
			left = max(l.paused(at), 0)
			if d.waits(at) {
				left = max(left, d.due.Sub(at))
			}
		}
		wait = min(wait, left)
	}
	return max(wait, w.o.Step)
}

// paused is how long no history is asked for that could not be read: a minute after one
// could not, since what is slow is one time-out a round here, too. The caller holds mu.
func (l *limits) paused(at time.Time) time.Duration {
	left := l.again.Sub(at)
	if left > limitsEvery { // the clock was set back
		return 0
	}
	return left
}

// errand is whose history is read next.
type errand struct {
	query feature.LimitQuery
	of    int                    // of limits.queries
	some  map[string][]*resource // by their names in frames
	alone bool                   // it is one limit in doubt
	tries int                    // of that, which failed
}

// waiting are resources of one query whose history is not read; of one limit, after all
// others, if it is in doubt.
func (l *limits) waiting(at time.Time) errand {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, unread, together := errand{some: map[string][]*resource{}}, map[string]int{}, false
	for _, r := range l.of {
		if r.ready {
			continue
		}
		unread[r.limit.Name] = r.query
		if !l.histories[r.limit.Name].alone(at) && (!together || r.query < e.of) {
			e.of, together = r.query, true
		}
	}
	name := ""
	if !together {
		for _, one := range l.histories.sorted() {
			d := l.histories[one]
			of, is := unread[one]
			if is && !d.waits(at) && (d.tries == 0 || l.paused(at) <= 0) {
				name, e.of, e.alone, e.tries = one, of, true, d.tries
				break
			}
		}
		if !e.alone {
			return e
		}
	}
	limits := map[string]bool{}
	for _, r := range l.of {
		if r.ready || r.query != e.of || e.alone && r.limit.Name != name || !e.alone && l.histories[r.limit.Name].alone(at) {
			continue
		}
		e.some[r.name] = append(e.some[r.name], r)
	}
	if len(e.some) <= few {
		for name := range e.some {
			if len(e.some) > named {
				delete(e.some, name)
			}
		}
	}
	for _, of := range e.some {
		for _, r := range of {
			limits[r.limit.Name] = true
		}
	}
	e.query = l.queries[e.of].Only(func(o *feature.Limit) bool { return limits[o.Name] })
	return e
}

// past is a resource's history as a series.
type past struct {
	series *forecast.Series
	first  time.Time // its first sample; zero: there is none
}

// leastPiece is how many instants of a history are asked for at once at least.
const leastPiece = 20

// history reads the history of resources of one query up to an instant: of many in one
// pass over all of the source's, as long as fits at a time. What is not answered in time
// is not asked for again; of a limit in doubt a quarter is asked for at a time, and a
// quarter of that each time that it failed so. It returns of which limits that
// failed, and why.
func (w *Watch) history(ctx context.Context, e errand, at time.Time, window time.Duration) (all map[*resource]*past, faults map[string]feature.Fault) {
	all, faults = map[*resource]*past{}, map[string]feature.Fault{}
	for _, of := range e.some {
		for _, r := range of {
			all[r] = &past{series: forecast.New(full(r.limit))}
		}
	}
	left := e.query
	q := series.Query{By: slices.Concat(w.o.Schema.By(), left.By), Window: window, Once: true}
	if len(e.some) <= named {
		q.Hosts = slices.Sorted(maps.Keys(e.some))
	}
	if e.alone {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, historyTime, errLong)
		defer end()
	}
	instants := max(1, recalledValues/(len(e.some)*len(left.Exprs)))
	for _, s := range forecast.Stretches() {
		q.Step = s.Step
		if e.alone {
			q.Piece = max(int((s.From-s.To)/s.Step)>>(2*min(e.tries+1, 8)), leastPiece)
		}
		end := at.Add(-s.To).Truncate(s.Step)
		for q.Start = at.Add(-s.From).Truncate(s.Step).Add(s.Step); !q.Start.After(end); q.Start = q.End.Add(s.Step) {
			q.End = q.Start.Add(time.Duration(instants-1) * s.Step)
			if q.End.After(end) {
				q.End = end
			}
			maps.Copy(faults, left.Read(ctx, w.o.Source, q, func(f *series.Frame) {
				for name, of := range e.some {
					for _, r := range of {
						all[r].take(r.limit, f, name)
					}
				}
			}))
			if left = left.Only(func(l *feature.Limit) bool { return faults[l.Name].Err == nil }); len(left.Limits) == 0 {
				return all, faults
			}
		}
	}
	return all, faults
}

// take observes a resource's samples of a frame.
func (p *past) take(l *feature.Limit, f *series.Frame, name string) {
	row := f.Host(name)
	if row < 0 {
		return
	}
	for i := range f.Instants {
		used, most := l.Amount(f, row, i)
		if at := f.Time(i); p.series.Observe(at, used, most) && p.first.IsZero() {
			p.first = at
		}
	}
}
