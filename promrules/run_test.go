package promrules_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promrules"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// metric is a series that is scraped every 15 s; NaN: it is absent.
type metric struct {
	name   string // with labels: up{instance="a"}
	values func(minute float64) float64
}

// level is a series that never changes.
func level(v float64) func(float64) float64 { return func(float64) float64 { return v } }

// within is v from one minute to another and els otherwise.
func within(from, to, v, els float64) func(float64) float64 {
	return func(m float64) float64 {
		if m >= from && m < to {
			return v
		}
		return els
	}
}

// counter counts up by so much a second.
func counter(perSecond func(minute float64) float64) func(float64) float64 {
	return func(m float64) (sum float64) {
		for at := -20.; at < m; at += .25 {
			sum += 15 * perSecond(at)
		}
		return sum
	}
}

// store is a source of metrics from 20 minutes before monday on.
func store(t *testing.T, minutes int, all ...metric) *tsdb.Scratch {
	t.Helper()
	const every = 15 * time.Second
	s := tsdb.NewScratch(nil)
	t.Cleanup(func() { must.OK(t, s.Close()) })
	var curves []series.Curve
	for _, m := range all {
		c := series.Curve{Labels: labelsOf(t, m.name)}
		for at := monday.Add(-20 * time.Minute); !at.After(monday.Add(time.Duration(minutes) * time.Minute)); at = at.Add(every) {
			if v := m.values(at.Sub(monday).Minutes()); v == v {
				c.At, c.Values = append(c.At, at.UnixMilli()), append(c.Values, v)
			}
		}
		curves = append(curves, c)
	}
	s.HoldAll(every, curves)
	return s
}

// labelsOf reads name{label="value",…}.
func labelsOf(t *testing.T, text string) map[string]string {
	t.Helper()
	name, rest, _ := strings.Cut(strings.TrimSuffix(text, "}"), "{")
	all := map[string]string{"__name__": name}
	for _, pair := range strings.Split(rest, ",") {
		if label, value, ok := strings.Cut(pair, "="); ok {
			all[label] = strings.Trim(value, `"`)
		}
	}
	return all
}

// file is a rule file of the test's own.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yml")
	must.OK(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// run evaluates a rule file over the first minutes of monday.
func run(t *testing.T, origin tsdb.Origin, minutes int, every time.Duration, files ...string) *promrules.Outcome {
	t.Helper()
	rules := must.Get(promrules.Load(files...))(t)
	return must.Get(rules.Run(t.Context(), origin, promrules.Span{From: monday, To: monday.Add(time.Duration(minutes) * time.Minute), Every: every}, nil))(t)
}

// said is firings in short: rule, active, fired and resolved in minutes.
func said(out *promrules.Outcome, labels ...string) (all []string) {
	minutes := func(at time.Time) string {
		if at.IsZero() {
			return "…"
		}
		return fmt.Sprint(at.Sub(monday).Minutes())
	}
	for _, f := range out.Firings {
		text := fmt.Sprintf("%s %s %s %s", f.Rule, minutes(f.Active), minutes(f.Fired), minutes(f.Resolved))
		for _, name := range labels {
			text += " " + f.Labels[name]
		}
		all = append(all, text)
	}
	return all
}

func TestForAndKeepFiringFor(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		busy       func(float64) float64
		want       []string
	}{
		{"at once", "", within(10, 12, 1, 0), []string{"Busy 10 10 12"}},
		{"twice", "", func(m float64) float64 { return within(10, 12, 1, 0)(m) + within(20, 21, 1, 0)(m) }, []string{"Busy 10 10 12", "Busy 20 20 21"}},
		{"too short", "for: 3m", within(10, 13, 1, 0), nil},
		{"just long enough", "for: 3m", within(10, 13.25, 1, 0), []string{"Busy 10 13 14"}},
		{"a break begins again", "for: 3m", func(m float64) float64 { return within(10, 12, 1, 0)(m) + within(13, 20, 1, 0)(m) }, []string{"Busy 13 16 20"}},
		{"kept", "keep_firing_for: 4m", within(10, 12, 1, 0), []string{"Busy 10 10 16"}},
		{"kept over a break", "keep_firing_for: 4m", func(m float64) float64 { return within(10, 12, 1, 0)(m) + within(14, 16, 1, 0)(m) }, []string{"Busy 10 10 20"}},
		{"what is pending is not kept", "for: 5m\n    keep_firing_for: 4m", within(10, 12, 1, 0), nil},
		{"pending since before the span", "for: 10m", within(-8, 5, 1, 0), []string{"Busy -8 2 5"}},
		{"over before the span", "", within(-8, -5, 1, 0), nil},
		{"still firing", "", within(25, 60, 1, 0), []string{"Busy 25 25 …"}},
		{"absent is over", "", within(10, 12, 1, math.NaN()), []string{"Busy 10 10 12"}},
	} {
		out := run(t, store(t, 30, metric{`busy{instance="a"}`, c.busy}), 30, time.Minute, file(t, "groups:\n- name: g\n  rules:\n  - alert: Busy\n    expr: busy > 0\n    "+c.keys+"\n"))
		if diff := cmp.Diff(c.want, said(out)); diff != "" || len(out.Failed) > 0 || out.Alerts != 1 {
			t.Errorf("%s: %v %s", c.name, out.Failed, diff)
		}
	}
}

func TestLabelsOfAlerts(t *testing.T) {
	out := run(t, store(t, 10, metric{`busy{instance="a",disk="sda",team="x"}`, within(1, 3, .5, 0)}), 10, time.Minute, file(t, `
groups:
- name: g
  labels: {team: group, severity: info}
  rules:
  - alert: Busy
    expr: busy > 0
    labels: {severity: page, disk: "{{ $labels.disk }} at {{ $value }}", team: ""}
    annotations: {summary: "{{ $labels.instance }}"}
`))
	want := map[string]string{"alertname": "Busy", "instance": "a", "severity": "page", "disk": "sda at 0.5"}
	if len(out.Firings) != 1 {
		t.Fatalf("firings %v, failed %v", said(out), out.Failed)
	}
	if diff := cmp.Diff(want, out.Firings[0].Labels); diff != "" {
		t.Error(diff)
	}
}

// Recordings are made before they are read, in any order and over files, and
// averages over them have their past.
func TestRecordings(t *testing.T) {
	alerts := file(t, `
groups:
- name: alerts
  rules:
  - alert: High
    expr: avg_over_time(job:busy:twice[5m]) > 1 and on () up == 1
- name: records
  interval: 30s
  rules:
  - {record: "job:busy:twice", expr: "2 * job:busy:sum"}
`)
	sums := file(t, "groups:\n- name: sums\n  rules:\n  - {record: 'job:busy:sum', expr: sum(busy), labels: {from: rule}}\n")
	out := run(t, store(t, 30, metric{`busy{instance="a"}`, within(10, 20, 1, 0)}, metric{`up{instance="a"}`, level(1)}), 30, time.Minute, alerts, sums)
	// More than half of the ten samples of five minutes have to be 2: first at 12.5,
	// which is seen at 13, and until 22.
	if diff := cmp.Diff([]string{"High 13 13 22 rule"}, said(out, "from")); diff != "" || len(out.Failed) > 0 {
		t.Errorf("%v %s", out.Failed, diff)
	}
}

// An offset reads the past, and more alerts than the limit forget all.
func TestOffsetAndLimit(t *testing.T) {
	src := store(t, 30, metric{`busy{instance="a"}`, within(10, 20, 1, 0)}, metric{`busy{instance="b"}`, within(14, 16, 1, 0)})
	out := run(t, src, 30, time.Minute, file(t, "groups:\n- name: g\n  query_offset: 2m\n  rules:\n  - {alert: Busy, expr: busy > 0}\n"))
	if diff := cmp.Diff([]string{"Busy 12 12 22 a", "Busy 16 16 18 b"}, said(out, "instance")); diff != "" {
		t.Error(diff)
	}
	out = run(t, src, 30, time.Minute, file(t, "groups:\n- name: g\n  limit: 1\n  rules:\n  - {alert: Busy, expr: busy > 0}\n"))
	if diff := cmp.Diff([]string{"Busy 10 10 14 a", "Busy 16 16 20 a"}, said(out, "instance")); diff != "" {
		t.Error(diff)
	}
}

// A rule that cannot be evaluated is named, and the others are.
func TestRulesThatFail(t *testing.T) {
	out := run(t, store(t, 10, metric{`busy{instance="a"}`, within(1, 3, 1, 0)}, metric{`busy{instance="b"}`, level(1)}), 10, time.Minute, file(t, `
groups:
- name: g
  rules:
  - {record: loop, expr: loop + 1}
  - {record: wrong, expr: busy * on () busy}
  - {alert: Reads, expr: wrong > 0}
  - {alert: Same, expr: busy, labels: {instance: one}}
  - {alert: Others, expr: 'ALERTS{alertname="Fine"}'}
  - {alert: Ends, expr: busy @ end() > 0}
  - {alert: Fine, expr: 'busy{instance="a"} > 0'}
`))
	var failed []string
	for _, f := range out.Failed {
		if f.Group != "g" || f.Why == "" {
			t.Errorf("%+v", f)
		}
		failed = append(failed, f.Rule)
	}
	slices.Sort(failed)
	if diff := cmp.Diff([]string{"Ends", "Others", "Reads", "Same", "loop", "wrong"}, failed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Fine 1 1 3"}, said(out)); diff != "" {
		t.Error(diff)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for want, text := range map[string]string{
		`:1:48: group "g", rule 1, "Busy": expr is no PromQL: at 1:7 of it: unexpected end of input`:                "groups: [{name: g, rules: [{alert: Busy, expr: 'busy >'}]}]",
		`:8: group "g", rule 1, "Busy": expr is no PromQL: at 4:1 of it: unclosed left parenthesis`:                 "groups:\n- name: g\n  rules:\n  - alert: Busy\n    expr: |\n      up\n      and\n       sum(\n",
		`:1:46: group "g", rule 1, "a": expr is no PromQL`:                                                          "groups: [{name: g, rules: [{record: a, expr: 'sum('}, {alert: B, expr: up}]}]",
		`:1:55: group "g", rule 1, "a": for is for alerting rules, and this one records: remove it`:                 "groups: [{name: g, rules: [{record: a, expr: up, for: 1m}]}]",
		`:1:47: group "g", rule 1, "a": has alert and record: remove one of them`:                                   "groups: [{name: g, rules: [{alert: a, record: b, expr: u}]}]",
		`:1:28: group "g", rule 1: has neither alert nor record: write alert: and a name`:                           "groups: [{name: g, rules: [{expr: u}]}]",
		`:1:28: group "g", rule 1, "A": expr is missing: write when it holds, in PromQL`:                            "groups: [{name: g, rules: [{alert: A}]}]",
		`:1:37: group "g", rule 1, "a{}": record: "a{}" cannot be the name of a series`:                             "groups: [{name: g, rules: [{record: 'a{}', expr: u}]}]",
		`:1:20: group "g": unknown key foo: known here are interval, labels, limit, name, query_offset, rules`:      "groups: [{name: g, foo: 1, rules: [{alert: B, expr: up}]}]",
		`:1:29: group "g", rule 1: unknown key Alert: did you mean alert?`:                                          "groups: [{name: g, rules: [{Alert: B, expr: up}]}]",
		`:1:49: group "g", rule 1, "B": unknown key when: known here are alert, annotations`:                        "groups: [{name: g, rules: [{alert: B, expr: up, when: 1m}]}]",
		`:1:31: group "g": rules is there twice: the first is in line 1: remove one`:                                "groups: [{name: g, rules: [], rules: []}]",
		`:1:27: group "g": rules: want a list: a line with a dash for each, not "x"`:                                "groups: [{name: g, rules: x}]",
		`:1:10: groups: want a list: - name: …, not "hello"`:                                                        "groups:  hello",
		`:1:10: a group has keys with values, name and rules, and is not "hello"`:                                   "groups: [hello]",
		`:1:28: group "g", rule 1: a rule has keys with values, such as alert and expr, and is not "up"`:            "groups: [{name: g, rules: [up]}]",
		`:1:27: group "g": limit: "many" is no whole number such as 5`:                                              "groups: [{name: g, limit: many}]",
		`:1:57: group "g", rule 1, "B": labels: want keys with values below it, such as severity: page, not a list`: "groups: [{name: g, rules: [{alert: B, expr: up, labels: [a]}]}]",
		`:1:61: group "g", rule 1, "B": labels.a: want a text or number, not a list`:                                "groups: [{name: g, rules: [{alert: B, expr: up, labels: {a: [b]}}]}]",
		`:1:45: group "g", rule 1, "B": expr: want a text or number, not a list`:                                    "groups: [{name: g, rules: [{alert: B, expr: [up]}]}]",
		`:1:41: group "g" is there twice: the first is in line 1`:                                                   "groups: [{name: g, rules: []}, {name:   g, rules: []}]",
		`:1:10: the group has no name`:                                                                               "groups: [{rules: []}]",
		`:3:13: group "g": interval: "banana" is no duration`:                                                        "groups:\n- name: g\n  interval: banana\n",
		`:1:37: group "g": query_offset: "-1m" is no duration`:                                                       "groups: [{name: g, query_offset:    -1m}]",
		`:1:65: group "g", rule 1, "A": keep_firing_for: "x" is no duration`:                                         "groups: [{name: g, rules: [{alert: A, expr: u, keep_firing_for: x}]}]",
		`:2: is not YAML: did not find expected`:                                                                     "groups:\n- name: g\n  rules: [{alert: A",
		`:2: is not YAML: found a tab character that violates indentation: indent with spaces`:                       "groups:\n- name: g\n\trules: []\n",
		`: it has no rules, but kind ConfigMap`:                                                                      "kind: ConfigMap\n---\n",
		`:1:1: the PrometheusRule has no spec.groups`:                                                                "kind: PrometheusRule\nspec: {}\n",
		`:7:13: group "g", rule 1, "A": expr is no PromQL`:                                                           "kind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    rules:\n    - alert: A\n      expr: sum(\n",
		`:5:5: group "g": unknown key foo`:                                                                           "kind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    foo: 1\n    rules: [{alert: A, expr: u}]\n",
		`no alerting rule`:                                                                                           "groups: [{name: g, rules: [{record: a, expr: up}]}]",
		`:1:1: the PrometheusRule has no spec.groups: `:                                                              "kind: PrometheusRule\nspec: {groups: }\n",
		`:1:1: is no rule file: it has no groups, but kind: `:                                                        "kind:\n---\ngroups: []\n",
		`:1:1: is no rule file: it has no groups, but global, rule_files, scrape_configs, …: a rule file has groups`: "global: {}\nrule_files: []\nscrape_configs: []\nalerting: {}\n",
		`:1:14: unknown key foo: a rule file has groups alone at its top`:                                            "{groups: [], foo: 1}",
		`:1:1: unknown key group: did you mean groups?`:                                                              "group: [{name: g, rules: [{alert: A, expr: u}]}]",
		`:1:1: is no rule file, but "hello"`:                                                                         "hello",
		`:1:1: is no rule file, but a list`:                                                                          "[1, 2]",
		`:1:1: the PrometheusRuleList has no items`:                                                                  "kind: PrometheusRuleList\n",
		`:3:1: is no rule file: it has no groups, but foo`:                                                           "groups: [{name: g, rules: [{alert: A, expr: u}]}]\n---\nfoo: 1\n",
		`:3: is not YAML: did not find expected`:                                                                     "groups: [{name: g, rules: [{alert: A, expr: u}]}]\n---\n- [\n",
		`:1:9: aliases make more than 262144 nodes of it, or have no end`:                                            "groups: &a [*a]",
		`:2:18: group "g", rule 1, "A": for: "x" is no duration`:                                                     "kind: PrometheusRule\nmetadata: {name: &x x}\nspec: {groups: [{name: g, rules: [{alert: A, expr: u, for: *x}, {alert: B, expr: u, for: *x}]}]}",
		`:1:25: << names no mapping`:                                                                                 "groups: [{name: g, <<: [1]}]",
		`:1:58: group "g", rule 1, "B": labels.severity: the template cannot be read: template: __alert_B`:           "groups: [{name: g, rules: [{alert: B, expr: up, labels: {severity: '{{ if }}'}}]}]",
		`:1:58: group "g", rule 1, "B": labels: "__name__" cannot be the name of one`:                                "groups: [{name: g, rules: [{alert: B, expr: up, labels: {__name__: x}}]}]",
		`:1:29: group "g": labels: "__name__" cannot be the name of a label`:                                         "groups: [{name: g, labels: {__name__: x}}]",
	} {
		path := file(t, text)
		_, err := promrules.Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || !errors.Is(err, omen.ErrInvalid) || omen.Hint(err) == "" {
			t.Errorf("got %v, want %q with the file and a hint", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "rulefmt")) { // each of these has one mistake
			t.Errorf("%q is said more than once, or in words of the reader: %v", want, err)
		}
		if strings.Contains(text, "PrometheusRule\n") && strings.Contains(omen.Hint(err), "promtool check rules") {
			t.Errorf("promtool does not read objects: %s", omen.Hint(err))
		}
	}
	for _, name := range []string{"nowhere.yml", "builtin:nothing"} {
		if _, err := promrules.Load(name); !errors.Is(err, omen.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// All mistakes of all files are said at once, by file and line.
func TestAllMistakesOfAllFiles(t *testing.T) {
	many := file(t, `groups:
- name: g
  rulez:
  - {alert: A, expr: 'sum(', for: 5x, labels: [a]}
  - {alert: B, for: 1m}
  - {alertt: C, expr: up, annotations: {a: '{{ $x ', ? ['b c'] : ''}}
  - {alert: D, record: x y, expr: up}
- {name: g, interval: x, limit: many}
`)
	second := file(t, "kind: PrometheusRule\nspec:\n  groups:\n  - {rules: [{alert: A, expr: 'a b'}]}\n---\nkind: PrometheusRule\n---\n{\n")
	_, err := promrules.Load(many, "nowhere.yml", second)
	var got []string
	for _, line := range strings.Split(err.Error(), "\n") {
		line = strings.NewReplacer(many, "many", second, "second").Replace(line)
		place, _, _ := strings.Cut(line, ": ")
		got = append(got, place)
	}
	want := []string{"many:3:3", "many:4:22", "many:4:35", "many:4:47", "many:5:5", "many:6:6", "many:6:41", "many:6:56", "many:7:24", "many:8:10", "many:8:23", "many:8:33",
		"nowhere.yml", "second:4:5", "second:4:31", "second:6:1", "second:8"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s%v", diff, err)
	}
	hint := omen.Hint(err)
	if !errors.Is(err, omen.ErrInvalid) || !errors.Is(err, omen.ErrNotFound) || !strings.Contains(hint, "promtool check rules "+many) || strings.Contains(hint, second) || !strings.Contains(hint, "builtin:node") {
		t.Errorf("%v: %s", err, hint)
	}
}

// dead is an origin that does not answer.
type dead struct{}

func (dead) Curves(context.Context, string, series.Range) ([]series.Curve, error) {
	return nil, omen.WithHint(fmt.Errorf("it is away: %w", omen.ErrUnavailable), "start it")
}

func TestAnOriginThatIsAway(t *testing.T) {
	rules := must.Get(promrules.Load("builtin:node"))(t)
	_, err := rules.Run(t.Context(), dead{}, promrules.Span{From: monday, To: monday.Add(time.Hour)}, nil)
	if !errors.Is(err, omen.ErrUnavailable) || omen.Hint(err) != "start it" || !strings.Contains(err.Error(), `builtin:node, group "`) {
		t.Errorf("%v", err)
	}
}

// A Kubernetes object of the Prometheus Operator is a rule file, and so are several, as
// documents or as a list; groups of two may have one name, and other kinds beside them
// have no rules.
func TestKubernetesObjects(t *testing.T) {
	rule := func(name string) string {
		return fmt.Sprintf(`{"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": %q}, "spec": {"groups": [{"name": "g", "partial_response_strategy": "warn", "interval": "2m", "rules": [{"alert": %q, "expr": "busy > 0", "for": "2m"}]}]}}`, name, name)
	}
	for text, want := range map[string][]string{
		rule("A"): {"A"},
		"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: x}\nspec:\n  groups:\n  - name: g\n    rules:\n    - {alert: A, expr: busy > 0}\n    - {record: b, expr: 1}\n": {"A"},
		rule("A") + "\n---\nkind: ServiceMonitor\n---\n" + rule("B"):                             {"A", "B"},
		`{"kind": "List", "items": [` + rule("A") + `, {"kind": "Service"}, ` + rule("B") + `]}`: {"A", "B"},
	} {
		path := file(t, text)
		rules, err := promrules.Load(path)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var names []string
		for _, p := range rules.Names() {
			names = append(names, p.Rule)
			if p.File != path || p.Group != "g" {
				t.Errorf("%+v", p)
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %v, want %v", text, names, want)
		}
	}
	out := run(t, store(t, 20, metric{`busy{instance="a"}`, within(3, 9, 1, 0)}), 20, time.Minute, file(t, rule("A")))
	if diff := cmp.Diff([]string{"A 4 6 10 a"}, said(out, "instance")); diff != "" {
		t.Error(diff)
	}
}

// Of rules that never gave anything it is said which read what the source does not
// have, itself or by way of recordings.
func TestAbsentMetrics(t *testing.T) {
	src := store(t, 30, metric{`busy{instance="a"}`, level(1)}, metric{`brief{instance="a"}`, within(7, 8, 0, math.NaN())})
	out := run(t, src, 30, time.Minute, file(t, `
groups:
- name: g
  rules:
  - {record: made, expr: sum(nowhere) + sum(busy)}
  - {alert: Fires, expr: 'busy > 0'}
  - {alert: Quiet, expr: 'busy > 5'}
  - {alert: Either, expr: 'busy > 5 or gone > 1'}
  - {alert: Unless, expr: 'busy > 5 unless gone'}
  - {alert: Brief, expr: 'brief > 5'}
  - {alert: Missing, expr: 'gone > 5 or elsewhere > 1 or gone > 9'}
  - {alert: Recorded, expr: 'made > 5'}
  - {alert: Absent, expr: 'absent(gone)'}
  - {alert: Labels, expr: 'busy{instance="b"} > 0'}
  - {alert: Any, expr: '{__name__=~"nothing.*"} > 0'}
`))
	want := map[string][]string{"Either": {"gone"}, "Unless": {"gone"}, "Missing": {"elsewhere", "gone"}, "Recorded": {"nowhere"}}
	got := map[string][]string{}
	for _, a := range out.Absent {
		got[a.Rule] = a.Metrics
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
