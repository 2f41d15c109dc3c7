package series

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What is asked of each selector: of A and B in their order, for the host
// shop/cart of namespace and workload. A matcher that would change what the
// host gets is missing; one that would not is there.
func TestNarrowing(t *testing.T) {
	const ns, both = `namespace=~"shop"`, `namespace=~"shop",workload=~"cart"`
	for expr, want := range map[string][]string{
		`A`: {both},
		`sum by (namespace, workload) (rate(A{x="1"}[5m]))`: {both + `,x="1"`},
		`sum by (namespace) (A)`:                            {ns},
		`sum(A)`:                                            nil,
		`sum without (pod) (A)`:                             {both},
		`topk by (namespace) (1, A)`:                        {ns},
		`count_values("workload", A)`:                       nil,
		`A / B`:                                             {both, both},
		`A * 2 > bool 1`:                                    {both},
		`A / on (namespace) B`:                              {ns, ns},
		`A * on (namespace, pod) group_left (workload) B`:   {ns, both},
		`B * on (namespace, pod) group_right (workload) A`:  {ns, both},
		`A * on (namespace, pod) group_left () B`:           {both, ns},
		`A * on (pod) group_left B`:                         {both, ""},
		`A and on (pod) B`:                                  {both, ""},
		`A unless B`:                                        {both, both},
		`A or B`:                                            {both, both},
		`A or on (pod) B`:                                   {"", both},
		`label_replace(A, "workload", "$1", "pod", "(.*)-[^-]+")`:                          {ns},
		`label_join(A, "namespace", "/", "cluster", "workload")`:                           {`workload=~"cart"`},
		`sum by (namespace, workload) (label_replace(A, "workload", "$1", "pod", "(.*)"))`: {ns},
		`A * scalar(B)`:                     {both, ""},
		`A + on () group_left absent(B)`:    {both, ""},
		`max_over_time(rate(A[5m])[1h:1m])`: {both},
		`-(A)`:                              {both},
		`histogram_quantile(0.9, sum by (le, namespace, workload) (A))`:                                                      {both},
		`sum by (namespace, workload) (A * on (namespace, pod) group_left (workload) max by (namespace, pod, workload) (B))`: {ns, both},
		`A default 0`: nil, // VictoriaMetrics' own
	} {
		n := narrowingOf(expr, []string{"namespace", "workload"})
		if n == nil {
			if len(want) > 0 {
				t.Errorf("%s: not narrowed", expr)
			}
			continue
		}
		got := n.only([]string{"shop/cart"})
		for i, name := range []string{"A", "B"}[:len(want)] {
			selector := name
			if want[i] != "" {
				selector = fmt.Sprintf("%s{%s}", name, want[i])
			}
			if !strings.Contains(got, selector) || want[i] == "" && strings.Contains(got, name+"{") {
				t.Errorf("%s: narrowed to %s, want %s in it", expr, got, selector)
			}
		}
		if len(want) == 0 {
			t.Errorf("%s: narrowed to %s, want it as it is", expr, got)
		}
	}
}

func TestNarrowingSplitsNames(t *testing.T) {
	for _, tt := range []struct {
		host string
		i    int
		of   int
		want []string
	}{
		{"web-1:9100", 0, 1, []string{"web-1:9100"}},
		{"a/b", 0, 1, []string{"a/b"}},
		{"shop/cart", 0, 2, []string{"shop"}},
		{"shop/cart", 1, 2, []string{"cart"}},
		{"/cart", 0, 2, []string{""}},
		{"web//var/lib", 0, 2, []string{"web", "web/", "web//var"}},
		{"web//var/lib", 1, 2, []string{"/var/lib", "lib", "var/lib"}},
		{"a/b/c/d", 1, 3, []string{"b", "b/c", "c"}},
	} {
		got := valuesOf(tt.host, tt.i, tt.of)
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("label %d of %d of %s: %q, want %q", tt.i+1, tt.of, tt.host, got, tt.want)
		}
	}
	n := narrowingOf("x", []string{"instance"})
	if got := n.only([]string{"b", "a.b", "b"}); got != `x{instance=~"a\\.b|b"}` {
		t.Errorf("narrowed to %s", got)
	}
}
