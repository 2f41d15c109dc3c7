package tsdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// The times that are taken, around now. One sample far ahead would move the
// TSDB's head with it and make every other host's samples out of bounds.
const (
	oldest = time.Hour
	newest = 10 * time.Minute
)

var fullErrors = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// Append stores samples, in the order given within each series. When it
// returns nil, all samples survive kill -9.
//
// Samples of more than an hour ago or ten minutes ahead, and those not newer
// than the last one of their series, are refused one by one; the others are
// stored, and the error wraps [omen.ErrPartial]. Any other error means that
// nothing of this call is acknowledged; [omen.ErrFull] says that the disk is
// full: the store recovers by itself once there is space, so append again later.
func (db *DB) Append(ctx context.Context, samples []series.Sample) error {
	entries := make([]entry, len(samples))
	for i, s := range samples {
		ls, err := seriesLabels(s.Name, s.Labels)
		if err != nil {
			return err
		}
		entries[i] = entry{labels: ls, at: s.At.UnixMilli(), value: s.Value}
	}
	return db.append(ctx, entries)
}

// entry is one sample on its way into the TSDB; ref is a hint, updated.
type entry struct {
	key    string // a target's name for the series
	labels labels.Labels
	ref    storage.SeriesRef
	at     int64
	value  float64
}

// append stores entries and keeps their refs up to date.
func (db *DB) append(ctx context.Context, entries []entry) error {
	db.appendMu.Lock()
	defer db.appendMu.Unlock()
	if db.held.Load() {
		return fullError(fmt.Errorf("append to metrics store %s: the last space is left to incidents", db.opts.Dir))
	}
	if err := db.revive(); err != nil {
		return err
	}
	now := db.opts.Now()
	from, to := now.Add(-oldest).UnixMilli(), now.Add(newest).UnixMilli()
	// Twice as far ahead as any sample may be: the clock went back.
	if db.newest() > now.Add(2*newest).UnixMilli() {
		db.rewind(now)
		if err := errors.Join(db.failed, db.state()); err != nil { // no room to open it again, or it does not open
			return err
		}
	}
	app := db.prom.AppenderV2(ctx) // only replaced under appendMu
	var refused refusal
	for i := range entries {
		e := &entries[i]
		if e.at < from || e.at > to {
			refused.add(e, now)
			continue
		}
		ref, err := app.Append(e.ref, e.labels, 0, e.at, e.value, nil, nil, storage.AppendV2Options{})
		switch {
		case refusedByTime(err):
			refused.add(e, now)
		case err != nil:
			_ = app.Rollback()
			return fmt.Errorf("append to metrics store: %s: %w", e.labels, err)
		default:
			e.ref = ref
		}
	}
	if err := app.Commit(); err != nil {
		err = fmt.Errorf("append %d samples to metrics store: %w", len(entries), err)
		if isFull(err) {
			return db.fail(fullError(err))
		}
		db.replace(err)
		return err
	}
	db.appended.Add(int64(len(entries) - refused.count))
	db.refused.Add(int64(refused.count))
	if err := mapChunks(db.prom); err != nil { // the samples are in the log
		_ = db.fail(db.writeError("write chunks of metrics store", err))
	}
	return refused.err(len(entries))
}

// fail keeps the database as it is, for reading, until [DB.revive] finds that it can be
// written again. The caller holds appendMu.
func (db *DB) fail(err error) error {
	db.failed, db.retryAt = err, db.opts.Now().Add(retryOpen)
	db.log.Error("metrics store could not write, it is opened again once it can", "path", db.opts.Dir, "err", err)
	return err
}

// refusal counts refused samples and remembers the worst one.
type refusal struct {
	count int
	worst time.Duration
	which string
}

func (r *refusal) add(e *entry, now time.Time) {
	r.count++
	if off := time.UnixMilli(e.at).Sub(now); r.which == "" || off.Abs() > r.worst.Abs() {
		r.worst, r.which = off, e.labels.String()
	}
}

func (r *refusal) err(of int) error {
	if r.count == 0 {
		return nil
	}
	err := fmt.Errorf("append to metrics store: %d of %d samples refused, such as %s, %s: %w",
		r.count, of, r.which, away(r.worst), omen.ErrPartial)
	return omen.WithHint(err, "check the clock of the host that sent it: samples may be up to an hour old or ten minutes ahead, and newer than the last one")
}

// away is how far from now an instant is, in words.
func away(d time.Duration) string {
	if d < 0 {
		return omen.Soon(-d) + " old"
	}
	return omen.Soon(d) + " ahead"
}

// seriesLabels makes a series' identity.
func seriesLabels(name string, given map[string]string) (labels.Labels, error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return labels.EmptyLabels(), fmt.Errorf("append a sample: metric name %q: %w", name, omen.ErrInvalid)
	}
	b := labels.NewScratchBuilder(len(given) + 1)
	b.Add(model.MetricNameLabel, name)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if given[key] != "" && key != model.MetricNameLabel {
			b.Add(key, given[key])
		}
	}
	b.Sort()
	return b.Labels(), nil
}
