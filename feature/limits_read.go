package feature

import (
	"context"
	"maps"

	"github.com/omenhq/omen/series"
)

// Only is the query for those of its limits that are to be kept.
func (q *LimitQuery) Only(keep func(*Limit) bool) LimitQuery {
	some, kept := LimitQuery{By: q.By}, map[string]bool{}
	for _, l := range q.Limits {
		if keep(l) {
			some.Limits, kept[l.Name] = append(some.Limits, l), true
		}
	}
	for _, e := range q.Exprs {
		if kept[LimitOf(e.Feature)] {
			some.Exprs = append(some.Exprs, e)
		}
	}
	return some
}

// Read asks a source for the limits of the query, which gives ask its
// expressions, and hands what it answers to take: one frame, or one for each limit
// where none is answered together with the others. apart says whether another
// question may be asked after one that failed so; nil: never. It returns why limits
// could not be read, by their names; what was read of them nevertheless is in the
// frames.
func (q *LimitQuery) Read(ctx context.Context, source series.Source, ask series.Query, apart func(error) bool, take func(*series.Frame)) (failed map[string]error) {
	failed = map[string]error{}
	if len(q.Limits) == 0 {
		return failed
	}
	ask.Exprs = q.Exprs
	f, err := source.Read(ctx, ask)
	switch {
	case err == nil:
		for _, e := range q.Exprs {
			if why, name := f.Failed[e.Feature], LimitOf(e.Feature); why != nil && failed[name] == nil {
				failed[name] = why
			}
		}
		take(f)
	case len(q.Limits) == 1:
		failed[q.Limits[0].Name] = err
	default:
		last := err
		for _, l := range q.Limits {
			failed[l.Name] = err
			if apart == nil || ctx.Err() != nil || !apart(last) {
				apart = nil
				continue
			}
			delete(failed, l.Name)
			one := q.Only(func(o *Limit) bool { return o == l })
			why := one.Read(ctx, source, ask, nil, take)
			if maps.Copy(failed, why); why[l.Name] != nil {
				last = why[l.Name]
			}
		}
	}
	return failed
}
