package series

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/fileutil"

	"github.com/omenhq/omen"
)

// LocalOptions say where and for how long [Local] keeps samples.
type LocalOptions struct {
	Dir       string                // made if missing; belongs to one Omen at a time
	Retention time.Duration         // 0: 15 days
	MaxBytes  int64                 // of the blocks on disk; 0: no bound
	Log       *slog.Logger          // nil: silent
	Registry  prometheus.Registerer // for the omen_storage_… series; nil: nowhere

	now func() time.Time // tests
}

// Local is an embedded Prometheus TSDB with Prometheus' query engine.
//
// What is acknowledged survives kill -9. It does not survive a power cut for
// sure: the write-ahead log is written to the operating system with every
// append, but flushed to the disk only from time to time, so a cut may cost
// the last half minute or so of samples (never incidents or models, which are
// kept elsewhere).
type Local struct {
	opts   LocalOptions
	log    *slog.Logger
	lock   fileutil.Releaser
	engine *promql.Engine
	reader reader

	mu       sync.RWMutex // held for writing while db is replaced
	db       *tsdb.DB     // nil while broken says why
	broken   error
	full     error     // the last append's, while the disk is full; owned by appendMu's holder
	retryAt  time.Time // no earlier attempt to open or write again; likewise
	checkAt  time.Time // no earlier search for damaged blocks
	closed   bool
	appendMu sync.Mutex // one append at a time: a failed one must not be followed by another before db is replaced

	appended, refused, reopened, damaged atomic.Int64
}

// Lookback of queries that do not say theirs, as in Prometheus.
const defaultLookback = 5 * time.Minute

// OpenLocal opens the store under a directory, and makes it if it is missing.
//
// A second Omen on the directory gets [omen.ErrLocked]. Damaged blocks and a
// write-ahead log that cannot be mended are moved to the folder "damaged" and
// counted; what is whole opens.
func OpenLocal(o LocalOptions) (*Local, error) {
	if o.Retention <= 0 {
		o.Retention = 15 * 24 * time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.now == nil {
		o.now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, omen.WithHint(fmt.Errorf("make the metrics directory: %w", err),
			"choose a directory that you may write to with --storage.path")
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	l := &Local{opts: o, log: o.Log, lock: lock}
	l.engine = promql.NewEngine(promql.EngineOpts{
		Logger:                   o.Log,
		MaxSamples:               50_000_000,
		Timeout:                  2 * time.Minute,
		LookbackDelta:            defaultLookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   parser.NewParser(parser.Options{}),
	})
	l.reader = reader{eval: l.evaluate, concurrency: 2, maxPoints: 11_000}
	if err := l.open(); err != nil {
		_ = l.engine.Close()
		_ = lock.Release()
		return nil, err
	}
	if o.Registry != nil {
		if err := o.Registry.Register(l); err != nil {
			return nil, errors.Join(fmt.Errorf("register the store's own metrics: %w", err), l.Close())
		}
	}
	return l, nil
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
func (l *Local) Close() error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	l.broken = fmt.Errorf("metrics store %s is closed: %w", l.opts.Dir, omen.ErrUnavailable)
	if l.opts.Registry != nil {
		l.opts.Registry.Unregister(l)
	}
	err := l.engine.Close()
	if l.db != nil {
		err = errors.Join(err, l.db.Close())
		l.db = nil
	}
	if err = errors.Join(err, l.lock.Release()); err != nil {
		return fmt.Errorf("close metrics store %s: %w", l.opts.Dir, err)
	}
	return nil
}

// Read implements [Source].
func (l *Local) Read(ctx context.Context, q Query) (*Frame, error) {
	if err := l.state(); err != nil {
		return nil, err
	}
	return l.reader.read(ctx, q)
}

// state is why there is no database now, nil if there is.
func (l *Local) state() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.broken
}

// evaluate implements the type evaluate with the embedded engine.
func (l *Local) evaluate(ctx context.Context, a *answer, promQL string, start, end time.Time, step, lookback time.Duration) (int, error) {
	series := 0
	use := func(result *promql.Result) (err error) {
		warnings, _ := result.Warnings.AsStrings(promQL, 3, 0)
		a.note(warnings)
		series, err = addResult(a, result)
		return err
	}
	var err error
	if start.Equal(end) {
		err = l.query(ctx, promQL, start, lookback, use)
	} else {
		err = l.queryRange(ctx, promQL, start, end, step, lookback, use)
	}
	switch {
	case err == nil:
		return series, nil
	case errors.As(err, new(promql.ErrTooManySamples)):
		return 0, fmt.Errorf("%w: %w", errTooMuch, err)
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case isDamage(err):
		l.suspect(err)
		return 0, omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrCorrupt), "damaged blocks are moved aside; if this stays, look into the folder damaged and the log")
	case !errors.Is(kindOf(err), omen.ErrInvalid): // the store itself cannot be used now
		return 0, err
	default:
		return 0, fmt.Errorf("%w: %w", err, omen.ErrInvalid)
	}
}

// query runs an instant query and gives the result to use while its memory is
// still valid.
func (l *Local) query(ctx context.Context, promQL string, at time.Time, lookback time.Duration, use func(*promql.Result) error) error {
	return l.run(ctx, use, func(opts promql.QueryOpts) (promql.Query, error) {
		return l.engine.NewInstantQuery(ctx, l.db, opts, promQL, at)
	}, lookback)
}

// queryRange is query at every step from start to end.
func (l *Local) queryRange(ctx context.Context, promQL string, start, end time.Time, step, lookback time.Duration, use func(*promql.Result) error) error {
	return l.run(ctx, use, func(opts promql.QueryOpts) (promql.Query, error) {
		return l.engine.NewRangeQuery(ctx, l.db, opts, promQL, start, end, step)
	}, lookback)
}

// run prepares and executes a query while the database is not replaced.
func (l *Local) run(ctx context.Context, use func(*promql.Result) error, prepare func(promql.QueryOpts) (promql.Query, error), lookback time.Duration) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.broken != nil {
		return l.broken
	}
	q, err := prepare(promql.NewPrometheusQueryOpts(false, lookback, nil))
	if err != nil {
		return err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return result.Err
	}
	return use(result)
}

// addResult adds an engine's result to an answer.
func addResult(a *answer, result *promql.Result) (series int, err error) {
	switch v := result.Value.(type) {
	case promql.Matrix:
		for _, s := range v {
			if len(s.Histograms) > 0 {
				return 0, errHistogram
			}
			if t := a.track(s.Metric.Map()); t != nil {
				for _, p := range s.Floats {
					a.put(t, p.T, p.F)
				}
			}
		}
		return len(v), nil
	case promql.Vector:
		// Sorted, so that the choice between several series of one host is
		// the same as in a range.
		sortVector(v)
		for _, s := range v {
			if s.H != nil {
				return 0, errHistogram
			}
			if t := a.track(s.Metric.Map()); t != nil {
				a.put(t, s.T, s.F)
			}
		}
		return len(v), nil
	default:
		return 0, fmt.Errorf("the expression gives a %s, not series: %w", result.Value.Type(), omen.ErrInvalid)
	}
}

var errHistogram = fmt.Errorf("the expression gives a histogram, not a number: %w", omen.ErrInvalid)

func sortVector(v promql.Vector) {
	slices.SortFunc(v, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
}
