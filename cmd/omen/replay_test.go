package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// A recorded run is replayed with its forecasts, beside rules and beside what
// really happened: a file system that was written full.
func TestReplayOfARecordedRun(t *testing.T) {
	const recorded, name = "../../bench/exhaustion/recorded", "fill-2h-1"
	dir := t.TempDir()
	runs := must.Get(os.ReadFile(filepath.Join(recorded, "runs.csv")))(t)
	lines := strings.Split(string(runs), "\n")
	kept := lines[:1]
	for _, l := range lines[1:] {
		if strings.HasPrefix(l, name+",") {
			kept = append(kept, l)
		}
	}
	must.OK(t, os.WriteFile(filepath.Join(dir, "runs.csv"), []byte(strings.Join(kept, "\n")+"\n"), 0o600))
	must.OK(t, os.WriteFile(filepath.Join(dir, name+".csv.gz"), must.Get(os.ReadFile(filepath.Join(recorded, name+".csv.gz")))(t), 0o600))
	rules := filepath.Join(t.TempDir(), "rules.yml")
	must.OK(t, os.WriteFile(rules, []byte("kind: Service\n---\ngroups: [{name: g, rules: [{alert: A, expr: gone > 0}]}]\n"), 0o600))
	var out, errors bytes.Buffer
	if code := run(t.Context(), []string{"replay", dir, "--skip=14d", "--against=builtin:node", "--against=" + rules}, &out, &errors); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), errors.String())
	}
	if want := rules + ": not read: kind Service\n"; !strings.Contains(errors.String(), want) {
		t.Errorf("no %q in\n%s", want, errors.String())
	}
	for _, want := range []string{"/data on fill-2h-1 is full in ", "full after ", "forecast: 2 resources", "1 fault: both 1", "both: 1, median lead of Omen 1h15m0s", "false in 33"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
