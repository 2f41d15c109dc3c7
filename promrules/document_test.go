package promrules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/promrules"
)

// load is the names of a file's alerts, and what of it is not read.
func load(t *testing.T, text string) (names string, unread []string) {
	t.Helper()
	path := file(t, text)
	rules, err := promrules.Load(path)
	if err != nil {
		t.Errorf("%s\n%v", text, err)
		return "", nil
	}
	var all []string
	for _, p := range rules.Names() {
		all = append(all, p.Rule)
	}
	for _, what := range rules.Unread() {
		unread = append(unread, strings.TrimPrefix(what, path+": "))
	}
	return strings.Join(all, " "), unread
}

const (
	fileOfA   = "groups: [{name: g, rules: [{alert: A, expr: u}]}]\n"
	objectOfB = "kind: PrometheusRule\nspec: {groups: [{name: g, rules: [{alert: B, expr: u}]}]}\n"
)

// Every document of a file that has rules is read, whatever is before it, and what is
// not read is said.
func TestDocuments(t *testing.T) {
	for text, want := range map[string]string{
		objectOfB + "---\n" + fileOfA:                                      "B A",
		fileOfA + "---\n" + objectOfB:                                      "A B",
		fileOfA + "---\n# nothing\n---\n" + fileOfA:                        "A A",
		"---\n---\n" + objectOfB:                                           "B",
		"# nothing\n---\n~\n---\n" + fileOfA + "---\n":                     "A",
		"groups:\n---\n" + fileOfA:                                         "A",
		"kind: PrometheusRule\nspec: {groups: []}\n---\n" + fileOfA:        "A",
		"kind: List\nitems: [null, " + flow(fileOfA) + "]":                 "A",
		"kind: PrometheusRuleList\nitems: [{spec: " + flow(fileOfA) + "}]": "A", // its items need no kind
	} {
		if names, unread := load(t, text); names != want || unread != nil {
			t.Errorf("%s\n%q, want %q; not read: %v", text, names, want, unread)
		}
	}
	names, unread := load(t, "kind: VMRule\nspec: "+flow(fileOfA)+"\n---\n"+objectOfB+"---\nkind: Service\n---\nkind: VMRule\n")
	if diff := cmp.Diff([]string{"not read: kind VMRule, Service"}, unread); names != "B" || diff != "" {
		t.Errorf("%s %s", names, diff)
	}
}

// flow is a document of one line as part of another.
func flow(text string) string { return "{" + strings.TrimSpace(text) + "}" }

// What is left blank is as not there, as Prometheus has it.
func TestBlankFields(t *testing.T) {
	groups := "groups:\n- name: g\n  interval:\n  query_offset: ~\n  limit:\n  rules:\n  - {alert: A, expr: u, for: null, keep_firing_for: , labels: }\n- {name: h, rules: }\n"
	for _, text := range []string{groups, "kind: PrometheusRule\nspec:\n  " + strings.ReplaceAll(groups, "\n", "\n  ")} {
		if names, _ := load(t, text); names != "A" {
			t.Errorf("%q", names)
		}
	}
}

// Aliases and merged mappings are read wherever their anchors are.
func TestAliases(t *testing.T) {
	group := "{name: g, interval: *d, rules: [{<<: *r, alert: A, for: *d}, {<<: [*r, {for: 2m, expr: no}], alert: B}]}"
	src := store(t, 20, metric{`busy{instance="a"}`, within(3, 9, 1, 0)})
	for _, text := range []string{
		"kind: PrometheusRule\nmetadata: {x: &d 2m, y: &r {alert: X, expr: busy > 0}, z: &g [" + group + "]}\nspec: {groups: *g}",
		"kind: PrometheusRule\nmetadata: {x: &d 2m, y: &r {alert: X, expr: busy > 0}, z: &g " + group + "}\nspec: {groups: [*g]}",
		"groups:\n- {name: f, interval: &d 2m, rules: [&r {record: x, expr: busy > 0}]}\n- &g " + strings.ReplaceAll(group, "{<<", "{record: '', <<") + "\n- {<<: *g, name: h, rules: []}\n",
	} {
		out := run(t, src, 20, time.Minute, file(t, text))
		if diff := cmp.Diff([]string{"A 4 6 10", "B 4 6 10"}, said(out)); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

// Aliases that make too much of a file are refused before they do.
func TestAliasesThatMultiply(t *testing.T) {
	var text strings.Builder
	text.WriteString("kind: PrometheusRule\nspec: {groups: []}\nx0: &x0 [a, a]\n")
	for i := range 40 {
		fmt.Fprintf(&text, "x%d: &x%d [*x%d, *x%d]\n", i+1, i+1, i, i)
	}
	began := time.Now()
	_, err := promrules.Load(file(t, text.String()))
	if err == nil || !strings.Contains(err.Error(), "aliases make more") || omen.Hint(err) == "" || time.Since(began) > 20*time.Second {
		t.Errorf("%v", err)
	}
}

// A file's strings are read as they are written, in whatever style.
func TestStyles(t *testing.T) {
	text := "groups:\n- name: 'on' # a comment\n  # another\n  rules:\n  - alert: yes\n    expr: |2\n\n       busy # and why\n        > 0\n    for: !!str 1m\n    labels: {a: \"1\", b: '{{ $value }}: \"x\"', c: \"\\ttab\\nline\", d: 0x10, e: !!str 7}\n    annotations:\n      text: >-\n        folded\n        text\n"
	out := run(t, store(t, 20, metric{`busy{instance="a"}`, within(3, 9, 1, 0)}), 20, time.Minute, file(t, text))
	if diff := cmp.Diff([]string{"yes 3 4 9 1 1: \"x\" \ttab\nline 0x10 7"}, said(out, "a", "b", "c", "d", "e")); diff != "" {
		t.Error(diff)
	}
}
