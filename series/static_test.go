package series

import (
	"errors"
	"strings"
	"testing"

	"github.com/omenhq/omen"
)

// What is known of an expression without a source: whether its series can be a
// host's.
func TestCheckOfAnExpression(t *testing.T) {
	const (
		hostless = "its series have no label instance, so they are of no host"
		constant = "the expression gives a scalar, not series"
		language = "is not PromQL"
	)
	for text, want := range map[string]string{
		"node_load1":                 "",
		"max by ($by) (node_load1)":  "",
		"max (node_load1)":           hostless,
		"sum by (job) (node_load1)":  hostless,
		"max by ($byy) (node_load1)": "$byy at 1:9 of the expression means nothing",
		"rate(x[$windows])":          "$windows at 1:8 of the expression means nothing",
		"max by (${by}) (x)":         "${by} at 1:9 of the expression means nothing",
		"label_replace(x, 'instance', '$name', 'node', '(?P<name>.*)') # $x": "",
		"sum without (cpu) (node_cpu_seconds_total)":                         "",
		"sum without (cpu, instance) (node_cpu_seconds_total)":               hostless,
		"topk(3, node_load1)":                       "",
		"topk(3, max(node_load1))":                  hostless,
		"count_values by (job) ('instance', build)": "",
		"5":                                constant,
		"5 * 3":                            constant,
		"vector(5)":                        hostless,
		"vector(5) + on() max(node_load1)": hostless,
		"time() - max by ($by) (node_boot_time_seconds)": "",
		"node_load1[5m]":                                                     "it gives a range of samples",
		"node_load1 default 0":                                               language,
		"rate(node_cpu_seconds_total[$window])":                              "",
		"max_over_time(max(node_load1)[5m:1m])":                              hostless,
		"label_replace(max(node_load1), 'instance', 'web-1', '', '')":        "",
		"label_replace(max by (node) (x), 'instance', '$1', 'node', '(.*)')": "",
		"max(x) or max by ($by) (y)":                                         "",
		"max(x) or max by (job) (y)":                                         hostless,
		"x or max(y)":                                                        "",
		"max(x) and on() y":                                                  hostless,
		"max by ($by) (x) / on ($by) max by ($by) (y)":                       "",
		"x / on (job) y":                                                     hostless,
		"x / ignoring (cpu) y":                                               "",
		"x / ignoring (instance) y":                                          hostless,
		"x * on (job) group_left (instance) y":                               "",
		"max by (job) (x) * on (job) group_left (instance) y":                "",
		"max by (job) (x) * on (job) group_left (instance) max by (job) (y)": hostless,
		"max by (job) (y) * on (job) group_right () x":                       "",
		"-max(x)": hostless,
		"histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))":          hostless,
		"histogram_quantile(0.9, sum by (le, $by) (rate(x_bucket[5m])))":     "",
		"absent(up{instance='a'})":                                           "",
		"max by ($by) (x) > bool 3":                                          "",
		"sum by (pod) (sum without (instance) (x)) or sum without (job) (y)": "",
		"sum without (instance, pod) (x) or sum without (instance) (y)":      hostless,
		"(max(x) * 2) ^ 2": hostless,
		"max by ($by) (x) * on ($by) group_left () (max by ($by) (y) unless on ($by) z == 1)": "",
	} {
		err := Expr{PromQL: text}.Check([]string{"instance"}, nil)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if known := want == hostless || want == constant || strings.HasPrefix(want, "$"); known != errors.Is(err, omen.ErrInvalid) || known == errors.Is(err, ErrLanguage) && err != nil {
			t.Errorf("%s: %v is of the wrong kind", text, err)
		}
	}
	// $by is more than what identifies a host; one of several identifying labels is enough.
	if err := (Expr{PromQL: "max by ($by) (x)"}).Check([]string{"instance"}, []string{"pool"}); err != nil {
		t.Error(err)
	}
	if err := (Expr{PromQL: "max by (pool) (x)"}).Check([]string{"instance"}, []string{"pool"}); err == nil {
		t.Error("a pool is taken for a host")
	}
	for text, want := range map[string]string{
		"max by (instance, a) (x)":                                   "its series have no label pool of by",
		"max by (instance) (x)":                                      "its series have no label pool of by",
		"max by ($by) (x) / on ($by) group_left () max by ($by) (y)": "",
		"x": "",
	} {
		if err := (Expr{PromQL: text}).Check([]string{"instance"}, []string{"pool"}); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if err := (Expr{PromQL: "max by (workload) (x)"}).Check([]string{"namespace", "workload"}, nil); err != nil {
		t.Error(err)
	}
}

// What Prometheus finds wrong is said at its place in the expression as it was
// written, before $by and $window were written out.
func TestPlacesAreThoseOfTheWriter(t *testing.T) {
	for text, want := range map[string]string{
		"max by ($by) (rate(x[$window]) + )": "at 1:34 of the expression: unexpected",
		"max by ($by) (\n  x +\n  )":         "at 3:3 of the expression: unexpected",
		"max by ($by ($by)":                  "at 1:13 of the expression: unexpected",
	} {
		err := Expr{PromQL: text}.Check([]string{"namespace", "workload"}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || omen.Hint(err) == "" {
			t.Errorf("%s: got %v, want %q and a hint", text, err, want)
		}
	}
}
