package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// calls makes every route of the API answer with success, in this order; a
// route that is not here fails TestEveryRouteAnswersAsDocumented.
var calls = []struct{ method, route, path, body string }{
	{"GET", "/api/v1/omen/status", "", ""},
	{"GET", "/api/v1/omen/sources", "", ""},
	{"GET", "/api/v1/omen/hosts", "/api/v1/omen/hosts?state=anomalous&sort=score", ""},
	{"GET", "/api/v1/omen/hosts/{host}", "/api/v1/omen/hosts/web-1:9100", ""},
	{"GET", "/api/v1/omen/hosts/{host}/score", "/api/v1/omen/hosts/prom%2Fnode%2Fweb-1:9100/score?from=2026-03-01T11:00:00Z&to=2026-03-01T12:00:00Z", ""},
	{"GET", "/api/v1/omen/hosts/{host}/explain", "/api/v1/omen/hosts/prom%2Fnode%2Fweb-1:9100/explain?at=2026-03-01T12:00:00Z", ""},
	{"GET", "/api/v1/omen/hosts/{host}/group", "/api/v1/omen/hosts/web-1:9100/group?label=profile", ""},
	{"GET", "/api/v1/omen/hosts/{host}/features", "/api/v1/omen/hosts/web-1:9100/features?feature=cpu_iowait", ""},
	{"GET", "/api/v1/omen/heat", "/api/v1/omen/heat?last=1h&group=profile", ""},
	{"GET", "/api/v1/omen/forecasts", "/api/v1/omen/forecasts?likely=true&host=web-1:9100", ""},
	{"GET", "/api/v1/omen/incidents", "/api/v1/omen/incidents?state=active&host=web-1:9100", ""},
	{"GET", "/api/v1/omen/incidents/{id}", "/api/v1/omen/incidents/i1", ""},
	{"GET", "/api/v1/omen/incidents/{id}/members", "/api/v1/omen/incidents/i1/members?from=2026-03-01T12:00:00Z&to=2026-03-01T12:10:00Z&points=10", ""},
	{"GET", "/api/v1/omen/incidents/{id}/similar", "/api/v1/omen/incidents/i1/similar", ""},
	{"GET", "/api/v1/omen/incidents/{id}/graph.png", "/api/v1/omen/incidents/i1/graph.png?sig=x", ""},
	{"GET", "/api/v1/omen/actions", "/api/v1/omen/actions?incident=i1", ""},
	{"GET", "/api/v1/omen/actions/{id}", actionPath(1), ""},
	{"POST", "/api/v1/omen/actions/{id}/approve", actionPath(1) + "/approve", `{"why":"yes"}`},
	{"POST", "/api/v1/omen/actions/{id}/decline", actionPath(2) + "/decline", `{"why":"no"}`},
	{"POST", "/api/v1/omen/actions/{id}/resolve", actionPath(3) + "/resolve", `{"happened":true}`},
	{"POST", "/api/v1/omen/actions/{id}/undo", actionPath(4) + "/undo", `{}`},
	{"GET", "/api/v1/omen/incidents/{id}/plan", "/api/v1/omen/incidents/i9/plan", ""},
	{"POST", "/api/v1/omen/incidents/{id}/act", "/api/v1/omen/incidents/i9/act", `{"playbook":"ask","override":["cooldown"],"why":"now"}`},
	{"GET", "/api/v1/omen/playbooks", "", ""},
	{"POST", "/api/v1/omen/playbooks/{name}/disable", "/api/v1/omen/playbooks/ask/disable", `{}`},
	{"POST", "/api/v1/omen/playbooks/{name}/enable", "/api/v1/omen/playbooks/ask/enable", `{}`},
	{"POST", "/api/v1/omen/remedy/check", "", `{}`},
	{"POST", "/api/v1/omen/remedy/pause", "", `{"why":"fire"}`},
	{"POST", "/api/v1/omen/remedy/resume", "", `{}`},
	{"GET", "/api/v1/omen/audit/verify", "", ""},
	{"GET", "/api/v1/omen/audit/export", "", ""},
	{"POST", "/api/v1/omen/incidents/{id}/ack", "/api/v1/omen/incidents/i1/ack", `{"by":"ann","comment":"mine"}`},
	{"POST", "/api/v1/omen/incidents/{id}/unack", "/api/v1/omen/incidents/i1/unack", `{"by":"ann"}`},
	{"POST", "/api/v1/omen/incidents/{id}/assign", "/api/v1/omen/incidents/i1/assign", `{"by":"ann","assignee":"bob"}`},
	{"POST", "/api/v1/omen/incidents/{id}/comment", "/api/v1/omen/incidents/i1/comment", `{"by":"ann","comment":"looking"}`},
	{"POST", "/api/v1/omen/incidents/{id}/link", "/api/v1/omen/incidents/i1/link", `{"by":"ann","link":"https://tickets.example/1"}`},
	{"POST", "/api/v1/omen/incidents/{id}/verdict/preview", "/api/v1/omen/incidents/i1/verdict/preview", `{"by":"ann","verdict":"not_a_problem"}`},
	{"POST", "/api/v1/omen/incidents/{id}/verdict", "/api/v1/omen/incidents/i1/verdict", `{"by":"ann","verdict":"not_a_problem"}`},
	{"POST", "/api/v1/omen/incidents/{id}/close", "/api/v1/omen/incidents/i1/close", `{"by":"ann"}`},
	{"GET", "/api/v1/omen/patterns", "", ""},
	{"GET", "/api/v1/omen/me", "", ""},
	{"POST", "/api/v1/omen/patterns/{id}/revert", "/api/v1/omen/patterns/<pattern>/revert", `{"by":"ann"}`},
	{"POST", "/api/v1/omen/silences", "", `{"match":[{"name":"host","value":"web-.*","isRegex":true,"isEqual":true}],"until":"2099-01-01T00:00:00Z","by":"ann","reason":"moving"}`},
	{"POST", "/api/v1/omen/matches", "", `{"match":[{"name":"host","value":"web-.*","isRegex":true,"isEqual":true}]}`},
	{"GET", "/api/v1/omen/silences", "", ""},
	{"GET", "/api/v1/omen/silences/{id}", "/api/v1/omen/silences/<silence>", ""},
	{"PUT", "/api/v1/omen/silences/{id}", "/api/v1/omen/silences/<silence>", `{"match":[{"name":"host","value":"web-1:9100","isRegex":false,"isEqual":true}],"until":"2098-01-01T00:00:00Z","by":"ann","reason":"moving"}`},
	{"DELETE", "/api/v1/omen/silences/{id}", "/api/v1/omen/silences/<silence>", ""},
	{"POST", "/api/v1/omen/windows", "", `{"name":"backup","match":[{"name":"host","value":"db","isRegex":false,"isEqual":true}],"zone":"Europe/Berlin","start":"2026-01-01T02:00:00","duration_seconds":3600,"rule":"FREQ=DAILY","by":"ann"}`},
	{"GET", "/api/v1/omen/windows", "", ""},
	{"DELETE", "/api/v1/omen/windows/{id}", "/api/v1/omen/windows/<window>", ""},
	{"PUT", "/api/v1/omen/calendars/{name}", "/api/v1/omen/calendars/ops", `{"by":"ann","match":[{"name":"host","value":"db","isRegex":false,"isEqual":true}],"ics":"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:patching\r\nDTSTART:20260301T020000Z\r\nDTEND:20260301T030000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}`},
	{"POST", "/api/v1/omen/events", "", `{"kind":"deploy","match":[{"name":"host","value":"web-1:9100","isRegex":false,"isEqual":true}],"title":"v2","by":"ci"}`},
	{"GET", "/api/v1/omen/events", "", ""},
	{"GET", "/api/v1/omen/occurrences", "/api/v1/omen/occurrences?from=2026-03-01T00:00:00Z&to=2026-03-08T00:00:00Z", ""},
	{"POST", "/api/annotations", "", `{"time":1772366400000,"dashboardUID":"jcIIG-07z","panelId":2,"tags":["deploy","host:web-1:9100"],"text":"v2"}`},
	{"GET", "/api/v1/omen/config", "", ""},
	{"GET", "/api/v1/omen/receivers", "", ""},
	{"POST", "/api/v1/omen/receivers/{name}/test", "/api/v1/omen/receivers/ops/test", `{"by":"ann"}`},
	{"GET", "/api/v1/omen/trust", "/api/v1/omen/trust?q=web&limit=1", ""},
	{"GET", "/api/v1/omen/trust/weeks", "/api/v1/omen/trust/weeks?host=web-1:9100", ""},
	{"GET", "/api/v1/omen/budget", "", ""},
	{"POST", "/api/v1/omen/budget/replay", "", `{"per_host_week":2}`},
	{"DELETE", "/api/v1/omen/budget/replay", "", ""},
	{"GET", "/api/v1/omen/models", "", ""},
	{"GET", "/api/v1/omen/models/{host}", "/api/v1/omen/models/web-1:9100", ""},
	{"GET", "/api/v1/omen/openapi.json", "", ""},
	{"GET", "/predict", "/predict?instance=web-1:9100", ""},
	{"POST", "/predict", "", `{"instance":"web-1:9100","features":{"disk_write":1,"cpu_iowait":null}}`},
	{"GET", "/-/healthy", "", ""},
	{"GET", "/-/ready", "", ""},
	{"POST", "/-/reload", "", ""},
	{"PUT", "/-/reload", "", ""},
	{"GET", "/metrics", "", ""},
}

// openapi compiles the served document's schemas.
func (f *fixture) openapi(t *testing.T) (doc map[string]any, at func(pointer string) *jsonschema.Schema) {
	t.Helper()
	_, body, _ := f.call(t, "GET", "/api/v1/omen/openapi.json", "")
	v := must.Get(jsonschema.UnmarshalJSON(strings.NewReader(body)))(t)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	must.OK(t, c.AddResource("omen:api", v))
	return v.(map[string]any), func(pointer string) *jsonschema.Schema {
		t.Helper()
		return must.Get(c.Compile("omen:api#" + pointer))(t)
	}
}

func escape(s string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
}

func TestEveryRouteAnswersAsDocumented(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1")
	f.forecasts = []omen.Outlook{expected("web-1:9100", "/", .3, 0), expected("web-1:9100", "/var", .9, time.Hour, .5)}
	must.OK(t, f.store.PutModel(t.Context(), f.hosts[0].Model, []byte("model")))
	f.actions(t)
	doc, schema := f.openapi(t)
	undone := map[string]bool{"get /api/v1/omen/stream": true} // TestStream has it
	seen := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			seen[method+" "+path] = false
		}
	}
	ids := map[string]string{}
	for _, c := range calls {
		method := strings.ToLower(c.method)
		if _, ok := seen[method+" "+c.route]; !ok {
			t.Errorf("%s %s is not in the document", c.method, c.route)
			continue
		}
		seen[method+" "+c.route] = true
		path := c.path
		if path == "" {
			path = c.route
		}
		for name, id := range ids {
			path = strings.ReplaceAll(path, "<"+name+">", id)
		}
		status, body, header := f.call(t, c.method, path, c.body, "Authorization", "Basic YW5uOng=") // ann:x
		want, at := 200, "/paths/"+escape(c.route)+"/"+method
		if _, created := dig(doc, "paths", c.route, method, "responses", "201"); created {
			want = 201
		}
		if status != want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, path, status, want, body)
			continue
		}
		media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
		check := func(where, text string) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Errorf("%s %s: %v: %s", c.method, path, err, text)
			} else if err := schema(where).Validate(v); err != nil {
				t.Errorf("%s %s: %v\n%s", c.method, path, err, text)
			}
		}
		if _, ok := dig(doc, "paths", c.route, method, "responses", fmt.Sprint(want), "content", media); !ok {
			t.Errorf("%s %s: answers %s, which the document does not have", c.method, path, media)
		} else if media == "application/json" {
			check(fmt.Sprintf("%s/responses/%d/content/%s/schema", at, want, escape(media)), body)
		}
		if c.body != "" {
			check(at+"/requestBody/content/"+escape("application/json")+"/schema", c.body)
		}
		remember(ids, body)
	}
	for route, called := range seen {
		if !called && !undone[route] {
			t.Errorf("%s is documented and has no call in this test", route)
		}
	}
}

// remember keeps the IDs that later calls need.
func remember(ids map[string]string, body string) {
	var v struct {
		ID       string
		Reason   *string
		Zone     *string
		Patterns []struct{ ID string }
	}
	if json.Unmarshal([]byte(body), &v) != nil {
		return
	}
	switch {
	case len(v.Patterns) > 0:
		ids["pattern"] = v.Patterns[0].ID
	case v.Zone != nil:
		ids["window"] = v.ID
	case v.Reason != nil && v.ID != "i1":
		ids["silence"] = v.ID
	}
}

func dig(v any, keys ...string) (any, bool) {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[k]; !ok {
			return nil, false
		}
	}
	return v, true
}

func TestErrorsAreJSONWithTheRightStatus(t *testing.T) {
	f := newFixture(t)
	doc, schema := f.openapi(t)
	twin := scored(omen.Host{Source: "other", Profile: "node", Name: web1.Name}, 0.5)
	f.hosts = append(f.hosts, twin)
	f.reload = errors.New("line 3: unknown key tresholds")
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/api/v1/omen/nothing", "", 404, "openapi.json"},
		{"DELETE", "/api/v1/omen/hosts", "", 405, "DELETE /api/v1/omen/hosts: no such method"},
		{"GET", "/api/v1/nonsense", "", 404, "no such route"},
		{"GET", "/api/", "", 404, "no such route"},
		{"GET", "/api/v1/omen/hosts/web-2", "", 404, "web-2"},
		{"GET", "/api/v1/omen/hosts/web-1:9100", "", 409, "other/node/web-1:9100"},
		{"GET", "/api/v1/omen/hosts?limit=-1", "", 400, "limit"},
		{"GET", "/api/v1/omen/hosts?sort=size", "", 400, "model_age"},
		{"GET", "/api/v1/omen/hosts?state=odd", "", 400, "odd: want learning, normal, anomalous or silent"},
		{"GET", "/api/v1/omen/hosts?match=%7B", "", 400, "brace"},
		{"GET", "/api/v1/omen/hosts?stat=anomalous", "", 400, `has no parameter \"stat\"`},
		{"GET", "/api/v1/omen/incidents?members=yes", "", 400, "members=yes: want true or false"},
		{"GET", "/api/v1/omen/incidents?quiet=0", "", 400, "quiet=0: want true or false"},
		{"GET", "/api/v1/omen/incidents?from=10&to=5", "", 400, "not before"},
		{"GET", "/api/v1/omen/hosts/shop%2Fcheckout/score?points=0", "", 400, "points=0"},
		{"GET", "/api/v1/omen/forecasts?likely=yes", "", 400, "likely=yes: want true or false"},
		{"GET", "/api/v1/omen/incidents?before=none", "", 404, "none"},
		{"GET", "/api/v1/omen/models?all=True", "", 400, "all=True: want true or false"},
		{"GET", "/api/v1/omen/silences?ended=1", "", 400, "ended=1: want true or false"},
		{"GET", "/api/v1/omen/hosts/shop%2Fcheckout/score?from=yesterday", "", 400, "yesterday"},
		{"GET", "/api/v1/omen/hosts/shop%2Fcheckout/score?from=10&to=5", "", 400, "not before"},
		{"GET", "/api/v1/omen/hosts/shop%2Fcheckout/score?from=0", "", 400, "at most"},
		{"GET", "/api/v1/omen/hosts/prom%2Fnode%2Fweb-1:9100/features?feature=nope", "", 404, "nope"},
		{"GET", "/api/v1/omen/incidents/none", "", 404, "none"},
		{"GET", "/api/v1/omen/incidents/none/similar", "", 404, "none"},
		{"GET", "/api/v1/omen/incidents/none/members", "", 404, "none"},
		{"GET", "/api/v1/omen/incidents?state=half", "", 400, "half"},
		{"POST", "/api/v1/omen/incidents/none/ack", `{"by":"ann"}`, 404, "none"},
		{"POST", "/api/v1/omen/incidents/none/ack", `{"byy":"ann"}`, 400, "byy"},
		{"POST", "/api/v1/omen/incidents/none/ack", `{} {}`, 400, "more after"},
		{"POST", "/api/v1/omen/silences", `{"match":[],"until":"2099-01-01T00:00:00Z","by":"a","reason":"r"}`, 400, "matcher"},
		{"GET", "/predict", "", 400, "instance"},
		{"GET", "/predict?instance=shop/checkout", "", 503, "12:01:00"},
		{"POST", "/predict", `{"instance":"prom/node/web-1:9100","features":{"cpu":1,"cpu_iowait":1}}`, 400, "unknown features: cpu; missing features: disk_write"},
		{"POST", "/-/reload", "", 500, "tresholds"},
	} {
		status, body, header := f.call(t, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: %d %s, want %d and %q", c.method, c.path, status, body, c.status, c.says)
		}
		if header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != mediaProblem || !strings.Contains(body, fmt.Sprintf(`"status":%d`, c.status)) {
			t.Errorf("%s %s: %v %s: no problem of this status, or one that may be cached", c.method, c.path, header, body)
		}
		if route := routeOf(c.method, c.path); route != "" {
			if _, ok := dig(doc, "paths", route, strings.ToLower(c.method), "responses", fmt.Sprint(c.status)); !ok && c.status != http.StatusInternalServerError {
				t.Errorf("%s %s: %d is not among its documented errors", c.method, route, c.status)
			}
		}
		if v, err := jsonschema.UnmarshalJSON(strings.NewReader(body)); err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		} else if err := schema("/components/schemas/Error").Validate(v); err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
		}
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1")
	for _, c := range []struct {
		header []string
		status int
	}{
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Content-Type", "text/plain"}, 415}, // what a foreign form can send without asking
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
	} {
		status, body, header := f.call(t, "POST", "/api/v1/omen/incidents/i1/comment", `{"by":"ann","comment":"x"}`, c.header...)
		if status != c.status {
			t.Errorf("%v: %d %s, want %d", c.header, status, body, c.status)
		}
		if v := header.Get("Access-Control-Allow-Origin"); v != "" {
			t.Errorf("other sites may read answers: %s", v)
		}
	}
	_, body, _ := f.call(t, "GET", "/api/v1/omen/incidents/i1", "")
	if n := strings.Count(body, `"commented"`); n != 1 {
		t.Errorf("%d comments were stored, want the one of our own page", n)
	}
}

func TestPredictHandsOverGapsAsNaN(t *testing.T) {
	f := newFixture(t)
	status, body, _ := f.call(t, "POST", "/predict", `{"instance":"web-1:9100","features":{"disk_write":5,"cpu_iowait":null}}`)
	if status != 200 || !strings.Contains(body, `"anomaly_detected":true`) || !strings.Contains(body, `"reconstruction_error":0.5`) {
		t.Fatalf("%d %s", status, body)
	}
	if len(f.given) != 3 || f.given[0] != 5 || !math.IsNaN(f.given[1]) || !math.IsNaN(f.given[2]) {
		t.Errorf("the model was given %v", f.given)
	}
}

func TestReady(t *testing.T) {
	f := newFixture(t)
	f.ready = errors.New("source prom is starting")
	if status, body, _ := f.call(t, "GET", "/-/ready", ""); status != 503 || !strings.Contains(body, "source prom is starting") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := f.call(t, "GET", "/-/healthy", ""); status != 200 {
		t.Errorf("not healthy while starting: %d", status)
	}
}

func TestIncidentsPageThroughAll(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		f.open(t, fmt.Sprintf("i%d", i))
	}
	var ids []string
	next := ""
	for range 10 {
		page := read[Incidents](t, f, "incidents?limit=2&before="+next)
		for _, in := range page.Incidents {
			ids = append(ids, in.ID)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "i4 i3 i2 i1 i0" {
		t.Errorf("pages gave %q", got)
	}
}

func TestThinKeepsPeaksAndGaps(t *testing.T) {
	var history []omen.ScorePoint
	for i := range 1000 {
		history = append(history, omen.ScorePoint{At: at.Add(time.Duration(i) * time.Second), Value: 0.5})
	}
	history[777].Value = 9
	for i := 300; i < 400; i++ {
		history[i].Value = math.NaN()
	}
	history[612].Level = 2
	got, step := thin(history, at, at.Add(1000*time.Second), 100)
	if len(got) != 100 || step != 10*time.Second {
		t.Fatalf("%d points of %s, want 100 of 10s", len(got), step)
	}
	if got[77].Value != 9 || got[78].Value != 0.5 || !math.IsNaN(got[35].Value) || got[61].Level != 2 || got[62].Level != 0 {
		t.Errorf("peak %v, beside it %v, gap %v, level %v, beside it %v", got[77].Value, got[78].Value, got[35].Value, got[61].Level, got[62].Level)
	}
}

func TestHistoryComesFromWhatWasSeenWhereNothingIsStored(t *testing.T) {
	f := newFixture(t)
	for i := range recentScores + 5 {
		f.api.Observe(omen.Tick{At: at, Scores: []omen.Score{{Host: web1, At: at.Add(time.Duration(i) * time.Second), Value: float64(i)}}})
	}
	h := read[ScoreHistory](t, f, "hosts/web-1:9100/score?from=2026-03-01T12:00:00Z&to=2026-03-01T13:00:00Z")
	if len(h.Scores) != recentScores || h.Scores[0] != 5 || h.Times[0] != Unix(at)+5 {
		t.Errorf("%d scores from %v at %v", len(h.Scores), h.Scores[:1], h.Times[:1])
	}
}

// What is asked of one host by its ID does not list all.
func TestOneHostIsReadByItsID(t *testing.T) {
	f := newFixture(t)
	f.hosts = append(f.hosts, scored(omen.Host{Source: "prom", Profile: "node", Name: "a%2Fb"}, 0.5))
	for _, id := range []string{web1.ID(), "prom/node/a%2Fb"} {
		h := read[HostDetail](t, f, "hosts/"+url.PathEscape(id))
		read[ScoreHistory](t, f, "hosts/"+url.PathEscape(id)+"/score")
		if read[Features](t, f, "hosts/"+url.PathEscape(id)+"/features?feature=cpu_iowait"); h.ID != id {
			t.Errorf("%s is answered for %s", h.ID, id)
		}
	}
	if f.listed != 0 {
		t.Errorf("all hosts were listed %d times", f.listed)
	}
}

// Below /api/ the fallback's answers in JSON pass; others become the API's.
func TestUnknownPathsBesideTheAPI(t *testing.T) {
	rest := http.NewServeMux()
	rest.HandleFunc("GET /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"status":"error"}`)
	})
	rest.HandleFunc("GET /hosts/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "web UI") })
	h := New(Options{}).HandlerWith(rest)
	for path, want := range map[string]string{
		"GET /api/v1/query":   `404 {"status":"error"}`,
		"POST /api/v1/query":  `405 {"error":"POST /api/v1/query: no such method","hint":"it takes GET, HEAD","title":"Method Not Allowed","status":405,"detail":"POST /api/v1/query: no such method"}` + "\n",
		"GET /api/v1/queries": `404 {"error":"GET /api/v1/queries: no such route","hint":"/api/v1/omen/openapi.json lists all routes","title":"Not Found","status":404,"detail":"GET /api/v1/queries: no such route"}` + "\n",
		"GET /hosts/a%252Fb":  "200 web UI",
		"GET /federate":       "404 404 page not found\n",
	} {
		method, path, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if got := fmt.Sprint(w.Code, " ", w.Body); got != want {
			t.Errorf("%s %s: %q, want %q", method, path, got, want)
		}
	}
}

// Whatever a path does not take is answered with 405 and what it takes, in the
// API's own form, and never by the fallback.
func TestWrongMethods(t *testing.T) {
	h := New(Options{}).HandlerWith(http.NotFoundHandler())
	takes := map[string]string{}
	for _, r := range New(Options{}).routes() {
		takes[strings.NewReplacer("{", "", "}", "").Replace(r.path)] += r.method + " "
	}
	for path, methods := range takes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} {
			if strings.Contains(methods, method) || method == "HEAD" && strings.Contains(methods, "GET") {
				continue
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			want := strings.Fields(methods)
			if strings.Contains(methods, "GET") {
				want = append(want, "HEAD")
			}
			slices.Sort(want)
			var said Error
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != strings.Join(want, ", ") ||
				method != "HEAD" && (json.Unmarshal(w.Body.Bytes(), &said) != nil || said.Hint != "it takes "+strings.Join(want, ", ")) {
				t.Errorf("%s %s: %d, Allow %q, %s, want 405 and %q", method, path, w.Code, w.Header().Get("Allow"), w.Body, want)
			}
		}
	}
}

// A chart of several features does not fail for one that the host has no more.
func TestFeaturesThatAreGoneAreLeftOut(t *testing.T) {
	f := newFixture(t)
	status, body, _ := f.call(t, "GET", "/api/v1/omen/hosts/prom%2Fnode%2Fweb-1:9100/features?feature=gone&feature=cpu_iowait", "")
	if status != 200 || !strings.Contains(body, `"feature":"cpu_iowait"`) || strings.Contains(body, "gone") {
		t.Errorf("%d %s", status, body)
	}
}

// actionPath is the n-th action that [fixture.actions] makes.
func actionPath(n int) string { return "/api/v1/omen/actions/" + omen.ActionID("i1", "ask", n) }
