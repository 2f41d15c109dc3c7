package bench

import (
	"os"
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
	r, err := Run(t.Context(), Options{Series: all, Detectors: ds})
	if err != nil {
		t.Fatal(err)
	}
	r.WriteTables(os.Stdout)
	f, _ := os.Create("/tmp/bench/run.json")
	r.WriteJSON(f)
	f.Close()
}
