package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/omenhq/omen/bench/exhaustion"
	"github.com/omenhq/omen/internal/must"
)

// A recorded disk is really full: a write of anybody fails, and only after what
// fills it began; some steps later it is freed.
func TestADiskIsReallyFilled(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("file systems are mounted by root")
	}
	r := &exhaustRun{name: "fill", kind: "fill in 20m", hours: 1. / 3, onset: stepsPerDay,
		variant: 5, megabytes: 64, rnd: rand.New(rand.NewPCG(1, 2))} // in memory: no loop device is needed
	made, err := newDisk(t.Context(), r, t.TempDir(), nil)
	t.Cleanup(func() {
		if err := made.close(); err != nil {
			t.Error(err)
		}
	})
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	must.OK(t, err)
	d := made.(*disk)
	freed := 0
	for now := range 2 * stepsPerDay {
		exhausted := must.Get(d.step(now))(t)
		if exhausted && r.full == 0 {
			r.full = now
			if err := os.WriteFile(filepath.Join(d.mount, "mine"), make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("it is no more than said to be full: %v", err)
			}
		}
		if used := must.Get(d.used())(t); r.full > 0 && used < .9 && freed == 0 {
			freed = now
		}
	}
	if r.full < r.onset || r.full > r.onset+8 {
		t.Errorf("full at step %d, and what fills it in 20 minutes began at %d", r.full, r.onset)
	}
	if left := freed - r.full; left < stepsPerHour || left > 5*stepsPerHour {
		t.Errorf("freed after %d steps, want one to five hours", left)
	}
}

// What is recorded is what omen bench reads.
func TestRecordedRunsAreRead(t *testing.T) {
	dir := t.TempDir()
	name := `node_filesystem_free_bytes{device="/dev/loop1",instance="a",mountpoint="/data"}`
	of := func(name, kind string, hours float64, full int) *exhaustRun {
		return &exhaustRun{name: name, kind: kind, hours: hours, onset: 1, full: full, rows: [][]float64{{5}, {0}}}
	}
	a, b := of("a", "fill", 2, 2), of("b", "jobs", 0, 0)
	a.columns, b.columns = []string{name}, []string{name}
	must.OK(t, writeRuns(dir, []*exhaustRun{a, b}))
	all := must.Get(exhaustion.LoadRecordings(dir))(t)
	if len(all) != 2 || !all[0].Begin.Equal(exhaustBegin.Add(exhaustStep)) || !all[0].Full.Equal(exhaustBegin.Add(2*exhaustStep)) || !all[1].Full.IsZero() ||
		all[0].Columns[0].Labels["mountpoint"] != "/data" || all[0].Values[1][0] != 0 {
		t.Errorf("%+v", all)
	}
	for _, wrong := range []*exhaustRun{of("c", "fill", 2, 0), of("d", "jobs", 0, 7)} {
		if err := writeRuns(dir, []*exhaustRun{wrong}); err == nil {
			t.Errorf("%s: a run that was not what it was to be is written", wrong.name)
		}
	}
}
