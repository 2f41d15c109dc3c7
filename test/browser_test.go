//go:build e2e

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// browse drives the pages of a running Omen in a real browser, by the script
// of web/ui/e2e. act also acknowledges an open incident. The script
// stops the process for some seconds, to see that the page notices. With OMEN_SHOTS=DIR
// the pictures stay in a folder below it.
func browse(t *testing.T, o *omen, act bool) {
	t.Helper()
	env := []string{fmt.Sprintf("OMEN_PID=%d", o.cmd.Process.Pid)}
	if act {
		env = append(env, "OMEN_ACT=1")
	}
	drive(t, o.url, "e2e/run.mjs", env...)
}

// drive runs a script of web/ui/e2e against the Omen that answers at a URL.
func drive(t *testing.T, url, script string, env ...string) {
	t.Helper()
	node, chromium := browser(t)
	shots := t.TempDir()
	if keep := os.Getenv("OMEN_SHOTS"); keep != "" {
		shots = filepath.Join(keep, t.Name())
	}
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Dir = "../web/ui"
	cmd.Env = append(append(os.Environ(), "OMEN_URL="+url, "OMEN_SHOTS="+shots, "CHROMIUM="+chromium), env...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", tail(string(out), 20000))
	if err != nil {
		t.Errorf("browser: %v", err)
		verdicts.Store(t.Name(), verdict(string(out)))
	}
	if pictures, err := filepath.Glob(filepath.Join(shots, "*.png")); err != nil || len(pictures) == 0 {
		t.Errorf("the browser took no pictures: %v", err)
	}
}

// verdict is what a script said last: its count of checks and each that failed, or,
// where it ended before them, its last lines.
func verdict(out string) string {
	if all := counted.FindAllStringIndex(out, -1); all != nil {
		return out[all[len(all)-1][0]:]
	}
	return tail(out, 3000)
}

// counted is the line after which the checks that failed are named.
var counted = regexp.MustCompile(`(?m)^\d+ passed, \d+ failed$`)

// verdicts are those of the scripts that failed, by the name of their test.
var verdicts sync.Map

// browserFailed says once more what failed in the browser, in this test or a part of
// it: to be called after what is long, because a log may be cut.
func browserFailed(t *testing.T) {
	verdicts.Range(func(test, verdict any) bool {
		if name := test.(string); name == t.Name() || strings.HasPrefix(name, t.Name()+"/") {
			t.Logf("browser of %s: %s", name, verdict)
		}
		return true
	})
}

// browser is where Node.js and Chromium are; without them, or what they need, the
// test is skipped: ask before what takes long.
func browser(t *testing.T) (node, chromium string) {
	t.Helper()
	node, chromium = binary(t, "node"), binary(t, "chromium")
	if _, err := os.Stat("../web/ui/node_modules/playwright-core"); err != nil {
		t.Skip("web/ui/node_modules is absent: run `make ui`, or npm ci in web/ui")
	}
	return node, chromium
}
