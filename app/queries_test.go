package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// What an SRE mistypes, and where and how the error says it.
func TestTyposHaveAPlaceAndAFix(t *testing.T) {
	for text, want := range map[string]string{
		"receivers:\n- name: x\n  webhook_config:\n  - url: http://a\n":                                                         `3:3: receivers[0].webhook_config: unknown key: did you mean "webhook_configs"?`,
		"receivers:\n- name: x\n  webhook_configs:\n  - ulr: http://a\n":                                                        `4:5: receivers[0].webhook_configs[0].ulr: unknown key: known here are http_config,`,
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
		"local: {profiles: [p]}\nprofiles: [{name: p, features: [{name: a, expr: sum by ($by}]}]\n":                             "2:49: profiles[0].features[0].expr: is not PromQL: 1:",
	} {
		file := filepath.Join(t.TempDir(), "omen.yml")
		write(t, file, text)
		_, _, err := Check(t.Context(), file)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
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
