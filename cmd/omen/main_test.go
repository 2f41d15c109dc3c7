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

// A number that means nothing is refused before anything is done, by whichever
// command.
func TestNumbersOutOfRange(t *testing.T) {
	for args, want := range map[string]string{
		"bench d --worlds=-2":         "--worlds: -2 is less than 1",
		"bench d --weeks=0":           "--weeks: 0 is less than 1",
		"bench d --first-hours=-1":    "--first-hours: -1 is less than 1",
		"bench d --workers=-1":        "--workers: -1 is less than 0",
		"bench d --feedback=3,0":      "--feedback: 0 is less than 1",
		"bench d --budget=1,0":        "--budget: 0 is not above 0",
		"bench d --budget=NaN":        "--budget: NaN is not above 0",
		"replay d --pages-per-week=0": "--pages-per-week: 0 is not above 0",
		"tune d --trials=-3":          "--trials: -3 is less than 1",
		"forecast --limit=0":          "--limit: 0 is less than 1",
		"incidents list --limit=0":    "--limit: 0 is less than 1",
		"incidents list --limit=501":  "--limit: 501 is more than 500",
		"actions list --limit=-1":     "--limit: -1 is less than 1",
		"forecast --limit=10001":      "--limit: 10001 is more than 10000",
	} {
		var b strings.Builder
		code := run(t.Context(), strings.Fields(args), &b, &b)
		if code != 2 || !strings.HasPrefix(b.String(), "omen: "+want+"\n      try: omen ") {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, b.String(), want)
		}
	}
}

// Lists with an empty value or one that is twice, values that are empty, numbers and
// durations that are none, and addresses without a scheme: what is wrong is said in
// words, by every command, and nothing is run.
func TestWhatIsGivenAndMeansNothing(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"bench", "--forecast", "--seeds="}, "--seeds is given without a value"},
		{[]string{"bench", "--forecast", "--seeds=11,12,11"}, "--seeds: 11 is given twice"},
		{[]string{"bench", "--forecast", "--seeds=1,a"}, `--seeds: "a" is no whole number`},
		{[]string{"bench", "d", "--budget="}, "--budget is given without a value"},
		{[]string{"bench", "d", "--budget", ""}, "--budget is given without a value"},
		{[]string{"bench", "d", "--budget=1,1"}, "--budget: 1 is given twice"},
		{[]string{"bench", "d", "--budget=2", "--budget=2.0"}, "--budget: 2 is given twice"},
		{[]string{"bench", "d", "--budget=1,,2"}, "--budget: one of the values is empty"},
		{[]string{"bench", "d", "--budget", "1,,2"}, "--budget: one of the values is empty"},
		{[]string{"bench", "d", "--budget=x"}, `--budget: "x" is no number`},
		{[]string{"bench", "d", "--feedback=3,3"}, "--feedback: 3 is given twice"},
		{[]string{"bench", "d", "--detector=ran,"}, "--detector: one of the values is empty"},
		{[]string{"bench", "d", "--detector=ran,ran"}, "--detector: ran is given twice"},
		{[]string{"bench", "d", "--fold=ridge=3", "--fold=ridge=3"}, "--fold: ridge=3 is given twice"},
		{[]string{"bench", "d", "--workers="}, "--workers is given without a value"},
		{[]string{"train", "d", "--ignore=a,b,a"}, "--ignore: a is given twice"},
		{[]string{"train", "d", "--host=", "--host=a"}, "--host is given without a value"},
		{[]string{"tune", "--prometheus.url=http://a", "--prometheus.url=http://a"}, "--prometheus.url: http://a is given twice"},
		{[]string{"replay", "d", "--against=a.yml", "--against=a.yml"}, "--against: a.yml is given twice"},
		{[]string{"serve", "--config.file="}, "--config.file is given without a value"},
		{[]string{"serve", "--storage.path", ""}, "--storage.path is given without a value"},
		{[]string{"forecast", ""}, "an argument is empty"},
		{[]string{"forecast", "--all", ""}, "an argument is empty"},
		{[]string{"check", "source", "http://a", "--span=0s"}, "--span: 0 is not above 0"},
		{[]string{"check", "source", "http://a", "--span=-5m"}, `--span: "-5m" is no duration: write it like 30s, 12h or 7d`},
		{[]string{"train", "--prometheus.url=http://a", "--history=0s"}, "--history: 0 is not above 0"},
		{[]string{"tune", "--prometheus.url=http://a", "--step=0s"}, "--step: 0 is not above 0"},
		{[]string{"replay", "d", "--skip=soon"}, `--skip: "soon" is no duration`},
		{[]string{"replay", "d", "--evaluation-interval=0s"}, "--evaluation-interval: 0 is not above 0"},
		{[]string{"remedy", "replay", "--last=0d"}, "--last: 0 is not above 0"},
	} {
		var b strings.Builder
		code := run(t.Context(), c.args, &b, &b)
		if code != 2 || !strings.HasPrefix(b.String(), "omen: "+c.want) || !strings.Contains(b.String(), "\n      try: omen "+c.args[0]) {
			t.Errorf("%q: exit code %d, %q, want %q", c.args, code, b.String(), c.want)
		}
	}
	for _, address := range []string{"127.0.0.1:1", "localhost:1", "localhost"} {
		for _, args := range [][]string{{"forecast"}, {"incidents", "list"}, {"actions", "approve", "x"}, {"remedy", "check"}} {
			var b strings.Builder
			want := "omen: ask " + address + ": it is not an http or https URL with a host: invalid\nhint: write http://" + address + "\n"
			if code := run(t.Context(), append(args, "--url="+address), &b, &b); code != 1 || b.String() != want {
				t.Errorf("%q: exit code %d, %q, want %q", args, code, b.String(), want)
			}
		}
	}
}

// A text for people may be empty: scripts pass what they have.
func TestATextMayBeEmpty(t *testing.T) {
	for _, args := range [][]string{{"incidents", "ack", "x", "--comment="}, {"incidents", "ack", "x", "--comment", ""}, {"remedy", "pause", "--why="}} {
		var b strings.Builder
		if code := run(t.Context(), append(args, "--url=http://127.0.0.1:1"), &b, &b); code != 1 || !strings.Contains(b.String(), "is omen serve running there?") {
			t.Errorf("%q: exit code %d, %q", args, code, b.String())
		}
	}
}

// A result to compare with that is none is named.
func TestCompareNamesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.json")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	code := run(t.Context(), []string{"bench", t.TempDir(), "--compare=" + file}, &b, &b)
	if code != 1 || !strings.HasPrefix(b.String(), "omen: "+file+": read earlier result: ") || !strings.Contains(b.String(), "hint: give a file that omen bench --json wrote") {
		t.Errorf("exit code %d, %q", code, b.String())
	}
}
