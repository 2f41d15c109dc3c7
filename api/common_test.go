package api

import (
	"fmt"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// What all members share, and no others do, comes first; then labels of whose values
// they have only some. What each has for itself, and what all hosts have, says nothing.
func TestCommonLabels(t *testing.T) {
	var known []omen.HostStatus
	var members []omen.Host
	for i := range 40 {
		h := node(fmt.Sprintf("host-%02d", i), "instance", fmt.Sprint(i), "dc", fmt.Sprint("dc", i%4), "role", fmt.Sprint("role-", i%8), "env", "prod")
		if i%4 == 1 {
			members = append(members, h.Host)
			h.Labels["rack"] = fmt.Sprint("r", i%3)
		} else {
			h.Labels["rack"] = fmt.Sprint("r", i%7)
		}
		known = append(known, h)
	}
	got := fmt.Sprintf("%+v", common(append(members, omen.Host{Source: "prom", Profile: "node", Name: "gone"}), known))
	if want := "[{Label:dc Value:dc1 Values:1 Of:4} {Label:role Value: Values:2 Of:8} {Label:rack Value: Values:3 Of:7}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	delete(known[1].Labels, "dc") // the first member has none
	if got := common(members, known)[0]; got.Label != "dc" || got.Value != "" || got.Values != 1 {
		t.Errorf("%+v: one of the members has no dc, and so they do not share it", got)
	}
	if got := common(members, nil); len(got) != 0 {
		t.Errorf("of hosts that are not known: %+v", got)
	}
}

// An open incident of many hosts says in lists and by itself what they have in
// common; a closed one by itself.
func TestIncidentsSayWhatIsCommon(t *testing.T) {
	f := newFixture(t)
	f.hosts = []omen.HostStatus{node("web-1", "role", "web"), node("web-2", "role", "web"), node("db-1", "role", "db")}
	in := omen.Incident{ID: "fleet", Kind: omen.FleetIncident, State: omen.Open, Severity: omen.Warning, Since: at, OpenedAt: at, ChangeNumber: 1, Host: f.hosts[0].Host, Members: []omen.Host{f.hosts[0].Host, f.hosts[1].Host}}
	must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, Incident: in}))
	want := Shared{"role", "web", 1, 2}
	if list := read[Incidents](t, f, "incidents?state=active").Incidents; len(list) != 1 || len(list[0].Common) != 1 || list[0].Common[0] != want {
		t.Fatalf("%+v, want %+v", list, want)
	}
	if one := read[IncidentDetail](t, f, "incidents/fleet"); len(one.Common) != 1 || one.Common[0] != want {
		t.Errorf("by itself: %+v", one.Common)
	}
}
