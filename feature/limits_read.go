package feature

import (
	"context"
	"errors"
	"maps"

	"github.com/omenhq/omen"
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

// Fault is why a limit was not answered.
type Fault struct {
	Err    error
	Itself bool // it is the limit's own; if not, that of what was asked for together: nothing was answered, or this not in time
}

// Late reports whether the source did not answer it; otherwise it was refused.
func (f Fault) Late() bool { return errors.Is(f.Err, omen.ErrUnavailable) }

// Read asks a source for the limits of the query, which gives ask its
// expressions, in one question, and hands what it answers to take. It returns why
// limits could not be read, by their names; what was read of them nevertheless is in
// the frame.
func (q *LimitQuery) Read(ctx context.Context, source series.Source, ask series.Query, take func(*series.Frame)) map[string]Fault {
	faults := map[string]Fault{}
	if len(q.Limits) == 0 {
		return faults
	}
	ask.Exprs = q.Exprs
	f, err := source.Read(ctx, ask)
	if err != nil {
		for _, l := range q.Limits {
			faults[l.Name] = Fault{err, len(q.Limits) == 1}
		}
		return faults
	}
	for _, e := range q.Exprs {
		name := LimitOf(e.Feature)
		if why, said := f.Failed[e.Feature], faults[name].Err != nil; why != nil && !said {
			faults[name] = Fault{why, len(q.Limits) == 1 || !errors.Is(why, omen.ErrUnavailable)}
		}
	}
	take(f)
	return faults
}

// readApart is [LimitQuery.Read], and asks once more, alone, for each limit whose fault
// is not its own.
func (q *LimitQuery) readApart(ctx context.Context, source series.Source, ask series.Query, take func(*series.Frame)) map[string]Fault {
	faults := q.Read(ctx, source, ask, take)
	for _, l := range q.Limits {
		if f, failed := faults[l.Name]; !failed || f.Itself || ctx.Err() != nil {
			continue
		}
		delete(faults, l.Name)
		one := q.Only(func(o *Limit) bool { return o == l })
		maps.Copy(faults, one.Read(ctx, source, ask, take))
	}
	return faults
}
