package replay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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

// Foresee forecasts the resources of hosts round by round, as serve does every
// minute, after the two weeks before the span, of which each round knows what came
// before it. A limit that cannot be read is in Failed; it fails only with ctx.
func Foresee(ctx context.Context, o Foreseeable, progress func(done float64)) (*Foresight, error) {
	f := &foresight{
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
		f.query(ctx, &queries[i])
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if progress != nil {
			progress(float64(i+1) / float64(len(queries)))
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

// query forecasts the resources of one query over the whole span: of each limit by
// itself where none is answered together with the others.
func (f *foresight) query(ctx context.Context, q *feature.LimitQuery) {
	of := map[omen.Resource]*resource{}
	switch err := f.span(ctx, q, of); {
	case err == nil || ctx.Err() != nil:
	case len(of) == 0 && len(q.Limits) > 1:
		for _, l := range q.Limits {
			one := q.Only(func(o *feature.Limit) bool { return o == l })
			f.query(ctx, &one)
		}
	default:
		for _, l := range q.Limits {
			f.out.Failed[l.Name] = err.Error()
		}
	}
}

// span reads the history before the span, and then the span itself.
func (f *foresight) span(ctx context.Context, q *feature.LimitQuery, of map[omen.Resource]*resource) error {
	begin := f.Span.From.Truncate(f.out.Every)
	for _, s := range forecast.Stretches() { // as serve reads it
		if err := f.read(ctx, q, of, begin.Add(-s.From).Truncate(s.Step).Add(s.Step), begin.Add(-s.To).Truncate(s.Step), s.Step, false); err != nil {
			return fmt.Errorf("its history: %w", err)
		}
	}
	return f.read(ctx, q, of, begin.Add(f.out.Every), f.Span.To, f.out.Every, true)
}

// read observes the instants from start to end, and forecasts at each of them if
// they are rounds.
func (f *foresight) read(ctx context.Context, q *feature.LimitQuery, of map[omen.Resource]*resource, start, end time.Time, step time.Duration, rounds bool) error {
	ask := series.Query{Exprs: q.Exprs, By: slices.Concat(f.Schema.By(), q.By), Step: step, Window: f.Window}
	instants := firstPiece
	for ask.Start = start; !ask.Start.After(end); ask.Start = ask.End.Add(step) {
		if ask.End = ask.Start.Add(time.Duration(instants-1) * step); ask.End.After(end) {
			ask.End = ask.Start.Add(end.Sub(ask.Start).Truncate(step))
		}
		frame, err := f.Source.Read(ctx, ask)
		if err != nil {
			return err
		}
		for column, err := range frame.Failed {
			f.out.Failed[feature.LimitOf(column)] = err.Error()
		}
		instants = max(firstPiece, pieceValues/max(1, len(frame.Hosts)*len(q.Exprs)))
		rows := q.Rows(frame, f.Schema.By(), f.hosts)
		for i := range frame.Instants {
			f.instant(q, of, frame, rows, i, rounds)
		}
	}
	return nil
}

// instant observes an instant of a frame.
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
