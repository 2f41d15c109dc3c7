package watch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	// seldom bounds the time between questions for a limit that is not answered.
	seldom = 10 * time.Minute
	// parted is how long a limit that answers is asked for alone before it joins its
	// query again; twice as long each time that this fails at once, up to mostParted.
	parted, mostParted = time.Hour, 24 * time.Hour
)

// doubts are limits that are asked for alone, by name: those that the source did not
// answer in time, and those of a question of which it answered nothing.
type doubts map[string]doubt

type doubt struct {
	why   string
	tries int           // that failed in a row, of this limit by itself
	due   time.Time     // when it is asked for again; zero: it answered, and is each time
	until time.Time     // it is asked for alone though it answers
	stay  time.Duration // that this is after it failed
}

// blame is the limit after it failed, by itself or when it was asked for with others.
func (d doubts) blame(name string, at time.Time, why error, itself bool) {
	o, was := d[name]
	if !o.alone(at) {
		o.stay = min(max(2*o.stay, parted), mostParted)
	}
	switch {
	case itself:
		o.tries++
		o.due = at.Add(min(time.Minute<<min(o.tries, 4), seldom))
	case !was: // one that answered alone is asked at once
		o.due = at
	}
	o.why, o.until = why.Error(), at.Add(o.stay)
	d[name] = o
}

// waits reports whether it is not due. A clock that was set back delays none.
func (d doubt) waits(at time.Time) bool {
	left := d.due.Sub(at)
	return left > 0 && left <= seldom
}

// alone reports whether it is not asked for with others.
func (d doubt) alone(at time.Time) bool {
	left := d.until.Sub(at)
	return !d.due.IsZero() || left > 0 && left <= d.stay
}

// sorted are the names: those that answered, then those that wait longest.
func (d doubts) sorted() []string {
	return slices.SortedFunc(maps.Keys(d), func(a, b string) int {
		return cmp.Or(d[a].due.Compare(d[b].due), strings.Compare(a, b))
	})
}

// readLimits asks the source for the limits of an instant, and says in failed why some
// could not be read. Those in doubt are asked for alone, after all others, and no more
// of them once the source did not answer a question of the round, but for those that
// it answered alone before, until it does not answer one: what is slow holds up a
// round for one time-out, and an overloaded source is not asked all the more.
func (w *Watch) readLimits(ctx context.Context, at time.Time, window time.Duration, failed map[string]string, take func(query int, f *series.Frame)) {
	l, slow := &w.limits, false
	read := func(query int, q feature.LimitQuery) (whys map[string]error, answered bool) {
		ask := series.Query{By: slices.Concat(w.o.Schema.By(), q.By), Start: at, End: at, Step: w.o.Step, Window: window}
		whys = q.Read(ctx, w.o.Source, ask, nil, func(f *series.Frame) {
			answered = true
			take(query, f)
		})
		for name, err := range whys {
			failed[name] = err.Error()
			slow = slow || errors.Is(err, omen.ErrUnavailable)
		}
		return whys, answered
	}
	of := map[string]int{}
	for i := range l.queries {
		for _, limit := range l.queries[i].Limits {
			of[limit.Name] = i
		}
		q := l.queries[i].Only(func(o *feature.Limit) bool { return !l.alone[o.Name].alone(at) })
		whys, answered := read(i, q)
		if ctx.Err() != nil {
			return
		}
		itself := len(q.Limits) == 1 // if not, which of them it was is not known
		for _, limit := range q.Limits {
			if err := whys[limit.Name]; w.answers() && (!answered && !itself || errors.Is(err, omen.ErrUnavailable)) {
				l.alone.blame(limit.Name, at, err, itself)
			} else {
				delete(l.alone, limit.Name)
			}
		}
	}
	stop := false
	for _, name := range l.alone.sorted() {
		d := l.alone[name]
		if stop || slow && !d.due.IsZero() || d.waits(at) || !w.answers() {
			failed[name] = d.why
			continue
		}
		whys, _ := read(of[name], l.queries[of[name]].Only(func(o *feature.Limit) bool { return o.Name == name }))
		if ctx.Err() != nil {
			return
		}
		if err := whys[name]; err != nil {
			l.alone.blame(name, at, err, true)
			stop = slow
			continue
		}
		d.tries, d.due = 0, time.Time{}
		l.alone[name] = d
		delete(failed, name)
	}
}

// answers reports whether the source answered when it was last asked for features:
// of one that does not, no limit is in doubt.
func (w *Watch) answers() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status.State != omen.SourceDown
}

// apart reports whether limits are to be asked for one by one after a question for
// several that failed so: if the source refused it, and not if it did not answer.
func (w *Watch) apart(err error) bool {
	return w.answers() && !errors.Is(err, omen.ErrUnavailable)
}
