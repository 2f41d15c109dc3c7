package tsdb

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// noRoom lets no file of this process grow to the size of a probe until it is undone
// (EFBIG, which counts as a full disk): for that nobody has to be root.
func noRoom(t *testing.T) (undo func()) {
	t.Helper()
	signal.Ignore(unix.SIGXFSZ)
	var was unix.Rlimit
	must.OK(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &was))
	must.OK(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: probeSize - 1, Max: was.Max}))
	undo = func() { must.OK(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &was)) }
	t.Cleanup(undo)
	return undo
}

// beside appends so many samples to the log, which no compaction takes up yet.
func beside(t *testing.T, db *DB, now time.Time, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	samples := make([]series.Sample, n)
	for i := range samples {
		samples[i] = one("h"+strconv.Itoa(i), now, random.Float64())
	}
	must.OK(t, db.Append(t.Context(), samples))
}

func blockDirs(t *testing.T, dir string) []string {
	t.Helper()
	return must.Get(filepath.Glob(filepath.Join(dir, "*", "meta.json")))(t)
}

// What is beyond the retention is deleted while nothing is appended: it is what makes
// the space that is waited for. Before, only a compaction did, which there is none then.
func TestRetentionWhileAppendsAreHeld(t *testing.T) {
	dir := t.TempDir()
	now, _ := blocksFixture(t, dir)
	o := Options{Dir: dir, MaxBytes: 400_000, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	db := must.Get(Open(o))(t)
	defer func() { must.OK(t, db.Close()) }()
	before := len(blockDirs(t, dir))
	must.OK(t, db.Probe())
	if n := len(blockDirs(t, dir)); n != before {
		t.Fatalf("%d blocks of %d below the bound, want all", n, before)
	}
	now = now.Add(retainEvery)
	beside(t, db, now, 10_000) // some 600 kB of log
	db.Hold(true)
	must.OK(t, db.Probe())
	if left := blockDirs(t, dir); len(left) != 0 {
		t.Errorf("left beyond the bound: %v", left)
	}
	if got := valueAt(t, db, `x{instance=~"h.*"}`, now); len(got) != 10_000 {
		t.Errorf("%d hosts read, want those of the log", len(got))
	}
}

// The disk is a real one, full to the last byte. Nobody frees anything but the store
// itself, and appends go on.
func TestAStoreThatFilledItsDiskGoesOn(t *testing.T) {
	dir := t.TempDir()
	over(t, dir, 0, "size=12m")
	data := filepath.Join(dir, "data")
	now, blocks := blocksFixture(t, filepath.Join(t.TempDir(), "data"))
	must.OK(t, os.CopyFS(data, os.DirFS(filepath.Dir(blocks[0]))))
	// As large as a block of many series.
	must.OK(t, os.WriteFile(filepath.Join(data, filepath.Base(blocks[0]), "chunks", "000002"), append([]byte{0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0}, make([]byte, 4<<20)...), 0o644))
	db := must.Get(Open(Options{Dir: data, MaxBytes: 5 << 20, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))(t)
	defer func() { must.OK(t, db.Close()) }()
	beside(t, db, now.Add(time.Minute), 20_000)
	fill(t, dir, filepath.Join(dir, "filler"), 0)
	now = now.Add(2 * time.Minute)
	var err error
	for range 20 { // what the file system gave the log before is used up
		if err = db.Append(t.Context(), []series.Sample{one("a", now, 1)}); err != nil {
			break
		}
		now = now.Add(time.Second)
	}
	now = now.Add(retainEvery)
	_ = db.Probe() // the first may say that the disk is full, and frees it
	must.OK(t, db.Probe())
	must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 2)}))
	if left := blockDirs(t, data); len(left) != len(blocks)-1 {
		t.Errorf("%d blocks of %d left, want all but the oldest", len(left), len(blocks))
	}
}

// A start on a full disk with a smaller bound, as the hint says: the store opens.
func TestASmallerBoundOpensAStoreOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	now, _ := blocksFixture(t, dir)
	before := blockDirs(t, dir)
	undo := noRoom(t)
	db := must.Get(Open(Options{Dir: dir, Retention: 2 * time.Hour, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))(t)
	defer func() { must.OK(t, db.Close()) }()
	if err := db.Probe(); !errors.Is(err, omen.ErrFull) {
		t.Fatalf("probe %v, want that the disk is full", err)
	}
	left := blockDirs(t, dir)
	if len(left) == 0 || len(left) >= len(before) {
		t.Errorf("%d blocks of %d left, want those within two hours alone", len(left), len(before))
	}
	undo()
	now = now.Add(retryOpen)
	must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 1)}))
}

// An append that finds the clock set back and no room to make that good has failed:
// before, it said that single samples were refused, which is no failure.
func TestClockSetBackOnAFullDisk(t *testing.T) {
	now := begin.Add(5 * time.Hour)
	db := openAt(t, t.TempDir(), &now)
	must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 1)}))
	now = begin
	undo := noRoom(t)
	for range 2 * retryOpen / time.Second {
		now = now.Add(time.Second)
		if err := db.Append(t.Context(), []series.Sample{one("a", now, 2)}); !errors.Is(err, omen.ErrFull) || errors.Is(err, omen.ErrPartial) {
			t.Fatalf("append %v, want that the disk is full", err)
		}
	}
	undo()
	now = now.Add(retryOpen)
	must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, 3)}))
	if got := valueAt(t, db, "x", now)["a"]; got != 3 {
		t.Errorf("read %g, want what was appended with space again", got)
	}
}
