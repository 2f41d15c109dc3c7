// Package tsdb is the embedded store of samples: a Prometheus TSDB with
// Prometheus' query engine, in one folder that belongs to one Omen at a time.
//
// The key type is [DB]; it implements [series.Source]. A [Target] fills it with
// what is gathered again and again, as a scrape does. Damaged parts are moved
// aside, torn ones cut, a full disk and a clock that was set back are lived
// through: the rest of the data stays in use.
//
// It refuses to store what would harm others: samples far from now are left
// out one by one. It serves no HTTP; package promapi does.
package tsdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promtsdb "github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/fileutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// Options say where and for how long [DB] keeps samples.
type Options struct {
	Dir       string                // made if missing; belongs to one Omen at a time
	Retention time.Duration         // 0: 15 days
	MaxBytes  int64                 // on disk, with the log; 0: no bound
	Log       *slog.Logger          // nil: silent
	Registry  prometheus.Registerer // for the omen_storage_… series; nil: nowhere
	Now       func() time.Time      // the clock; nil: this machine's
}

// DB is an embedded Prometheus TSDB with Prometheus' query engine.
//
// What is acknowledged survives kill -9. It does not survive a power cut for
// sure: the write-ahead log is written to the operating system with every
// append, but flushed to the disk only from time to time, so a cut may cost
// the last half minute or so of samples (never incidents or models, which are
// kept elsewhere).
type DB struct {
	opts   Options
	log    *slog.Logger
	lock   fileutil.Releaser
	engine *promql.Engine // of what Omen itself reads
	guests *promql.Engine // of what others ask
	reader series.Reader

	mu       sync.RWMutex // held for writing while prom is replaced
	prom     *promtsdb.DB // nil while broken says why
	broken   error
	failed   error     // why the last append or chunk could not be written, until that is made good; appendMu guards it
	retryAt  time.Time // no earlier attempt to open or write again; appendMu guards it
	checkAt  time.Time // no earlier search for damaged blocks
	retainAt time.Time // no earlier search for blocks beyond the retention; appendMu guards it
	closed   bool
	places   map[string]os.FileInfo // the open directories, by path; appendMu guards it
	held     atomic.Bool            // appends are to fail as on a full disk
	appendMu sync.Mutex             // one append at a time: a failed one must not be followed by another before prom is replaced

	compacting  atomic.Int64 // blocks being written
	compactions compactions
	retaining   sync.Mutex // held while blocks beyond the retention are deleted; taken after mu, also to close prom

	appended, refused, reopened, damaged atomic.Int64
}

// Lookback of queries that do not say theirs, as in Prometheus.
const defaultLookback = 5 * time.Minute

// Open opens the store under a directory, and makes it if it is missing.
//
// A second Omen on the directory gets [omen.ErrLocked]. Damaged blocks and a
// write-ahead log that cannot be repaired are moved to the folder "damaged" and
// counted; what is whole opens. On a full disk it opens by itself once there is
// space, which [DB.Probe] makes of what is beyond the retention: until then nothing can
// be read or appended.
func Open(o Options) (*DB, error) {
	if o.Retention <= 0 {
		o.Retention = 15 * 24 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, omen.WithHint(fmt.Errorf("make the metrics directory: %w", err),
			"choose a directory that you may write to with --storage.path")
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	db := &DB{opts: o, log: o.Log, lock: lock}
	db.engine = newEngine(o.Log, 50_000_000, 2*time.Minute)
	db.guests = newEngine(o.Log, guestSamples, GuestTime)
	db.reader = series.Reader{Evaluator: db, Concurrency: 2}
	if err := db.open(); isFull(err) {
		o.Log.Error("metrics store does not open: the disk is full", "path", o.Dir, "err", err)
		db.failed, db.broken = err, err
	} else if err != nil {
		_ = errors.Join(db.engine.Close(), db.guests.Close(), lock.Release())
		return nil, err
	}
	if o.Registry != nil {
		if err := o.Registry.Register(db); err != nil {
			return nil, errors.Join(fmt.Errorf("register the store's own metrics: %w", err), db.Close())
		}
	}
	return db, nil
}

// Bounds of one of the queries that others ask; those of Omen's own reading are
// Prometheus' defaults.
const (
	guestSamples = 2_000_000 // in memory at once; about 32 MB, three times that while they are added
	GuestTime    = 30 * time.Second
)

func newEngine(log *slog.Logger, samples int, timeout time.Duration) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger:                   log,
		MaxSamples:               samples,
		Timeout:                  timeout,
		LookbackDelta:            defaultLookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   parser.NewParser(parser.Options{}),
	})
}

// lockDir keeps a second Omen off the directory.
func lockDir(dir string) (fileutil.Releaser, error) {
	path := filepath.Join(dir, "lock")
	lock, _, err := fileutil.Flock(path)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil, omen.WithHint(fmt.Errorf("lock %s: %w", dir, err), "let Omen's user write to the directory, or choose another with --storage.path")
		}
		owner := "another process"
		if pid, readErr := os.ReadFile(path); readErr == nil && len(pid) > 0 {
			owner = "process " + strings.TrimSpace(string(pid))
		}
		return nil, omen.WithHint(fmt.Errorf("lock %s: %w by %s", dir, omen.ErrLocked, owner),
			"stop the other Omen, or give this one its own directory with --storage.path=DIR")
	}
	// For people and for the message above; the lock itself is the kernel's.
	_ = os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644)
	return lock, nil
}

// Close flushes what is in memory and lets go of the directory.
func (db *DB) Close() error {
	if db.opts.Registry != nil {
		db.opts.Registry.Unregister(db) // asks for its health, which takes mu
	}
	db.appendMu.Lock()
	defer db.appendMu.Unlock()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil
	}
	db.closed = true
	db.broken = fmt.Errorf("metrics store %s is closed: %w", db.opts.Dir, omen.ErrUnavailable)
	err := errors.Join(db.engine.Close(), db.guests.Close())
	db.retaining.Lock()
	defer db.retaining.Unlock()
	if db.prom != nil {
		if closing := closeTSDB(db.prom); isFull(closing) || errors.Is(closing, errUnwritten) {
			db.log.Warn("metrics store did not close cleanly: its log has what it could not write", "path", db.opts.Dir, "err", closing)
		} else {
			err = errors.Join(err, closing)
		}
		db.prom = nil
	}
	if err = errors.Join(err, db.lock.Release()); err != nil {
		return fmt.Errorf("close metrics store %s: %w", db.opts.Dir, err)
	}
	return nil
}
