package api

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// mostMembers bounds the hosts whose scores one request reads, the first to leave
// their normal.
const mostMembers = 50

// Member is a host of a fleet incident with its scores by time.
type Member struct {
	Incident string       `json:"incident" doc:"the host's own, which is part of the fleet's"`
	Host     HostRef      `json:"host"`
	Since    Instant      `json:"since" null:"never" doc:"its first anomalous sample"`
	Back     Instant      `json:"back" doc:"since when it is normal again; null: it is not"`
	Peak     Number       `json:"peak"`
	Scores   List[Number] `json:"scores" doc:"the highest of each step, to two decimals; null: none was stored"`
}

// Members is a fleet incident as a strip for each host.
type Members struct {
	From    Instant      `json:"from" null:"never" doc:"when the first step begins"`
	Step    Number       `json:"step_seconds" null:"never"`
	Total   int          `json:"total" doc:"how many hosts the incident has"`
	Members List[Member] `json:"members" doc:"by when they left their normal, at most 50"`
}

// getMembers answers with the hosts of a fleet incident and their scores.
func (a *API) getMembers(r *http.Request) (any, error) {
	in, err := a.store.Incident(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	from, to, err := spanOf(r)
	if err != nil {
		return nil, err
	}
	n, err := intParam(r.URL.Query().Get("points"), "points", 120, 1, 500)
	if err != nil {
		return nil, err
	}
	step := max(to.Sub(from)/time.Duration(n), time.Millisecond)
	out := Members{From: Instant(from), Step: Number(step.Seconds()), Total: len(in.Members)}
	parts, err := a.store.Incidents(r.Context(), store.Filter{Fleet: in.ID})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(parts, func(x, y omen.Incident) int {
		return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.Host.Name, y.Host.Name))
	})
	for _, p := range parts[:min(mostMembers, len(parts))] {
		shown, err := a.toOpen(r.Context(), p)
		if err != nil {
			return nil, err
		}
		history, err := a.scores(r.Context(), p.Host, from, to)
		if err != nil {
			return nil, err
		}
		back := shown.Returning
		if p.State == omen.Closed {
			back = shown.ClosedAt
		}
		out.Members = append(out.Members, Member{p.ID, toRef(p.Host), shown.Since, back, shown.Peak, highest(history, from, step, n)})
	}
	return out, nil
}

// mostStrips bounds the incidents of which one request reads the scores.
const mostStrips = 20

// Strip is an incident's scores, from before it began until now.
type Strip struct {
	From   Instant      `json:"from" null:"never" doc:"when the first step begins"`
	Step   Number       `json:"step_seconds" null:"never"`
	Scores List[Number] `json:"scores" doc:"the highest of each step, to two decimals, of the host whose causes the incident has; null: none was stored"`
}

// strip is the scores of an open incident of hosts in so many steps, a third of them
// from before it began; nil: it is none.
func (a *API) strip(ctx context.Context, in omen.Incident, n int, now time.Time) (*Strip, error) {
	if in.State == omen.Closed || in.Kind != omen.HostIncident && in.Kind != omen.FleetIncident || !in.Since.Before(now) {
		return nil, nil
	}
	of := in.Host
	if in.AtPeak != nil && in.Kind == omen.FleetIncident {
		of = in.AtPeak.Host
	}
	lasts := min(max(now.Sub(in.Since), 5*time.Minute), maxSpan*2/3)
	from := now.Add(-lasts - lasts/2)
	history, err := a.scores(ctx, of, from, now)
	if err != nil {
		return nil, err
	}
	step := now.Sub(from) / time.Duration(n)
	return &Strip{Instant(from), Number(step.Seconds()), highest(history, from, step, n)}, nil
}

// highest is the highest score of each of n steps, NaN where there is none. Where
// steps are shorter than scores are apart, a score is that of the steps until the
// next one is due, too.
func highest(history []omen.ScorePoint, from time.Time, step time.Duration, n int) List[Number] {
	out := make(List[Number], n)
	for i := range out {
		out[i] = Number(math.NaN())
	}
	for _, p := range history {
		i := int(p.At.Sub(from) / step)
		if p.At.Before(from) || i >= n || math.IsNaN(p.Value) {
			continue
		}
		if v := Number(math.Round(100*p.Value) / 100); !(v <= out[i]) {
			out[i] = v
		}
	}
	lasts := apart(history)
	if lasts <= step {
		return out
	}
	for _, p := range history {
		if p.At.Before(from) || math.IsNaN(p.Value) {
			continue
		}
		due := int((p.At.Add(lasts).Sub(from) - 1) / step)
		for i := int(p.At.Sub(from)/step) + 1; i <= min(due, n-1) && math.IsNaN(float64(out[i])); i++ {
			out[i] = Number(math.Round(100*p.Value) / 100)
		}
	}
	return out
}
