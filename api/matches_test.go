package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

func TestMatchesShowsHostsAndOpenIncidents(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1") // of web-1:9100, caused by disk_write
	for _, c := range []struct {
		match            string
		hosts, incidents []string
	}{
		{`{"name":"host","value":"web-.*","isRegex":true,"isEqual":true}`, []string{"web-1:9100"}, []string{"i1"}},
		{`{"name":"host","value":"web-1","isRegex":false,"isEqual":true}`, nil, nil},
		{`{"name":"instance","value":"web-1:9100","isRegex":false,"isEqual":true}`, []string{"web-1:9100"}, []string{"i1"}},
		{`{"name":"source","value":"prom","isRegex":false,"isEqual":true}`, []string{"shop/checkout", "web-1:9100"}, []string{"i1"}},
		{`{"name":"cause","value":"disk_write","isRegex":false,"isEqual":true}`, []string{"shop/checkout", "web-1:9100"}, []string{"i1"}},
		{`{"name":"host","value":"web-1:9100","isRegex":false,"isEqual":true},{"name":"cause","value":"swap_in","isRegex":false,"isEqual":true}`, []string{"web-1:9100"}, nil},
	} {
		var got Matches
		must.OK(t, NewClient(f.server.URL).Post(t.Context(), "matches", json.RawMessage(`{"match":[`+c.match+`]}`), &got))
		var hosts, incidents []string
		for _, h := range got.Hosts {
			hosts = append(hosts, h.Name)
		}
		for _, i := range got.Incidents {
			incidents = append(incidents, i.ID)
		}
		if !slices.Equal(hosts, c.hosts) || !slices.Equal(incidents, c.incidents) || got.HostCount != len(c.hosts) || got.Count != len(c.incidents) || got.AllHosts != 2 {
			t.Errorf("%s:\n%+v\nwant hosts %v, incidents %v", c.match, got, c.hosts, c.incidents)
		}
	}
	if _, body, _ := f.call(t, "POST", "/api/v1/omen/matches", `{"text":"host=~\"web-.*\"\nseverity != critical"}`); !strings.Contains(body,
		`{"match":[{"name":"host","value":"web-.*","isRegex":true,"isEqual":true},{"name":"severity","value":"critical","isRegex":false,"isEqual":false}],"hosts":[{`) {
		t.Errorf("matchers as text: %s", body)
	}
	for body, says := range map[string]string{`{"text":"host"}`: "matcher ", `{"match":[]}`: "no matcher", `{"match":[{"name":"host","value":"(","isRegex":true,"isEqual":true}]}`: "matcher host"} {
		if status, answer, _ := f.call(t, "POST", "/api/v1/omen/matches", body); status != 400 || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

func TestMatchesOfAFleetAndOfMany(t *testing.T) {
	hosts := make([]omen.Host, 30)
	for i := range hosts {
		hosts[i] = omen.Host{Source: "prom", Profile: "node", Name: fmt.Sprintf("n%02d", i)}
	}
	open := []omen.Incident{
		{ID: "fleet", Kind: omen.FleetIncident, Host: hosts[0], Members: hosts},
		{ID: "member", Kind: omen.HostIncident, Host: hosts[0], Fleet: "fleet"},
	}
	ids := func(value string) string {
		holds := must.Get(mute.Compile([]mute.Matcher{{Name: "host", Value: value, IsRegex: true, IsEqual: true}}))(t)
		var all []string
		for _, in := range matching(open, holds, nil) {
			all = append(all, in.ID)
		}
		return strings.Join(all, " ")
	}
	if got := ids("n.*"); got != "fleet" {
		t.Errorf("all members match: %q, want the fleet alone", got)
	}
	if got := ids("n00"); got != "member" {
		t.Errorf("one member matches: %q, want it alone", got)
	}
	f := newFixture(t)
	f.mu.Lock()
	f.hosts = nil
	for _, h := range hosts {
		f.hosts = append(f.hosts, learns(h))
	}
	f.mu.Unlock()
	_, body, _ := f.call(t, "POST", "/api/v1/omen/matches", `{"match":[{"name":"host","value":"n.*","isRegex":true,"isEqual":true}]}`)
	if !strings.Contains(body, `"host_count":30`) || strings.Count(body, `"id":`) != maxMatches {
		t.Errorf("30 hosts: %s", body)
	}
}

// A change keeps what it is not about: when a silence or a window was made.
func TestChangesOfSilencesAndWindows(t *testing.T) {
	f := newFixture(t)
	const match = `"match":[{"name":"host","value":"web-1","isRegex":false,"isEqual":true}]`
	one := func(method, path, body string, want int) (got struct{ ID, From, Until, Reason, By, Created, Name, Start string }) {
		t.Helper()
		status, answer, _ := f.call(t, method, "/api/v1/omen/"+path, body)
		if err := json.Unmarshal([]byte(answer), &got); err != nil || status != want {
			t.Fatalf("%s %s: %d %s", method, body, status, answer)
		}
		return got
	}
	made := one("POST", "silences", `{`+match+`,"reason":"work","by":"ann","until":"2099-01-01T00:00:00Z"}`, 201)
	changed := one("PUT", "silences/"+made.ID, `{`+match+`,"reason":"more work","by":"bob","until":"2099-02-01T00:00:00Z"}`, 200)
	if changed.ID != made.ID || changed.Created != made.Created || changed.Created == "" || changed.From != made.From || changed.Reason != "more work" || changed.By != "bob" || changed.Until != "2099-02-01T00:00:00Z" {
		t.Errorf("changed to %+v, it was %+v", changed, made)
	}
	window := one("POST", "windows", `{"name":"w","start":"2026-01-31T02:00:00","duration_seconds":60,"rule":"FREQ=DAILY","by":"ann",`+match+`}`, 201)
	moved := one("POST", "windows", `{"id":"`+window.ID+`","name":"w","start":"2026-01-31T03:00:00","duration_seconds":60,"rule":"FREQ=DAILY","by":"ann",`+match+`}`, 201)
	if moved.ID != window.ID || moved.Created != window.Created || moved.Created == "" || moved.Start != "2026-01-31T03:00:00" {
		t.Errorf("changed to %+v, it was %+v", moved, window)
	}
	one("POST", "windows", `{"id":"nobody","name":"w","start":"2026-01-31T03:00:00","duration_seconds":60,`+match+`}`, 404)
	const ics = "BEGIN:VCALENDAR\\r\\nBEGIN:VEVENT\\r\\nUID:u\\r\\nSUMMARY:s\\r\\nDTSTART:20260101T000000Z\\r\\nDTEND:20260101T010000Z\\r\\nEND:VEVENT\\r\\nEND:VCALENDAR\\r\\n"
	status, answer, _ := f.call(t, "PUT", "/api/v1/omen/calendars/shifts", `{"ics":"`+ics+`",`+match+`}`)
	var all struct{ Windows []struct{ ID string } }
	if err := json.Unmarshal([]byte(answer), &all); err != nil || status != 200 || len(all.Windows) != 1 {
		t.Fatalf("%d %s", status, answer)
	}
	one("POST", "windows", `{"id":`+mustJSON(t, all.Windows[0].ID)+`,"name":"w","start":"2026-01-31T03:00:00","duration_seconds":60,`+match+`}`, 409)
}
