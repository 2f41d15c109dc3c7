package bench

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen/detect"
)

// TestExplore prints tables for BENCH_DETECTORS.
func TestExplore(t *testing.T) {
	names := os.Getenv("BENCH_DETECTORS")
	if names == "" {
		t.Skip()
	}
	all, err := Load(shared(t))
	if err != nil {
		t.Fatal(err)
	}
	ds, err := Named(strings.Split(names, ","), detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keep := func(d string, s *Series, r *Scored) {
		if os.Getenv("PLOT") != "" {
			p, err := PlotSeries("/tmp/bench/plots", d, s, r)
			t.Log(p, err)
		}
	}
	if o := os.Getenv("ONLY"); o != "" {
		all = slices.DeleteFunc(all, func(s *Series) bool { return !strings.Contains(s.Name, o) })
	}
	r, err := Run(t.Context(), Options{Series: all, Detectors: ds, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	r.WriteTables(os.Stdout)
	f, _ := os.Create("/tmp/bench/run.json")
	r.WriteJSON(f)
	f.Close()
}
