package tsdb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// one is a host's single sample.
func one(host string, at time.Time, v float64) series.Sample {
	return series.Sample{Name: "x", Labels: map[string]string{"instance": host}, At: at, Value: v}
}

// valueAt reads x of every host at an instant.
func valueAt(t *testing.T, s series.Source, promQL string, at time.Time) map[string]float64 {
	t.Helper()
	f, err := s.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: promQL}}, Start: at, End: at})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for h, host := range f.Hosts {
		values[host] = f.At(h, 0, 0)
	}
	return values
}

func TestSecondOmenIsKeptOff(t *testing.T) {
	dir := t.TempDir()
	now := sourcetest.Start
	openAt(t, dir, &now)
	_, err := Open(Options{Dir: dir})
	if !errors.Is(err, omen.ErrLocked) {
		t.Fatalf("err %v, want one that wraps ErrLocked", err)
	}
	if want := strconv.Itoa(os.Getpid()); !strings.Contains(err.Error(), want) || !strings.Contains(omen.Hint(err), "--storage.path") {
		t.Errorf("err %q with hint %q, want the process %s and what to do", err, omen.Hint(err), want)
	}
}

func TestOpenWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: filepath.Join(file, "data")})
	if err == nil || !strings.Contains(omen.Hint(err), "--storage.path") {
		t.Errorf("err %v with hint %q, want a hint that names the flag", err, omen.Hint(err))
	}
}

func TestSamplesSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	now := sourcetest.Start
	db := openAt(t, dir, &now)
	if err := db.Append(t.Context(), []series.Sample{one("a", now, 1), one("b", now, 2)}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Read(t.Context(), series.Query{Exprs: sourcetest.Exprs(), Start: now, End: now}); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("read from a closed store: %v", err)
	}
	db = openAt(t, dir, &now)
	if got := valueAt(t, db, "x", now); got["a"] != 1 || got["b"] != 2 {
		t.Errorf("after a restart %v", got)
	}
}

// A clock a year ahead must not push the TSDB's head away from under all other
// hosts, and neither may one a day behind.
func TestOneBadClockTouchesNobodyElse(t *testing.T) {
	now := sourcetest.Start
	db := openAt(t, t.TempDir(), &now)
	for i := range 5 {
		now = sourcetest.Time(i)
		err := db.Append(t.Context(), []series.Sample{
			one("ahead", now.AddDate(1, 0, 0), 9), one("behind", now.AddDate(0, 0, -1), 9), one("good", now, float64(i)), one("edge", now.Add(10*time.Minute), 1),
		})
		if !errors.Is(err, omen.ErrPartial) || !strings.Contains(err.Error(), "2 of 4") || omen.Hint(err) == "" {
			t.Fatalf("append %d: %v, want two of four refused, with a hint", i, err)
		}
	}
	if got := valueAt(t, db, "x", now); got["good"] != 4 || len(got) != 1 {
		t.Errorf("at the end %v, want the good host alone", got)
	}
	if h := db.Health(); h.Refused != 10 || h.Appended != 10 {
		t.Errorf("refused %d and appended %d, want 10 and 10", h.Refused, h.Appended)
	}
	// The same sample again is out of order: refused, and nothing breaks.
	if err := db.Append(t.Context(), []series.Sample{one("good", now, 7)}); !errors.Is(err, omen.ErrPartial) {
		t.Errorf("a second value at one instant: %v", err)
	}
	if err := db.Append(t.Context(), []series.Sample{{At: now}}); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a sample without a name: %v", err)
	}
}

// This machine's own clock was hours ahead and is set back, as at the boot of
// a machine whose hardware clock keeps local time.
func TestClockSetBack(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"some hours": 5 * time.Hour, "a year": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			now := sourcetest.Start
			db := openAt(t, t.TempDir(), &now)
			appendNow := func(v float64) {
				t.Helper()
				if err := db.Append(t.Context(), []series.Sample{one("a", now, v)}); err != nil {
					t.Fatal(err)
				}
			}
			appendNow(1)
			now = sourcetest.Start.Add(ahead)
			for i := range 4 {
				appendNow(float64(100 + i))
				now = now.Add(time.Hour)
			}
			if err := db.prom.Compact(t.Context()); err != nil { // what the TSDB does by itself every minute
				t.Fatal(err)
			}
			now = sourcetest.Start.Add(15 * time.Second)
			appendNow(2)
			now = now.Add(15 * time.Second)
			appendNow(3)
			if db.Health().Reopened != 1 {
				t.Errorf("reopened %d times, want once", db.Health().Reopened)
			}
			if got := valueAt(t, db, "sum_over_time(x[1h])", now)["a"]; got != 1+2+3 {
				t.Errorf("sum of the samples up to now is %g, want 6", got)
			}
			if got := valueAt(t, db, "count_over_time(x[2y])", sourcetest.Start.Add(ahead+24*time.Hour))["a"]; got != 3 {
				t.Errorf("%g samples in all, want 3: those of the future are gone", got)
			}
		})
	}
}

// The full disk is a real one: a tmpfs of a few megabytes. Without opening the
// TSDB again after the failed write, it acknowledges appends behind a torn
// record, and the last part of this test finds them lost.
func TestFullDiskLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v): run as root", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	data, filler := filepath.Join(dir, "data"), filepath.Join(dir, "filler")
	now := sourcetest.Start
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	db, err := Open(Options{Dir: data, Now: func() time.Time { return now }, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	const hosts = 4000 // a record of several pages of the log, so that a write tears within one
	acknowledged := map[time.Time]float64{}
	write := func() error {
		now = now.Add(2 * time.Second)
		samples := make([]series.Sample, hosts)
		for i := range samples {
			samples[i] = one("h"+strconv.Itoa(i), now, random.Float64())
		}
		err := db.Append(t.Context(), samples)
		if err == nil {
			acknowledged[now] = samples[hosts-1].Value
		}
		return err
	}
	for range 3 {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		fill(t, dir, filler, 150_000)
		var full int
		for range 12 {
			if err := write(); err != nil {
				if !errors.Is(err, omen.ErrFull) || omen.Hint(err) == "" {
					t.Fatalf("round %d: %v, want an error that wraps ErrFull, with a hint", round, err)
				}
				full++
			}
		}
		if full == 0 {
			t.Fatalf("round %d: the disk never became full", round)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if err := write(); err != nil && i > 1 {
				t.Fatalf("round %d: with space again: %v", round, err)
			}
		}
	}
	if db.Health().Reopened == 0 {
		t.Error("never opened again")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = Open(Options{Dir: data, Now: func() time.Time { return now }, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for at, want := range acknowledged {
		promQL := fmt.Sprintf(`last_over_time(x{instance="h%d"}[1s])`, hosts-1)
		if got := valueAt(t, db, promQL, at); got["h"+strconv.Itoa(hosts-1)] != want {
			t.Errorf("sample of %s: %v, acknowledged was %g", at.Format(time.TimeOnly), got, want)
		}
	}
	if n := db.Health().Damaged; n != 0 {
		t.Errorf("%d parts moved aside, want none", n)
	}
}

// fill leaves about so many bytes free.
func fill(t *testing.T, dir, path string, leave int64) {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	size := int64(fs.Bavail)*fs.Bsize - leave
	if size <= 0 {
		t.Fatalf("the file system is too small: %d bytes short", -size)
	}
	if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writerDir makes the test binary a writer that never stops by itself.
const writerDir = "OMEN_TEST_WRITER_DIR"

func writeUntilKilled(dir string) {
	db, err := Open(Options{Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	for i := 0; err == nil; i++ {
		at := time.UnixMilli(time.Now().UnixMilli())
		if err = db.Append(context.Background(), []series.Sample{one("a", at, float64(i))}); errors.Is(err, omen.ErrPartial) {
			err, i = nil, i-1 // the same millisecond again
			continue
		}
		fmt.Println(i, at.UnixMilli())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var n, at int64
	for lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &n, &at); err != nil {
			t.Fatal(err)
		}
		if n == 500 {
			if err := cmd.Process.Kill(); err != nil { // SIGKILL
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	if n < 500 {
		t.Fatalf("the writer ended after %d samples", n)
	}
	db, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	last := time.UnixMilli(at)
	if got := valueAt(t, db, "x", last)["a"]; got != float64(n) {
		t.Errorf("the last acknowledged sample is %g, want %d", got, n)
	}
	if got := valueAt(t, db, "count_over_time(x[1h])", last)["a"]; got != float64(n+1) {
		t.Errorf("%g samples, acknowledged were %d", got, n+1)
	}
}
