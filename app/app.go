package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/tsdb"
)

// Options are what the command line says.
type Options struct {
	ConfigFile     string   // empty: no file, all defaults
	StoragePath    string   // made if missing
	NewStorage     bool     // start with an empty database where the old one is missing
	ListenAddress  string   // host:port; port 0 takes a free one
	WebConfigFile  string   // TLS and passwords, exporter-toolkit's format; empty: neither
	ExternalURL    string   // where people reach Omen; empty: external_url of the file says it, or the listening address
	RoutePrefix    string   // what all paths begin with; empty: the path of ExternalURL; /: nothing
	PrometheusURLs []string // sources beside those of the file
	Version        string

	// AllowUnauthenticated lets Omen answer other machines without asking for a
	// password or certificate.
	AllowUnauthenticated bool

	Log    *slog.Logger     // nil: silent
	Out    io.Writer        // what people read at start; nil: nobody does
	Hangup <-chan os.Signal // each value asks for a reload; may be nil

	// Listening gets the web UI's address once requests are answered. May be nil.
	Listening func(address string)
}

// process is what lives as long as the process does.
type process struct {
	o        Options
	log      *slog.Logger
	started  time.Time
	db       *store.DB
	tsdb     *tsdb.DB
	storage  *storage
	readings readings
	pages    *pages
	heat     *heat
	place    place
	address  string // the web UI's on this machine, such as http://127.0.0.1:9909
	exposed  bool   // other machines reach it
	web      webFile
	refused  *refusals

	handler   atomic.Pointer[front]
	failed    chan error      // a part that ended by itself, and why; room for one
	rescoring chan struct{}   // holds one for each history that is scored again; bound rescoring, owner generation.rescore; full: the next waits
	reloads   chan chan error // requests to reload, and where the answer goes; no room: Run takes one at a time
	stopping  chan struct{}   // closed when no request to reload is taken any more

	current *generation // that runs; Run's goroutine's alone
}

// database is the file below the storage path.
const database = "omen.db"

// metricsDir is the embedded metrics store below the storage path.
const metricsDir = "metrics"

// DatabasePath is where the database of a storage path is.
func DatabasePath(storage string) string { return filepath.Join(storage, database) }

// MakeStorage makes a storage path and reports whether it can be written.
func MakeStorage(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return unwritable(dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return unwritable(dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// OpenDatabase opens the database of a storage path, and makes both if they are
// missing: where more than the database was there, only if anew says so.
func OpenDatabase(ctx context.Context, dir string, anew bool, log *slog.Logger) (*store.DB, error) {
	if err := MakeStorage(dir); err != nil {
		return nil, err
	}
	if err := newOnPurpose(dir); err != nil && !anew {
		return nil, err
	}
	return store.Open(ctx, DatabasePath(dir), log)
}

// newOnPurpose reports a missing or empty database beside what only one that was
// there can have left: to start with a new one there would pass for health.
func newOnPurpose(dir string) error {
	path := DatabasePath(dir)
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil
	}
	metrics := filepath.Join(dir, metricsDir)
	for _, pattern := range []string{path + "-wal", path + ".*", filepath.Join(metrics, "wal", "*"), filepath.Join(metrics, "*", "meta.json")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("look for what is left in %s: %w", dir, err)
		}
		for _, left := range found {
			if info, err := os.Stat(left); err == nil && info.Size() > 0 && left != path+".lock" {
				return omen.WithHint(fmt.Errorf("open storage %s: %s is missing or empty, but %s is there: %w", dir, path, left, omen.ErrNotFound),
					"restore a backup with: omen restore FILE --storage.path="+dir+"; or give --storage.new once, to start without the incidents, feedback and models that there were")
			}
		}
	}
	return nil
}

func unwritable(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return omen.WithHint(fmt.Errorf("open storage %s: %w: %w", dir, omen.ErrFull, err), "free some space on that disk, or choose another directory with --storage.path")
	}
	hint := "choose another directory with --storage.path"
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		hint = "give this user the right to write there, or choose another directory with --storage.path"
	}
	return omen.WithHint(fmt.Errorf("open storage %s: %w", dir, err), hint)
}

// Run runs Omen until ctx ends or a part fails for good, and stops it: first
// what makes scores, then what takes requests, then the incident manager and the
// relay, which finish what they have begun, and last what is on disk. A part
// that does not end in time is named in the error.
func Run(ctx context.Context, o Options) (err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	p := &process{
		o: o, log: o.Log, started: time.Now(), failed: make(chan error, 1), rescoring: make(chan struct{}, rescoring), reloads: make(chan chan error), stopping: make(chan struct{}),
		web: webFile{path: o.WebConfigFile},
	}
	limitMemory(p.log)
	if p.place, err = placeOf(o.ExternalURL, o.RoutePrefix); err != nil {
		return err
	}
	c, err := p.load() // before anything is opened: most mistakes are here
	if err != nil {
		return err
	}
	listener, err := p.listen(ctx)
	if err != nil {
		return err
	}
	down := &teardown{log: p.log}
	defer func() { err = errors.Join(err, down.run()) }()
	down.add("listener", func(context.Context) error { _ = listener.Close(); return nil }) // the server has closed it
	if err := p.open(ctx, c, down); err != nil {
		return err
	}
	if p.current, err = p.prepare(ctx, c); err != nil {
		return err
	}
	p.current.start(ctx)
	down.add("incidents and notifications", func(ctx context.Context) error { return p.current.stopConsumers(ctx) })
	served, server := p.serve(listener)
	down.add("requests", func(ctx context.Context) error { p.current.endStreams(); return endRequests(ctx, server) })
	down.add("sources", func(ctx context.Context) error { return p.current.sources.stop(ctx) })
	if o.Listening != nil {
		o.Listening(p.address)
	}
	p.db.UncleanReported() // by the log, and by the page and /metrics from here on
	p.greet(ctx, p.current)
	err = p.wait(ctx, served)
	p.log.Info("stopping")
	return err
}

// wait reloads when somebody asks for it, and returns when Omen is to stop; nil
// if that was asked for too.
func (p *process) wait(ctx context.Context, served <-chan error) error {
	defer close(p.stopping)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-served:
			return fmt.Errorf("serve %s: %w", p.address, err)
		case err := <-p.failed:
			return err
		case <-p.o.Hangup:
			if err := p.reload(ctx); err != nil {
				p.log.Error("configuration not reloaded: the old one stays in force", "err", err)
			}
		case answer := <-p.reloads:
			answer <- p.reload(ctx)
		}
	}
}

// listen takes the port, so that a second Omen fails before it opens anything.
func (p *process) listen(ctx context.Context) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.o.ListenAddress)
	if err != nil {
		hint := "give an address of this machine and a free port: --web.listen-address=127.0.0.1:9909"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "is Omen running already? Otherwise choose another port with --web.listen-address=127.0.0.1:PORT"
		}
		return nil, omen.WithHint(fmt.Errorf("listen on %s: %w", p.o.ListenAddress, err), hint)
	}
	if file := p.o.WebConfigFile; file != "" {
		if err := web.Validate(file); err != nil {
			_ = l.Close()
			return nil, omen.WithHint(fmt.Errorf("read %s: %w: %w", file, omen.ErrInvalid, err),
				"its format is Prometheus' own: https://prometheus.io/docs/prometheus/latest/configuration/https/")
		}
	}
	p.address, p.exposed = webAddress(l.Addr(), secure(p.o.WebConfigFile))+p.place.prefix, !loopback(l.Addr())
	if err := p.refuseExposed(); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// open opens what is on disk.
func (p *process) open(ctx context.Context, c *loaded, down *teardown) (err error) {
	p.refused = newRefusals(p.log)
	dir := p.o.StoragePath
	if p.db, err = OpenDatabase(ctx, dir, p.o.NewStorage, p.log); err != nil {
		return err
	}
	down.add("database", func(context.Context) error { return p.db.Close() })
	if p.db.Unclean() {
		p.log.Warn("the last run did not end properly: it was killed, or the machine stopped; what was acknowledged is there", "path", dir)
	}
	p.db.SetAuditKeyFile(c.conf.Remedy.AuditKeyFile)
	p.sayAudit(ctx)
	p.keepAddress(down)
	if err := p.sayMetricsGone(ctx); err != nil {
		return err
	}
	if p.pages, err = newPages(ctx, p.db, p.log, time.Now()); err != nil {
		return err
	}
	p.tsdb, err = tsdb.Open(tsdb.Options{
		Dir:       filepath.Join(dir, metricsDir),
		Retention: time.Duration(c.conf.Storage.RetentionTime),
		MaxBytes:  int64(c.conf.Storage.RetentionSize),
		Log:       libraryLog(p.log),
	})
	if err != nil {
		return err
	}
	down.add("metrics", func(context.Context) error { return p.tsdb.Close() })
	p.heat = newHeat(p.tsdb)
	p.storage = &storage{dir: dir, db: p.db, tsdb: p.tsdb, log: p.log}
	p.storage.check(ctx, time.Now())
	return nil
}

// sayAudit logs how far the audit has come, so that the log is a witness of it. What
// is wrong with it the remedy loop says.
func (p *process) sayAudit(ctx context.Context) {
	if head, err := p.db.AuditHead(ctx); err == nil && head != "" {
		p.log.Info("audit goes on", "state", head)
	}
}

// sayMetricsGone says that hosts have models and no history is there: what they
// learned from was removed.
func (p *process) sayMetricsGone(ctx context.Context) error {
	left, err := filepath.Glob(filepath.Join(p.o.StoragePath, metricsDir, "wal", "*"))
	if err != nil || len(left) > 0 {
		return err
	}
	models, err := p.db.Models(ctx, omen.Host{})
	if err == nil && len(models) > 0 {
		p.log.Warn("the metrics of before are gone: scores and this machine's history begin again", "path", filepath.Join(p.o.StoragePath, metricsDir), "count", len(models))
	}
	return err
}

// fail ends the process with err; the first one counts.
func (p *process) fail(err error) {
	select {
	case p.failed <- err:
	default:
	}
}
