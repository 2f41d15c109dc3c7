package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// byWeight reads ?sort= of incidents, and widens the filter to all that are to
// be compared: by weight only those that are not closed have an order, and they
// are few.
func byWeight(sort string, f *store.Filter) (bool, error) {
	switch IncidentOrder(sort) {
	case "", IncidentsBySince:
		return false, nil
	case IncidentsByWeight:
	default:
		return false, fmt.Errorf("sort=%s: want since or weight: %w", sort, omen.ErrInvalid)
	}
	if len(f.States) == 0 || slices.Contains(f.States, omen.Closed) || f.Before != "" {
		return false, omen.WithHint(fmt.Errorf("sort=weight of closed incidents, or with before=: %w", omen.ErrInvalid),
			"add state=active; closed incidents are listed by sort=since")
	}
	f.Limit = 0
	return true, nil
}

// heavier compares incidents at an instant by how much they need looking at: those
// that people are notified of first, then by severity, then by the peak times the
// hosts concerned; forecasts after these, that first whose end is nearest; of equal
// ones the order that they have.
func heavier(now time.Time) func(x, y omen.Incident) int {
	rank := map[omen.Severity]int{omen.Critical: 0, omen.Warning: 1, omen.Info: 2}
	quiet := func(i omen.Incident) int {
		if i.Suppressed != "" {
			return 1
		}
		return 0
	}
	weight := func(i omen.Incident) float64 {
		if i.Kind == omen.ForecastIncident {
			return -1
		}
		return i.Peak * float64(max(1, len(i.Members)))
	}
	return func(x, y omen.Incident) int {
		return cmp.Or(cmp.Compare(quiet(x), quiet(y)), cmp.Compare(rank[x.Severity], rank[y.Severity]), cmp.Compare(weight(y), weight(x)),
			cmp.Compare(due(x).Sub(now).Abs(), due(y).Sub(now).Abs()))
	}
}

// due is when what a forecast incident is about is full, or over: of what is full
// when that was first said. Of others it is zero.
func due(i omen.Incident) time.Time {
	switch f := i.Forecast; {
	case i.Kind != omen.ForecastIncident || f == nil:
		return time.Time{}
	case f.Dated():
		return f.Expires
	default:
		return f.At.Add(f.Full)
	}
}

// toIncidents are incidents for people: those of a host that are open say since
// when it is below the limit, those of several what these have in common.
// points: those that are open have so many of their scores, for a picture; 0: none.
func (a *API) toIncidents(ctx context.Context, all []omen.Incident, points int) (List[Incident], error) {
	out := make(List[Incident], 0, len(all))
	var known []omen.HostStatus // read once, where it is needed
	for _, in := range all {
		w, err := a.toOpen(ctx, in)
		if err != nil {
			return nil, err
		}
		if in.Kind == omen.FleetIncident && in.State != omen.Closed {
			if known == nil {
				known = a.live.Hosts()
			}
			w.Common = common(in.Members, known)
		}
		if points > 0 && len(out) < mostStrips {
			if w.Strip, err = a.strip(ctx, in, points, time.Now()); err != nil {
				return nil, err
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// toOpen is one of these.
func (a *API) toOpen(ctx context.Context, in omen.Incident) (Incident, error) {
	w := toIncident(in)
	if in.State == omen.Closed || in.Kind != omen.HostIncident {
		return w, nil
	}
	since, whole := a.recent.below(in.Host)
	if !since.IsZero() && !whole {
		// It was so when this process first saw it: how long before, what is stored
		// says, once.
		points, err := a.scores(ctx, in.Host, in.Since, time.Now())
		if err != nil {
			return w, err
		}
		if at := lastBelow(points); !at.IsZero() && at.Before(since) {
			since = at
		}
		a.recent.fell(in.Host, since)
	}
	w.Returning = Instant(since)
	return w, nil
}

// lastBelow is the first instant of a history's end that is at or below the limit;
// zero: its last one is not.
func lastBelow(points []omen.ScorePoint) (since time.Time) {
	for i := len(points) - 1; i >= 0 && points[i].Value <= 1; i-- {
		since = points[i].At
	}
	return since
}
