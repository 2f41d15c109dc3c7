package notify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// A template that cannot be rendered is found when the configuration is
// checked; the error names the key and the template.
func TestTemplatesAreTriedWithExamples(t *testing.T) {
	const telegram = `telegram_configs: [{bot_token: "1:x", chat_id: 1, %s}]`
	for name, c := range map[string]struct{ receiver, want string }{
		"undefined":                          {fmt.Sprintf(telegram, `message: '{{ template "ops.message" . }}'`), `receivers[0].telegram_configs[0].message: template "{{ template \"ops.message\" . }}"`},
		"no such field":                      {fmt.Sprintf(telegram, `message: '{{ range .Alertz }}{{ end }}'`), "Alertz"},
		"no such annotation is no mistake":   {fmt.Sprintf(telegram, `message: 'x {{ .CommonAnnotations.runbook }}'`), ""},
		"blank":                              {fmt.Sprintf(telegram, `message: '{{ .CommonAnnotations.runbook }}'`), "receivers[0].telegram_configs[0].message: "},
		"nothing to say of what is over":     {fmt.Sprintf(telegram, `message: '{{ range .Alerts.Firing }}{{ .Labels.instance }} is odd{{ end }}'`), ""},
		"only with causes":                   {fmt.Sprintf(telegram, `message: '{{ index (stringSlice) 0 }}'`), "receivers[0].telegram_configs[0].message"},
		"plain text":                         {fmt.Sprintf(telegram, `parse_mode: "", message: '{{ .Nope }}'`), "receivers[0].telegram_configs[0].message"},
		"the second of two":                  {`webhook_configs: [{url: 'http://x'}, {url: 'http://x/{{ .Nope }}'}]`, "receivers[0].webhook_configs[1].url"},
		"payload":                            {`webhook_configs: [{url: 'http://x', payload: {a: {b: '{{ .Nope }}'}}}]`, "receivers[0].webhook_configs[0].payload.a.b"},
		"mail's subject":                     {`email_configs: [{to: a@x.org, from: b@x.org, smarthost: 'x:25', headers: {Subject: '{{ .Nope }}'}}]`, "receivers[0].email_configs[0].headers.Subject"},
		"mail's HTML":                        {`email_configs: [{to: a@x.org, from: b@x.org, smarthost: 'x:25', html: '{{ template "nope" . }}'}]`, "receivers[0].email_configs[0].html"},
		"slack's field":                      {`slack_configs: [{api_url: 'http://x', channel: '#x', fields: [{title: a, value: '{{ .Nope }}'}]}]`, "receivers[0].slack_configs[0].fields[0].value"},
		"discord":                            {`discord_configs: [{webhook_url: 'http://x', title: '{{ .Nope }}'}]`, "receivers[0].discord_configs[0].title"},
		"pagerduty":                          {`pagerduty_configs: [{url: 'http://x', routing_key: k, details: {what: '{{ .Nope }}'}}]`, "receivers[0].pagerduty_configs[0].details.what"},
		"jira":                               {`jira_configs: [{api_url: 'http://x', project: P, issue_type: Bug, summary: '{{ .Nope }}'}]`, "receivers[0].jira_configs[0].summary.template"},
		"a password is no template":          {`email_configs: [{to: a@x.org, from: b@x.org, smarthost: 'x:25', auth_username: u, auth_password: '{{ x'}]`, ""},
		"every kind of message can be shown": {fmt.Sprintf(telegram, `message: '{{ template "telegram.default.message" . }}!'`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewRelay(Options{Settings: load(t, "receivers: [{name: r, "+c.receiver+"}]\n")})
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// failsForWeb1 is a template that no example shows to be wrong.
const failsForWeb1 = `{{ if eq .CommonLabels.instance "web-1" }}{{ (index .Alerts 99).Status }}{{ else }}mine{{ end }}`

// Where a template of the configuration fails with a message, the built-in text
// goes out, whichever template it is; the rest of the configuration holds.
func TestABrokenTemplateCostsItsTextOnly(t *testing.T) {
	for name, c := range map[string]struct{ receiver, want string }{
		"telegram":  {`telegram_configs: [{api_url: '%s', bot_token: "1:x", chat_id: -42, message: '` + failsForWeb1 + `'}]`, `"chat_id":-42`},
		"slack":     {`slack_configs: [{api_url: '%s', channel: '#ops', text: '` + failsForWeb1 + `', footer: 'our {{ .Receiver }}'}]`, `"footer":"our r"`},
		"discord":   {`discord_configs: [{webhook_url: '%s/x', message: '` + failsForWeb1 + `', title: 'our {{ .Receiver }}'}]`, `"title":"our r"`},
		"pagerduty": {`pagerduty_configs: [{url: '%s/x', routing_key: k, description: '` + failsForWeb1 + `', class: 'our {{ .Receiver }}'}]`, `"class":"our r"`},
		"blank":     {`discord_configs: [{webhook_url: '%s/x', title: '', message: '{{ if ne .CommonLabels.instance "web-1" }}mine{{ end }}'}]`, "Open the incident"},
	} {
		t.Run(name, func(t *testing.T) {
			server := messagetest.NewServer(t, map[string]string{"telegram": `{"ok":true}`, "slack": "ok"}[name], nil)
			r := newRelay(t, nil, "receivers: [{name: r, "+fmt.Sprintf(c.receiver, server.URL)+"}]\n")
			for host, wantBuiltIn := range map[string]bool{"web-1": true, "web-2": false} {
				before := len(server.Got())
				builtIn, err := r.workers[0].channel.send(t.Context(), messagetest.About(messagetest.Step("a", host, 1, omen.ChangeOpened, noon)))
				if err != nil || (builtIn != nil) != wantBuiltIn {
					t.Fatalf("%s: built in: %v, %v", host, builtIn, err)
				}
				body := string(server.Got()[before].Body)
				if wantBuiltIn == strings.Contains(body, "mine") || wantBuiltIn && !strings.Contains(body, c.want) {
					t.Errorf("%s: sent %s", host, body)
				}
			}
		})
	}
}

// A file of the configuration that breaks a built-in template does not break
// the text that takes its place.
func TestABuiltInTextStaysBuiltIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.tmpl"), []byte(`{{ define "telegram.default.message" }}`+failsForWeb1+`{{ end }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tg := messagetest.NewServer(t, `{"ok":true}`, nil)
	s, err := Load([]byte("templates: ['*.tmpl']\n"+telegramConfig(tg.URL)+"\n"), dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRelay(Options{Settings: s, Log: messagetest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	builtIn, err := r.workers[0].channel.send(t.Context(), messagetest.About(messagetest.Opened()))
	if err != nil || builtIn == nil {
		t.Fatalf("built in: %v, %v", builtIn, err)
	}
	if m := messagetest.Decode[struct{ Text string }](t, tg.Got()[0].Body); !strings.Contains(m.Text, "<b>WARNING: web-1</b>") {
		t.Errorf("text %q", m.Text)
	}
}

// That a template fails is counted and is one incident of Omen's own, until it
// can be rendered.
func TestABrokenTemplateIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, registry, taken := openStore(t), prometheus.NewRegistry(), &chat{}
		text := `receivers: [{name: r, webhook_configs: [{url: "http://127.0.0.1:1", payload: {x: '` + failsForWeb1 + `'}}]}]` + "\n"
		r, stop := startWith(t, db, text, map[string]*chat{"r/webhook": taken}, func(o *Options) { o.Metrics = registry })
		open := map[string]string{}
		r.workers[0].channel.texts.make = func(any, message.Renderer) (message.Sender, error) { return taken, nil }
		r.workers[0].template.To = boardOf(open)
		appendAll(t, db, step("a", "web-1", 1, omen.ChangeOpened, time.Now()))
		pass(5 * time.Second)
		if said := open["receiver/r/webhook/template"]; !strings.Contains(said, "payload.x") {
			t.Errorf("says %q", said)
		}
		if n := testutil.ToFloat64(r.workers[0].builtIn); n != 1 || len(taken.taken) != 1 {
			t.Errorf("counted %v, delivered %d", n, len(taken.taken))
		}
		own := step("own", "", 1, omen.ChangeOpened, time.Now())
		own.Incident.Kind, own.Incident.Host, own.Incident.Trouble = omen.OwnIncident, omen.Host{}, "receiver/r/webhook/template"
		appendAll(t, db, own)
		pass(5 * time.Second)
		if len(open) != 1 {
			t.Errorf("the message about it ended it: %v", open)
		}
		appendAll(t, db, step("b", "web-2", 1, omen.ChangeOpened, time.Now()))
		pass(5 * time.Second)
		stop()
		if len(open) != 0 {
			t.Errorf("still says %v", open)
		}
	})
}
