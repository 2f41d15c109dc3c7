package tsdb

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// blocksFixture writes six hours and compacts them into blocks.
func blocksFixture(t *testing.T, dir string) (end time.Time, blocks []string) {
	t.Helper()
	now := begin
	db := must.Get(Open(Options{Dir: dir, Now: func() time.Time { return now }}))(t)
	for i := range 6 * 60 {
		now = begin.Add(time.Duration(i) * time.Minute)
		must.OK(t, db.Append(t.Context(), []series.Sample{one("a", now, float64(i))}))
	}
	must.OK(t, db.prom.Compact(t.Context()))
	for _, b := range db.prom.Blocks() {
		blocks = append(blocks, b.Dir())
	}
	must.OK(t, db.Close())
	if len(blocks) < 2 {
		t.Fatalf("%d blocks, want two at least", len(blocks))
	}
	return now, blocks
}

// A damaged block costs its own two hours; the rest opens and answers.
func TestDamagedBlockIsMovedAside(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, block string){
		"no meta.json":   func(t *testing.T, block string) { remove(t, filepath.Join(block, "meta.json")) },
		"cut index":      func(t *testing.T, block string) { truncate(t, filepath.Join(block, "index"), 30) },
		"missing chunks": func(t *testing.T, block string) { truncate(t, filepath.Join(block, "chunks", "000001"), 3) },
		"flipped bit":    func(t *testing.T, block string) { flip(t, filepath.Join(block, "chunks", "000001")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			end, blocks := blocksFixture(t, dir)
			damage(t, blocks[0])
			db := openAt(t, dir, &end)
			q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: begin, End: end, Step: time.Minute, Window: 4 * time.Minute}
			f, err := db.Read(t.Context(), q)
			if err != nil {
				// Found only by reading: the damaged part is gone for the next read.
				if !errors.Is(err, omen.ErrCorrupt) {
					t.Fatal(err)
				}
				if f, err = db.Read(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.At(0, f.Instants-1, 0); got != float64(f.Instants-1) {
				t.Errorf("the newest sample is %g, want %d", got, f.Instants-1)
			}
			if !math.IsNaN(f.At(0, 0, 0)) {
				t.Errorf("the damaged block still answers with %g", f.At(0, 0, 0))
			}
			if db.Health().Damaged != 1 {
				t.Errorf("%d damaged parts counted, want 1", db.Health().Damaged)
			}
			if aside, err := os.ReadDir(filepath.Join(dir, damagedDir)); err != nil || len(aside) != 1 {
				t.Errorf("set aside: %v, err %v, want the one block", aside, err)
			}
			if err := db.Append(t.Context(), []series.Sample{one("a", end.Add(time.Minute), 1)}); err != nil {
				t.Error(err)
			}
		})
	}
}

// A torn log costs what is behind the tear, not the store.
func TestDamagedLogOpens(t *testing.T) {
	dir := t.TempDir()
	end, _ := blocksFixture(t, dir)
	segments, err := filepath.Glob(filepath.Join(dir, "wal", "0*"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	largest, size := "", int64(0)
	for _, path := range segments {
		if info, err := os.Stat(path); err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
	}
	flip(t, largest)
	db := openAt(t, dir, &end)
	if got := valueAt(t, db, "count_over_time(x[12h])", end)["a"]; got < 120 {
		t.Errorf("%g samples left, want the blocks' at least", got)
	}
	if err := db.Append(t.Context(), []series.Sample{one("a", end.Add(time.Minute), 1)}); err != nil {
		t.Error(err)
	}
}

func TestRetention(t *testing.T) {
	dir := t.TempDir()
	end, blocks := blocksFixture(t, dir)
	db := must.Get(Open(Options{Dir: dir, Retention: 2 * time.Hour, Now: func() time.Time { return end }}))(t)
	defer db.Close()
	if got := len(db.prom.Blocks()); got >= len(blocks) {
		t.Errorf("%d blocks, want fewer than %d with a retention of two hours", got, len(blocks))
	}
	must.OK(t, db.Close())
	small := must.Get(Open(Options{Dir: dir, MaxBytes: 1, Now: func() time.Time { return end }}))(t)
	defer small.Close()
	if got := small.Health().Bytes; got != 0 {
		t.Errorf("%d bytes of blocks kept, want none with a bound of one byte", got)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	must.OK(t, os.Remove(path))
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	must.OK(t, os.Truncate(path, size))
}

// flip turns a byte in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	b := must.Get(os.ReadFile(path))(t)
	b[len(b)/2] ^= 0xff
	must.OK(t, os.WriteFile(path, b, 0o644))
}
