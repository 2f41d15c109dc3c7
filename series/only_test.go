package series_test

import (
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

func TestOnlyNarrowsEverySelector(t *testing.T) {
	q := series.Query{By: []string{"instance"}, Exprs: []series.Expr{
		{Feature: "cpu", PromQL: `sum by ($by) (rate(node_cpu_seconds_total{mode!="idle"}[$window])) / count by ($by) (node_load1)`},
		{Feature: "up", PromQL: `up`},
	}}
	got := must.Get(q.Only([]string{"web-1:9100", "a.b"}))(t)
	const matcher = `instance=~"web-1:9100|a\\.b"`
	if e := got.Exprs[0].PromQL; strings.Count(e, matcher) != 2 || !strings.Contains(e, "[$window]") || !strings.Contains(e, "by ($by)") || !strings.Contains(e, `mode!="idle"`) {
		t.Errorf("narrowed to %s", e)
	}
	if e := got.Exprs[1].PromQL; e != "up{"+matcher+"}" {
		t.Errorf("narrowed to %s", e)
	}
	if q.Exprs[1].PromQL != "up" {
		t.Error("the query that was asked changed")
	}
}

func TestOnlySplitsNamesOfSeveralLabels(t *testing.T) {
	q := series.Query{By: []string{"namespace", "workload"}, Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}}
	got := must.Get(q.Only([]string{"shop/checkout", "shop/cart"}))(t)
	if e := got.Exprs[0].PromQL; e != `x{namespace=~"shop|shop",workload=~"checkout|cart"}` {
		t.Errorf("narrowed to %s", e)
	}
}

func TestOnlyRefusesWhatIsNoPromQL(t *testing.T) {
	q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "a column"}}}
	if _, err := q.Only([]string{"h"}); err == nil || !strings.Contains(err.Error(), "feature x") {
		t.Errorf("error %v, want one that names the feature", err)
	}
}
