package notify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// Alertmanager's own example loads as it is, beside keys of others. (It is
// config/testdata/conf.good.yml of Alertmanager 0.34.2, Apache-2.0.)
func TestAlertmanagersExampleLoads(t *testing.T) {
	text := must.Get(os.ReadFile("../testdata/notify/alertmanager.good.yml"))(t)
	s := must.Get(Load(append([]byte("sources:\n- url: http://x\n  what: {ever: 1}\n"), text...), t.TempDir()))(t)
	if s.plain || s.alertmanager.Route.Receiver != "team-X-mails" || len(s.alertmanager.Receivers) < 5 {
		t.Errorf("route to %q, %d receivers", s.alertmanager.Route.Receiver, len(s.alertmanager.Receivers))
	}
	s.alertmanager.Templates = nil // the example's do not exist
	for _, r := range s.alertmanager.Receivers {
		for _, c := range r.PagerdutyConfigs {
			c.RoutingKey = "abcdefghijklmnopqrstuvwxyz012345" // nor do its keys
		}
		for _, c := range r.PushoverConfigs {
			c.UserKey, c.Token = "abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnopqrstuvwxyz0123"
		}
	}
	if _, err := NewRelay(Options{Settings: s}); err != nil {
		t.Error(err)
	}
}

func TestMistakesAreNamedWithTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"typo": {yamlOf(`
			|learn: {history: 7d}
			|
			|receivers:
			|- name: r
			|  webhook_config:
			|  - url: http://x
			|`), "line 5: unknown key webhook_config"},
		"own typo":       {"x: 1\nnotify:\n  stormy: 3\n", "line 3: unknown key stormy"},
		"twice":          {"receivers: [{name: a}, {name: a}]\n", `"a" is not unique`},
		"no such":        {"route: {receiver: b}\nreceivers: [{name: a}]\n", `undefined receiver "b"`},
		"no receivers":   {"route: {receiver: b}\n", "there are no receivers"},
		"heartbeat":      {"notify: {heartbeat: {receivers: [x]}}\n", `no receiver "x"`},
		"signing":        {"receivers: [{name: a}]\nnotify: {signing: {a: {}}}\n", "secret or secret_file"},
		"alertmanager":   {"alertmanagers: [{url: 'localhost:9093'}]\n", "want http://"},
		"label":          {"alertmanagers: [{url: 'http://a', labels: {'a b': c}}]\n", "not a label name"},
		"telegram":       {"receivers: [{name: a, telegram_configs: [{bot_token: t}]}]\n", "missing chat_id"},
		"not a mapping":  {"- a\n", "mapping"},
		"not YAML":       {"a: [\n", "line"},
		"scalar":         {"receivers: 3\n", "line 1: this key does not take `3`"},
		"in itself":      {"x: &a [*a]\nreceivers: &b [{name: a}, *b]\n", `anchor "b" contains itself`},
		"a bomb":         {aliasBomb(), "aliases make this document too large"},
		"slack update":   {"receivers: [{name: r, slack_configs: [{app_token: x, update_message: true}]}]\n", "receivers[0].slack_configs[0].update_message: wants api_url"}, // not a crash
		"global alone":   {"global: {smtp_smarthst: x}\n", "line 1: unknown key smtp_smarthst"},
		"unknown metric": {"receivers: [{name: a, webhook_configs: [{url: 'http://x', timeout: ages}]}]\n", "ages"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load([]byte(c.text), t.TempDir())
			if !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Alertmanager's structs name neither line nor key of a bad value.
func TestMistakesAreNamedWithTheirKeys(t *testing.T) {
	text := yamlOf(`
		|global: {resolve_timeout: soon}
		|receivers:
		|- name: a
		|  webhook_configs:
		|  - url: http://good
		|  - url: 127.0.0.1:8080
		|- name: b
		|  slack_configs: [{channel: "#x"}]
		|  email_configs: [{to: x@y.z}]
		|route:
		|  receiver: a
		|  routes: [{receiver: b, group_wait: later}]
		|`)
	_, err := Load([]byte(text), t.TempDir())
	var found Mistakes
	if !errors.As(err, &found) || !errors.Is(err, omen.ErrInvalid) {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range found {
		got[m.Key] = m.Problem
	}
	for key, want := range map[string]string{
		"global.resolve_timeout":              `"soon"`,
		"receivers[0].webhook_configs[1].url": "127.0.0.1:8080",
		"receivers[1].slack_configs[0]":       "no Slack API URL",
		"receivers[1].email_configs[0]":       "no global SMTP smarthost",
		"route.routes[0].group_wait":          `"later"`,
	} {
		if !strings.Contains(got[key], want) {
			t.Errorf("%s: %q, want %q in it, of %v", key, got[key], want, found)
		}
	}
}

func TestEmptyFileNotifiesNobody(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "web: {x: 1}\n", "receivers: []\n"} {
		s, err := Load([]byte(text), t.TempDir())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if r, err := NewRelay(Options{Settings: s, Store: openStore(t)}); err != nil || len(r.workers) != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	s := load(t, yamlOf(`
		|x: &hook {url: "http://x"}
		|global: {smtp_smarthost: "localhost:25", smtp_from: a@b.c}
		|receivers:
		|- name: r
		|  webhook_configs: [*hook]
		|  email_configs: [{to: a@b.c}, {to: d@e.f, send_resolved: false}]
		|  telegram_configs: [{bot_token_file: token, chat_id: 1}]
		|`))
	r := s.alertmanager.Receivers[0]
	if string(r.WebhookConfigs[0].URL) != "http://x" {
		t.Error("an alias from another section is lost")
	}
	if !r.EmailConfigs[0].VSendResolved || r.EmailConfigs[1].VSendResolved {
		t.Error("send_resolved is on unless the file says no")
	}
	if want := filepath.Join(s.dir, "token"); r.TelegramConfigs[0].BotTokenFile != want {
		t.Errorf("token file %q, want %q", r.TelegramConfigs[0].BotTokenFile, want)
	}
	if !s.plain || s.own.Storm != defaultStorm || time.Duration(s.own.GiveUpAfter) != defaultGiveUpAfter {
		t.Errorf("defaults %+v", s.own)
	}
}

func TestTemplatesOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	must.OK(t, os.WriteFile(filepath.Join(dir, "a.tmpl"), []byte(`{{ define "telegram.default.message" }}mine: {{ (index .Alerts 0).Labels.instance | toUpper }}{{ end }}`), 0o600))
	tg := messagetest.NewServer(t, `{"ok":true}`, nil)
	build := func(templates string) (*Relay, error) {
		s := must.Get(Load([]byte("templates: ["+templates+"]\n"+telegramConfig(tg.URL)+"\n"), dir))(t)
		return NewRelay(Options{Settings: s})
	}
	r := must.Get(build("'*.tmpl'"))(t)
	must.OK(t, r.workers[0].channel.sender.Send(t.Context(), messagetest.About(messagetest.Opened())))
	if m := messagetest.Decode[struct{ Text string }](t, tg.Got()[0].Body); m.Text != "mine: WEB-1" {
		t.Errorf("text %q", m.Text)
	}
	if _, err := build("missing.tmpl"); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), "missing.tmpl") {
		t.Errorf("missing template: %v", err)
	}
	must.OK(t, os.WriteFile(filepath.Join(dir, "bad.tmpl"), []byte(`{{ define "x" }}{{ end`), 0o600))
	if _, err := build("bad.tmpl"); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), "bad.tmpl") {
		t.Errorf("broken template: %v", err)
	}
}

func telegramConfig(url string) string {
	return fmt.Sprintf(`receivers: [{name: r, telegram_configs: [{api_url: %q, bot_token: "123:secret", chat_id: -42}]}]`, url)
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := load(t, telegramConfig("http://x")+"\nnotify: {signing: {r: {secret: hush}}}\n")
	if text := s.alertmanager.String(); strings.Contains(text, "123:secret") {
		t.Error("the bot's token prints")
	}
}

// aliasBomb is a few lines that would be 10^9 nodes.
func aliasBomb() string {
	text := "x: &x0 [y]\n"
	for i := range 9 {
		text += fmt.Sprintf("x%d: &x%d [%s*x%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d, ", i), 9), i)
	}
	return text + "receivers: *x9\n"
}
