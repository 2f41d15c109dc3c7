package watch

import (
	"context"
	"maps"
	"slices"
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

// recallLoop reads the history of resources that are new: after a start of all.
// Nobody is notified of one whose history is not read.
func (w *Watch) recallLoop(ctx context.Context) error {
	if len(w.limits.queries) == 0 {
		return nil
	}
	wait := time.Second
	for ctx.Err() == nil {
		more, err := w.recallSome(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if w.limits.note(err.Error()) {
				w.log.Warn("history of resources not read yet", "err", err)
			}
			await(ctx, wait, nil)
			wait = min(2*wait, time.Minute)
		case !more:
			wait = time.Second
			w.limits.note("")
			await(ctx, time.Hour, w.limits.news)
		}
	}
	return nil
}

// note notes why history cannot be read, and reports whether that is news.
func (l *limits) note(why string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.unread
	l.unread = why
	return was == "" && why != ""
}

// recallSome reads the history of some resources of one query, of all at once
// where they are many, and reports whether there were any.
func (w *Watch) recallSome(ctx context.Context) (more bool, err error) {
	l := &w.limits
	some, total := l.waiting()
	w.metrics.waiting.Set(float64(total))
	if len(some) == 0 {
		return false, nil
	}
	w.mu.Lock()
	at, window := w.last, w.window
	w.mu.Unlock()
	past, err := w.history(ctx, some, at, window)
	if err != nil {
		return true, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for r, p := range past {
		if !p.first.IsZero() {
			r.series, r.at = p.series, p.last
			if p.first.Before(r.first) {
				r.first = p.first
			}
		}
		r.ready = true
	}
	return true, nil
}

// waiting are resources of one query whose history is not read, by their names in
// frames, and how many there are of all.
func (l *limits) waiting() (some map[string][]*resource, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	some = map[string][]*resource{}
	query := -1
	for _, r := range l.of {
		if r.ready {
			continue
		}
		if total++; query < 0 {
			query = r.query
		}
		if r.query == query {
			some[r.name] = append(some[r.name], r)
		}
	}
	if len(some) > few {
		return some, total
	}
	for name := range some {
		if len(some) > named {
			delete(some, name)
		}
	}
	return some, total
}

// past is a resource's history as a series.
type past struct {
	series      *forecast.Series
	first, last time.Time // samples; zero: there are none
}

// history reads the history of resources of one query, by their names in frames,
// up to an instant: of many in one pass over all of the source's, as long as fits
// at a time.
func (w *Watch) history(ctx context.Context, some map[string][]*resource, at time.Time, window time.Duration) (map[*resource]*past, error) {
	all := map[*resource]*past{}
	limits, query := map[string]bool{}, 0
	for _, of := range some {
		for _, r := range of {
			all[r] = &past{series: forecast.New(full(r.limit))}
			limits[r.limit.Name], query = true, r.query
		}
	}
	asked := &w.limits.queries[query]
	q := series.Query{
		Exprs: slices.DeleteFunc(slices.Clone(asked.Exprs), func(e series.Expr) bool { return !limits[feature.LimitOf(e.Feature)] }),
		By:    slices.Concat(w.o.Schema.By(), asked.By), Window: window,
	}
	if len(some) <= named {
		q.Hosts = slices.Sorted(maps.Keys(some))
	}
	instants := max(1, recalledValues/(len(some)*len(q.Exprs)))
	for _, s := range forecast.Stretches() {
		q.Step = s.Step
		end := at.Add(-s.To).Truncate(s.Step)
		for q.Start = at.Add(-s.From).Truncate(s.Step).Add(s.Step); !q.Start.After(end); q.Start = q.End.Add(s.Step) {
			q.End = q.Start.Add(time.Duration(instants-1) * s.Step)
			if q.End.After(end) {
				q.End = end
			}
			if err := w.readPast(ctx, q, some, all); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// readPast reads a piece of history.
func (w *Watch) readPast(ctx context.Context, q series.Query, some map[string][]*resource, all map[*resource]*past) error {
	f, err := w.o.Source.Read(ctx, q)
	if err != nil {
		return err
	}
	for _, e := range q.Exprs {
		if err := f.Failed[e.Feature]; err != nil {
			return err
		}
	}
	for name, of := range some {
		for _, r := range of {
			all[r].take(r.limit, f, name)
		}
	}
	return nil
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
