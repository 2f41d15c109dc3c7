package api

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

// sparkScores is how many scores a host in a list carries.
const sparkScores = 60

// find is the host that a path or query names: by its full ID, or by its name
// if only one host has it, or by its instance label.
func (a *API) find(name string) (omen.HostStatus, error) {
	id, err := a.identify(name)
	if err != nil {
		return omen.HostStatus{}, err
	}
	h, known := a.live.Host(id)
	if !known {
		return omen.HostStatus{}, unknownHost(name)
	}
	return h, nil
}

// identify is [API.find] without the host's status.
func (a *API) identify(name string) (omen.Host, error) {
	if strings.Contains(name, "/") {
		if id, err := omen.ParseHost(name); err == nil {
			if _, known := a.live.Subject(id); known {
				return id, nil
			}
		}
	}
	found := a.live.Named(name)
	if len(found) > 1 {
		if exact := slices.DeleteFunc(slices.Clone(found), func(h omen.Host) bool { return h.Name != name }); len(exact) > 0 {
			found = exact
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		ids := each(found, omen.Host.ID)
		slices.Sort(ids)
		return omen.Host{}, omen.WithHint(
			fmt.Errorf("host %q: %d hosts have this name: %w", name, len(ids), omen.ErrConflict),
			"give the full id, one of "+strings.Join(ids[:min(5, len(ids))], ", "))
	}
	return omen.Host{}, unknownHost(name)
}

func unknownHost(name string) error {
	return omen.WithHint(fmt.Errorf("host %q: %w", name, omen.ErrNotFound), "GET /api/v1/omen/hosts lists the hosts that Omen knows")
}

func counts(hosts []omen.HostStatus) map[omen.HostState]int {
	out := map[omen.HostState]int{omen.HostLearning: 0, omen.HostNormal: 0, omen.HostAnomalous: 0, omen.HostSilent: 0}
	for _, h := range hosts {
		out[h.State]++
	}
	return out
}

func (a *API) getHosts(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := intParam(q.Get("limit"), "limit", 100, 1, 1000)
	if err != nil {
		return nil, err
	}
	offset, err := intParam(q.Get("offset"), "offset", 0, 0, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	all := a.live.Hosts()
	out := Hosts{Counts: counts(all)}
	meant, err := labelMatch(q.Get("match"))
	if err != nil {
		return nil, err
	}
	switch s := omen.HostState(q.Get("state")); s {
	case "", omen.HostLearning, omen.HostNormal, omen.HostAnomalous, omen.HostSilent:
	default:
		return nil, fmt.Errorf("state=%s: want learning, normal, anomalous or silent: %w", s, omen.ErrInvalid)
	}
	needle := strings.ToLower(q.Get("q"))
	kept := make([]omen.HostStatus, 0, len(all))
	for _, h := range all {
		if (q.Get("state") == "" || string(h.State) == q.Get("state")) &&
			(q.Get("source") == "" || h.Host.Source == q.Get("source")) &&
			meant(h.Host, h.Labels) &&
			strings.Contains(strings.ToLower(h.Host.ID()), needle) {
			kept = append(kept, h)
		}
	}
	order, err := orderOf(q.Get("sort"))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(kept, func(x, y omen.HostStatus) int {
		return cmp.Or(order(x, y), strings.Compare(x.Host.Name, y.Host.Name), strings.Compare(x.Host.ID(), y.Host.ID()))
	})
	out.Total = len(kept)
	kept = kept[min(offset, len(kept)):]
	kept = kept[:min(limit, len(kept))]
	out.Hosts = each(kept, func(h omen.HostStatus) Host { return toHost(h, a.recent.values(h.Host, sparkScores), 3) })
	return out, nil
}

// labelMatch reads ?match=: which hosts are meant, by their labels.
func labelMatch(text string) (func(omen.Host, map[string]string) bool, error) {
	match, err := mute.ParseMatchers(text)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(match, func(m mute.Matcher) bool { return !m.OfHost() }); i >= 0 {
		return nil, fmt.Errorf("match=%s: it is about incidents: %w", match[i], omen.ErrInvalid)
	}
	holds, err := mute.Compile(match)
	if err != nil {
		return nil, err
	}
	return func(h omen.Host, labels map[string]string) bool { return holds(mute.HostValue(h, labels)) }, nil
}

// orderOf is how hosts are compared for ?sort=. The default puts what needs
// looking at first: anomalous, then silent, then normal; of each the highest
// score.
func orderOf(by string) (func(x, y omen.HostStatus) int, error) {
	score := func(h omen.HostStatus) float64 {
		if hasScore(h) {
			return h.Score.Value
		}
		return -1
	}
	rank := map[omen.HostState]int{omen.HostAnomalous: 0, omen.HostSilent: 1, omen.HostNormal: 2, omen.HostLearning: 3}
	switch HostOrder(by) {
	case "", HostsByAttention:
		return func(x, y omen.HostStatus) int {
			return cmp.Or(cmp.Compare(rank[x.State], rank[y.State]), cmp.Compare(score(y), score(x)))
		}, nil
	case HostsByScore:
		return func(x, y omen.HostStatus) int { return cmp.Compare(score(y), score(x)) }, nil
	case HostsByName:
		return func(x, y omen.HostStatus) int { return 0 }, nil
	case HostsByModelAge:
		return func(x, y omen.HostStatus) int { return x.Model.TrainedAt.Compare(y.Model.TrainedAt) }, nil
	}
	return nil, fmt.Errorf("sort=%s: want attention, score, name or model_age: %w", by, omen.ErrInvalid)
}

func (a *API) getHost(r *http.Request) (any, error) {
	h, err := a.find(r.PathValue("host"))
	if err != nil {
		return nil, err
	}
	open, err := a.store.Incidents(r.Context(), store.Filter{
		Host: h.Host, States: []omen.IncidentState{omen.Open, omen.Acknowledged}, Limit: 20,
	})
	if err != nil {
		return nil, err
	}
	shown, err := a.toIncidents(r.Context(), open, 0)
	if err != nil {
		return nil, err
	}
	out := moving(h)
	out.Recent, out.Incidents = each(a.recent.values(h.Host, recentScores), toNumber), shown
	if h.Model.ID != "" {
		m := toModel(h.Model, true)
		out.Serving = &m
	}
	return out, nil
}

// moving is what moves of a host from sample to sample.
func moving(h omen.HostStatus) HostDetail {
	return HostDetail{Host: toHost(h, nil, omen.MaxCauses), Features: each(h.Features, toFeature)}
}
