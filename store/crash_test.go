package store

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// childEnv makes the test binary run one of these tasks instead of tests.
const childEnv = "OMEN_STORE_CHILD"

func childTask() func() {
	task, path, ok := strings.Cut(os.Getenv(childEnv), " ")
	if !ok {
		return nil
	}
	return map[string]func(){
		"append": func() { appendForever(path) },
		"open":   func() { openAndSay(path) },
	}[task]
}

// appendForever says each key on standard output once Append has returned.
func appendForever(path string) {
	db, err := Open(context.Background(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println("error", err)
		return
	}
	head, err := db.Head(context.Background())
	for n := int(head) + 1; err == nil; n++ {
		c := change(0, n, omen.ChangeUpdated)
		if err = db.Append(context.Background(), c); err == nil {
			fmt.Println(n)
		}
	}
	fmt.Println("error", err)
}

func openAndSay(path string) {
	db, err := Open(context.Background(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err, "|", omen.Hint(err))
		return
	}
	fmt.Println("opened", db.Close())
}

func child(t *testing.T, task, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+task+" "+path)
	return cmd
}

func TestKillNineLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	acknowledged := 0
	for round := range 8 {
		cmd := child(t, "append", path)
		out := must.Get(cmd.StdoutPipe())(t)
		must.OK(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for want := 3 + 7*round; want > 0 && lines.Scan(); want-- {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("child: %s", lines.Text())
			}
			acknowledged = n
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // what it said before it died
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				acknowledged = n
			}
		}
		_ = cmd.Wait()

		db := must.Get(Open(t.Context(), path, slog.New(slog.DiscardHandler)))(t)
		if !db.Unclean() {
			t.Error("a killed owner counts as a clean shutdown")
		}
		db.UncleanReported()
		changes := must.Get(db.Changes(t.Context(), "i0"))(t)
		// One more than acknowledged may be there: committed, not yet said.
		if len(changes) < acknowledged || len(changes) > acknowledged+1 {
			t.Fatalf("round %d: %d changes, %d were acknowledged", round, len(changes), acknowledged)
		}
		for i, c := range changes {
			if c.Incident.ChangeNumber != i+1 {
				t.Fatalf("change %d is missing", i+1)
			}
		}
		in, err := db.Incident(t.Context(), "i0")
		if err != nil || in.ChangeNumber != len(changes) {
			t.Fatalf("incident at change %d of %d, %v", in.ChangeNumber, len(changes), err)
		}
		must.OK(t, db.Close())
	}
}

// A command that opens the database of a killed owner for a moment does not make its end
// a clean one: it is reported by the owner that comes next, once, and counts as one crash.
func TestAnUncleanEndIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	cmd := child(t, "append", path)
	out := must.Get(cmd.StdoutPipe())(t)
	must.OK(t, cmd.Start())
	bufio.NewScanner(out).Scan()
	must.OK(t, cmd.Process.Kill())
	_ = cmd.Wait()
	open := func() *DB { return must.Get(Open(t.Context(), path, slog.New(slog.DiscardHandler)))(t) }
	for range 2 { // commands
		db := open()
		if n := db.Crashes(time.Hour, time.Now()); !db.Unclean() || n != 1 {
			t.Errorf("unclean %v, %d crashes", db.Unclean(), n)
		}
		must.OK(t, db.Close())
	}
	db := open()
	if n := db.Crashes(time.Hour, time.Now()); !db.Unclean() || n != 1 {
		t.Errorf("unclean %v, %d crashes after two commands", db.Unclean(), n)
	}
	db.UncleanReported()
	must.OK(t, db.Close())
	db = open()
	if n := db.Crashes(time.Hour, time.Now()); db.Unclean() || n != 1 {
		t.Errorf("unclean %v, %d crashes after a clean end", db.Unclean(), n)
	}
	must.OK(t, db.Close())
}

func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	out, err := child(t, "open", path).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{omen.ErrLocked.Error(), fmt.Sprint("process ", os.Getpid()), "--storage.path"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("second process says %q, want %q in it", out, want)
		}
	}
	must.OK(t, db.Close())
	if out, err = child(t, "open", path).CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "opened") {
		t.Errorf("after close: %s, %v", out, err)
	}
}
