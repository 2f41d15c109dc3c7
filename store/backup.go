package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	omen "github.com/omenhq/omen"
)

// Backup writes a copy of the database at path to the file to, which must not
// exist, and checks the copy. It needs no lock: SQLite gives a second reader one
// state while the owner goes on writing.
func Backup(ctx context.Context, path, to string) (err error) {
	what := fmt.Sprintf("back up %s to %s", path, to)
	if _, err := os.Stat(to); err == nil {
		return omen.WithHint(fmt.Errorf("%s: %w", what, os.ErrExist), "name a new file: a backup replaces none")
	}
	// SQLite takes an empty file; made here it is the owner's alone to read.
	part, err := os.OpenFile(to+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(describe(fmt.Errorf("%s: %w", what, err)), os.Remove(part.Name()))
		}
	}()
	if err := part.Close(); err != nil {
		return err
	}
	from, err := sql.Open("sqlite", readOnly(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if _, err := from.ExecContext(ctx, "VACUUM INTO ?", part.Name()); err != nil {
		return err
	}
	if err := settle(ctx, part.Name()); err != nil {
		return err
	}
	if err := os.Rename(part.Name(), to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// settle opens a copy as Open would, which checks it, and closes it: it is then
// one file that no owner has open.
func settle(ctx context.Context, path string) error {
	db, err := open(ctx, path, "sqlite", slog.New(slog.DiscardHandler), math.MaxInt64)
	if err != nil {
		return errors.Join(err, os.Remove(path+".lock"))
	}
	n := db.Damaged()
	db.UncleanReported() // a copy has no owner that ended
	if err := errors.Join(db.Close(), os.Remove(path+".lock"), syncFile(path)); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("%w: %d of its rows are damaged", omen.ErrCorrupt, n)
	}
	return nil
}

// Restore puts the backup from in the place of the database at path, once it is
// checked. What was there stays beside it under the name that is returned, empty
// if nothing was. A database that a process has open is [omen.ErrLocked].
func Restore(ctx context.Context, from, path string, now time.Time) (aside string, err error) {
	what := fmt.Sprintf("restore %s from %s", path, from)
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer func() { err = errors.Join(err, releaseLock(lock)) }()
	part := path + ".part"
	if err := copyFile(from, part); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	err = holdsOmen(ctx, part)
	if err == nil {
		err = settle(ctx, part)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("%s: %w", what, err), os.Remove(part), removeLog(part))
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if _, err := os.Stat(path + end); errors.Is(err, os.ErrNotExist) {
			continue
		}
		aside = path + ".before-" + now.UTC().Format("20060102T150405Z")
		if err := os.Rename(path+end, aside+end); err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	if err := errors.Join(os.Rename(part, path), syncDir(filepath.Dir(path))); err != nil {
		return aside, fmt.Errorf("%s: %w", what, err)
	}
	return aside, nil
}

// holdsOmen reports a copy of a file that is no backup. Opened as a database it
// would become an empty one.
func holdsOmen(ctx context.Context, path string) error {
	const hint = "give a file that omen backup wrote; what was there is left as it is"
	db, err := sql.Open("sqlite", readOnly(path))
	if err != nil {
		return err
	}
	ours, err := begun(ctx, db)
	if err == nil && !ours {
		err = fmt.Errorf("%w: it is no database of Omen's", omen.ErrSchema)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return omen.WithHint(describe(err), hint)
	}
	return nil
}

// removeLog removes what a look into a database in WAL mode leaves beside it.
func removeLog(path string) error {
	var all error
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + end); !errors.Is(err, os.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

func copyFile(from, to string) (err error) {
	if info, err := os.Stat(from); err == nil && !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, in)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: it is empty", omen.ErrCorrupt)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return err
}

// syncFile makes a file durable; syncDir the names in a directory.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
