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

// recalled is how many resources' history is read at once: some ten megabytes.
const recalled = 200

// stretches are what is read of a resource's history, the oldest first: the two
// weeks that a forecast knows, finer the nearer they are.
var stretches = []struct{ from, to, step time.Duration }{
	{14 * 24 * time.Hour, 24 * time.Hour, 15 * time.Minute},
	{24 * time.Hour, time.Hour, 5 * time.Minute},
	{time.Hour, 0, time.Minute},
}

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

// recallSome reads the history of some resources of one query, and reports
// whether there were any.
func (w *Watch) recallSome(ctx context.Context) (more bool, err error) {
	l := &w.limits
	l.mu.Lock()
	var some []*resource
	names := map[*resource]string{}
	waiting := 0
	for _, r := range l.of {
		if !r.ready {
			waiting++
			if len(some) < recalled && (len(some) == 0 || some[0].query == r.query) {
				some, names[r] = append(some, r), r.name
			}
		}
	}
	l.mu.Unlock()
	w.metrics.waiting.Set(float64(waiting))
	if len(some) == 0 {
		return false, nil
	}
	w.mu.Lock()
	at, window := w.last, w.window
	w.mu.Unlock()
	past, err := w.history(ctx, &l.queries[some[0].query], names, at, window)
	if err != nil {
		return true, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range some {
		p := past[r]
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

// past is a resource's history as a series.
type past struct {
	series      *forecast.Series
	first, last time.Time // samples; zero: there are none
}

// history reads the history of resources of one query, by their names in frames,
// up to an instant.
func (w *Watch) history(ctx context.Context, q *feature.LimitQuery, names map[*resource]string, at time.Time, window time.Duration) (map[*resource]*past, error) {
	all := make(map[*resource]*past, len(names))
	limits := map[string]bool{}
	for r := range names {
		all[r] = &past{series: forecast.New(full(r.limit))}
		limits[r.limit.Name] = true
	}
	exprs := slices.DeleteFunc(slices.Clone(q.Exprs), func(e series.Expr) bool { return !limits[feature.LimitOf(e.Feature)] })
	hosts := slices.Compact(slices.Sorted(maps.Values(names)))
	for _, s := range stretches {
		f, err := w.o.Source.Read(ctx, series.Query{
			Exprs: exprs, By: slices.Concat(w.o.Schema.By(), q.By), Hosts: hosts, Window: window, Step: s.step,
			Start: at.Add(-s.from).Truncate(s.step).Add(s.step), End: at.Add(-s.to).Truncate(s.step),
		})
		if err != nil {
			return nil, err
		}
		for _, e := range exprs {
			if err := f.Failed[e.Feature]; err != nil {
				return nil, err
			}
		}
		for r, p := range all {
			p.take(r.limit, f, names[r])
		}
	}
	return all, nil
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
