package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite" // registers the driver "sqlite"

	omen "github.com/omenhq/omen"
)

// DB is the open database. Its methods are safe for use by many goroutines;
// writes queue on one connection, reads run beside them on a small pool.
type DB struct {
	path     string
	log      *slog.Logger
	lock     *os.File
	write    *sql.DB // one connection, every transaction immediate
	read     *sql.DB // a few connections, query only
	unclean  bool
	reported atomic.Bool            // it was logged, and is on the page and in /metrics
	marked   atomic.Bool            // settingOpen is stored
	crashes  []time.Time            // starts after an owner that had not closed it
	files    map[string]os.FileInfo // as opened, by path
	epoch    int64                  // names this opening: what it started, no other may settle

	rules, deliveries atomic.Int64 // see Written

	mu       sync.Mutex
	keyFile  string
	key      *auditKey      // that signs the audit's chain; nil: not read yet
	saidLost bool           // that the key is not there
	woken    chan struct{}  // closed and replaced whenever the journal grows
	damaged  map[aside]bool // rows set aside; true: for their checksum
	kept     []keptAside    // of damaged, as stored
	health   error          // see SetHealth
}

// readers bounds the pool of reading connections. Beyond the cores there is
// nothing to gain; each costs some 2 MB of page cache.
const readers = 4

// checkUpTo bounds the database that is checked whole at every start, indexes
// against tables included: a damaged index would silently leave out rows. It
// takes about a second at 500 MB/s. A larger one is checked after an unclean
// shutdown only; SQLite still notices most damage when it reads it, and what was
// damaged before still counts.
const checkUpTo = 512 << 20

// Open opens the database at path, or makes it, and brings its tables up to
// date. The directory must exist.
//
// It returns [omen.ErrLocked] if another process has the database open,
// [omen.ErrCorrupt] if it is damaged or was written by a newer Omen, and
// [omen.ErrFull] if the disk is full, each with a hint. A damaged database is
// left exactly as it is.
func Open(ctx context.Context, path string, log *slog.Logger) (*DB, error) {
	return open(ctx, path, "sqlite", log, checkUpTo)
}

// open is Open through any driver that speaks SQLite (tests give one that fails
// at the n-th write), with every row checked of a file of up to so many bytes.
func open(ctx context.Context, path, driver string, log *slog.Logger, upTo int64) (*DB, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, err
	}
	db := &DB{
		path: path, log: log, lock: lock, woken: make(chan struct{}), damaged: map[aside]bool{},
		epoch: time.Now().UnixNano(), keyFile: path + ".key",
	}
	if err := db.start(ctx, driver, upTo); err != nil {
		return nil, errors.Join(describe(fmt.Errorf("open database %s: %w", path, err)), db.release())
	}
	return db, nil
}

func (db *DB) start(ctx context.Context, driver string, upTo int64) error {
	walLeft := size(db.path+"-wal") > 0
	err := register()
	if err != nil {
		return err
	}
	if err := db.begin(); err != nil {
		return err
	}
	if err := refuseForeign(ctx, db.path); err != nil {
		return err
	}
	if db.write, err = sql.Open(driver, dsn(db.path, false)); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	whole := size(db.path) <= upTo || walLeft
	if err := db.check(ctx, whole); err != nil {
		return err
	}
	if err := migrate(ctx, db.write); err != nil {
		return err
	}
	if err := checkTables(ctx, db.write); err != nil {
		return err
	}
	if whole {
		if err := db.checkJournal(ctx); err != nil {
			return err
		}
		if err := db.checkRows(ctx); err != nil {
			return err
		}
	}
	if db.read, err = sql.Open(driver, dsn(db.path, true)); err != nil {
		return err
	}
	db.read.SetMaxOpenConns(readers)
	db.read.SetMaxIdleConns(readers)
	if err := db.read.PingContext(ctx); err != nil {
		return err
	}
	if err := db.recallDamaged(ctx, whole); err != nil {
		return err
	}
	if err := db.markOpen(ctx); err != nil {
		return err
	}
	return db.remember()
}

// begin makes the file if there is none, here and not in SQLite: a connection that
// is made later must not begin an empty database where ours was removed. It holds
// keys, and so is not for others to read; SQLite gives its log the same mode.
func (db *DB) begin() error {
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return omen.WithHint(err, "check that the data directory exists and that Omen's user may write to it")
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		err = f.Chmod(info.Mode().Perm() &^ 0o007)
	}
	return errors.Join(err, f.Close())
}

// dsn is the data source name. busy_timeout matters only for tools that look
// into the file from outside; our own writers queue in one process.
func dsn(path string, readOnly bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"journal_size_limit(67108864)", "cache_size(-8000)", "temp_store(MEMORY)",
	}}
	if readOnly {
		q["_pragma"] = []string{"busy_timeout(10000)", "query_only(ON)", "cache_size(-2000)"}
	} else {
		q.Set("_txlock", "immediate")
	}
	q.Set("mode", "rw")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// check reports a damaged database as omen.ErrCorrupt.
func (db *DB) check(ctx context.Context, whole bool) error {
	if size(db.path) == 0 || !whole {
		return db.write.PingContext(ctx)
	}
	var verdict string
	if err := db.write.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", omen.ErrCorrupt, verdict)
	}
	return nil
}

// markOpen notes that the database is in use, and whether it already was:
// then the last owner did not close it.
func (db *DB) markOpen(ctx context.Context) error {
	var open bool
	found, err := db.Kept(ctx, settingOpen, &open)
	if err != nil {
		return err
	}
	db.unclean = found
	if _, err := db.Kept(ctx, settingCrashes, &db.crashes); err != nil {
		return err
	}
	if open {
		db.crashes = append(db.crashes[max(0, len(db.crashes)-maxCrashes+1):], time.Now().UTC())
	}
	if err = db.PutSetting(ctx, settingCrashes, db.crashes); err == nil {
		err = db.mark(ctx)
	}
	if errors.Is(err, omen.ErrFull) { // what is there can be read, and space may come
		db.log.Warn("the disk is full, nothing can be stored until it is not", "path", db.path, "err", err)
		return nil
	}
	return err
}

// mark stores that the database is in use.
func (db *DB) mark(ctx context.Context) error {
	if db.marked.Load() {
		return nil
	}
	err := db.PutSetting(ctx, settingOpen, true)
	db.marked.Store(err == nil)
	return err
}

const (
	// settingOpen is true while the database is open, and false while it is not but
	// nobody has reported yet that an owner had not closed it.
	settingOpen = "store.open"
	// settingCrashes holds when the database was last opened after an owner that
	// had not closed it.
	settingCrashes = "store.crashes"
	maxCrashes     = 100
)

// Unclean reports whether the last process that had the database open ended without
// closing it, or one before it that was not reported, see [DB.UncleanReported].
func (db *DB) Unclean() bool { return db.unclean }

// UncleanReported notes that [DB.Unclean] was reported. What opens the database for a
// moment, as a command does, does not report it, and leaves it to the next.
func (db *DB) UncleanReported() { db.reported.Store(true) }

// Crashes is how often the database was opened within a time before now after an
// owner that had not closed it, this opening included.
func (db *DB) Crashes(within time.Duration, now time.Time) (n int) {
	for _, at := range db.crashes {
		if age := now.Sub(at); age >= 0 && age <= within {
			n++
		}
	}
	return n
}

// Close writes everything back, and lets another process open the database.
// Every Follow must have ended.
func (db *DB) Close() error {
	kept := db.keepDamaged(context.Background())
	var err error
	if db.unclean && !db.reported.Load() {
		err = db.PutSetting(context.Background(), settingOpen, false)
	} else {
		_, err = db.write.ExecContext(context.Background(), "DELETE FROM document WHERE kind = ? AND id = ?", kindSetting, settingOpen)
	}
	return errors.Join(kept, describe(err), db.release())
}

func (db *DB) release() error {
	var errs []error
	for _, pool := range []*sql.DB{db.read, db.write} { // the last one writes the WAL back
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, releaseLock(db.lock))...)
}

// Primary result codes of SQLite, https://www.sqlite.org/rescode.html.
const (
	codeBusy    = 5
	codeError   = 1
	codeCorrupt = 11
	codeFull    = 13
	codeCantOpn = 14
	codeNotADB  = 26
	codeIOWrite = 10 | 3<<8
)

// describe gives an error of SQLite the kind and the hint that it deserves.
func describe(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if errors.Is(err, omen.ErrCorrupt) && omen.Hint(err) == "" {
			return omen.WithHint(err, corruptHint)
		}
		return err
	}
	switch {
	case e.Code()&0xff == codeFull:
		return omen.WithHint(fmt.Errorf("%w: %w", omen.ErrFull, err), "free some space in the data directory: what waits is stored as soon as there is some")
	case e.Code()&0xff == codeCorrupt, e.Code()&0xff == codeNotADB,
		e.Code() == codeError && strings.Contains(e.Error(), "unsupported file format"): // a damaged header
		return omen.WithHint(fmt.Errorf("%w: %w", omen.ErrCorrupt, err), corruptHint)
	case e.Code()&0xff == codeBusy:
		return omen.WithHint(fmt.Errorf("%w: %w", omen.ErrLocked, err), "another program has the database open; close it")
	case e.Code()&0xff == codeCantOpn, e.Code() == codeIOWrite:
		return omen.WithHint(err, "check that the data directory exists and that Omen's user may write to it")
	}
	return err
}

const corruptHint = "the database is damaged, and Omen leaves it as it is, since it holds acknowledged incidents: " +
	"restore a backup (omen restore FILE), or try `sqlite3 omen.db .recover | sqlite3 new.db`, or move the file away and start " +
	"with an empty one by --storage.new (models are learned again from the metrics; incidents and feedback are gone)"

// Limit bounds the database file to size bytes, but not below what it has: a
// write that needs more is [omen.ErrFull], as on a full disk.
func (db *DB) Limit(ctx context.Context, size int64) error {
	var page int64
	if err := db.write.QueryRowContext(ctx, "PRAGMA page_size").Scan(&page); err != nil {
		return describe(fmt.Errorf("limit database %s: %w", db.path, err))
	}
	return db.exec(ctx, "limit database "+db.path, fmt.Sprintf("PRAGMA max_page_count = %d", max(1, size/page)))
}
