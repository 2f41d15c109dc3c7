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
// answer in time, and those of a question of which it answered nothing. There are those
// of the present and those of histories. A profile's limits bound them.
type doubts map[string]doubt

type doubt struct {
	why   string
	tries int           // that failed in a row, of this limit by itself
	due   time.Time     // when it is asked for again; zero: it answered, and is each time
	until time.Time     // it is asked for alone though it answers
	stay  time.Duration // that this is after it failed
}

// blame is the limit after it failed, by itself or when it was asked for with others.
func (d doubts) blame(name string, at time.Time, f feature.Fault) {
	o, was := d[name]
	if !o.alone(at) {
		o.stay = min(max(2*o.stay, parted), mostParted)
	}
	switch {
	case f.Itself:
		o.why = f.Err.Error()
		o.tries++
		o.due = at.Add(min(time.Minute<<min(o.tries, 4), seldom))
	default:
		o.why = "not answered together with others: " + f.Err.Error()
		if !was { // one that answered alone is asked at once
			o.due = at
		}
	}
	o.until = at.Add(o.stay)
	d[name] = o
}

// clear is the limit after it answered alone. It reports whether it had failed so.
func (d doubts) clear(name string) (failed bool) {
	o := d[name]
	failed = o.tries > 0
	o.tries, o.due = 0, time.Time{}
	d[name] = o
	return failed
}

// hurry has all be asked for: the source answers again.
func (d doubts) hurry(at time.Time) {
	for name, o := range d {
		if o.waits(at) {
			o.due = at
			d[name] = o
		}
	}
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

// answers reports whether the source answered when it was last asked for features.
func (w *Watch) answers() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status.State != omen.SourceDown || !w.status.LastRead.Before(w.status.Since) // its hosts are silent
}

const (
	// probed is how many features are asked for to find out whether a source answers.
	probed = 4
	// mostMissed is how often in a row these may say that it does not while it answers
	// when it is scored: it is too slow then, and that is said of what it does not answer.
	mostMissed = 3
)

// away reports whether it is the source that does not answer, and not a limit: when a
// limit was not answered, some features that it gave of late are asked for. Of a source
// that is away no limit is in doubt. missed counts how often in a row that was found.
func (w *Watch) away(ctx context.Context, f feature.Fault, at time.Time, missed *int) bool {
	if !f.Late() {
		return false
	}
	if !w.answers() {
		return true
	}
	if *missed >= mostMissed {
		return false
	}
	q := w.past().Query(at, at, w.o.Step)
	w.mu.Lock()
	known := w.status.FailedFeatures
	w.mu.Unlock()
	some := make([]series.Expr, 0, probed)
	for _, e := range q.Exprs {
		if known[e.Feature] == "" && len(some) < probed {
			some = append(some, e)
		}
	}
	if len(some) == 0 {
		return false
	}
	q.Exprs = some
	if _, err := w.o.Source.Read(ctx, q); errors.Is(err, omen.ErrUnavailable) {
		*missed++
		return true
	}
	*missed = 0
	return false
}

// reason is why limits cannot be read, and which.
type reason struct{ limits, why string }

// byReason are limits with why they cannot be read, those of one reason together: one
// line of the log each.
func byReason(why map[string]string) (all []reason) {
	at := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(why)) {
		i, there := at[why[name]]
		if !there {
			at[why[name]], all = len(all), append(all, reason{name, why[name]})
			continue
		}
		all[i].limits += ", " + name
	}
	return all
}
