package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/must"
)

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	return must.Get(Parse([]byte(text)))(t)
}

func TestNothingIsEnough(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n", "{}", "~", "local:\nlearn:\n", "storage: {}\n"} {
		c := mustParse(t, text)
		if !c.LocalEnabled() || c.Local.Step != model.Duration(time.Second) || c.Pages.PerHostWeek != 1 ||
			c.Learn.History != model.Duration(7*24*time.Hour) || !slices.Equal(c.Local.Profiles, []string{"node"}) {
			t.Errorf("%q gives %s, want the defaults", text, c)
		}
	}
	c := mustParse(t, "sources: [{name: prod, url: 'http://p:9090'}]")
	if c.LocalEnabled() || c.Sources[0].Step != model.Duration(15*time.Second) {
		t.Errorf("with a source: %s", c)
	}
	if !mustParse(t, "local: {enabled: true}\nsources: [{name: prod, url: 'http://p:9090'}]").LocalEnabled() {
		t.Error("this machine is not watched though the file says so")
	}
}

func TestBadFiles(t *testing.T) {
	source := "sources:\n  - name: prod\n    url: http://p:9090\n"
	for _, c := range []struct{ text, want string }{
		{"locall:\n  step: 1s\n", `1:1: locall: unknown key: did you mean "local"?`},
		{"local:\n  stepp: 1s\n", `2:3: local.stepp: unknown key: did you mean "step"?`},
		{"local:\n  colour: 1s\n", `2:3: local.colour: unknown key: known here are enabled, instance, labels, labels_from, profiles, step`},
		{source + "    pasword: x\n", `4:5: sources[0].pasword: unknown key: known here are concurrency, delay, history, http_config, labels, labels_from, max_hosts, name, profiles, step, timeout, url, window`},
		{source + "    http_config:\n      basic_auth: {usrname: x}\n", `5:20: sources[0].http_config.basic_auth.usrname: unknown key: did you mean "username"?`},
		{source + "    http_config:\n      basic_auth: {username: x, password: y, password_file: z}\n", `5:7: sources[0].http_config: at most one of basic_auth password, password_file & password_ref must be configured`},
		{"local:\n  step: 5\n", `2:9: local.step: "5" is not a duration such as 15s, 5m or 7d`},
		{"local:\n  step: 1ms\n", `2:9: local.step: 1ms is too short: write at least 100ms`},
		{"local:\n  enabled: yes please\n", `2:12: local.enabled: "yes please" is not true or false`},
		{"local: 1s\n", `1:8: local: "1s" is not keys with values below it, such as enabled: …`},
		{"local: [1s]\n", `1:8: local: want keys with values below it, such as enabled: …, not a list`},
		{"sources: prod\n", `1:10: sources: "prod" is not a list: a line with a dash for each, such as - name: …`},
		{"sources: {name: prod}\n", `1:10: sources: want a list: a line with a dash for each, such as - name: …, not keys with values`},
		{"local: {enabled: false}\n", `1:18: local.enabled: is false and there are no sources: nothing would be watched`},
		{"local:\n  profiles: [nod]\n", `2:14: local.profiles[0]: there is no profile "nod": did you mean "node"?`},
		{"sources:\n  - url: http://p:9090\n", `2:5: sources[0].name: is missing: give it a short name`},
		{"sources:\n  - {name: a/b, url: 'http://p:9090'}\n", `2:12: sources[0].name: "a/b" must be letters, digits, dots, underscores and dashes`},
		{"sources:\n  - {name: local, url: 'http://p:9090'}\n", `2:12: sources[0].name: "local" is taken: give it another name`},
		{"sources:\n  - name: prod\n    url: p:9090\n", `3:10: sources[0].url: "p:9090" is not an address: write http://host:port or https://host:port`},
		{source + "    step: 10s\n    window: 15s\n", `5:13: sources[0].window: 15s is too short for a step of 10s: write at least two steps, better four, or leave it out`},
		{"pages: {per_host_week: often}\n", `1:24: pages.per_host_week: "often" is not a number such as 5 or 0.5`},
		{"pages: {per_host_week: -1}\n", `1:24: pages.per_host_week: -1 is not above 0: write how many false pages a week are acceptable for a host, such as 1 or 0.25`},
		{"pages: {per_host_week: .nan}\n", `1:24: pages.per_host_week: NaN is not above 0: write how many false pages a week are acceptable for a host, such as 1 or 0.25`},
		{"learn: {seed: -1}\n", `1:15: learn.seed: "-1" is not a whole number of 0 or more`},
		{"learn: {history: 1m}\n", `1:18: learn.history: 1m is too short: write at least 3m, better some days`},
		{"storage: {retention_size: 10 gigs}\n", `1:27: storage.retention_size: "10 gigs" is not a size: write it like 512MB or 10GB`},
		{"web: {allowed_hosts: ['http://omen:9909']}\n", `1:23: web.allowed_hosts[0]: "http://omen:9909" is not a host name: write it without http:// and port, such as omen.example.org or *.example.org`},
		{"web: {roles: {ann: root}}\n", `1:20: web.roles.ann: "root" is not a role: write read, operate or admin`},
		{"web: {default_role: none}\n", `1:21: web.default_role: "none" is not a role: write read, operate or admin`},
		{"web: {proxy: {trusted: [nowhere]}}\n", `1:25: web.proxy.trusted[0]: "nowhere" is not an address: write one such as 10.1.2.3, or a network such as 10.1.0.0/16`},
		{"web: {proxy: {trusted: [0.0.0.0/0]}}\n", `1:25: web.proxy.trusted[0]: "0.0.0.0/0" is every address: any client could name itself as any user; write the proxy's`},
		{"web: {proxy: {user_header: X-User}}\n", `1:28: web.proxy.user_header: is taken from proxies only that are named in web.proxy.trusted: name them there`},
		{"web: {proxy: {trusted: [10.0.0.1], user_header: Authorization}}\n", `1:49: web.proxy.user_header: "Authorization" cannot be the header of a name: write one such as X-Forwarded-User`},
		{"storage: {retention_size: 1KB}\n", `1:27: storage.retention_size: 1KB is too small: write at least 64MB, or 0 for no bound`},
		{"learn:\n  seed: 1\n  seed: 2\n", `3:3: learn.seed: is there twice: remove one`},
		{"profiles:\n  - name: node\n    features: [{name: a, expr: a}]\n", `2:11: profiles[0].name: "node" is taken: give it another name`},
		{"profiles:\n  - name: shop\n", `2:5: profiles[0].features: is missing: list at least one feature with name and expr, or extend another profile`},
		{"profiles:\n  - {name: shop, extends: nodes}\n", `2:27: profiles[0].extends: there is no profile "nodes" before this one: known are node, original, workload`},
		{"profiles:\n  - name: shop\n    features:\n      - {name: a, expr: a, range: [1]}\n", `4:35: profiles[0].features[0].range: must be the lowest and the highest possible value, such as [0, 1]`},
		{"profiles:\n  - name: shop\n    features:\n      - {name: a}\n", `4:9: profiles[0].features[0].expr: is missing: give the PromQL expression`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c}]}\n", `2:42: profiles[0].limits[0].limit: is missing: give the PromQL expression for how much there is, or else max: a number`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, kind: expiry}]}\n", `2:67: profiles[0].limits[0].kind: "expiry" is not known: write date if used is the instant at which it is over, or leave it out`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, max: 5}]}\n", `2:42: profiles[0].limits[0].used: is missing: give the PromQL expression for how much is used`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, limit: d, max: 5}]}\n", `2:76: profiles[0].limits[0].max: is given together with limit: remove one of them`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, max: 0}]}\n", `2:66: profiles[0].limits[0].max: is 0: of an amount without limit: write how much there is, above 0, in the unit; else leave it out`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, max: 5, full: 0.0}]}\n", `2:75: profiles[0].limits[0].full: is 0.0: of an amount: write a share above 0 and at most 1, such as 0.98, or leave it out for 0.995`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, kind: date, warning: 0s}]}\n", `2:82: profiles[0].limits[0].warning: is 0s: of a date: write how long before it people are notified, or leave it out for 14d`},
		{"profiles:\n  - {name: shop, extends: node, features: [{name: c, expr: c, scale: 0}]}\n", `2:70: profiles[0].features[0].scale: is 0: write a number above 0, in the unit, or leave it out for deviation, or else the unit's own`},
		{"pages: {per_host_week: 0}\n", `1:24: pages.per_host_week: is 0: write how many false pages a week are acceptable for a host, such as 1 or 0.25`},
		{source + "    step: 0s\n", `4:11: sources[0].step: is 0s: write at least 1s, or leave it out for 15s`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: above, of: forks}]}\n", `2:42: profiles[0].derive[0].limit: is missing: write above what it counts, in the unit of "forks", such as limit: 0.9`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: mean, of: forks, over: 5m, per: cpu}]}\n", `2:90: profiles[0].derive[0].per: means nothing to kind: mean, which takes of and over: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: ratio, of: forks, per: cpu, limit: 0}]}\n", `2:93: profiles[0].derive[0].limit: means nothing to kind: ratio, which takes of and per: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: hour, direction: up}]}\n", `2:75: profiles[0].derive[0].direction: means nothing to kind: hour, which is never to blame: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: hour, direction: both}]}\n", `2:75: profiles[0].derive[0].direction: means nothing to kind: hour, which is never to blame: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: hour, work: false}]}\n", `2:70: profiles[0].derive[0].work: means nothing to kind: hour, which is never to blame: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: weekday, deviation: 0}]}\n", `2:78: profiles[0].derive[0].deviation: means nothing to kind: weekday, which is never to blame: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: hour, range: []}]}\n", `2:71: profiles[0].derive[0].range: means nothing to kind: hour, which is never to blame: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: hour, range: much}]}\n", `2:71: profiles[0].derive[0].range: means nothing to kind: hour, which is never to blame: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: ratio, of: forks, per: cpu, over: 0s}]}\n", `2:92: profiles[0].derive[0].over: means nothing to kind: ratio, which takes of and per: remove it`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: mean, of: forks, over: 5m, zone: ''}]}\n", `2:91: profiles[0].derive[0].zone: means nothing to kind: mean, which takes of and over: remove it`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, kind: date, unit: seconds}]}\n", `2:79: profiles[0].limits[0].unit: is for amounts, and this is a date: remove it: used is the instant, in seconds since 1970; or remove kind: date`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, kind: date, max: 0}]}\n", `2:78: profiles[0].limits[0].max: is for amounts, and this is a date: remove it: used is the instant, in seconds since 1970; or remove kind: date`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, kind: Date}]}\n", `2:67: profiles[0].limits[0].kind: "Date" is not known: did you mean "date"?`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, kind: expiry, warning: 3d}]}\n", `2:67: profiles[0].limits[0].kind: "expiry" is not known: write date if used is the instant at which it is over, or leave it out`},
		{"profiles:\n  - {name: shop, extends: node, limits: [{name: c, used: c, max: 5, warning: 0s}]}\n", `2:78: profiles[0].limits[0].warning: is for dates: remove it, or write kind: date`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: Hour}]}\n", `2:58: profiles[0].derive[0].kind: "Hour" is not known: did you mean "hour"?`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, of: forks, over: 5m}]}\n", `2:42: profiles[0].derive[0].kind: is missing: write change, rate, mean, deviation, ratio, above, hour or weekday`},
		{"profiles:\n  - {name: shop, extends: node, derive: [{name: c, kind: mean, of: forks, over: 9000d}]}\n", `2:81: profiles[0].derive[0].over: 9000d is further back than history is read: write less, or more as learn.history`},
		{"local: {profiles: [node, node]}\n", `1:26: local.profiles[1]: "node" is there twice: remove one`},
		{"maintenance:\n  - {name: n, match: ['host=a'], start: tomorrow, duration: 1h}\n", `2:41: maintenance[0].start: "tomorrow" is not a local time: write it like 2026-01-31T02:00:00`},
		{"time_zone: Mars\n", `1:12: time_zone: "Mars" is not a time zone: write an IANA name such as Europe/Berlin`},
		{"maintenance:\n  - {name: n, match: ['host=a'], start: '2026-01-31T02:00:00', duration: 1h, zone: Mars}\n", `2:84: maintenance[0].zone: "Mars" is not a time zone: write an IANA name such as Europe/Berlin`},
		{"receivers: [{name: ops}]\nroute: {receiver: opps}\n", `2:19: route.receiver: there is no receiver "opps": did you mean "ops"?`},
		{"receivers: [{name: ops}]\nroute:\n  receiver: ops\n  routes:\n    - {receiver: db-team}\n", `5:18: route.routes[0].receiver: there is no receiver "db-team": declare it under receivers`},
		{"receivers: [{name: ops}, {name: ops}]\n", `1:33: receivers[1].name: "ops" is taken: give it another name`},
		{"sources:\n  - {name: a, url: 'http://p:99999'}\n", `2:20: sources[0].url: "http://p:99999" is not an address: write http://host:port or https://host:port`},
		{"local: {labels: {__name__: x}}\n", `1:17: local.labels: "__name__" begins with __, which Prometheus keeps to itself: choose another name`},
		{"local:\n\tstep: 1s\n", `2:1: is not YAML: found character that cannot start any token: indent with spaces, not tabs, and quote what begins with @`},
		{"notify: &a [*a]\n", `1:9: notify: anchor 'a' value contains itself`},
		{"just text\n", `1:1: want keys with values, such as sources:, not "just text"`},
		{"local: {}\n---\nlocal: {}\n", `has a second document (after ---), or text after its end: write one document`},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil {
			t.Errorf("%q is accepted, want: %s", c.text, c.want)
			continue
		}
		want := "configuration:" + c.want
		if !regexp.MustCompile(`^\d`).MatchString(c.want) {
			want = "configuration: " + c.want
		}
		if err.Error() != want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, err, want)
		}
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := Parse([]byte("locall: {}\npages: {per_host_week: x}\nlearn:\n  hist: 1d\n"))
	var one *Error
	if !errors.As(err, &one) || one.Line != 1 || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("got %v, want three errors, the first of line 1", err)
	}
}

// What is wrong in form and what means nothing is said at once, in the file's order,
// but for what would follow from what is broken.
func TestBrokenValuesHideNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // keys
	}{
		"elsewhere": {"pages: {per_host_week: often}\nprofiles:\n- {name: shop, features: [{name: a, expr: ''}, {name: b, expr: b, deviation: x}]}\nlearn: {history: 1m}\n",
			[]string{"pages.per_host_week", "profiles[0].features[0].expr", "profiles[0].features[1].deviation", "learn.history"}},
		"beside it":           {"profiles:\n- {name: shop, features: [{name: a, exp: a}]}\n", []string{"profiles[0].features[0].exp"}},
		"the list of it":      {"profiles:\n- {name: shop, features: a}\nlocal: {profiles: [shop]}\n", []string{"profiles[0].features"}},
		"the name of it":      {"profiles:\n- {nam: shop, features: [{name: a, expr: a}]}\n- {name: more, extends: shop}\nlocal: {profiles: [shop]}\n", []string{"profiles[0].nam"}},
		"no sources":          {"local: {enabled: false}\nsources: prod\n", []string{"sources"}},
		"a 0, of two keys":    {"profiles:\n- {name: shop, extends: node, limits: [{name: a, used: '', max: 0}]}\n", []string{"profiles[0].limits[0].used", "profiles[0].limits[0].max"}},
		"a key that is twice": {"learn: {history: 1d, history: 2d, retrain: 1m}\npages: {per_host_week: -1}\n", []string{"learn.history", "learn.retrain", "pages.per_host_week"}},
	} {
		_, err := Parse([]byte(c.text))
		var got []string
		for _, one := range strings.Split(err.Error(), "\n") {
			got = append(got, strings.Split(one, ": ")[1])
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}

func TestPlacesForOthers(t *testing.T) {
	c := mustParse(t, "receivers:\n- name: ops\n  slack_configs:\n  - {channel: '#a'}\nmaintenance:\n- {name: n, match: [host], start: '2026-01-31T02:00:00', duration: 1h}\n")
	for key, want := range map[string]string{
		"maintenance[0].match[0]":              "configuration:6:21: maintenance[0].match[0]: no",
		"maintenance[0]":                       "configuration:6:3: maintenance[0]: no",
		"receivers[0].slack_configs[0]":        "configuration:4:5: receivers[0].slack_configs[0]: no",
		"receivers[0].slack_configs[0].text.x": "configuration:4:5: receivers[0].slack_configs[0].text.x: no",
		"sources[0]":                           "configuration: sources[0]: no",
	} {
		if got := c.At(key, "no").Error(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", key, got, want)
		}
	}
	if got := c.AtLine(3, "", "no").Error(); got != "configuration:3:1: no" {
		t.Error(got)
	}
	if got := must.Get(Parse(nil))(t).At("sources[0].url", "no").Error(); got != "configuration: sources[0].url: no" {
		t.Error(got)
	}
}

const secretive = `
sources:
  - name: prod
    url: http://omen:hunter2@p:9090/x
    http_config:
      basic_auth: {username: omen, password: hunter2}
      http_headers:
        X-Scope: {secrets: [hunter2]}
receivers:
  - name: ops
    telegram_configs:
      - {bot_token: "hunter2", chat_id: -100}
    slack_configs: [{api_url: https://hooks/hunter2, channel: ops}]
    webhook_configs: [{url: https://hook/hunter2}] # hunter2
    email_configs: [{to: ops@example.org, auth_password_file: mail.password}]
alertmanagers:
  - url: http://omen:hunter2@am:9093
    http_config: {authorization: {credentials: hunter2}}
notify:
  signing: {ops: {secret: hunter2}}
`

func TestSecretsAreNotPrinted(t *testing.T) {
	printed := mustParse(t, secretive).String()
	if strings.Contains(printed, "hunter2") {
		t.Errorf("a secret is printed:\n%s", printed)
	}
	for _, want := range []string{"http://omen:<secret>@p:9090/x", "http://omen:<secret>@am:9093", "chat_id: -100", "auth_password_file: mail.password", "per_host_week: 1"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not printed:\n%s", want, printed)
		}
	}
}

// What is printed is a configuration that means the same, and prints the same.
func TestPrintedParsesBack(t *testing.T) {
	docs, _ := exampleOf(t)
	for name, text := range map[string]string{"empty": "", "starter": Example(), "documented": docs} {
		c := mustParse(t, text)
		again, err := Parse([]byte(c.String()))
		if err != nil {
			t.Errorf("%s: %v in\n%s", name, err, c)
			continue
		}
		if d := cmp.Diff(c.String(), again.String()); d != "" {
			t.Errorf("%s changes when printed and read again:\n%s", name, d)
		}
	}
}

// The starter file claims to say what holds without it.
func TestExampleIsTheDefault(t *testing.T) {
	if d := cmp.Diff(mustParse(t, "").String(), mustParse(t, Example()).String()); d != "" {
		t.Errorf("the starter file differs from the defaults:\n%s", d)
	}
	var live []string
	comment := regexp.MustCompile(`^# ([a-z_]+:|  )`)
	for line := range strings.Lines(Example()) {
		if comment.MatchString(line) {
			line = line[2:]
		}
		live = append(live, line)
	}
	c := mustParse(t, strings.Join(live, ""))
	if len(c.Sources) != 1 || len(c.Profiles) != 1 || c.Receivers.Kind != yaml.SequenceNode || c.Alertmanagers.Kind == 0 {
		t.Errorf("with its comment signs removed the starter file is %s", c)
	}
}

// exampleOf is the full example of the documentation, and the page.
func exampleOf(t *testing.T) (example, page string) {
	t.Helper()
	text := must.Get(os.ReadFile("../docs/configuration.md"))(t)
	m := regexp.MustCompile("(?s)<!-- full example -->\n```yaml\n(.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatal("docs/configuration.md has no full example")
	}
	return string(m[1]), string(text)
}

func TestDocumentedKeys(t *testing.T) {
	example, page := exampleOf(t)
	mustParse(t, example)
	for _, key := range keysOf() {
		if !strings.Contains(page, "`"+key+"`") {
			t.Errorf("docs/configuration.md does not mention `%s`", key)
		}
	}
}

// keysOf are all keys of the file's own sections.
func keysOf() []string {
	var keys []string
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == rawNode || t == reflect.TypeFor[promconfig.HTTPClientConfig]() {
			return
		}
		known, _ := fieldsOf(t)
		for k, ft := range known {
			keys = append(keys, k)
			visit(ft.Type)
		}
	}
	visit(reflect.TypeFor[Config]())
	return keys
}

func TestDocumentedProfiles(t *testing.T) {
	page := must.Get(os.ReadFile("../docs/profiles.md"))(t)
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	if c := mustParse(t, text); !found || len(c.Profiles) != 3 {
		t.Errorf("the page's example has %d profiles, want 3", len(c.Profiles))
	}
}

func TestLoadResolvesFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "omen.yml")
	text := "sources: [{name: prod, url: 'http://p:9090', http_config: {basic_auth: {username: u, password_file: pw}}}]\n" +
		"calendars: [{name: c, file: c.ics, match: ['host=a']}]\n"
	must.OK(t, os.WriteFile(file, []byte(text), 0o600))
	c := must.Get(Load(file))(t)
	if got, want := c.Sources[0].HTTPConfig.BasicAuth.PasswordFile, filepath.Join(dir, "pw"); got != want {
		t.Errorf("password file is %s, want %s", got, want)
	}
	if !c.Sources[0].HTTPConfig.FollowRedirects {
		t.Error("the client's own defaults are lost")
	}
	if got, want := c.Calendars[0].File, filepath.Join(dir, "c.ics"); got != want {
		t.Errorf("calendar is %s, want %s", got, want)
	}
	if _, err := Load(filepath.Join(dir, "none.yml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("")
	f.Add(Example())
	f.Add(secretive)
	f.Add("a: &a [*a]\nlocal: *a\n")
	f.Add("local: &l {step: 1s}\nlearn: {<<: *l}\n")
	f.Add("? {a: b}\n: c\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse([]byte(text))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error says nothing")
			}
			return
		}
		_ = c.String()
	})
}

func TestAddressesBelowAnotherAPI(t *testing.T) {
	mustParse(t, "sources: [{name: p, url: 'https://k8s:6443/api/v1/namespaces/m/services/prometheus:9090/proxy'}]\n")
	if _, err := Parse([]byte("sources: [{name: p, url: 'http://p:9090/api/v1/'}]\n")); err == nil || !strings.Contains(err.Error(), "write http://p:9090") {
		t.Errorf("with the API's path: %v", err)
	}
}
