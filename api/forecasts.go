package api

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// likely is the probability within seven days from which a resource is worth
// listing.
const likely = .05

func (a *API) getForecasts(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := intParam(q.Get("limit"), "limit", 100, 1, 10_000)
	if err != nil {
		return nil, err
	}
	onlyLikely, err := boolParam(q.Get("likely"), "likely", false)
	if err != nil {
		return nil, err
	}
	var host omen.Host
	if name := q.Get("host"); name != "" {
		h, err := a.find(name)
		if err != nil {
			return nil, err
		}
		host = h.Host
	}
	other := func(r omen.Resource) bool {
		return host != (omen.Host{}) && r.Host != host ||
			q.Get("source") != "" && r.Host.Source != q.Get("source") ||
			q.Get("resource") != "" && r.Name != q.Get("resource")
	}
	all := slices.DeleteFunc(slices.Clone(a.live.Forecasts()), func(o omen.Outlook) bool { return other(o.Resource) })
	pending := slices.DeleteFunc(slices.Clone(a.live.Pending()), func(p omen.Pending) bool { return other(p.Resource) })
	out := Forecasts{Resources: len(all) + len(pending), Waiting: len(pending)}
	out.Until, out.Note = a.pending(pending, out.Resources)
	all = slices.DeleteFunc(all, func(o omen.Outlook) bool {
		return onlyLikely && !o.Exhausted && o.P[omen.Within7d] < likely && !o.Due()
	})
	slices.SortFunc(all, sooner)
	out.Total = len(all)
	out.Forecasts = each(all[:min(limit, len(all))], a.toForecast)
	for _, u := range a.live.Unread() {
		if (host == (omen.Host{}) || u.Source == host.Source && u.Profile == host.Profile) &&
			(q.Get("source") == "" || u.Source == q.Get("source")) && (q.Get("resource") == "" || u.Limit == q.Get("resource")) {
			out.Unread = append(out.Unread, UnreadLimit{Source: u.Source, Profile: u.Profile, Limit: u.Limit, Why: u.Why})
		}
	}
	return out, nil
}

// pending is from when on those are forecast that have too little history, of so many
// resources, and why some are not forecast.
func (a *API) pending(all []omen.Pending, of int) (until Instant, note string) {
	young, unread, failed := 0, 0, ""
	var due time.Time
	for _, p := range all {
		if due = omen.Later(due, p.Due); !p.Due.IsZero() {
			young++
		} else if unread++; p.Err != "" {
			failed = p.Err
		}
	}
	var why []string
	if young > 0 {
		why = append(why, fmt.Sprintf("%s too little history, until %s", omen.Plural(young, "has", "have"), due.In(a.zone).Format("15:04:05 MST")))
	}
	switch {
	case failed != "":
		why = append(why, fmt.Sprintf("the history of %d cannot be read: %s", unread, failed))
	case unread > 0:
		why = append(why, fmt.Sprintf("the history of %d is being read", unread))
	}
	if len(why) == 0 {
		return Instant{}, ""
	}
	return Instant(due), fmt.Sprintf("%d of %s not forecast yet: %s", len(all), omen.Plural(of, "resource is", "resources are"), strings.Join(why, "; "))
}

// sooner compares what is full first, then what is certain or more likely than not
// within a day; then by the median of the time to full, then by how likely it is,
// then by how full they are.
func sooner(x, y omen.Outlook) int {
	doubt := func(o omen.Outlook) int {
		if o.Exhausted || o.Dated() || o.P[omen.Within24h] >= .5 {
			return 0
		}
		return 1
	}
	when := func(o omen.Outlook) float64 {
		switch {
		case o.Exhausted:
			return -1
		case o.Full > 0:
			return o.Full.Seconds()
		}
		return math.Inf(1)
	}
	return cmp.Or(
		cmp.Compare(doubt(x), doubt(y)), cmp.Compare(when(x), when(y)), cmp.Compare(y.P[omen.Within7d], x.P[omen.Within7d]),
		cmp.Compare(y.Used/max(y.Limit, 1e-300), x.Used/max(x.Limit, 1e-300)), strings.Compare(x.Host.ID(), y.Host.ID()),
		strings.Compare(x.Name, y.Name), strings.Compare(x.Where, y.Where))
}

func (a *API) toForecast(o omen.Outlook) Forecast { return toForecast(o, a.zone) }

func toForecast(o omen.Outlook, zone *time.Location) Forecast {
	span := func(d time.Duration) Number {
		if o.Full == 0 {
			return Number(math.NaN())
		}
		return Number(d.Seconds())
	}
	ceiling := o.Ceiling
	if ceiling == 0 {
		ceiling = math.NaN()
	}
	used, limit := o.Used, o.Limit
	if o.Dated() {
		used, limit = math.NaN(), math.NaN()
	}
	return Forecast{
		Host: toRef(o.Host), Resource: o.Name, Where: o.Where, Title: o.Title, Text: o.Sentence(zone), Unit: o.Unit,
		At: Instant(o.At), Used: Number(used), Limit: Number(limit), Expires: Instant(o.Expires), Exhausted: o.Exhausted,
		P:    each(o.P[:], func(p float64) Number { return Number(p) }),
		Full: span(o.Full), Early: span(o.Early), Late: span(o.Late), Rate: Number(o.Rate), Since: Instant(o.Since),
		Rises: o.Rises, Longer: o.Longer, Days: o.Days, Ceiling: Number(ceiling),
	}
}

// Sentence is the forecast in a sentence, with times of day in a zone: Text has them in
// that of the Omen that wrote it.
func (f *Forecast) Sentence(zone *time.Location) string {
	span := func(n Number) time.Duration {
		if math.IsNaN(float64(n)) {
			return 0
		}
		return time.Duration(float64(n) * float64(time.Second))
	}
	return omen.Outlook{
		Resource: omen.Resource{Host: omen.Host{Name: f.Host.Name}, Name: f.Resource, Where: f.Where}, Title: f.Title, Unit: f.Unit,
		Forecast: omen.Forecast{
			At: time.Time(f.At), Used: float64(f.Used), Limit: float64(f.Limit), Exhausted: f.Exhausted, Full: span(f.Full), Early: span(f.Early),
			Late: span(f.Late), Rate: float64(f.Rate), Since: time.Time(f.Since), Expires: time.Time(f.Expires),
		},
	}.Sentence(zone)
}

// forecastOf is an incident's forecast; nil: it has none.
func forecastOf(in omen.Incident) *Forecast {
	if in.Forecast == nil {
		return nil
	}
	f := toForecast(*in.Forecast, time.UTC)
	if in.Kind == omen.ForecastIncident {
		f.Text = in.Summary
	}
	return &f
}

// horizons name the spans of [omen.Horizons] as people write them in rules.
var horizons = [5]string{"1h", "4h", "24h", "72h", "7d"}

// leastShown is the probability below which no series is exposed: most resources
// of most hosts are never full.
const leastShown = .01

func emitForecasts(emit sink, all []omen.Outlook, source bool) {
	for _, o := range all {
		labels := []string{"instance", o.Host.Name, "profile", o.Host.Profile, "resource", o.Name, "where", o.Where}
		if source {
			labels = append(labels, "source", o.Host.Source)
		}
		for i, p := range o.P {
			if p >= leastShown {
				emit(mProbability, p, with(labels, "horizon", horizons[i])...)
			}
		}
		if o.Full == 0 && !o.Exhausted {
			continue
		}
		for _, q := range []struct {
			name string
			span time.Duration
		}{{"10", o.Early}, {"50", o.Full}, {"90", o.Late}} {
			emit(mFull, q.span.Seconds(), with(labels, "percentile", q.name)...)
		}
	}
}
