package app

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// answerOf decodes an answer of a running Omen.
func answerOf[T any](t *testing.T, a *omenAt, method, path string, body ...string) (v T) {
	t.Helper()
	code, text := a.ask(method, "/api/v1/omen"+path, body...)
	if code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, code, text)
	}
	must.OK(t, json.Unmarshal([]byte(text), &v))
	return v
}

// What runs is shown with its places and without its secrets; a receiver is
// tested through its own integration, and its answer is shown.
func TestSettingsOfARunningOmen(t *testing.T) {
	good := messagetest.NewServer(t, "ok", nil)
	bad := messagetest.NewServer(t, "ok", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "no such room", http.StatusNotFound)
		return true
	})
	am := messagetest.NewServer(t, "ok", nil)
	dir := t.TempDir()
	file := filepath.Join(dir, "omen.yml")
	text := `pages: {per_host_week: 2}
local: {instance: this-one}
profiles:
- name: mine
  extends: node
  without: [swap_used]
receivers:
- name: ops
  webhook_configs:
  - url: ` + good.URL + `/t0ps3cret
    http_config: {authorization: {credentials: hush}}
- name: room
  webhook_configs:
  - {url: '` + bad.URL + `/t0ps3cret', send_resolved: false}
- name: nothing
route:
  receiver: ops
  routes:
  - {matchers: [team="db"], receiver: room}
alertmanagers:
- {url: '` + am.URL + `', labels: {cluster: lab}}
`
	write(t, file, text)
	a := start(t, Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")})

	if greeting := a.out.String(); !strings.Contains(greeting, "notifies  ops, room, nothing, alertmanager/"+strings.TrimPrefix(am.URL, "http://")+"\n") {
		t.Errorf("greeted with %s", greeting)
	}
	c := answerOf[api.Config](t, a, "GET", "/config")
	for _, secret := range []string{"t0ps3cret", "hush"} {
		if all := string(must.Get(json.Marshal(c))(t)); strings.Contains(all, secret) {
			t.Errorf("the configuration shows %q: %s", secret, all)
		}
	}
	if c.File != file || c.Changed || !strings.Contains(c.Text, "retention_time: 15d") || len(c.Routes) != 2 {
		t.Errorf("configuration %+v", c)
	}
	places := map[string]string{}
	for _, v := range c.Values {
		places[v.Key+" "+v.Value] = v.Written.Text
	}
	for _, s := range c.Sources {
		places["source "+s.Name] = s.Written.Text
	}
	for _, p := range c.Profiles {
		places["profile "+p.Name+" of "+strings.Join(p.Sources, ",")] = p.Written.Text
	}
	for _, r := range c.Routes {
		places["route "+strings.Join(r.Match, ",")+" to "+r.Receiver] = r.Written.Text
	}
	for what, want := range map[string]string{
		"pages.per_host_week 2": "omen.yml:1", "storage.incidents 400d": "default", "incidents.close_after 1m": "default", "remedy.mode off": "default",
		"source local": "omen.yml:2", "profile node of local": "built in", "profile mine of ": "omen.yml:4", "route  to ops": "omen.yml:17", `route team="db" to room`: "omen.yml:19",
	} {
		if got, found := places[what]; !found || got != want {
			t.Errorf("%s is at %q, want %q, in %v", what, got, want, places)
		}
	}

	before := answerOf[api.Receivers](t, a, "GET", "/receivers").Receivers
	if len(before) != 4 || !before[3].Testable || before[0].Channels[0].State != api.ChannelUntried || before[0].Channels[0].Written.Text != "omen.yml:10" || !before[1].Testable || before[2].Testable {
		t.Errorf("receivers before any message: %+v", before)
	}
	if got := answerOf[api.ReceiverTest](t, a, "POST", "/receivers/ops/test", `{"by":"ann"}`); !got.Delivered || len(got.Channels) != 1 || got.Channels[0].Err != "" {
		t.Errorf("tested: %+v", got)
	}
	heard := good.Got()
	if len(heard) != 2 || !strings.Contains(string(heard[0].Body), "This is a test of receiver ops. Sent by ann.") || heard[0].Header.Get("Authorization") != "Bearer hush" {
		t.Errorf("the webhook got %d messages, want the test and its end: %+v", len(heard), heard)
	}
	peer := "alertmanager/" + strings.TrimPrefix(am.URL, "http://")
	if got := answerOf[api.ReceiverTest](t, a, "POST", "/receivers/"+url.PathEscape(peer)+"/test", `{"by":"ann"}`); !got.Delivered || len(got.Channels) != 1 || got.Channels[0].Channel != peer || got.Channels[0].Err != "" {
		t.Errorf("an Alertmanager tested: %+v", got)
	}
	var alerts []struct {
		Labels, Annotations map[string]string
		StartsAt, EndsAt    time.Time
	}
	took := am.Got()
	if len(took) != 1 {
		t.Fatalf("the Alertmanager got %d requests", len(took))
	}
	must.OK(t, json.Unmarshal(took[0].Body, &alerts))
	if len(alerts) != 1 || alerts[0].Labels["alertname"] != "OmenTest" || alerts[0].Labels["cluster"] != "lab" || alerts[0].EndsAt.Sub(alerts[0].StartsAt) != 5*time.Minute || !strings.Contains(alerts[0].Annotations["description"], "Sent by ann.") {
		t.Errorf("the Alertmanager got %s", took[0].Body)
	}
	if answer, err := TestReceiver(t.Context(), file, peer, nil); err != nil || !strings.Contains(answer, "ends by itself after 5 min; its own routes") {
		t.Errorf("tested by the command: %q, %v", answer, err)
	}
	if _, checked, err := Check(t.Context(), file); err != nil || checked.Notifies != "ops, room, nothing, "+peer {
		t.Errorf("it notifies %q, %v", checked.Notifies, err)
	}
	got := answerOf[api.ReceiverTest](t, a, "POST", "/receivers/room/test", `{}`)
	if got.Delivered || !strings.Contains(got.Channels[0].Err, "404") || strings.Contains(got.Channels[0].Err, "t0ps3cret") {
		t.Errorf("a receiver that refuses: %+v", got)
	}
	after := answerOf[api.Receivers](t, a, "GET", "/receivers").Receivers
	if one := after[0].Channels[0]; one.State != api.ChannelWorking || one.Err != "" {
		t.Errorf("after a test that arrived: %+v", one)
	}
	if one := after[1].Channels[0]; one.State != api.ChannelFailing || !strings.Contains(one.Err, "404") {
		t.Errorf("after one that did not: %+v", one)
	}
	for path, want := range map[string]int{"/receivers/nobody/test": 404, "/receivers/nothing/test": 409} {
		if code, body := a.ask("POST", "/api/v1/omen"+path, "{}"); code != want || !strings.Contains(body, `"hint":"`) {
			t.Errorf("%s: %d %s, want %d", path, code, body, want)
		}
	}
	if code, body := a.ask("POST", "/api/v1/omen/budget/replay", `{"per_host_week":3}`); code != http.StatusOK {
		t.Errorf("a replay: %d %s", code, body)
	}
	a.eventually("/api/v1/omen/budget", `"state":"failed"`) // of an Omen of seconds
	write(t, file, strings.Replace(text, "per_host_week: 2", "per_host_week: 3", 1))
	if c := answerOf[api.Config](t, a, "GET", "/config"); !c.Changed || strings.Contains(c.Text, "per_host_week: 3") {
		t.Errorf("a file that was changed and not read: changed %v, %s", c.Changed, c.Text)
	}
	if code, body := a.ask("POST", "/-/reload"); code != http.StatusOK {
		t.Errorf("reload: %d %s", code, body)
	}
	if c := answerOf[api.Config](t, a, "GET", "/config"); c.Changed || !strings.Contains(c.Text, "per_host_week: 3") {
		t.Errorf("after a reload: changed %v, %s", c.Changed, c.Text)
	}
}
