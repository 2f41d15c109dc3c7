package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/forecast"
	"github.com/omenhq/omen/series"
)

const (
	// limitsEvery is how often resources with a limit are read: what fills
	// within minutes leaves no time to act on a forecast.
	limitsEvery = time.Minute
)

// limits is what is known of the resources of a watch's hosts.
type limits struct {
	queries []feature.LimitQuery
	news    chan struct{} // bound 1, owner recallLoop; full: it is about to look anyway
	read    chan struct{} // the same, owner limitLoop: history was read
	alone   doubts        // owner limitLoop
	missed  int           // owner limitLoop; see away
	leftOut int           // the same of the queries that count what is left out
	// The same of recallLoop.
	unanswered int

	mu        sync.Mutex // guards what follows; Watch.mu may be held, and is not taken under it
	of        map[omen.Resource]*resource
	failed    map[string]string // limit -> why its query failed the last time
	dates     dates             // of the last round
	histories doubts            // of limits
	again     time.Time         // until then no history is asked for that could not be read
	asked     time.Time         // the instant that was last asked for
	at        time.Time         // of the last round
}

// resource is what is known of one of them.
type resource struct {
	limit  *feature.Limit
	query  int              // of limits.queries
	name   string           // in frames
	series *forecast.Series // nil of a known date
	date   time.Time        // that it is
	ready  bool             // its history was read; a date needs none
	first  time.Time        // its first sample, as far as history reaches
	at     time.Time        // its last sample
	used   float64          // of that sample
	most   float64          // its limit, of that sample
	rounds forecast.Rounds
	known  bool // there is a forecast of the last round
	last   omen.Outlook
}

// dates says, by limit that is a known date, whether a resource of the round has one,
// and which sample of it is none, and why.
type dates struct {
	is   map[string]bool
	none map[string]string
}

func newDates() dates { return dates{map[string]bool{}, map[string]string{}} }

// full is the share of the limit at which a resource counts as full.
func full(l *feature.Limit) float64 { return cmp.Or(l.Full, forecast.Full) }

// limitLoop reads and forecasts resources every minute, and forecasts those whose
// history was just read at once.
func (w *Watch) limitLoop(ctx context.Context) error {
	if len(w.limits.queries) == 0 {
		return nil
	}
	soon := min(time.Second, w.o.Step) // until hosts are known
	round := time.NewTimer(soon)
	defer round.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.limits.read:
			w.foresee(ctx, w.limits.outlooksOfRead())
		case <-round.C:
			if w.forecast(ctx) {
				round.Reset(max(limitsEvery, w.o.Step))
			} else {
				round.Reset(soon)
			}
		}
	}
}

// forecast reads the resources of the last instant that was scored, and hands
// on what is expected of them. It reports whether there was such an instant.
func (w *Watch) forecast(ctx context.Context) bool {
	w.mu.Lock()
	at, window := w.last, w.window
	hosts := make(map[string]omen.Host, len(w.hosts))
	for name, h := range w.hosts {
		if h.refused == "" {
			hosts[name] = h.id
		}
	}
	w.mu.Unlock()
	l := &w.limits
	l.mu.Lock()
	again := !at.After(l.asked) && l.asked.Sub(at) < forecastAgain
	if !again {
		l.asked = at
	}
	l.mu.Unlock()
	if at.IsZero() || again {
		return !at.IsZero()
	}
	failed, over := map[string]string{}, 0
	seen := newDates()
	count := map[string]int{}
	there := w.readLimits(ctx, at, window, failed, func(query int, f *series.Frame) {
		over += l.take(query, f, w.o.Schema.By(), hosts, count, seen, at)
	})
	if !there || ctx.Err() != nil { // of a source that is away what was said last holds
		return true
	}
	l.mu.Lock()
	l.dates = seen
	l.mu.Unlock()
	w.countLeftOut(ctx, at, window, over, failed)
	if ctx.Err() == nil {
		w.sayFailed(failed)
		w.foresee(ctx, l.outlooks(at, failed))
	}
	return true
}

// sayFailed says which limits cannot be read that could in the last round.
func (w *Watch) sayFailed(failed map[string]string) {
	l := &w.limits
	l.mu.Lock()
	before := l.failed
	l.mu.Unlock()
	news := maps.Clone(failed)
	maps.DeleteFunc(news, func(name, _ string) bool { return before[name] != "" })
	for _, r := range byReason(news) {
		w.log.Warn("resources not read", "limit", r.limits, "err", r.why)
	}
}

const (
	// forecastAgain is by how much the clock has to be set back for an instant that
	// was forecast to be forecast again.
	forecastAgain = 5 * time.Minute
	// holds is for how long what was last said of a resource holds while its limit is
	// not read.
	holds = 5 * time.Minute
	// liveOnly is how long a resource has to be measured to be forecast without its
	// history, where that cannot be read: what is asked for again after two to ten
	// minutes has been asked for some seven times then.
	liveOnly = time.Hour
)

// take observes the samples of a query's answer, and is how many resources there
// was no room for. count is how many each host has, seen what the
// dates are.
func (l *limits) take(query int, f *series.Frame, by []string, hosts map[string]omen.Host, count map[string]int, seen dates, at time.Time) (over int) {
	q := &l.queries[query]
	rows := q.Rows(f, by, hosts)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		for _, limit := range q.Limits {
			used, most := limit.Amount(f, row.Index, 0)
			if used != used || most != most || !limit.Date && !(most > 0) {
				continue // it is not there, or has no limit
			}
			if count[row.Host.Name]++; count[row.Host.Name] > feature.MaxResources {
				over++
				continue
			}
			id := omen.Resource{Host: row.Host, Name: limit.Name, Where: row.Where}
			r := l.of[id]
			if r == nil || r.at.Sub(at) >= forecastAgain {
				r = &resource{limit: limit, query: query, first: at, ready: limit.Date}
				if !r.ready {
					r.series = forecast.New(full(limit))
				}
			}
			switch taken := r.observe(at, used, most); {
			case taken:
				r.at, r.name, r.used, r.most = at, f.Hosts[row.Index], used, most
				seen.is[limit.Name] = true
				if l.of[id] != r { // what never was one, such as of a limit of 0, has no history to be read
					l.of[id] = r
					if !r.ready {
						nudge(l.news)
					}
				}
			case limit.Date && seen.none[limit.Name] == "" && feature.NoDate(used) != "":
				seen.none[limit.Name] = fmt.Sprintf("used: %s %s", f.Hosts[row.Index], feature.NoDate(used))
			}
		}
	}
	return over
}

// observe takes a sample, and reports whether it is one.
func (r *resource) observe(at time.Time, used, most float64) (taken bool) {
	if !r.limit.Date {
		return r.series.Observe(at, used, most)
	}
	if date, is := omen.DateOf(used); is {
		r.date, taken = date, true
	}
	return taken
}

// forecast is what is expected of it, whose history is read or is in doubt; false if
// there is too little to say.
func (r *resource) forecast(at time.Time, history doubt) (omen.Forecast, bool) {
	known := at.Sub(r.first)
	switch {
	case !r.at.Equal(at):
		return omen.Forecast{}, false
	case r.limit.Date:
		return omen.Expiry(r.date, at, r.limit.Notice), true
	case r.ready && known < forecast.Youngest, !r.ready && (history.tries == 0 || known < liveOnly):
		return omen.Forecast{}, false
	}
	return r.series.Forecast(at)
}

// held reports whether what was said of it holds, since its limit was not read. The
// caller holds mu.
func (l *limits) held(r *resource, at time.Time) bool {
	return l.failed[r.limit.Name] != "" && r.at.Before(at) && at.Sub(r.at) < holds
}

// outlooks forecasts all resources, forgets those that are gone, and gives the
// round of those that matter.
func (l *limits) outlooks(at time.Time, failed map[string]string) omen.Outlooks {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.failed = at, failed
	round := omen.Outlooks{At: at, Unread: slices.Sorted(maps.Keys(failed))}
	for id, r := range l.of {
		if at.Sub(r.at) > forgetAfter {
			delete(l.of, id)
			continue
		}
		if l.held(r, at) {
			continue
		}
		if r.next(id, at, l.histories[r.limit.Name]) {
			round.Of = append(round.Of, r.last)
		}
	}
	sortOutlooks(round.Of)
	return round
}

// outlooksOfRead forecasts the resources of the last round that wait for nothing any
// more, and gives those that matter: what is missing was in the round.
func (l *limits) outlooksOfRead() omen.Outlooks {
	l.mu.Lock()
	defer l.mu.Unlock()
	round := omen.Outlooks{At: l.at, Unread: slices.Sorted(maps.Keys(l.failed))}
	for id, r := range l.of {
		if !r.known && !l.held(r, l.at) && r.next(id, l.at, l.histories[r.limit.Name]) {
			round.Of = append(round.Of, r.last)
		}
	}
	sortOutlooks(round.Of)
	return round
}

// next forecasts the resource in a round, and reports whether that matters.
func (r *resource) next(id omen.Resource, at time.Time, history doubt) (matters bool) {
	f, ok := r.forecast(at, history)
	sudden, matters := r.rounds.Next(at, f, ok)
	if r.known = ok; !ok {
		return false
	}
	r.last = r.limit.Outlook(id, f)
	r.last.Sudden = sudden
	return matters
}

func sortOutlooks(of []omen.Outlook) {
	slices.SortFunc(of, func(a, b omen.Outlook) int {
		return cmp.Or(strings.Compare(a.Host.Name, b.Host.Name), strings.Compare(a.Name, b.Name), strings.Compare(a.Where, b.Where))
	})
}

// foresee hands a round of forecasts to the manager.
func (w *Watch) foresee(ctx context.Context, round omen.Outlooks) {
	round.Source, round.Profile = w.o.Name, w.o.Schema.Profile()
	w.countResources()
	err := w.o.Sink.Foresee(ctx, round)
	if ctx.Err() == nil {
		switch begin, end := w.outcome(&w.unforeseen, w.metrics.unforeseen, err); {
		case begin:
			w.log.Warn("forecasts not judged", "err", err)
		case end:
			w.log.Info("forecasts are judged again")
		}
	}
}

func (w *Watch) countResources() {
	pending := len(w.Pending())
	w.metrics.resources.Set(float64(len(w.Forecasts()) + pending))
	w.metrics.waiting.Set(float64(pending))
}

// countLeftOut counts what is not forecast, by design or for lack of room.
func (w *Watch) countLeftOut(ctx context.Context, at time.Time, window time.Duration, over int, failed map[string]string) {
	w.metrics.unlimited.WithLabelValues(tooMany).Set(float64(over))
	exprs := w.o.Schema.LeftOutExprs()
	if len(exprs) == 0 {
		return
	}
	f, err := w.o.Source.Read(ctx, series.Query{Exprs: exprs, By: w.o.Schema.By(), Start: at, End: at, Step: w.o.Step, Window: window})
	if err != nil {
		if !w.away(ctx, feature.Fault{Err: err}, at, &w.limits.leftOut) {
			for _, e := range exprs {
				failed[e.Feature] = err.Error()
			}
		}
		return
	}
	w.limits.leftOut = 0
	for column, err := range f.Failed {
		failed[column] = err.Error()
	}
	n := 0.0
	for column, e := range exprs {
		if f.Failed[e.Feature] != nil { // one of several series would be counted for all
			continue
		}
		for row := range f.Hosts {
			if v := f.At(row, 0, column); v == v {
				n += v
			}
		}
	}
	w.metrics.unlimited.WithLabelValues(byDesign).Set(n)
}
