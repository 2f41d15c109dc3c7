package tsdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	promtsdb "github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/omenhq/omen"
)

// damagedDir is where damaged parts go; nothing reads it.
const damagedDir = "damaged"

// open opens the database, after moving aside what would keep it from opening,
// if there is room for what that writes.
func (db *DB) open() error {
	if err := db.room(); err != nil {
		return db.openError(err)
	}
	db.moveDamaged(quickCheck)
	db.repairLog()
	prom, err := db.openTSDB()
	if err != nil && !isFull(err) {
		// Prometheus repairs a torn write-ahead log by itself. What it cannot
		// repair must not keep the rest from being used.
		db.log.Error("metrics store does not open, its newest part is moved aside", "path", db.opts.Dir, "err", err)
		for _, name := range []string{"wal", "wbl", "chunks_head"} {
			db.moveAside(filepath.Join(db.opts.Dir, name), err)
		}
		prom, err = db.openTSDB()
	}
	if err != nil {
		return db.openError(err)
	}
	db.prom, db.broken = prom, nil
	db.remember()
	return nil
}

func (db *DB) openTSDB() (*promtsdb.DB, error) {
	o := promtsdb.DefaultOptions()
	o.RetentionDuration = db.opts.Retention.Milliseconds()
	o.MaxBytes = db.opts.MaxBytes
	o.NoLockfile = true // ours is held from open to close, also while the database is replaced
	o.MaxBlockDuration = max(o.MinBlockDuration, min(31*24*time.Hour, db.opts.Retention/10).Milliseconds())
	o.StripeSize = 512 // thousands of series, not millions
	// What is done in this interval beside mapChunks, reloading of blocks, is retain's.
	o.BlockReloadInterval = never
	o.NewCompactorFunc = db.newCompactor
	return promtsdb.Open(db.opts.Dir, db.log, nil, o, nil)
}

func (db *DB) openError(err error) error {
	err = fmt.Errorf("open metrics store %s: %w", db.opts.Dir, err)
	if isFull(err) {
		return fullError(err)
	}
	if errors.Is(err, os.ErrPermission) {
		return omen.WithHint(err, "let Omen's user write to the directory, or choose another with --storage.path")
	}
	if fails(err) {
		return omen.WithHint(err, failsHint)
	}
	return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrCorrupt), "move the directory away to start with an empty one; the log says what is damaged")
}

const fullHint = "free space on the disk of --storage.path, or keep less with storage.retention_time or storage.retention_size; Omen goes on by itself"

const failsHint = "the disk of --storage.path fails or is read-only: see the kernel's log (dmesg); Omen goes on by itself once it can be written"

// blockCheck says what is wrong with a block directory.
type blockCheck func(dir string) error

// quickCheck opens a block, which reads its meta file and its index' table of
// contents: what Prometheus refuses to start with.
func quickCheck(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "meta.json")); err != nil {
		return err
	}
	b, err := promtsdb.OpenBlock(nil, dir, nil, nil)
	if err != nil {
		return err
	}
	return b.Close()
}

// fullCheck reads every sample of a block: seconds for a large one.
func fullCheck(dir string) (err error) {
	b, err := promtsdb.OpenBlock(nil, dir, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	q, err := promtsdb.NewBlockQuerier(b, b.MinTime(), b.MaxTime())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".*"))
	var it chunkenc.Iterator
	for set.Next() {
		it = set.At().Iterator(it)
		for it.Next() != chunkenc.ValNone {
			continue
		}
		if err := it.Err(); err != nil {
			return err
		}
	}
	return set.Err()
}

// moveDamaged moves aside every block that the check finds damaged and says
// how many those were. The database must be closed.
func (db *DB) moveDamaged(check blockCheck) int {
	entries, err := os.ReadDir(db.opts.Dir)
	if err != nil {
		return 0 // opening will say it
	}
	moved := 0
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil || !e.IsDir() {
			continue
		}
		dir := filepath.Join(db.opts.Dir, e.Name())
		if err := check(dir); err != nil && !isFull(err) && !errors.Is(err, os.ErrPermission) {
			db.moveAside(dir, err)
			moved++
		}
	}
	return moved
}

// moveAside puts a file or folder into the folder of damaged parts.
func (db *DB) moveAside(path string, why error) {
	if _, err := os.Stat(path); err != nil {
		return
	}
	to := filepath.Join(db.opts.Dir, damagedDir, db.opts.Now().UTC().Format("20060102T150405Z-")+filepath.Base(path))
	err := os.MkdirAll(filepath.Dir(to), 0o755)
	if err == nil {
		err = os.Rename(path, to)
	}
	if err != nil {
		db.log.Error("damaged part of the metrics store cannot be moved aside", "path", path, "err", err)
		return
	}
	db.damaged.Add(1)
	db.log.Error("damaged part of the metrics store moved aside", "path", to, "err", why)
}

// suspect looks for damaged blocks after a query could not read some data, at
// most once in ten minutes, and moves them aside.
func (db *DB) suspect(why error) {
	db.appendMu.Lock()
	defer db.appendMu.Unlock()
	db.mu.Lock()
	defer db.mu.Unlock()
	now := db.opts.Now()
	if db.closed || db.prom == nil || now.Before(db.checkAt) {
		return
	}
	db.checkAt = now.Add(10 * time.Minute)
	db.log.Error("metrics store cannot read some samples, looking for damaged blocks", "path", db.opts.Dir, "err", why)
	db.reopen(func() { db.moveDamaged(fullCheck) })
}

// retryOpen is how long a database that did not open is left alone.
const retryOpen = 2 * time.Second

// replace closes the database after a failed write and opens it again. After a
// write that failed half way, the log's tail is torn: the TSDB would go on
// acknowledging appends behind the tear, and the next start would cut them
// all off. Opening cuts the tear and starts a clean segment. The caller holds
// appendMu.
func (db *DB) replace(why error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return
	}
	db.log.Error("metrics store could not write, opening it again", "path", db.opts.Dir, "err", why)
	db.reopen(func() {})
}

// reopen closes the database, lets its files be changed and opens it again. On
// a disk that cannot be written, such as a full one, it stays open for reading until
// [DB.revive] finds that it can. The caller holds appendMu and mu.
func (db *DB) reopen(change func()) {
	if err := db.room(); err != nil {
		db.failed, db.retryAt = db.writeError("open metrics store again", err), db.opts.Now().Add(retryOpen)
		return
	}
	if db.prom != nil {
		db.retaining.Lock()
		err := closeTSDB(db.prom)
		db.retaining.Unlock()
		if err != nil {
			db.log.Warn("metrics store did not close cleanly", "path", db.opts.Dir, "err", err)
		}
		db.prom = nil
	}
	change()
	db.reopened.Add(1)
	if err := db.open(); err != nil {
		db.broken, db.retryAt = err, db.opts.Now().Add(retryOpen)
	}
}

// revive makes sure that there is a database with space to write, or says why
// there is none. The caller holds appendMu.
func (db *DB) revive() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	now := db.opts.Now()
	switch {
	case db.closed || db.prom != nil && db.failed == nil:
		return db.broken
	case now.Before(db.retryAt):
		return errors.Join(db.failed, db.broken)
	}
	db.retryAt = now.Add(retryOpen)
	if err := db.room(); err != nil {
		return db.writeError("append to metrics store", err)
	}
	db.failed = nil
	db.reopen(func() {}) // its log is torn where the write failed
	if err := errors.Join(db.failed, db.broken); err != nil {
		return err
	}
	db.log.Info("metrics store writes again", "path", db.opts.Dir)
	return nil
}

// fullError marks an error as that of a full disk.
func fullError(err error) error {
	return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrFull), fullHint)
}

// writeError is the error of something that could not be written.
func (db *DB) writeError(what string, err error) error {
	err = fmt.Errorf("%s %s: %w", what, db.opts.Dir, err)
	if isFull(err) {
		return fullError(err)
	}
	return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), failsHint)
}

// fails reports whether an error is that of a disk that does not work.
func fails(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS)
}

// isFull reports whether an error is a full disk, a full quota or a file size
// limit. The TSDB does not wrap all of its errors, so the text counts too.
func isFull(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, omen.ErrFull) {
		return true
	}
	for _, kind := range fullErrors {
		if errors.Is(err, kind) || strings.Contains(err.Error(), kind.Error()) {
			return true
		}
	}
	return false
}

// isDamage reports whether a query's error says that stored bytes do not
// decode. The engine passes the storage's errors on as text in part.
func isDamage(err error) bool {
	return errors.As(err, new(promql.ErrStorage)) || slices.ContainsFunc(
		[]string{"cannot populate chunk", "checksum", "corrupt", "invalid chunk encoding", "unexpected EOF"},
		func(sign string) bool { return strings.Contains(err.Error(), sign) })
}

// refusedByTime reports whether the TSDB refused a sample for its time alone.
func refusedByTime(err error) bool {
	return slices.ContainsFunc([]error{storage.ErrOutOfBounds, storage.ErrOutOfOrderSample, storage.ErrTooOldSample, storage.ErrDuplicateSampleForTimestamp},
		func(kind error) bool { return errors.Is(err, kind) })
}
