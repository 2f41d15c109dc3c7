package replay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
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
	// roundEvery is how often serve forecasts.
	roundEvery = time.Minute
	// pieceValues bounds the values of one read: 32 MB.
	pieceValues = 4 << 20
	// firstPiece is how many instants are read before it is known how many
	// resources there are.
	firstPiece = 120
)

// Foreseeable says what [Foresee] forecasts.
type Foreseeable struct {
	Source series.Source
	Schema *feature.Schema
	Hosts  []omen.Host
	Span   omen.Span
	Step   time.Duration // of the samples; rounds are a minute apart at least
	Window time.Duration // what $window becomes; 0: the source chooses
}

// Foresight is what would have been forecast over a span.
type Foresight struct {
	Rounds    map[string][]omen.Outlooks // by host's name, those that hold something, in time order
	Every     time.Duration              // between rounds
	Resources int
	Labels    map[omen.Resource]map[string]string // of each: those of the limit's By, as they were last
	Failed    map[string]string                   // limit -> why it could not be read
}

// Progress is how far [Foresee] is.
type Progress struct {
	Done    float64  // share, 0…1
	Waiting []string // limits that are not answered yet, where they are the last of a question
	GivenUp string   // limit that is given up now; empty: none
	Why     string   // it is
}

// Foresee forecasts the resources of hosts round by round, as serve does every
// minute, after the two weeks before the span, of which each round knows what came
// before it. A limit that cannot be read, or is not answered in time even by itself, is
// given up and in Failed; it fails only with ctx. progress may be nil, and is called
// from several goroutines, one at a time.
func Foresee(ctx context.Context, o Foreseeable, progress func(Progress)) (*Foresight, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	f := &foresight{
		progress:    progress,
		Foreseeable: o, hosts: map[string]omen.Host{}, count: map[string]int{}, rounds: map[string]map[time.Time]*omen.Outlooks{},
		out: &Foresight{
			Rounds: map[string][]omen.Outlooks{}, Every: max(roundEvery, o.Step), Labels: map[omen.Resource]map[string]string{}, Failed: map[string]string{},
		},
	}
	for _, h := range o.Hosts {
		f.hosts[h.Name] = h
	}
	queries := o.Schema.LimitQueries()
	for i := range queries {
		f.begin, f.share = float64(i)/float64(len(queries)), 1/float64(len(queries))
		f.query(ctx, queries[i])
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	for host, rounds := range f.rounds {
		for _, at := range slices.SortedFunc(maps.Keys(rounds), time.Time.Compare) {
			slices.SortFunc(rounds[at].Of, func(a, b omen.Outlook) int {
				return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Where, b.Where))
			})
			f.out.Rounds[host] = append(f.out.Rounds[host], *rounds[at])
		}
	}
	return f.out, nil
}

// foresight is a [Foresee] under way.
type foresight struct {
	Foreseeable
	hosts  map[string]omen.Host
	count  map[string]int                          // resources of each host
	rounds map[string]map[time.Time]*omen.Outlooks // by host and instant
	out    *Foresight

	mu           sync.Mutex // guards what follows
	progress     func(Progress)
	begin, share float64 // of the query at hand, of all
	done         float64 // of it
	last         string  // what was said to be waited for
}

// resource is one that is forecast.
type resource struct {
	limit       *feature.Limit
	series      *forecast.Series
	date        time.Time // that it is, of a limit that is a known date
	rounds      forecast.Rounds
	first, last time.Time // samples
}

// observe takes a sample.
func (r *resource) observe(at time.Time, used, most float64) {
	taken := false
	if r.limit.Date {
		var date time.Time
		if date, taken = omen.DateOf(used); taken {
			r.date = date
		}
	} else {
		taken = r.series.Observe(at, used, most)
	}
	if taken {
		r.last = at
	}
}

// forecast is what is expected of it; false if there is too little to say.
func (r *resource) forecast(at time.Time) (omen.Forecast, bool) {
	switch {
	case !r.last.Equal(at):
		return omen.Forecast{}, false
	case r.limit.Date:
		return omen.Expiry(r.date, at, r.limit.Notice), true
	case at.Sub(r.first) < forecast.Youngest:
		return omen.Forecast{}, false
	}
	return r.series.Forecast(at)
}

// query forecasts the resources of one query over the whole span: it reads the history
// before it, as serve does, and then the span itself.
func (f *foresight) query(ctx context.Context, q feature.LimitQuery) {
	r := reading{f: f, left: q, alone: map[string]bool{}, of: map[omen.Resource]*resource{}}
	begin, past := f.Span.From.Truncate(f.out.Every), forecast.Stretches()
	for i, s := range past {
		part := span{begin.Add(-s.From).Truncate(s.Step).Add(s.Step), begin.Add(-s.To).Truncate(s.Step), s.Step}
		r.read(ctx, part, false, float64(i)/float64(len(past)+1), 1/float64(len(past)+1))
	}
	part := span{begin.Add(f.out.Every), f.Span.To, f.out.Every}
	r.read(ctx, part, true, float64(len(past))/float64(len(past)+1), 1/float64(len(past)+1))
	f.step(1)
}

// step says how much of the query at hand is done.
func (f *foresight) step(done float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done, f.last = done, ""
	f.progress(Progress{Done: f.begin + f.share*done})
}

// span is instants, the last included.
type span struct {
	start, end time.Time
	step       time.Duration
}

// reading is a query under way.
type reading struct {
	f     *foresight
	left  feature.LimitQuery // its limits that are not given up
	alone map[string]bool    // limits that were answered alone, and not together
	of    map[omen.Resource]*resource
}

// read observes the instants of a span, and forecasts at each of them if they are
// rounds. The span is so much of the query, after what is done of it.
func (r *reading) read(ctx context.Context, s span, rounds bool, done, share float64) {
	ask := series.Query{By: slices.Concat(r.f.Schema.By(), r.left.By), Step: s.step, Window: r.f.Window, Once: true}
	instants := firstPiece
	for ask.Start = s.start; !ask.Start.After(s.end) && len(r.left.Limits) > 0; ask.Start = ask.End.Add(s.step) {
		if ask.End = ask.Start.Add(time.Duration(instants-1) * s.step); ask.End.After(s.end) {
			ask.End = ask.Start.Add(s.end.Sub(ask.Start).Truncate(s.step))
		}
		hosts := 1
		together := r.left.Only(func(l *feature.Limit) bool { return !r.alone[l.Name] })
		faults := r.ask(ctx, &together, ask, rounds, &hosts)
		for _, l := range r.left.Limits {
			fault, failed := faults[l.Name]
			if ctx.Err() != nil {
				return
			}
			if r.alone[l.Name] || failed && !fault.Itself {
				one := r.left.Only(func(o *feature.Limit) bool { return o == l })
				fault, failed = r.ask(ctx, &one, ask, rounds, &hosts)[l.Name]
				r.alone[l.Name] = true
			}
			if failed && ctx.Err() == nil {
				r.giveUp(l, fault.Err, rounds)
			}
		}
		instants = max(firstPiece, pieceValues/max(1, hosts*len(r.left.Exprs)))
		r.f.step(done + share*float64(ask.End.Sub(s.start)+s.step)/float64(s.end.Sub(s.start)+s.step))
	}
}

// ask reads the instants of some limits in one question, observes those that were
// answered, and gives why others were not. hosts becomes the most of a frame.
func (r *reading) ask(ctx context.Context, q *feature.LimitQuery, ask series.Query, rounds bool, hosts *int) map[string]feature.Fault {
	var frame *series.Frame
	ask.Done = r.f.waiting(q)
	faults := q.Read(ctx, r.f.Source, ask, func(f *series.Frame) { frame = f })
	answered := q.Only(func(l *feature.Limit) bool { return faults[l.Name].Err == nil })
	if frame == nil || len(answered.Limits) == 0 {
		return faults
	}
	*hosts = max(*hosts, len(frame.Hosts))
	rows := answered.Rows(frame, r.f.Schema.By(), r.f.hosts)
	for i := range frame.Instants {
		r.f.instant(&answered, r.of, frame, rows, i, rounds)
	}
	return faults
}

// giveUp asks no more for a limit.
func (r *reading) giveUp(l *feature.Limit, why error, rounds bool) {
	f := r.f
	r.left = r.left.Only(func(o *feature.Limit) bool { return o != l })
	if !rounds {
		why = fmt.Errorf("its history: %w", why)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out.Failed[l.Name], f.last = why.Error(), ""
	f.progress(Progress{Done: f.begin + f.share*f.done, GivenUp: l.Name, Why: why.Error()})
}

// fewLeft is up to how many limits are said to be waited for.
const fewLeft = 4

// waiting says which limits of a question are not answered yet, once these are few, as
// its expressions are answered one after the other.
func (f *foresight) waiting(q *feature.LimitQuery) func(column string) {
	left := map[string]int{}
	for _, e := range q.Exprs {
		left[feature.LimitOf(e.Feature)]++
	}
	say := func() {
		if len(left) > fewLeft {
			return
		}
		names := slices.Sorted(maps.Keys(left))
		if text := strings.Join(names, ", "); text != f.last {
			f.last = text
			f.progress(Progress{Done: f.begin + f.share*f.done, Waiting: names})
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	say()
	return func(column string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		name := feature.LimitOf(column)
		if left[name]--; left[name] == 0 {
			delete(left, name)
			say()
		}
	}
}

// instant observes an instant of a frame that answers the query.
func (f *foresight) instant(q *feature.LimitQuery, of map[omen.Resource]*resource, frame *series.Frame, rows []feature.Row, i int, round bool) {
	at := frame.Time(i)
	for _, row := range rows {
		for _, limit := range q.Limits {
			used, most := limit.Amount(frame, row.Index, i)
			if math.IsNaN(used) || math.IsNaN(most) {
				continue
			}
			id := omen.Resource{Host: row.Host, Name: limit.Name, Where: row.Where}
			r := of[id]
			if r == nil {
				if f.count[row.Host.Name] == feature.MaxResources {
					continue
				}
				f.count[row.Host.Name]++
				f.out.Resources++
				r = &resource{limit: limit, series: forecast.New(cmp.Or(limit.Full, forecast.Full)), first: at}
				of[id] = r
			}
			f.out.Labels[id] = frame.Labels[row.Index]
			r.observe(at, used, most)
		}
	}
	if !round {
		return
	}
	for id, r := range of {
		if !slices.Contains(q.Limits, r.limit) { // it is asked for apart
			continue
		}
		said, ok := r.forecast(at)
		sudden, matters := r.rounds.Next(at, said, ok)
		if !matters {
			continue
		}
		o := r.limit.Outlook(id, said)
		o.Sudden = sudden
		all := f.rounds[id.Host.Name]
		if all == nil {
			all = map[time.Time]*omen.Outlooks{}
			f.rounds[id.Host.Name] = all
		}
		if all[at] == nil {
			all[at] = &omen.Outlooks{Source: id.Host.Source, Profile: id.Host.Profile, At: at}
		}
		all[at].Of = append(all[at].Of, o)
	}
}
