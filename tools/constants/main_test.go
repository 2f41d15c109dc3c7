package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// Every constant of the list is in the code, and is a variable in what is built:
// who renames one finds it here.
func TestRewritten(t *testing.T) {
	t.Chdir("../..")
	overlay, err := rewritten(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range overlay {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, c := range constants {
		if c.value == "" || !strings.Contains(all.String(), `scaledConstant("`+c.name()+`"`) {
			t.Errorf("%s is no variable; its value is %q", c.name(), c.value)
		}
	}
	for _, made := range []string{"func TrainAfresh(", "func RunAfresh("} {
		if !strings.Contains(all.String(), made) {
			t.Errorf("no %s: what it makes is not found again", made)
		}
	}
}

// A constant that a fit reads is part of what its models are found again by. Those
// of detect and training that are not are read where no fit is.
func TestWhatAFitReads(t *testing.T) {
	noFit := map[string][]string{
		"detect":   {"level.go", "levelkept.go", "verdict.go"},
		"training": {"schedule.go"},
	}
	for pkg, apart := range noFit {
		paths, err := filepath.Glob(filepath.Join("../..", pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || slices.Contains(apart, filepath.Base(path)) {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if ok && slices.ContainsFunc(constants, func(c constant) bool { return c.pkg == pkg && c.id == id.Name && !c.fit }) {
					t.Errorf("%s is used in %s, and is not fit", id.Name, path)
				}
				return true
			})
		}
	}
}

// The numbers of a table: of data sets that weigh the same, and of all segments
// together where they are counts.
func TestMean(t *testing.T) {
	var folds []fold
	must.OK(t, json.Unmarshal([]byte(`[
		{"Set": "a", "Utility": 0.2, "Metrics": {"f1": 0.5, "false_alert_time_ratio": 0.01, "notified": {"F1": 0.4, "false": 3, "host_weeks": 2, "blamed": 1, "right": 1}}},
		{"Set": "b", "Utility": 0.4, "Metrics": {"f1": 0.7, "false_alert_time_ratio": 0.03, "notified": {"F1": 0.6, "false": 1, "host_weeks": 6, "blamed": 3, "right": 2}}}
	]`), &folds))
	base := must.Get(mean(folds))(t)
	want := "utility 0.300, notified F1 0.500, 0.50 false messages a host-week, right cause first 0.75, alerts F1 0.600, false alert time 2.00 %"
	if base.String() != want || base.sets != "a 0.400, b 0.600" {
		t.Errorf("%s; %s", base, base.sets)
	}
	folds[1].Metrics.Notified.False, folds[1].Utility = 5, .2
	if other := must.Get(mean(folds))(t).from(base); other != "-0.100, +0.000, +0.50, +0.00, +0.000, +0.00" {
		t.Errorf("from that: %s", other)
	}
	if got := base.from(base); got != "the same" {
		t.Errorf("from itself: %s", got)
	}
	if _, err := mean(nil); err == nil {
		t.Error("numbers of nothing")
	}
	folds[0].Metrics.Notified.Weeks, folds[1].Metrics.Notified.Weeks = 0, 0
	if m, err := mean(folds); err == nil {
		t.Errorf("without host-weeks %v", m)
	}
}

// A draw takes the same series every time, each once, and at least one.
func TestDraw(t *testing.T) {
	set := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		must.OK(t, os.Mkdir(filepath.Join(set, name), 0o700))
	}
	must.OK(t, os.WriteFile(filepath.Join(set, "LICENSE"), nil, 0o600))
	two, again, one := must.Get(draw([]string{set}, .3))(t), must.Get(draw([]string{set}, .3))(t), must.Get(draw([]string{set}, 0))(t)
	if len(two) != 2 || two[0] == two[1] || !slices.Equal(two, again) || len(one) != 1 {
		t.Errorf("drawn %v, %v, %v", two, again, one)
	}
	if plain := must.Get(draw([]string{set}, 1))(t); !slices.Equal(plain, []string{set}) {
		t.Errorf("without a draw %v", plain)
	}
}

// Names are those of the list, and others an error.
func TestNamed(t *testing.T) {
	if all := must.Get(named(""))(t); len(all) != len(constants) {
		t.Errorf("%d of %d constants", len(all), len(constants))
	}
	if two := must.Get(named("incident.Lasting,detect.levelStep"))(t); len(two) != 2 || two[0].id != "levelStep" || two[1].id != "Lasting" {
		t.Errorf("%v", two)
	}
	if _, err := named("detect.levelStep,detect.gone"); err == nil || !strings.Contains(err.Error(), "detect.gone") {
		t.Errorf("of one that is gone: %v", err)
	}
}
