package feature

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestHashFollowsMeaning(t *testing.T) {
	make := func(change func(*Profile)) string {
		p := Profile{Name: "p", Features: []Feature{
			{Name: "a", Expr: "sum by ($by) (a)", Help: "h", Deviation: 1},
			{Name: "b", Expr: "b"},
			{Name: "c", Rule: Rule{Kind: Change, Of: "a", Over: time.Minute}},
		}}
		change(&p)
		s := must.Get(NewSchema(p))(t)
		return s.Hash()
	}
	base := make(func(*Profile) {})
	if len(base) != 64 || base != make(func(*Profile) {}) {
		t.Fatalf("hash %q is not 64 digits, or not the same twice", base)
	}
	for what, change := range map[string]func(*Profile){
		"help":          func(p *Profile) { p.Features[0].Help = "other" },
		"group":         func(p *Profile) { p.Features[0].Group = "other" },
		"direction":     func(p *Profile) { p.Features[0].Direction = Up },
		"layout":        func(p *Profile) { p.Features[0].Expr = "sum by ($by)\n  (a)" },
		"default by":    func(p *Profile) { p.By = []string{"instance"} },
		"default range": func(p *Profile) { p.Features[0].Max = 1e12 },
	} {
		if make(change) != base {
			t.Errorf("%s changes the hash, and means nothing to a model", what)
		}
	}
	for what, change := range map[string]func(*Profile){
		"by":     func(p *Profile) { p.By = []string{"pod"} },
		"uptime": func(p *Profile) { p.Uptime = "up" },
		"name":   func(p *Profile) { p.Features[1].Name = "bb" },
		"expr":   func(p *Profile) { p.Features[0].Expr = "a" },
		"unit":   func(p *Profile) { p.Features[0].Unit = omen.Bytes },
		"range":  func(p *Profile) { p.Features[0].Max = 7 },
		"scale":  func(p *Profile) { p.Features[0].Scale = 7 },
		"order":  func(p *Profile) { p.Features[0], p.Features[1] = p.Features[1], p.Features[0] },
		"over":   func(p *Profile) { p.Features[2].Rule.Over = time.Hour },
		"of":     func(p *Profile) { p.Features[2].Rule.Of = "b" },
		"kind":   func(p *Profile) { p.Features[2].Rule.Kind = Mean },
		"more":   func(p *Profile) { p.Features = append(p.Features, Feature{Name: "d", Expr: "d"}) },
	} {
		if make(change) == base {
			t.Errorf("%s does not change the hash, and means something to a model", what)
		}
	}
}

func TestBadProfiles(t *testing.T) {
	ok := Feature{Name: "a", Expr: "a"}
	with := func(change func(*Feature)) Profile {
		f := Feature{Name: "b", Expr: "b"}
		change(&f)
		return Profile{Name: "shop", Features: []Feature{ok, f}}
	}
	derived := func(r Rule) Profile {
		return Profile{Name: "shop", Features: []Feature{ok, {Name: "b", Rule: r}, {Name: "c", Rule: Rule{Kind: Change, Of: "a", Over: 1}}}}
	}
	for _, c := range []struct {
		p    Profile
		want string // part of the message
		hint string // part of the hint
	}{
		{Profile{}, `profile "": name:`, "postgres"},
		{Profile{Name: "a/b", Features: []Feature{ok}}, `profile "a/b": name:`, "name"},
		{Profile{Name: "shop"}, `profile "shop": features: there are none`, "expr"},
		{Profile{Name: "shop", By: []string{"a b"}, Features: []Feature{ok}}, `by[0]: "a b"`, "[namespace, workload]"},
		{Profile{Name: "shop", Features: []Feature{ok, ok}}, `feature "a": name: is there twice`, "name of its own"},
		{with(func(f *Feature) { f.Name = UptimeColumn }), "name: is there twice, or is reserved", "own"},
		{with(func(f *Feature) { f.Name = "1 b" }), `feature "1 b": name:`, "disk_write"},
		{with(func(f *Feature) { f.Expr = " " }), `profile "shop", feature "b": expr: is empty`, "PromQL"},
		{with(func(f *Feature) { f.Unit = "byte" }), `unit: "byte"`, "bytes/s"},
		{with(func(f *Feature) { f.Direction = "upward" }), `direction: "upward"`, "both, up, down"},
		{with(func(f *Feature) { f.Min, f.Max = 2, 1 }), "range: 2 is not below 1", "[0, 1]"},
		{with(func(f *Feature) { f.Max = math.NaN() }), "range:", "[0, 1]"},
		{with(func(f *Feature) { f.Deviation = -1 }), "deviation: -1", "0 or more"},
		{with(func(f *Feature) { f.Scale = math.Inf(1) }), "scale: +Inf", "above 0"},
		{with(func(f *Feature) { f.Rule.Kind = Mean }), "expr: is given together with a kind", "remove one"},
		{derived(Rule{Kind: "median", Of: "a"}), `kind: "median"`, "mean"},
		{derived(Rule{Kind: Mean, Of: "a"}), "over: is missing", "over: 5m"},
		{derived(Rule{Kind: Mean, Of: "x", Over: 1}), `of: "x" is not a feature`, "profile's features"},
		{derived(Rule{Kind: Mean, Of: "c", Over: 1}), `of: "c" is not a feature`, "not derived"},
		{derived(Rule{Kind: Quotient, Of: "a"}), `per: is missing`, "name one"},
		{derived(Rule{Kind: HourOfDay, Zone: "Mars"}), `zone: "Mars"`, "Europe/Berlin"},
	} {
		_, err := NewSchema(c.p)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("error is %v, want an invalid one with %q", err, c.want)
			continue
		}
		if !strings.Contains(omen.Hint(err), c.hint) {
			t.Errorf("%v: hint is %q, want one with %q", err, omen.Hint(err), c.hint)
		}
	}
}

func TestFromColumns(t *testing.T) {
	s := must.Get(FromColumns("csv", []string{"y", "x"}, Feature{Unit: omen.Count}))(t)
	f := s.Features()[0]
	if f.Name != "y" || f.Scale != 1 || f.Clean(-1e200) != -1e200 || !math.IsNaN(f.Clean(math.Inf(1))) {
		t.Errorf("column is %+v, want any finite number kept", f)
	}
	ratio := must.Get(FromColumns("csv", []string{"y", "x"}, Feature{Unit: omen.Ratio, Max: 1}))(t)
	if ratio.Features()[1].Clean(1.1) != 1 || ratio.Hash() == s.Hash() {
		t.Error("a stated range is not kept")
	}
}

func TestTrivial(t *testing.T) {
	for _, c := range []struct {
		d                Direction
		actual, expected float64
		want             bool
	}{
		{Up, 20, 5, false}, {Up, 14, 5, true}, {Up, 5, 20, true},
		{Down, 5, 20, false}, {Down, 20, 5, true},
		{Both, 5, 20, false}, {"", 20, 5, false}, {Both, 6, 5, true},
		{Both, nan, 5, false},
	} {
		f := Feature{Direction: c.d, Deviation: 10}
		if got := f.Trivial(c.actual, c.expected); got != c.want {
			t.Errorf("%s, %v for %v: trivial is %t, want %t", c.d, c.actual, c.expected, got, c.want)
		}
	}
}
