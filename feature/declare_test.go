package feature

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

func TestDeclare(t *testing.T) {
	known := []Profile{{Name: "base", By: []string{"pod"}, Uptime: "up", Features: []Feature{
		{Name: "a", Expr: "a", Unit: omen.Bytes}, {Name: "b", Expr: "b"}, {Name: "c", Expr: "c"},
		{Name: "c_mean", Rule: Rule{Kind: Mean, Of: "c", Over: time.Minute}},
	}}}
	p := must.Get(Declare(Profile{Name: "mine", Features: []Feature{
		{Name: "d", Expr: "d"}, {Name: "a", Expr: "a2", Unit: omen.Bytes}, {Name: "a_rate", Rule: Rule{Kind: Rate, Of: "a", Over: time.Minute}},
	}}, "base", []string{"c"}, known))(t)
	s := must.Get(NewSchema(p))(t)
	if want := []string{"a", "b", "d", "a_rate"}; !slices.Equal(s.Names(), want) {
		t.Errorf("features are %v, want %v", s.Names(), want)
	}
	if f := s.Features(); f[0].Expr != "a2" || f[3].Unit != omen.BytesPerSecond || s.By()[0] != "pod" || p.Uptime != "up" {
		t.Errorf("got %+v by %v, want the replaced a, a rate in bytes/s and what base has", f, s.By())
	}
	if known[0].Features[0].Expr != "a" || len(known[0].Features) != 4 {
		t.Error("the extended profile was changed")
	}
	for want, d := range map[string]struct {
		extends string
		without []string
	}{
		"extends: there is no profile":                           {"bass", nil},
		`without: there is no feature or limit "z" to leave out`: {"base", []string{"z"}},
		"features: there are none":                               {},
	} {
		if _, err := Declare(Profile{Name: "x"}, d.extends, d.without, known); err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// The expressions that the documentation shows parse.
func TestDocumentedProfilesParse(t *testing.T) {
	page := must.Get(os.ReadFile("../docs/profiles.md"))(t)
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, found := strings.Cut(rest, "```")
	var doc struct {
		Profiles []struct {
			Name, Uptime string
			By           []string
			Features     []struct{ Name, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || !found || len(doc.Profiles) == 0 {
		t.Fatalf("no profiles in the first example: %v", err)
	}
	for _, p := range doc.Profiles {
		for _, f := range p.Features {
			if _, err := parser.NewParser(parser.Options{}).ParseExpr(expanded(f.Expr, p.By)); err != nil {
				t.Errorf("%s, %s: %v", p.Name, f.Name, err)
			}
		}
	}
}
