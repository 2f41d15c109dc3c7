package tsdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	promtsdb "github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// compactor is Prometheus' own, which notes when it works and what came of it, and for
// which a block of no time at all costs no write: what asks for one has the blocks loaded
// again and those beyond the retention deleted, also where nothing can be written
// ([DB.retain]).
type compactor struct {
	promtsdb.Compactor
	db *DB
}

func (c compactor) Write(dest string, b promtsdb.BlockReader, mint, maxt int64, base *promtsdb.BlockMeta) ([]ulid.ULID, error) {
	if mint >= maxt {
		return nil, nil // as of a block without samples
	}
	c.db.compacting.Add(1)
	defer c.db.compacting.Add(-1)
	made, err := c.Compactor.Write(dest, b, mint, maxt, base)
	c.db.noteCompaction(err)
	return made, err
}

func (c compactor) Compact(dest string, dirs []string, open []*promtsdb.Block) ([]ulid.ULID, error) {
	c.db.compacting.Add(1)
	defer c.db.compacting.Add(-1)
	made, err := c.Compactor.Compact(dest, dirs, open)
	c.db.noteJoin(len(dirs), err)
	return made, err
}

func (db *DB) newCompactor(ctx context.Context, r prometheus.Registerer, log *slog.Logger, ranges []int64, pool chunkenc.Pool, o *promtsdb.Options) (promtsdb.Compactor, error) {
	c, err := promtsdb.NewLeveledCompactorWithOptions(ctx, r, log, ranges, pool, promtsdb.LeveledCompactorOptions{
		MaxBlockChunkSegmentSize:    o.MaxBlockChunkSegmentSize,
		EnableOverlappingCompaction: o.EnableOverlappingCompaction,
		FloatChunkEncoding:          func() chunkenc.Encoding { return o.FloatChunkEncoding },
	})
	return compactor{c, db}, err
}

// compactions is what came of those there were.
type compactions struct {
	mu     sync.Mutex
	failed int64
	head   error     // why samples in memory could not be written as a block the last time
	since  time.Time // they cannot
}

// noteCompaction remembers whether samples in memory could be written as a block, and
// logs it if it is news. Prometheus tries again as long as there are any, and says it
// nowhere but in its log: meanwhile memory and the log of samples grow.
func (db *DB) noteCompaction(err error) {
	if errors.Is(err, context.Canceled) {
		return // the database is closed
	}
	c := &db.compactions
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.head
	switch {
	case err == nil && was == nil:
	case err == nil:
		c.head = nil
		db.log.Info("metrics store is compacted again", "path", db.opts.Dir)
	default:
		c.failed++
		c.head = fmt.Errorf("write samples in memory as a block: %w", err)
		if was == nil {
			c.since = db.opts.Now()
			db.log.Error("metrics store cannot be compacted: its memory and its log grow until it can", "path", db.opts.Dir, "err", c.head)
		}
	}
}

// noteJoin counts and logs blocks that could not be joined. Nothing grows by that, and
// Prometheus does not try them again.
func (db *DB) noteJoin(blocks int, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	c := &db.compactions
	c.mu.Lock()
	c.failed++
	c.mu.Unlock()
	db.log.Error("blocks of the metrics store stay apart: reads of long ranges are slower until they are deleted by age", "path", db.opts.Dir, "count", blocks, "err", err)
}

// compactable reports whether Prometheus would compact a head: once it is half as long
// again as the shortest block.
func compactable(head *promtsdb.Head) bool {
	if head.MinTime() > head.MaxTime() { // there is nothing in it
		return false
	}
	return head.MaxTime()-head.MinTime() > promtsdb.DefaultBlockDuration/2*3
}

// state is how often compactions failed, and why and since when samples in memory cannot
// be written as a block; nil: they can.
func (c *compactions) state() (failed int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head != nil {
		err = fmt.Errorf("since %s: %w", c.since.UTC().Format(time.RFC3339), c.head)
	}
	return c.failed, err
}
