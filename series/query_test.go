package series

import (
	"errors"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestQueryDefaults(t *testing.T) {
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	q := must.Get(Query{Exprs: []Expr{{"x", "x"}}, Start: start.Add(1234567), End: start.Add(1234567)}.check())(t)
	if q.Start != start.Add(time.Millisecond) || q.instants() != 1 || len(q.By) != 1 || q.By[0] != "instance" {
		t.Errorf("checked to %+v, want the millisecond before, one instant, by instance", q)
	}
	e := Expr{"x", `sum by ($by) (rate(x[$window]))`}
	if got, want := e.expand(90*time.Second, []string{"ns", "pod"}), `sum by (ns, pod) (rate(x[1m30s]))`; got != want {
		t.Errorf("expanded to %s, want %s", got, want)
	}
	if err := (&Answer{}).err(); err != nil || errors.Is(err, omen.ErrPartial) {
		t.Errorf("an empty answer: %v", err)
	}
}
