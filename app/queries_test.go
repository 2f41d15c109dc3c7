package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
)

// limitOf is a file with a profile that is a server's, and a limit in line 4.
func limitOf(keys string) string {
	return "sources: [{name: s, url: 'http://s', profiles: [p]}]\nlocal: {enabled: false}\nprofiles: [{name: p, features: [{name: a, expr: a}], limits: [\n    {" + keys + "}]}]\n"
}

// What an SRE mistypes, and where and how the error says it.
func TestTyposHaveAPlaceAndAFix(t *testing.T) {
	for text, want := range map[string]string{
		"receivers:\n- name: x\n  webhook_config:\n  - url: http://a\n":                                                         `3:3: receivers[0].webhook_config: unknown key: did you mean "webhook_configs"?`,
		"receivers:\n- name: x\n  webhook_configs:\n  - ulr: http://a\n":                                                        `4:5: receivers[0].webhook_configs[0].ulr: unknown key: did you mean "url"?`,
		"receivers:\n- name: x\n  telegram_configs:\n  - {bot_token: a, chat_id: '@foo'}\n":                                     `4:29: receivers[0].telegram_configs[0].chat_id: "@foo" is not a whole number`,
		"receivers:\n- name: x\n  slack_configs:\n  - {api_url: http://a, chanel: x}\n":                                         `unknown key: did you mean "channel"?`,
		"route:\n  receiver: x\n  group_wiat: 5s\nreceivers: [{name: x}]\n":                                                     `3:3: route.group_wiat: unknown key: did you mean "group_wait"?`,
		"notify: {buttons: {telegrm: true}}\n":                                                                                  `1:20: notify.buttons.telegrm: unknown key: did you mean "telegram"?`,
		"global: {smtp_smarthst: x}\n":                                                                                          `1:10: global.smtp_smarthst: unknown key: did you mean "smtp_smarthost"?`,
		"templates:\n- no.tmpl\n":                                                                                               "2:3: templates[0]: read template: stat ",
		"templates: [omen.yml]\nreceivers: [{name: '{{'}]\n":                                                                    "1:13: templates[0]: read template ",
		"receivers:\n- name: x\n  webhook_configs:\n  - url: http://a\n    payload:\n      list: [a, {text: '{{.Foo}}'}]\n":     `6:24: receivers[0].webhook_configs[0].payload.list[1].text: template "{{.Foo}}", with `,
		"receivers:\n- name: x\n  slack_configs:\n  - {api_url: 'http://a', channel: '#x', text: '{{'}\n":                       `4:48: receivers[0].slack_configs[0].text: template "{{", with `,
		"receivers:\n- name: x\n  email_configs:\n  - {to: a@b, from: b@a, smarthost: 'a:25', tls_config: {ca_file: no.pem}}\n": "receivers[0].email_configs[0]",
		"receivers:\n- name: x\n  sns_configs: [{topic_arn: a, sigv4: {region: a}}]\n":                                          "3:16: receivers[0].sns_configs: not built into Omen",
		"time_intervals:\n- name: nights\n  time_intervals:\n  - times: [{start_time: '22:00', end_time: '25:00'}]\n":           "4:45: time_intervals[0].time_intervals[0].times[0].end_time: couldn't parse timestamp 25:00",
		"mute_time_intervals:\n- name: nights\n  time_intervals:\n  - weekdays: [mondag]\n":                                     "4:16: mute_time_intervals[0].time_intervals[0].weekdays[0]: mondag is not a valid weekday",
		"receivers:\n\t- name: x\n":                                                                                             "indent with spaces",
		"sources: [{name: p, url: http://p:9090/api/v1}]\n":                                                                     "1:26: sources[0].url: has the API's path: write http://p:9090",
		limitOf("name: l, used: 'max by ($by) (x)', max: -1"):                                                                   "4:46: profiles[0].limits[0].max: -1 is not above 0: write how much",
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, full: 99.5"):                                                        "4:55: profiles[0].limits[0].full: 99.5 is not a share of the limit: write",
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, features: [b]"):                                                     `4:60: profiles[0].limits[0].features[0]: there is no feature "b": name`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, same: c"):                                                           `4:55: profiles[0].limits[0].same: "c" is not among by: name`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, critical: 3d"):                                                      `4:59: profiles[0].limits[0].critical: is for dates: remove`,
		limitOf("name: l, used: 'max by ($by) (x)', kind: date, max: 5"):                                                        `4:58: profiles[0].limits[0].max: is for amounts, and this is a date: remove it`,
		limitOf("name: l, used: 'max by ($by) (x)', kind: date, critical: 30d"):                                                 `4:63: profiles[0].limits[0].critical: 30d is longer before the date than warning, which is 14d where it is left out: write warning, too, such as warning: 60d; or at most critical: 14d`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 0"):                                                                    `4:46: profiles[0].limits[0].max: is 0: of an amount without limit: write how much there is, above 0`,
		limitOf("name: l, used: 'max by ($by) (x)', max: .inf"):                                                                 `4:46: profiles[0].limits[0].max: is infinite, and what never ends is never full: write how much there is`,
		limitOf("name: l, used: 'sum by ($by) (x)', max: 5, full: 0"):                                                           `4:55: profiles[0].limits[0].full: is 0: of an amount: write a share above 0`,
		limitOf("name: l, used: 'sum by (instance, a) (x)', max: 5, by: [b]"):                                                   `4:21: profiles[0].limits[0].used: its series have no label b of by: keep it, as in max by ($by) (…), or leave it out of by`,
		limitOf("name: l, used: 'sum by ($byy) (x)', max: 5"):                                                                   `4:21: profiles[0].limits[0].used: $byy at 1:9 of the expression means nothing: write $by`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, by: [p], title: 'p $byy'"):                                          `4:65: profiles[0].limits[0].title: has $byy, which means nothing: write $where`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, by: [p], title: '$where2'"):                                         `4:65: profiles[0].limits[0].title: has $where2, which means nothing: write $where`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, by: [p-q]"):                                                         `4:54: profiles[0].limits[0].by[0]: "p-q" is not a label name: write the labels`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, features: [a, a]"):                                                  `4:63: profiles[0].limits[0].features[1]: "a" is there twice: name features`,
		limitOf("oops"): `4:6: profiles[0].limits[0].oops: unknown key: known here are`,
		"profiles: [{name: p, extends: node, limits: [oops]}]\n":                                                `1:46: profiles[0].limits[0]: "oops" is not keys with values below it, such as name: …`,
		"profiles: [{name: p, extends: node, without: [swap, swap]}]\n":                                         `1:53: profiles[0].without[1]: "swap" is there twice: name each once`,
		"profiles: [{name: p, extends: node, by: [device], limits: []}]\n":                                      `1:31: profiles[0].extends: node, limit filesystem_space, by[0]: "device" identifies the host: leave it out by without, or declare one of that name here`,
		limitOf("name: l, used: 'max by ($by) (x)', kind: date, warning: 1d, critical: 2d"):                     `4:62: profiles[0].limits[0].warning: 1d is less than critical, 2d: people`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5},\n    {name: l, used: 'max by ($by) (y)', max: -1"): `5:12: profiles[0].limits[1].name: is there twice`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, by: [p], title: '$whre of $x'"):                     `4:65: profiles[0].limits[0].title: has $whre, which means nothing: write $where`,
		limitOf("name: l, used: '5', max: 5"):                                                                   `4:21: profiles[0].limits[0].used: the expression gives a scalar, not series`,
		limitOf("name: l, used: 'max by ($by) (x)', limit: '500'"):                                              `4:48: profiles[0].limits[0].limit: the expression gives a scalar, not series: write max: 500 instead of limit`,
		limitOf("name: l, used: max(x), max: 5"):                                                                `4:21: profiles[0].limits[0].used: its series have no label instance, so they are of no host: keep it, as in max by ($by) (…)`,
		limitOf("name: l, used: 'max by ($by) (x)', max: 5, left_out: count(x)"):                                `4:59: profiles[0].limits[0].left_out: its series have no label instance`,
		"profiles: [{name: p, features: [{name: a, expr: a, unit: litres}]}]\n":                                 `1:58: profiles[0].features[0].unit: "litres" is not known: use one of`,
		"profiles: [{name: p, features: [{name: a, expr: a}, {name: a, expr: b}]}]\n":                           `1:60: profiles[0].features[1].name: is there twice`,
		"profiles: [{name: p, extends: node, features: [{name: forks, expr: a}, {name: forks, expr: b}]}]\n":    `1:79: profiles[0].features[1].name: is there twice`,
		"profiles: [{name: p, features: [{name: a, expr: a}], derive: [{name: b, kind: mean, of: c}]}]\n":       `1:89: profiles[0].derive[0].of: "c" is not a feature`,
		"profiles: [{name: p, features: [{name: a, expr: a}], derive: [{name: b, kind: hour, zone: X/Y}]}]\n":   `1:91: profiles[0].derive[0].zone: "X/Y" is not a time zone`,
		"profiles: [{name: p, extends: node, without: [swapp]}]\n":                                              `1:47: profiles[0].without[0]: there is no feature or limit "swapp"`,
		"profiles: [{name: p, features: [{name: a, expr: 'x[5m]'}]}]\n":                                         `1:49: profiles[0].features[0].expr: is not PromQL: it gives a range of samples, not one at a time: leave the range out`,
		"local: {profiles: [p]}\nprofiles: [{name: p, features: [{name: a, expr: sum by ($by}]}]\n":             "2:49: profiles[0].features[0].expr: is not PromQL: at 1:12 of the expression: unclosed left parenthesis: try it",
	} {
		file := filepath.Join(t.TempDir(), "omen.yml")
		write(t, file, text)
		_, _, err := Check(t.Context(), file)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

// A profile that is not the file's and is wrong is an error without a place, and no panic.
func TestAWrongProfileThatIsNotTheFiles(t *testing.T) {
	broken := feature.Profile{Name: "ours", Features: []feature.Feature{{Name: "not a name", Expr: "up"}}}
	c := must.Get(config.Parse([]byte("profiles: [{name: p, features: [{name: a, expr: a}]}]\n")))(t)
	if _, err := schemasOf(c, []feature.Profile{broken}); err == nil || !strings.Contains(err.Error(), "not a name") || strings.Contains(err.Error(), "profiles[") {
		t.Errorf("%v", err)
	}
}

// All mistakes of all limits are said at once.
func TestEveryLimitsMistakeIsSaid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, limitOf("name: l, used: 'max by ($by) (x)', max: -1, same: c},\n    {name: m, used: 'max by ($by) (x)', max: 5, full: 2"))
	_, _, err := Check(t.Context(), file)
	for _, want := range []string{"4:46: profiles[0].limits[0].max: ", "4:56: profiles[0].limits[0].same: ", "5:55: profiles[0].limits[1].full: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// mistakesIn are the keys of all mistakes of a file, in the order in which they are said.
func mistakesIn(t *testing.T, text string) (keys []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, text)
	_, _, err := Check(t.Context(), file)
	if err == nil {
		return nil
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		place, rest, _ := strings.Cut(strings.TrimPrefix(line, file+":"), ": ")
		key, _, _ := strings.Cut(rest, ": ")
		keys = append(keys, place+" "+key)
	}
	return keys
}

// What extends a profile with a mistake has none by that, and its own are said all the
// same.
func TestAMistakeIsNotAlsoThatOfWhatExtends(t *testing.T) {
	for text, want := range map[string][]string{
		"profiles: [{name: p, features: [{name: a, expr: a, unit: litres}]}, {name: q, extends: p}, {name: r, extends: q}]\n": {"1:58 profiles[0].features[0].unit"},
		"profiles: [{name: p, features: [{name: a, expr: a}], derive: [{name: b, kind: hour, zone: X/Y}]}, {name: q, extends: p}, {name: r, extends: q}]\n": {
			"1:91 profiles[0].derive[0].zone"},
		"profiles: [{name: p, by: [a-b], features: [{name: a, expr: a}]}, {name: q, extends: p}]\n": {"1:27 profiles[0].by[0]"},
		"profiles: [{name: p}, {name: q, extends: p}]\n":                                            {"1:12 profiles[0].features"},
		"profiles: [{nam: p, features: [{name: a, expr: a}]}, {name: q, extends: p}]\n":             {"1:13 profiles[0].nam"},
		"profiles:\n- {name: p, features: [{name: a, expr: a}], limits: [{name: l, used: a, max: -1}]}\n- {name: q, extends: p, limits: [{name: m, used: a, max: -1}]}\n": {
			"2:78 profiles[0].limits[0].max", "3:58 profiles[1].limits[0].max"},
	} {
		if d := cmp.Diff(want, mistakesIn(t, text)); d != "" {
			t.Errorf("%s%s", text, d)
		}
	}
}

// Values of the wrong form, values that mean nothing, and expressions that cannot be
// right are said in one round, each once and in the file's order, and nothing that
// only follows from another.
func TestMistakesComeInOneRound(t *testing.T) {
	for text, want := range map[string][]string{
		"profiles:\n- name: p\n  features: [{name: a, expr: max(a)}, {name: b, expr: b, deviation: much}, {name: c, expr: '', unit: litres}]\n" +
			"  limits:\n  - {name: l, used: max(x), max: -1, full: 0}\n  - {name: m, usde: x, max: 5}\n  - {name: n, used: 'max by ($by) (x)', max: 5, by: [a-b], full: 2}\npages: {per_host_week: often}\n": {
			"3:30 profiles[0].features[0].expr", "3:69 profiles[0].features[1].deviation", "3:92 profiles[0].features[2].expr", "3:102 profiles[0].features[2].unit",
			"5:21 profiles[0].limits[0].used", "5:34 profiles[0].limits[0].max", "5:44 profiles[0].limits[0].full",
			"6:15 profiles[0].limits[1].usde", "7:54 profiles[0].limits[2].by[0]", "7:66 profiles[0].limits[2].full", "8:24 pages.per_host_week",
		},
		"profiles: [{name: p, extends: nobody, features: [{name: a, expr: max(a), scale: -1}], without: [b]}]\n": {"1:31 profiles[0].extends", "1:81 profiles[0].features[0].scale"},
		"profiles: [{name: p, by: [a-b], features: [{name: a, expr: 'max by ($by) (a)'}]}]\n":                    {"1:27 profiles[0].by[0]"},
	} {
		if d := cmp.Diff(want, mistakesIn(t, text)); d != "" {
			t.Errorf("%s%s", text, d)
		}
	}
}

// One mistake causes no second one, and hides none.
func TestAMistakeStandsAlone(t *testing.T) {
	feature := "{name: a, expr: 'max by ($by) (a)'}"
	for text, want := range map[string][]string{
		// A misspelt key is read as what was meant, and what is in it is judged.
		"profiles: [{nam: p, features: [{nome: a, exprr: a, unti: litres, direction: left, deviation: -1}], derive: [{name: b, knd: mean, of: a, ovr: 0s}]}]\nlocal: {profiles: [p], stepp: 1ms}\n": {
			"1:13 profiles[0].nam", "1:33 profiles[0].features[0].nome", "1:42 profiles[0].features[0].exprr", "1:52 profiles[0].features[0].unti", "1:58 profiles[0].features[0].unit",
			"1:77 profiles[0].features[0].direction", "1:94 profiles[0].features[0].deviation", "1:119 profiles[0].derive[0].knd", "1:137 profiles[0].derive[0].ovr", "1:142 profiles[0].derive[0].over",
			"2:24 local.stepp", "2:31 local.step",
		},
		// One that nobody knows hides nothing beside it.
		"profiles: [{name: p, features: [{name: a, expr: 'max by ($by) (a)', colour: red, unit: litres}], colour: red, by: [a-b]}]\nlocal: {profiles: [q]}\n": {
			"1:69 profiles[0].features[0].colour", "1:88 profiles[0].features[0].unit", "1:98 profiles[0].colour", "1:116 profiles[0].by[0]", "2:20 local.profiles[0]"},
		// What names a feature may be right once that has its name.
		"profiles: [{name: p, features: [{title: a, expr: 'max by ($by) (a)'}], derive: [{name: b, kind: mean, of: a, over: 5m}]}, {name: q, extends: p, without: [a]}]\n": {
			"1:33 profiles[0].features[0].name", "1:34 profiles[0].features[0].title"},
		"profiles: [{name: p, extends: nodes, features: [" + feature + "]}, {name: q, extends: p, without: [forks]}]\n": {"1:31 profiles[0].extends"},
		// A kind that is misspelt is read as what was meant; of one that nobody knows the
		// keys that every kind has are judged.
		"profiles: [{name: p, features: [" + feature + "], limits: [{name: l, used: 'max by ($by) (x)', kind: Date, warning: 1d, max: 5}]}]\n": {
			"1:122 profiles[0].limits[0].kind", "1:137 profiles[0].limits[0].warning", "1:146 profiles[0].limits[0].max"},
		"profiles: [{name: p, features: [" + feature + "], limits: [{name: l, used: 'max by ($by) (x)', kind: expiry, warning: 1d, by: [a-b]}]}]\n": {
			"1:122 profiles[0].limits[0].kind", "1:148 profiles[0].limits[0].by[0]"},
		"profiles: [{name: p, features: [" + feature + "], derive: [{name: b, kind: Mean, of: c}, {name: d, kind: sum, of: c, unit: litres}]}]\n": {
			"1:80 profiles[0].derive[0].over", "1:96 profiles[0].derive[0].kind", "1:106 profiles[0].derive[0].of", "1:126 profiles[0].derive[1].kind", "1:144 profiles[0].derive[1].unit"},
		"profiles: [{name: p, features: [" + feature + "], derive: [{name: b, of: a, over: 5m}]}]\n": {"1:80 profiles[0].derive[0].kind"},
		"sources: [{name: s, url: 'http://p:9090', step: soon, window: 20s, max_hosts: -1}]\n":       {"1:49 sources[0].step", "1:79 sources[0].max_hosts"},
		"sources: [{name: s, url: 'http://p:9090', http_config: {basic_auth: {usrname: x, password: y, password_file: z}}}]\n": {
			"1:56 sources[0].http_config", "1:70 sources[0].http_config.basic_auth.usrname"},
		"remedy: {mode: aproves, approvers: {people: [ann]}, playbooks: [{name: r, match: [profile=p], mode: approve, do: {restart: {}}}]}\n": {
			"1:16 remedy.mode", "1:37 remedy.approvers.people", "1:115 remedy.playbooks[0].do.restart"},
		"remedy: {mode: aprove, playbooks: [{name: r, match: [profile=p], mode: automatc, do: {rollout_restart: {}}}]}\n": {
			"1:16 remedy.mode", "1:72 remedy.playbooks[0].mode", "1:72 remedy.playbooks[0].mode"},
	} {
		if d := cmp.Diff(want, mistakesIn(t, text)); d != "" {
			t.Errorf("%s%s", text, d)
		}
	}
}

// A server may know more than Prometheus' language, and a cluster is not where
// the file is checked: both are said and not refused.
func TestWhatMayBeAMistakeIsOnlyNoted(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, `
templates: ['no/*.tmpl']
sources: [{name: p, url: "http://p:9090", profiles: [p]}]
profiles: [{name: p, features: [{name: a, expr: "sum(x) by ($by) default 0"}]}]
remedy:
  mode: suggest
  playbooks: [{name: r, match: [profile="workload"], do: {rollout_restart: {}}, mode: suggest}]
`)
	_, checked, err := Check(t.Context(), file)
	must.OK(t, err)
	if len(checked.Mistakes) != 3 || !strings.Contains(checked.Mistakes[0].Error(), "2:13: templates[0]: matches no file: ") || !strings.Contains(checked.Mistakes[1].Error(), "profiles[0].features[0].expr: is not PromQL") ||
		!strings.Contains(checked.Mistakes[2].Error(), "remedy.playbooks[0].do.rollout_restart: where Omen runs this has to be") {
		t.Errorf("noted %q", checked.Mistakes)
	}
	if _, err := load(file, nil, time.Now()); err == nil {
		t.Error("a start without the cluster is not refused")
	}
}
