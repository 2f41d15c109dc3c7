package feature

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen/internal/must"
)

// expanded is an expression as a source would ask it.
func expanded(expr string, by []string) string {
	return strings.NewReplacer("$window", "15s", "$by", strings.Join(by, ", ")).Replace(expr)
}

func TestBuiltinsParse(t *testing.T) {
	for _, p := range Builtins() {
		s, err := NewSchema(p)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		for _, e := range s.Exprs() {
			parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expanded(e.PromQL, s.By()))
			if err != nil {
				t.Errorf("%s, %s: %v", p.Name, e.Feature, err)
				continue
			}
			if parsed.Type() != parser.ValueTypeVector {
				t.Errorf("%s, %s: is a %s, want one value per host", p.Name, e.Feature, parsed.Type())
			}
			if !strings.Contains(e.PromQL, "by ($by)") {
				t.Errorf("%s, %s: does not aggregate by the identifying labels", p.Name, e.Feature)
			}
		}
	}
}

func TestNodeIsComplete(t *testing.T) {
	s := must.Get(NewSchema(Node()))(t)
	if n := s.Len(); n < 35 || n > 42 {
		t.Errorf("the node profile has %d features, want some forty", n)
	}
	for _, f := range s.Features() {
		if f.Help == "" || f.Group == "" || f.Unit == "" || f.Deviation <= 0 || f.Scale < f.Deviation {
			t.Errorf("%s: help, group, unit, deviation above 0 and scale of at least the deviation must be stated: %+v", f.Name, f)
		}
	}
}
