package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/store"
)

func (a *API) getIncidents(r *http.Request) (any, error) {
	limit, err := intParam(r.URL.Query().Get("limit"), "limit", 50, 1, 500)
	if err != nil {
		return nil, err
	}
	f, err := a.incidentFilter(r)
	if err != nil {
		return nil, err
	}
	f.Limit = limit + 1
	weighed, err := byWeight(r.URL.Query().Get("sort"), &f)
	if err != nil {
		return nil, err
	}
	found, err := a.store.Incidents(r.Context(), f)
	if err != nil {
		return nil, err
	}
	var out Incidents
	if weighed {
		slices.SortStableFunc(found, heavier(time.Now()))
		found = found[:min(limit, len(found))]
	}
	if len(found) > limit {
		found = found[:limit]
		if limit > 0 {
			out.Next = found[limit-1].ID
		}
	}
	points, err := intParam(r.URL.Query().Get("points"), "points", 0, 0, 120)
	if err != nil {
		return nil, err
	}
	out.Incidents, err = a.toIncidents(r.Context(), found, points)
	return out, err
}

// incidentFilter reads which incidents are asked for.
func (a *API) incidentFilter(r *http.Request) (f store.Filter, err error) {
	q := r.URL.Query()
	f = store.Filter{Before: q.Get("before"), Source: q.Get("source"), Fleet: q.Get("fleet")}
	members, err := boolParam(q.Get("members"), "members", false)
	if err != nil {
		return f, err
	}
	quiet, err := boolParam(q.Get("quiet"), "quiet", true)
	if err != nil {
		return f, err
	}
	f.TopLevel, f.Loud = f.Fleet == "" && q.Get("host") == "" && !members, !quiet
	for s := range strings.SplitSeq(q.Get("state"), ",") {
		switch s {
		case "":
		case "active":
			f.States = append(f.States, omen.Open, omen.Acknowledged)
		case string(omen.Open), string(omen.Acknowledged), string(omen.Closed):
			f.States = append(f.States, omen.IncidentState(s))
		default:
			return f, fmt.Errorf("state=%s: want open, acknowledged, closed or active: %w", s, omen.ErrInvalid)
		}
	}
	for k := range strings.SplitSeq(q.Get("kind"), ",") {
		switch kind := omen.IncidentKind(k); kind {
		case "":
		case omen.HostIncident, omen.FleetIncident, omen.SourceIncident, omen.OwnIncident, omen.ForecastIncident:
			f.Kinds = append(f.Kinds, kind)
		default:
			return f, fmt.Errorf("kind=%s: want host, fleet, source, omen or forecast: %w", k, omen.ErrInvalid)
		}
	}
	if host := q.Get("host"); host != "" {
		if f.Host, err = a.hostParam(host); err != nil {
			return f, err
		}
	}
	if f.Before != "" {
		if _, err := a.store.Incident(r.Context(), f.Before); err != nil {
			return f, fmt.Errorf("before=%s: %w", f.Before, err)
		}
	}
	if f.From, err = timeParam(q.Get("from"), "from", f.From); err != nil {
		return f, err
	}
	if f.To, err = timeParam(q.Get("to"), "to", f.To); err != nil {
		return f, err
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, backwards(f.From, f.To)
	}
	return f, nil
}

// hostParam is a host that may be gone: one that is known, or any full ID.
func (a *API) hostParam(name string) (omen.Host, error) {
	h, err := a.find(name)
	if err == nil {
		return h.Host, nil
	}
	if gone, bad := omen.ParseHost(name); bad == nil {
		return gone, nil
	}
	return omen.Host{}, err
}

func (a *API) getIncident(r *http.Request) (any, error) {
	return a.incident(r, r.PathValue("id"))
}

func (a *API) incident(r *http.Request, id string) (IncidentDetail, error) {
	in, err := a.store.Incident(r.Context(), id)
	if err != nil {
		return IncidentDetail{}, err
	}
	changes, err := a.store.Changes(r.Context(), id)
	if err != nil {
		return IncidentDetail{}, err
	}
	deliveries, err := a.store.Deliveries(r.Context(), id)
	if err != nil {
		return IncidentDetail{}, err
	}
	shown, err := a.toOpen(r.Context(), in)
	if err != nil {
		return IncidentDetail{}, err
	}
	if in.Kind == omen.FleetIncident {
		shown.Common = common(in.Members, a.live.Hosts())
	}
	return IncidentDetail{
		Incident: shown, Changes: each(changes, toChange), Deliveries: each(deliveries, toDelivery),
	}, nil
}

// Act is the body of every request to act on an incident; what does not
// belong to the action stays empty.
type Act struct {
	By       string       `json:"by,omitempty" doc:"who asks; with basic auth, the signed-in user always"`
	Comment  string       `json:"comment,omitempty"`
	Assignee string       `json:"assignee,omitempty" doc:"of assign; empty: nobody"`
	Link     string       `json:"link,omitempty" doc:"of link: an http or https URL"`
	Verdict  omen.Verdict `json:"verdict,omitempty" doc:"of verdict: real, not_a_problem or expected_at_this_time; empty takes it back"`
	Role     bool         `json:"role,omitempty" doc:"of verdict: the pattern holds on every host of the same role"`
	NoEffect bool         `json:"no_effect,omitempty" doc:"of verdict: record it only, remember no pattern"`
	Force    bool         `json:"force,omitempty" doc:"of verdict: even if confirmed incidents would have been missed"`
}

func command(r *http.Request, action incident.Action) (incident.Command, error) {
	var in Act
	if err := decode(r, &in); err != nil {
		return incident.Command{}, err
	}
	return incident.Command{
		Incident: r.PathValue("id"), Action: action, By: author(r, in.By), Comment: in.Comment,
		Assignee: in.Assignee, Link: in.Link, Verdict: in.Verdict, Role: in.Role, NoEffect: in.NoEffect, Force: in.Force,
	}, nil
}

func (a *API) act(action incident.Action) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		c, err := command(r, action)
		if err != nil {
			return nil, err
		}
		if _, err := a.manager.Do(r.Context(), c); err != nil {
			return nil, err
		}
		return a.incident(r, c.Incident)
	}
}

type Preview struct {
	Pattern Pattern        `json:"pattern" doc:"what Omen would remember"`
	Vanish  List[Incident] `json:"vanish" doc:"incidents of the last 90 days that would have been suppressed"`
	Lost    List[Incident] `json:"lost" doc:"of these, those that somebody confirmed as real"`
}

type Previews struct {
	Previews List[Preview] `json:"previews" doc:"one for a host's incident, one per member for a fleet's"`
}

func (a *API) preview(r *http.Request) (any, error) {
	c, err := command(r, incident.Judge)
	if err != nil {
		return nil, err
	}
	all, err := a.manager.Preview(r.Context(), c)
	if err != nil {
		return nil, err
	}
	return Previews{each(all, func(p feedback.Preview) Preview {
		return Preview{toPattern(p.Pattern), each(p.Vanish, toIncident), each(p.Lost, toIncident)}
	})}, nil
}
