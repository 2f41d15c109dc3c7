package tsdb

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// over mounts a small file system over a folder.
func over(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("no file system can be mounted here (%v): run as root", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }) // the test has done so, if it came that far
}

// Whatever keeps chunks from being written while the log can be, in the middle of a run
// or as the store is closed: Prometheus panics of it. Nothing that was acknowledged is
// lost, it is said, and it goes on by itself.
func TestAChunkThatCannotBeWrittenEndsNoProcess(t *testing.T) {
	free := func(t *testing.T, dir string) { must.OK(t, unix.Unmount(dir, unix.MNT_DETACH)) }
	for name, c := range map[string]struct {
		harm, undo func(t *testing.T, dir string)
		want       error // while it lasts
	}{
		"a disk that is read-only":       {func(t *testing.T, dir string) { over(t, dir, unix.MS_RDONLY, "") }, free, omen.ErrUnavailable},
		"a full disk as a file is begun": {func(t *testing.T, dir string) { over(t, dir, 0, "nr_inodes=1") }, free, omen.ErrFull},
		"a folder that is gone": { // it is made again
			func(t *testing.T, dir string) { must.OK(t, os.Remove(dir)) }, func(*testing.T, string) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			dir, now := t.TempDir(), begin
			chunks := filepath.Join(dir, "chunks_head")
			o := Options{Dir: dir, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
			db := must.Get(Open(o))(t)
			acknowledged := 0.
			write := func() error {
				now = now.Add(time.Second)
				err := db.Append(t.Context(), []series.Sample{one("a", now, 1), one("b", now, 2)})
				if err == nil {
					acknowledged++
				}
				return err
			}
			has := func(when string) {
				t.Helper()
				if got := valueAt(t, db, `count_over_time(x{instance="b"}[1h])`, now)["b"]; got != acknowledged {
					t.Errorf("%s %g samples, acknowledged were %g", when, got, acknowledged)
				}
			}
			fails := func() {
				t.Helper()
				must.OK(t, write())
				c.harm(t, chunks)
				err := error(nil)
				for n := 0; err == nil; n++ { // until the first chunk is whole
					if err = write(); n > 1000 {
						t.Fatal("no chunk was written")
					}
				}
				has("while it fails")
				for range 3 * retryOpen / time.Second {
					if err = write(); c.want != nil && (!errors.Is(err, c.want) || omen.Hint(err) == "" || db.Probe() == nil) {
						t.Fatalf("while it lasts: %v, want one that wraps %v, with a hint; probe %v", err, c.want, db.Probe())
					}
				}
			}
			goesOn := func() {
				t.Helper()
				c.undo(t, chunks)
				now = now.Add(retryOpen)
				must.OK(t, write())
				must.OK(t, db.Probe())
				has("afterwards")
				if h := db.Health(); h.Damaged != 0 || h.Err != nil {
					t.Errorf("health %+v", h)
				}
			}
			fails()
			goesOn()
			if n := db.Health().Reopened; n != 1 {
				t.Errorf("opened again %d times, want once", n)
			}
			must.OK(t, db.Close())
			must.OK(t, os.RemoveAll(dir)) // and once more, where it is closed meanwhile

			db, acknowledged = must.Get(Open(o))(t), 0
			must.OK(t, write())
			c.harm(t, chunks)
			for range 200 {
				_ = write()
			}
			must.OK(t, db.Close())
			c.undo(t, chunks)
			db = must.Get(Open(o))(t)
			has("opened again")
			must.OK(t, db.Close())
			goleak.VerifyNone(t, before)
			if maps := must.Get(os.ReadFile("/proc/self/maps"))(t); bytes.Contains(maps, []byte(dir)) {
				t.Errorf("files of a closed store are mapped, and would keep their space when they are deleted:\n%s", maps)
			}
		})
	}
}
