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
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// The full disk is a real one: a tmpfs of a few megabytes. Without opening the
// TSDB again after the failed write, it acknowledges appends behind a torn
// record, and the last part of this test finds them lost.
func TestFullDiskLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	over(t, dir, 0, "size=6m")
	data, filler := filepath.Join(dir, "data"), filepath.Join(dir, "filler")
	now := begin
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	db := must.Get(Open(Options{Dir: data, Now: func() time.Time { return now }, Log: log}))(t)
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
		must.OK(t, write())
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
		must.OK(t, os.Remove(filler))
		for i := range 4 {
			if err := write(); err != nil && i > 1 {
				t.Fatalf("round %d: with space again: %v", round, err)
			}
		}
	}
	if db.Health().Reopened == 0 {
		t.Error("never opened again")
	}
	must.OK(t, db.Close())
	db = must.Get(Open(Options{Dir: data, Now: func() time.Time { return now }, Log: log}))(t)
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
	must.OK(t, unix.Statfs(dir, &fs))
	size := int64(fs.Bavail)*fs.Bsize - leave
	if size <= 0 {
		t.Fatalf("the file system is too small: %d bytes short", -size)
	}
	must.OK(t, os.WriteFile(path, make([]byte, size), 0o644))
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
	self := must.Get(os.Executable())(t)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out := must.Get(cmd.StdoutPipe())(t)
	must.OK(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var n, at int64
	for lines.Scan() {
		must.Get(fmt.Sscan(lines.Text(), &n, &at))(t)
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
	db := must.Get(Open(Options{Dir: dir}))(t)
	defer db.Close()
	last := time.UnixMilli(at)
	if got := valueAt(t, db, "x", last)["a"]; got != float64(n) {
		t.Errorf("the last acknowledged sample is %g, want %d", got, n)
	}
	if got := valueAt(t, db, "count_over_time(x[1h])", last)["a"]; got != float64(n+1) {
		t.Errorf("%g samples, acknowledged were %d", got, n+1)
	}
}

// A disk that fills up while there are whole chunks in memory: Prometheus panics
// where it cannot write these, which opening again does, and so does a start.
func TestAFullDiskEndsNoProcess(t *testing.T) {
	dir := t.TempDir()
	over(t, dir, 0, "size=24m")
	data, filler := filepath.Join(dir, "data"), filepath.Join(dir, "filler")
	now := begin
	o := Options{Dir: data, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	db := must.Get(Open(o))(t)
	write := func() error {
		now = now.Add(time.Second)
		samples := make([]series.Sample, 500)
		for i := range samples {
			samples[i] = one("h"+strconv.Itoa(i), now, float64(now.Unix()))
		}
		return db.Append(t.Context(), samples)
	}
	for range 250 { // two chunks of each series are whole
		must.OK(t, write())
	}
	acknowledged := now
	has := func(when string) {
		t.Helper()
		if got := valueAt(t, db, `count_over_time(x{instance="h7"}[1h])`, acknowledged)["h7"]; got != 250 {
			t.Errorf("%s %g samples, acknowledged were 250", when, got)
		}
	}
	full := func(when string) {
		t.Helper()
		for range 3 * retryOpen / time.Second {
			if err := write(); !errors.Is(err, omen.ErrFull) || omen.Hint(err) == "" {
				t.Fatalf("%s: %v, want an error that wraps ErrFull, with a hint", when, err)
			}
		}
	}
	fill(t, dir, filler, 0)
	full("the disk is full")
	has("on the full disk")
	must.OK(t, db.Close())
	db = must.Get(Open(o))(t)
	defer func() { must.OK(t, db.Close()) }()
	full("a start on the full disk")
	if db.Health().Err == nil {
		t.Error("a store that did not open says that it is well")
	}
	must.OK(t, os.Remove(filler))
	now = now.Add(retryOpen)
	must.OK(t, write())
	has("with space again")
	if n := db.Health().Damaged; n != 0 {
		t.Errorf("%d parts moved aside, want none", n)
	}
}
