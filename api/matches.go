package api

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/mute"
)

// maxMatches bounds how many hosts and incidents a preview lists.
const maxMatches = 20

type Match struct {
	Match List[Matcher] `json:"match,omitempty" doc:"all must hold"`
	Text  string        `json:"text,omitempty" doc:"instead of match: as PromQL writes them, separated by commas or lines, such as host=~\"web-.*\""`
}

type Matches struct {
	Match     List[Matcher]  `json:"match" doc:"the matchers, read from the text if that was given"`
	Hosts     List[HostRef]  `json:"hosts" doc:"at most 20 of the hosts that the matchers allow, by name"`
	HostCount int            `json:"host_count" doc:"how many they are"`
	AllHosts  int            `json:"all_hosts" doc:"how many hosts are known"`
	Incidents List[Incident] `json:"incidents" doc:"at most 20 of the open incidents that match, the oldest first"`
	Count     int            `json:"incident_count" doc:"how many they are; those that are part of a matching fleet incident are left out"`
}

// postMatches is what a silence or a window with these matchers would be about
// if it held now. Hosts are asked only what a host can answer: kind, severity
// and cause belong to incidents.
func (a *API) postMatches(r *http.Request) (any, error) {
	var in Match
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	match, err := mute.ParseMatchers(in.Text)
	if err != nil {
		return nil, err
	}
	match = append(match, each(in.Match, fromMatcher)...)
	if len(match) == 0 {
		return nil, omen.WithHint(fmt.Errorf("no matcher: %w", omen.ErrInvalid), `say which incidents are meant, such as host="web-1"`)
	}
	whole, err := mute.Compile(match)
	if err != nil {
		return nil, err
	}
	ofHost, err := mute.Compile(slices.DeleteFunc(slices.Clone(match), func(m mute.Matcher) bool { return !m.OfHost() }))
	if err != nil {
		return nil, err
	}
	open, err := a.store.OpenIncidents(r.Context())
	if err != nil {
		return nil, err
	}
	known := a.live.Hosts()
	out := Matches{Match: each(match, toMatcher), AllHosts: len(known)}
	labels := make(incident.LabelMap, len(known))
	var hosts []omen.Host
	for _, h := range known {
		labels[h.Host] = h.Labels
		if ofHost(mute.HostValue(h.Host, h.Labels)) {
			hosts = append(hosts, h.Host)
		}
	}
	slices.SortFunc(hosts, func(x, y omen.Host) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID(), y.ID())) })
	out.HostCount, out.Hosts = len(hosts), each(hosts[:min(maxMatches, len(hosts))], toRef)
	found := matching(open, whole, labels)
	out.Count, out.Incidents = len(found), each(found[:min(maxMatches, len(found))], toIncident)
	return out, nil
}

// matching are the incidents that a condition holds for, without those that
// are part of a fleet incident among them.
func matching(open []omen.Incident, holds mute.Condition, labels incident.LabelMap) []omen.Incident {
	var found []omen.Incident
	fleets := map[string]bool{}
	for i := range open {
		if holds.HoldsForAll(&open[i], mute.Subjects(&open[i], labels.Labels)) {
			found = append(found, open[i])
			fleets[open[i].ID] = true
		}
	}
	return slices.DeleteFunc(found, func(in omen.Incident) bool { return fleets[in.Fleet] })
}
