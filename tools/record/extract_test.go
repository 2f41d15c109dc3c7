package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen/bench"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// A machine's own store and the log of what was done to it become a series that
// omen bench reads: labels, kinds and culprits where they were.
func TestExtract(t *testing.T) {
	dir := t.TempDir()
	begin := time.Now().UTC().Truncate(time.Second).Add(-10 * time.Minute) // the store takes nothing that is much older
	end := begin.Add(5 * time.Minute)
	metrics := filepath.Join(dir, "metrics")
	leaking(t, metrics, begin.Add(-time.Minute), end)

	blamed := []string{"memory_used"}
	writeFaults(t, filepath.Join(dir, "faults.jsonl"),
		injected{Kind: "leak", Start: begin.Add(3*time.Minute + 200*time.Millisecond), End: begin.Add(3*time.Minute + 30500*time.Millisecond), Blamed: blamed})
	args := []string{"-data", metrics, "-faults", filepath.Join(dir, "faults.jsonl"), "-calm", "2m",
		"-begin", begin.Format(time.RFC3339), "-end", end.Format(time.RFC3339), "-out", filepath.Join(dir, "set", "one")}
	must.OK(t, extract(t.Context(), args))

	all, err := bench.Load(filepath.Join(dir, "set"))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d series, %v", len(all), err)
	}
	s := all[0]
	if s.Step != time.Second || len(s.Train) != 120 || len(s.Test) != 181 || !s.Test[0].At.Equal(begin.Add(2*time.Minute)) {
		t.Errorf("step %s, %d samples to learn from and %d from %s", s.Step, len(s.Train), len(s.Test), s.Test[0].At)
	}
	memory := slices.Index(s.Features, "memory_used")
	want := []bench.Segment{{Start: 60, End: 90, Blamed: []int{memory}, Kind: "leak"}}
	if diff := cmp.Diff(want, s.Segments); diff != "" {
		t.Error(diff)
	}
	if before, in := s.Test[30].Values[memory], s.Test[75].Values[memory]; before != .25 || in != .75 {
		t.Errorf("memory used %g before the leak and %g in it, want .25 and .75", before, in)
	}

	writeFaults(t, filepath.Join(dir, "faults.jsonl"), injected{Kind: "cpu", Start: end.Add(time.Hour), End: end.Add(2 * time.Hour), Blamed: blamed})
	if err := extract(t.Context(), args); err == nil {
		t.Error("a fault after the end of the recording is taken")
	}
}

// leaking makes a store with one machine's memory, of which a leak takes half.
func leaking(t *testing.T, dir string, from, to time.Time) {
	t.Helper()
	local := must.Get(tsdb.Open(tsdb.Options{Dir: dir, Retention: 365 * 24 * time.Hour}))(t)
	labels := map[string]string{"instance": "host", "job": "node"}
	for at := from; !at.After(to); at = at.Add(time.Second) {
		available := 3e9
		if d := at.Sub(to.Add(-2 * time.Minute)); d >= 0 && d <= 30*time.Second {
			available = 1e9
		}
		must.OK(t, local.Append(t.Context(), []series.Sample{
			{Name: "up", Labels: labels, At: at, Value: 1},
			{Name: "node_memory_MemTotal_bytes", Labels: labels, At: at, Value: 4e9},
			{Name: "node_memory_MemAvailable_bytes", Labels: labels, At: at, Value: available},
		}))
	}
	must.OK(t, local.Close())
}

func writeFaults(t *testing.T, path string, all ...injected) {
	t.Helper()
	f := must.Get(os.Create(path))(t)
	defer f.Close()
	for _, one := range all {
		must.OK(t, json.NewEncoder(f).Encode(one))
	}
}
