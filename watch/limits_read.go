package watch

import (
	"context"
	"slices"
	"time"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

// readLimits asks the source for the limits of an instant, and says in failed why some
// could not be read; false: the source is away. Limits in doubt are asked for alone,
// after all others, and no more of them once the source did not answer a question of
// the round, but for those that it answered alone before, until it does not answer one:
// what is slow holds up a round for one time-out, and an overloaded source is not asked
// all the more.
func (w *Watch) readLimits(ctx context.Context, at time.Time, window time.Duration, failed map[string]string, take func(query int, f *series.Frame)) bool {
	l, slow := &w.limits, false
	read := func(query int, q feature.LimitQuery) (faults map[string]feature.Fault, there bool) {
		ask := series.Query{By: slices.Concat(w.o.Schema.By(), q.By), Start: at, End: at, Step: w.o.Step, Window: window}
		faults = q.Read(ctx, w.o.Source, ask, func(f *series.Frame) { take(query, f) })
		if late, one := anyLate(faults); one {
			slow = true
			if w.away(ctx, late, at, &l.missed) {
				return nil, false
			}
		}
		for name, f := range faults {
			failed[name] = f.Err.Error()
		}
		return faults, ctx.Err() == nil
	}
	of := map[string]int{}
	for i := range l.queries {
		for _, limit := range l.queries[i].Limits {
			of[limit.Name] = i
		}
		q := l.queries[i].Only(func(o *feature.Limit) bool { return !l.alone[o.Name].alone(at) })
		faults, there := read(i, q)
		if !there {
			return false
		}
		for _, limit := range q.Limits {
			if f, bad := faults[limit.Name]; bad && (!f.Itself || f.Late()) {
				l.alone.blame(limit.Name, at, f)
				failed[limit.Name] = l.alone[limit.Name].why
			} else {
				delete(l.alone, limit.Name)
			}
		}
	}
	stop := false
	for _, name := range l.alone.sorted() {
		d := l.alone[name]
		if stop || slow && !d.due.IsZero() || d.waits(at) {
			failed[name] = d.why
			continue
		}
		faults, there := read(of[name], l.queries[of[name]].Only(func(o *feature.Limit) bool { return o.Name == name }))
		if !there {
			return false
		}
		if f, bad := faults[name]; bad {
			l.alone.blame(name, at, f)
			stop = slow
			continue
		}
		l.alone.clear(name)
		delete(failed, name)
	}
	if !slow {
		l.missed = 0
	}
	return true
}

// anyLate is one of the faults of what was not answered, if there is one.
func anyLate(faults map[string]feature.Fault) (late feature.Fault, is bool) {
	for _, f := range faults {
		if f.Late() {
			return f, true
		}
	}
	return late, false
}
