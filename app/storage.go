package app

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
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/tsdb"
)

const (
	// probeEvery is how often storage is probed: twice within the half minute in
	// which a fault is to be known.
	probeEvery = 15 * time.Second
	// probeWithin is how long a probe may take: a disk that is merely busy answers
	// sooner, and what hangs is known within half a minute.
	probeWithin = 10 * time.Second
	// reserveSize is kept free for the journal. A change of an incident takes
	// about 16 kB of it (its row, the incident's, and the pages around them in
	// SQLite's log), so it is good for some 500 changes.
	reserveSize = 8 << 20
	reserveFile = "reserve"
	// nearlyFull is from when on a disk is warned of.
	nearlyFull = 0.95
	// A crash loop is so many unclean starts within crashWithin.
	crashLoop   = 3
	crashWithin = 10 * time.Minute
)

// The keys of Omen's own troubles.
const (
	troubleStorage = incident.TroubleStorage
	troubleSpace   = "storage/space"
	troubleDamage  = "storage/damage"
	troubleCompact = "storage/compaction"
	troubleCrashes = "crashes"

	troubleCalendars = "calendars"
)

// troubles take what keeps Omen itself from working. Reporting a key again, or
// resolving one that nobody reported, changes nothing.
type troubles interface {
	Report(ctx context.Context, key string, severity omen.Severity, summary string) error
	Resolve(ctx context.Context, key string) error
}

// storage watches whether what is stored lasts. A full disk finds a reserve that
// is released to the journal and made again when there is space.
type storage struct {
	dir  string
	db   *store.DB
	tsdb *tsdb.DB
	log  *slog.Logger

	one     sync.Mutex    // a check at a time; guards what follows
	probing chan probed   // the probe that has not returned within probeWithin; nil: none
	asked   time.Time     // when it was begun
	within  time.Duration // how long a probe may take; 0: probeWithin

	mu       sync.Mutex
	err      error   // why what is stored may not last
	full     error   // what released the reserve, while it is released
	used     float64 // share of the disk, as df has it
	near     bool
	crashes  int
	unspoken bool // the last report was not taken
}

// problem is why what is stored may not last; nil if it does.
func (s *storage) problem() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// run checks until ctx ends.
func (s *storage) run(ctx context.Context, to troubles) error {
	t := time.NewTicker(probeEvery)
	defer t.Stop()
	for {
		s.check(ctx, time.Now())
		s.say(ctx, to)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// probed is what a probe found.
type probed struct {
	err  error   // why what is stored may not last
	full error   // what released the reserve, while it is released
	used float64 // share of the disk
	cut  bool    // its context ended before it had
}

// check probes both stores and the disk. A probe that does not return in time is a
// disk that hangs: that is said, and the next check waits for the same probe.
func (s *storage) check(ctx context.Context, now time.Time) {
	s.one.Lock()
	defer s.one.Unlock()
	within := s.within
	if within == 0 {
		within = probeWithin
	}
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		if s.probing == nil {
			s.probing, s.asked = make(chan probed, 1), now
			go func(to chan<- probed) { to <- s.probe(ctx, now) }(s.probing)
		}
		select {
		case p := <-s.probing:
			s.probing = nil
			if p.cut && ctx.Err() == nil { // it was begun by a generation that is over: it says nothing
				continue
			}
			if !p.cut {
				s.tsdb.Hold(p.full != nil) // whatever was said while it took so long
				s.note(p, now)
			}
		case <-late.C:
			s.hang(now)
		case <-ctx.Done(): // the next check takes what the probe found
		}
		return
	}
}

// hang says that the probe under way has not returned.
func (s *storage) hang(now time.Time) {
	s.tsdb.Hold(true) // who scores must not wait for it
	s.mu.Lock()
	p := probed{full: s.full, used: s.used}
	s.mu.Unlock()
	p.err = omen.WithHint(fmt.Errorf("the disk of %s hangs: a write that began at %s has not returned: %w", s.dir, s.asked.UTC().Format(time.RFC3339), omen.ErrUnavailable),
		"look at the disk and the kernel's log; Omen goes on by itself when it answers")
	s.note(p, now)
}

// probe looks at both stores and the disk, and makes or releases the reserve.
func (s *storage) probe(ctx context.Context, now time.Time) (p probed) {
	p.err = errors.Join(s.db.Probe(ctx, now), s.tsdb.Probe())
	used, free, err := disk(s.dir)
	if ctx.Err() != nil {
		return probed{cut: true}
	}
	p.used, p.full = used, s.reserve(p.err, free)
	p.err = errors.Join(p.err, p.full, err, s.db.Recheck(ctx))
	p.cut = ctx.Err() != nil
	return p
}

// note remembers what a probe found, and logs what is new.
func (s *storage) note(p probed, now time.Time) {
	n := s.db.Crashes(crashWithin, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.err != nil && s.err == nil {
		s.log.Error("what is stored may not last", "path", s.dir, "err", p.err)
	} else if p.err == nil && s.err != nil {
		s.log.Info("what is stored lasts again", "path", s.dir)
	}
	if p.used >= nearlyFull && !s.near {
		s.log.Warn("the disk is nearly full", "path", s.dir, "limit", nearlyFull)
	}
	if n >= crashLoop && s.crashes < crashLoop {
		s.log.Error("crash loop: what was seen before an incident opened is lost at each start", "count", n, "dur", crashWithin)
	}
	s.err, s.full, s.used, s.near, s.crashes = p.err, p.full, p.used, p.used >= nearlyFull, n
	s.db.SetHealth(p.err)
}

// reserve releases the reserve to the journal when a probe finds the disk full,
// and makes it again once there is twice its size. It returns why it is released;
// nil: it is there.
func (s *storage) reserve(probed error, free uint64) error {
	path := filepath.Join(s.dir, reserveFile)
	if errors.Is(probed, omen.ErrFull) {
		if err := os.Remove(path); err == nil {
			s.log.Error("disk full: the reserve is released to the journal, metrics are not stored", "path", path)
		}
		s.tsdb.Hold(true)
		return probed
	}
	if info, err := os.Stat(path); err == nil && info.Size() == reserveSize {
		s.tsdb.Hold(false)
		return nil
	}
	err := fmt.Errorf("disk of %s is full, %d kB are free: %w", s.dir, free>>10, omen.ErrFull)
	if free >= 2*reserveSize {
		if err = writeReserve(path); err == nil {
			s.tsdb.Hold(false)
			return nil
		}
	}
	s.tsdb.Hold(errors.Is(err, omen.ErrFull))
	return omen.WithHint(err, "free some space: the reserve is made again by itself, and metrics are stored again")
}

// writeReserve makes the reserve, of bytes that are really there.
func writeReserve(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make reserve: %w", err)
	}
	_, err = f.Write(make([]byte, reserveSize))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		err = errors.Join(fmt.Errorf("make reserve: %w", err), os.Remove(path))
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			err = fmt.Errorf("%w: %w", omen.ErrFull, err)
		}
	}
	return err
}

// disk is how much of a directory's disk is used, as df has it, and how many
// bytes are free to this user.
func disk(dir string) (used float64, free uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	taken := s.Blocks - s.Bfree
	if all := taken + s.Bavail; all > 0 {
		used = float64(taken) / float64(all)
	}
	return used, s.Bavail * uint64(s.Bsize), nil
}

// plainly is a problem in one line: each of its errors once, and of a full disk what
// that means.
func (s *storage) plainly(problem error) string {
	if errors.Is(problem, omen.ErrFull) {
		return "the disk of " + s.dir + " is full: metrics and scores are not stored until there is space, and this machine is not judged; incidents go on, in a reserve"
	}
	if problem == nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(problem.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// say reports what there is, and resolves what there is not.
func (s *storage) say(ctx context.Context, to troubles) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	problem, near, used, crashes := s.err, s.near, s.used, s.crashes
	s.mu.Unlock()
	damaged := s.db.Damaged()
	tell := func(is bool, key string, severity omen.Severity, format string, args ...any) error {
		if !is {
			return to.Resolve(ctx, key)
		}
		return to.Report(ctx, key, severity, fmt.Sprintf(format, args...))
	}
	err := errors.Join(
		tell(problem != nil, troubleStorage, omen.Critical, "what Omen stores may not last: %s", s.plainly(problem)),
		tell(near && problem == nil, troubleSpace, omen.Warning, "the disk of %s is %.0f %% full", s.dir, 100*used),
		tell(damaged > 0, troubleDamage, omen.Warning, "%s damaged and set aside: the log says which; omen restore puts a backup in place", omen.Plural(damaged, "row of the database is", "rows of the database are")),
		tell(crashes >= crashLoop, troubleCrashes, omen.Critical, "Omen ended without being stopped %d times within %s: see its log, and the kernel's for a lack of memory", crashes, omen.Soon(crashWithin)),
	)
	if problem == nil { // which says it, too
		err = errors.Join(err, s.sayCompaction(ctx, to, s.tsdb.Health()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !s.unspoken && ctx.Err() == nil {
		s.log.Error("own trouble not reported", "err", err)
	}
	s.unspoken = err != nil
}

// sayCompaction reports that the metrics store cannot be compacted, or resolves it once
// it is known that it can: a start is no recovery.
func (s *storage) sayCompaction(ctx context.Context, to troubles, h tsdb.Health) error {
	switch {
	case h.Compaction != nil:
		return to.Report(ctx, troubleCompact, omen.Warning, "the metrics store cannot be compacted, and its memory and log grow until it can: "+s.plainly(h.Compaction))
	case h.CompactionDue:
		return nil
	}
	return to.Resolve(ctx, troubleCompact)
}

var (
	diskUsed = prometheus.NewDesc("omen_storage_disk_used_ratio", "Share of the data directory's disk that is used.", nil, nil)
	inUse    = prometheus.NewDesc("omen_storage_reserve_released", "1 while the disk is full and the reserve is released to the journal.", nil, nil)
	unclean  = prometheus.NewDesc("omen_unclean_starts", "Starts within the last ten minutes after a run that did not end properly.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (s *storage) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, ch) }

// Collect implements [prometheus.Collector].
func (s *storage) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	released := 0.
	if s.full != nil {
		released = 1
	}
	ch <- prometheus.MustNewConstMetric(diskUsed, prometheus.GaugeValue, s.used)
	ch <- prometheus.MustNewConstMetric(inUse, prometheus.GaugeValue, released)
	ch <- prometheus.MustNewConstMetric(unclean, prometheus.GaugeValue, float64(s.crashes))
}
