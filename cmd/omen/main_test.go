package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"omen": main})
}

// Scripts in testdata run the program as a person would. In them $SEED is the
// data of the original system, empty where ../shared is absent.
func TestScripts(t *testing.T) {
	seed := must.Get(filepath.Abs("../../../shared/bench/seed/prometheus.csv.gz"))(t)
	if _, err := os.Stat(seed); err != nil {
		seed = ""
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Condition: func(c string) (bool, error) {
			return c == "shared" && seed != "" || c == "root" && os.Geteuid() == 0, nil
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("SEED", seed)
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hold": hold, "occupy": occupy, "measure": measure, "keep": keep, "lived": lived, "answer": answer,
		},
	})
}

// hold DIR [ADDRESS] opens a data directory as a running Omen has it, which answers
// at an address.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(app.MakeStorage(dir))
	db, err := store.Open(context.Background(), app.DatabasePath(dir), nil)
	ts.Check(err)
	ts.Defer(func() { _ = db.Close() })
	if len(args) > 1 {
		ts.Check(os.WriteFile(filepath.Join(dir, "address"), []byte(args[1]+"\n"), 0o600))
	}
}

// occupy takes a port and puts its address into $TAKEN.
func occupy(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv("TAKEN", l.Addr().String())
}

// Whatever goes wrong, people read lines that begin with omen: or are indented.
func TestComplain(t *testing.T) {
	var b strings.Builder
	if code := run(t.Context(), []string{"check", "config", "/does/not/exist"}, &b, &b); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "omen: ") || !strings.HasPrefix(lines[1], "hint: ") {
		t.Errorf("got %q, want one line of error and one of hint", lines)
	}
}
