package feature

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		"extends: there is no profile":                              {"bass", nil},
		`without[0]: there is no feature or limit "z" to leave out`: {"base", []string{"z"}},
		`without[1]: "c" is there twice`:                            {"base", []string{"c", "c"}},
		"features: there are none":                                  {},
	} {
		if _, err := Declare(Profile{Name: "x"}, d.extends, d.without, known); err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// All mistakes of a profile are said at once, those of features and limits too; and
// of one whose extended profile is not known all but what may be that one's.
func TestAllMistakesAtOnce(t *testing.T) {
	p := Profile{
		Name: "a b", By: []string{"x", "x"},
		Features: []Feature{
			{Name: "a", Expr: " ", Unit: "litres", Direction: "left", Deviation: -1}, {Name: "a", Expr: "a"}, {Expr: "b", Scale: -1},
			{Name: "c", Rule: Rule{Kind: Quotient, Of: "z"}}, {Name: "d", Rule: Rule{Kind: HourOfDay, Zone: "X/Y"}},
		},
		Limits: []Limit{{Name: "l", Max: -1, Full: 2, Title: "$a of ${b} and $where2", By: []string{"x", "p", "p"}, Same: "z", Features: []string{"q"}}},
	}
	keys := func(extends string) (all []string) {
		_, err := Declare(p, extends, []string{"y"}, nil)
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			var m *Mistake
			if !errors.As(one, &m) || omen.Hint(one) == "" {
				t.Errorf("%v is no mistake with a hint", one)
				continue
			}
			all = append(all, m.Feature+m.Limit+" "+m.Key)
		}
		return slices.Sorted(slices.Values(all))
	}
	want := []string{
		" by[1]", " name", " without[0]", "a deviation", "a direction", "a expr", "a name", "a unit", "c of", "c per", "d zone",
		"l by[0]", "l by[2]", "l features[0]", "l full", "l max", "l same", "l title", "l title", "l title", "l used", "without a name name", "without a name scale",
	}
	if d := cmp.Diff(want, keys("")); d != "" {
		t.Error(d)
	}
	want = slices.DeleteFunc(append(want, " extends"), func(key string) bool {
		return slices.Contains([]string{" without[0]", "c of", "c per", "l features[0]"}, key)
	})
	slices.Sort(want)
	if d := cmp.Diff(want, keys("nobody")); d != "" {
		t.Errorf("of a profile that extends an unknown one:\n%s", d)
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
