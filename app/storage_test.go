package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/tsdb"
)

// heard are Omen's own troubles that last.
type heard map[string]string

func (h heard) Report(_ context.Context, key string, severity omen.Severity, summary string) error {
	h[key] = fmt.Sprint(severity, ": ", summary)
	return nil
}

func (h heard) Resolve(_ context.Context, key string) error { delete(h, key); return nil }

// stored is a storage in a directory of its own, with what it logs.
func stored(t *testing.T) (*storage, *bytes.Buffer) {
	t.Helper()
	return storedIn(t, t.TempDir())
}

func storedIn(t *testing.T, dir string) (*storage, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	db, err := store.Open(t.Context(), DatabasePath(dir), nil)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := tsdb.Open(tsdb.Options{Dir: filepath.Join(dir, metricsDir)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = metrics.Close(), db.Close() }) // what was removed cannot be closed well
	return &storage{dir: dir, db: db, tsdb: metrics, log: slog.New(slog.NewTextHandler(log, nil))}, log
}

// A data directory that is whole is no trouble; one of which a part is removed,
// moved or replaced is, at the next probe.
func TestWhatIsStoredInNoPlaceIsNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(dir string) error
		want string
	}{
		"nothing":           {func(string) error { return nil }, ""},
		"directory removed": {os.RemoveAll, "omen.db was removed"},
		"directory swapped": {func(dir string) error {
			if err := os.Rename(dir, dir+".old"); err != nil {
				return err
			}
			return os.MkdirAll(filepath.Join(dir, metricsDir, "wal"), 0o750)
		}, "omen.db was removed"},
		"database removed": {func(dir string) error { return os.Remove(DatabasePath(dir)) }, "omen.db was removed"},
		"database replaced": {func(dir string) error {
			text, err := os.ReadFile(DatabasePath(dir))
			if err == nil {
				err = os.WriteFile(dir+"/other", text, 0o600)
			}
			if err != nil {
				return err
			}
			return os.Rename(dir+"/other", DatabasePath(dir))
		}, "omen.db was replaced"},
		"lock removed":                {func(dir string) error { return os.Remove(DatabasePath(dir) + ".lock") }, "omen.db.lock was removed"}, // another Omen may have begun
		"log of the database removed": {func(dir string) error { return os.Remove(DatabasePath(dir) + "-wal") }, "omen.db-wal was removed"},
		"metrics removed":             {func(dir string) error { return os.RemoveAll(filepath.Join(dir, metricsDir)) }, "metrics was removed"},
		"log of the metrics removed":  {func(dir string) error { return os.RemoveAll(filepath.Join(dir, metricsDir, "wal")) }, "wal was removed"},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := stored(t)
			s.check(t.Context(), time.Now())
			if err := s.problem(); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(s.dir); err != nil {
				t.Fatal(err)
			}
			s.check(t.Context(), time.Now())
			to := heard{}
			s.say(t.Context(), to)
			err := s.problem()
			if c.want == "" {
				if err != nil || len(to) != 0 || s.db.Health() != nil {
					t.Errorf("%v, %v", err, to)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || omen.Hint(err) == "" {
				t.Errorf("problem %v (hint %q), want %q", err, omen.Hint(err), c.want)
			}
			if !strings.Contains(to[troubleStorage], "critical: ") || !strings.Contains(log.String(), "level=ERROR") || s.db.Health() == nil {
				t.Errorf("reported %v, health %v, logged\n%s", to, s.db.Health(), log)
			}
		})
	}
}

// On a full disk the reserve is released, metrics are held off, and it is said
// until there is space and the reserve is made again.
func TestAFullDiskReleasesTheReserve(t *testing.T) {
	s, log := stored(t)
	reserve, ctx := filepath.Join(s.dir, reserveFile), t.Context()
	s.check(ctx, time.Now())
	if info, err := os.Stat(reserve); err != nil || info.Size() != reserveSize {
		t.Fatalf("no reserve: %v", err)
	}
	if err := s.reserve(fmt.Errorf("probe: %w", omen.ErrFull), 0); err == nil {
		t.Error("a full disk is none")
	}
	if _, err := os.Stat(reserve); err == nil {
		t.Error("the reserve is still there")
	}
	if s.reserve(nil, reserveSize) == nil { // the journal goes on in the reserve's space: that is not yet space
		t.Error("what the reserve freed passes for free space")
	}
	if err := s.tsdb.Append(ctx, nil); err == nil {
		t.Error("metrics take the journal's reserve")
	}
	s.check(ctx, time.Now()) // the real disk has space
	if info, err := os.Stat(reserve); err != nil || info.Size() != reserveSize || s.problem() != nil {
		t.Errorf("with space again: reserve %v, problem %v", err, s.problem())
	}
	if err := s.tsdb.Append(ctx, nil); err != nil {
		t.Errorf("metrics are still held off: %v", err)
	}
	if !strings.Contains(log.String(), "the reserve is released") {
		t.Errorf("logged\n%s", log)
	}
}

// A disk that is nearly full is said, and no longer once it is not; while it is full
// that alone is.
func TestADiskThatIsNearlyFull(t *testing.T) {
	s, log := stored(t)
	to := heard{}
	for _, c := range []struct {
		found probed
		want  string
	}{
		{probed{used: .94}, ""}, {probed{used: .96}, troubleSpace}, {probed{used: 1, err: omen.ErrFull, full: omen.ErrFull}, troubleStorage}, {probed{used: .5}, ""},
	} {
		s.note(c.found, time.Now())
		s.say(t.Context(), to)
		if len(to) > 1 || (c.want == "") != (len(to) == 0) || c.want != "" && to[c.want] == "" {
			t.Errorf("at %.0f %%: %v, want %q", 100*c.found.used, to, c.want)
		}
	}
	if n := strings.Count(log.String(), "nearly full"); n != 1 {
		t.Errorf("logged\n%s", log)
	}
}

// A disk of which a write does not return, here a pipe that nobody reads in place of
// the reserve, is noticed in time, holds up nobody, and is over when it answers.
func TestADiskThatHangs(t *testing.T) {
	s, log := stored(t)
	ctx, to, reserve := t.Context(), heard{}, filepath.Join(s.dir, reserveFile)
	s.within = 50 * time.Millisecond
	must.OK(t, syscall.Mkfifo(reserve, 0o600))
	for range 2 {
		s.check(ctx, time.Now())
		s.say(ctx, to)
		if err := s.problem(); err == nil || !strings.Contains(err.Error(), "hangs") || !errors.Is(err, omen.ErrUnavailable) || omen.Hint(err) == "" {
			t.Fatalf("problem %v (hint %q)", err, omen.Hint(err))
		}
		if !strings.Contains(to[troubleStorage], "critical: ") || s.db.Health() == nil {
			t.Errorf("reported %v, health %v", to, s.db.Health())
		}
		if err := s.tsdb.Append(ctx, nil); err == nil {
			t.Error("who scores waits for the disk")
		}
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log)
	}
	held := must.Get(os.OpenFile(reserve, os.O_RDONLY, 0))(t) // somebody reads
	must.OK(t, os.Remove(reserve))
	must.OK(t, held.Close())
	s.within = 20 * time.Second
	s.check(ctx, time.Now()) // the write that hung ends, and fails: its pipe is gone
	s.check(ctx, time.Now())
	s.say(ctx, to)
	if s.problem() != nil || len(to) != 0 || s.tsdb.Append(ctx, nil) != nil {
		t.Errorf("once it answers: %v, %v", s.problem(), to)
	}
}

// A probe that a reload cut short says nothing of the storage.
func TestAProbeThatWasCutSaysNothing(t *testing.T) {
	s, _ := stored(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		s.check(over, time.Now())
		s.check(t.Context(), time.Now())
		if err := s.problem(); err != nil || s.used == 0 {
			t.Fatalf("problem %v, %.2f of the disk used", err, s.used)
		}
	}
}

// A missing or empty database beside what another left is not begun anew
// without being told so.
func TestAMissingDatabaseIsNotBegunAnewByItself(t *testing.T) {
	for name, left := range map[string]string{
		"metrics": "metrics/wal/00000000", "a block": "metrics/01JD0000000000000000000000/meta.json", "its log": "omen.db-wal", "a backup": "omen.db.before-restore",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.FromSlash(left))
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				t.Fatal(err)
			}
			write(t, path, "something")
			write(t, DatabasePath(dir), "")
			err := Run(t.Context(), Options{StoragePath: dir, ListenAddress: "127.0.0.1:0"})
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(omen.Hint(err), "omen restore") || !strings.Contains(omen.Hint(err), "--storage.new") {
				t.Errorf("%v (hint %q)", err, omen.Hint(err))
			}
			if info, err := os.Stat(DatabasePath(dir)); err != nil || info.Size() != 0 {
				t.Errorf("something was begun: %v", err)
			}
		})
	}
	dir := t.TempDir()
	if err := newOnPurpose(dir); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	write(t, filepath.Join(dir, "omen.db.before-restore"), "x")
	start(t, Options{StoragePath: dir, NewStorage: true})
}

// The third unclean start within ten minutes is a crash loop, said until ten
// minutes have passed.
func TestACrashLoopIsSaid(t *testing.T) {
	dir := t.TempDir()
	var s *storage
	log := &bytes.Buffer{}
	for n := range 4 {
		path := filepath.Join(dir, fmt.Sprint(n, ".db"))
		if n > 0 { // what a killed one leaves: the file, not closed
			text, err := os.ReadFile(s.db.Path())
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, string(text))
			if wal, err := os.ReadFile(s.db.Path() + "-wal"); err == nil {
				write(t, path+"-wal", string(wal))
			}
		}
		db, err := store.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		metrics, err := tsdb.Open(tsdb.Options{Dir: filepath.Join(dir, fmt.Sprint(n))})
		if err != nil {
			t.Fatal(err)
		}
		defer metrics.Close()
		log.Reset()
		s = &storage{dir: dir, db: db, tsdb: metrics, log: slog.New(slog.NewTextHandler(log, nil))}
		s.check(t.Context(), time.Now())
		to := heard{}
		s.say(t.Context(), to)
		if loop := n >= crashLoop; loop != (to[troubleCrashes] != "") || loop != strings.Contains(log.String(), "crash loop") {
			t.Errorf("after %d unclean starts: reported %v, logged %q", n, to, log)
		}
		if n == 3 {
			s.check(t.Context(), time.Now().Add(crashWithin+time.Second))
			s.say(t.Context(), to)
			if len(to) != 0 {
				t.Errorf("ten minutes later: %v", to)
			}
		}
	}
}

// A disk that is really full, of which only root can make one: the probe finds
// it, the journal goes on in the reserve, the errors are plain, and with space
// all is as before.
func TestADiskThatIsReallyFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Skip("no right to mount a disk: ", err)
	}
	s, log := storedIn(t, dir)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ctx, to := t.Context(), heard{}
	s.check(ctx, time.Now())
	if err := s.problem(); err != nil {
		t.Fatal(err)
	}
	fill := func() error {
		f, err := os.OpenFile(filepath.Join(dir, "ballast"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		for size := 1 << 20; err == nil && size > 0; size /= 2 {
			for err == nil {
				_, err = f.Write(make([]byte, size))
			}
			if errors.Is(err, syscall.ENOSPC) {
				err = nil
			}
		}
		return errors.Join(err, f.Close())
	}
	if err := fill(); err != nil {
		t.Fatal(err)
	}
	put := func(size int) error { return s.db.PutSetting(ctx, "big", strings.Repeat("x", size)) }
	big := func() error { return put(3 << 20) }
	err := put(16 << 20) // more than SQLite's cache holds: it is written, and undone, before the commit
	if !errors.Is(err, omen.ErrFull) || strings.Contains(err.Error(), "rollback") {
		t.Errorf("a write on the full disk: %v, want ErrFull and nothing of SQLite's own undoing", err)
	}
	s.check(ctx, time.Now())
	s.say(ctx, to)
	if said := to[troubleStorage]; strings.Contains(said, "\n") || !strings.Contains(said, dir+" is full: metrics and scores are not stored") {
		t.Errorf("said %q, want one line", said)
	}
	if s.problem() == nil || !strings.Contains(to[troubleStorage], "critical: ") || to[troubleSpace] != "" || s.db.Health() == nil {
		t.Errorf("a full disk: problem %v, reported %v", s.problem(), to)
	}
	if err := big(); err != nil {
		t.Errorf("the journal does not go on in the reserve: %v", err)
	}
	s.check(ctx, time.Now())
	if s.problem() == nil {
		t.Error("no longer said while the disk is full")
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	s.check(ctx, time.Now())
	s.say(ctx, to)
	if s.problem() != nil || len(to) != 0 {
		t.Errorf("with space again: %v, %v\n%s", s.problem(), to, log)
	}
}

// A start of hosts with models beside no metrics is said: a first start is not, nor
// one with metrics.
func TestMetricsThatAreGoneAreSaid(t *testing.T) {
	s, log := stored(t)
	p := &process{o: Options{StoragePath: s.dir}, db: s.db, log: s.log}
	said := func(want bool) {
		t.Helper()
		log.Reset()
		must.OK(t, p.sayMetricsGone(t.Context()))
		if is := strings.Contains(log.String(), "metrics of before are gone"); is != want {
			t.Errorf("logged %q, want that it is said: %v", log, want)
		}
	}
	info := omen.ModelInfo{ID: "m", Host: omen.Host{Source: "local", Profile: "node", Name: "vm"}, Schema: "s", Card: []byte("{}"), Serving: true}
	must.OK(t, s.db.PutModel(t.Context(), info, []byte("model")))
	said(false)
	must.OK(t, os.RemoveAll(filepath.Join(s.dir, metricsDir)))
	said(true)
	must.OK(t, s.db.DropModels(t.Context(), info.Host))
	said(false)
}

// A metrics store that cannot be compacted is a trouble until it can; whether it can is
// not known at a start with samples that wait for it.
func TestAStoreThatCannotBeCompactedIsSaid(t *testing.T) {
	to := heard{}
	s := &storage{dir: "data"}
	for _, c := range []struct {
		is   tsdb.Health
		want string
	}{
		{tsdb.Health{CompactionDue: true, Compaction: errors.New("since noon: write block: it is too large")}, "warning: the metrics store cannot be compacted, and its memory and log grow until it can: since noon: write block: it is too large"},
		{tsdb.Health{CompactionDue: true}, "warning: the metrics store cannot be compacted, and its memory and log grow until it can: since noon: write block: it is too large"},
		{tsdb.Health{}, ""},
	} {
		must.OK(t, s.sayCompaction(t.Context(), to, c.is))
		if got := to[troubleCompact]; got != c.want {
			t.Errorf("of %+v: %q, want %q", c.is, got, c.want)
		}
	}
}

// That the last run was killed is said at the next start, also where a command opened
// the database in between; that of a run that was stopped is not.
func TestAnUncleanEndIsLogged(t *testing.T) {
	dir, killed := t.TempDir(), t.TempDir()
	said := func() string {
		t.Helper()
		log := &locked{}
		start(t, Options{StoragePath: dir, Log: slog.New(slog.NewTextHandler(log, nil))}).stop()
		return log.String()
	}
	const want = "the last run did not end properly"
	if log := said(); strings.Contains(log, want) {
		t.Errorf("the first start says %s", log)
	}
	db := must.Get(store.Open(t.Context(), DatabasePath(dir), nil))(t)
	for _, end := range []string{"", "-wal"} { // what a killed one leaves: the files, not closed
		write(t, DatabasePath(killed)+end, string(must.Get(os.ReadFile(DatabasePath(dir)+end))(t)))
	}
	must.OK(t, db.Close())
	dir = killed
	command := must.Get(store.Open(t.Context(), DatabasePath(dir), nil))(t)
	must.OK(t, command.Close())
	if log := said(); strings.Count(log, want) != 1 {
		t.Errorf("the start after says %s", log)
	}
	if log := said(); strings.Contains(log, want) {
		t.Errorf("the start after a clean end says %s", log)
	}
}
