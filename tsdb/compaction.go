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
	c.db.noteCompaction(&c.db.compactions.head, "write samples in memory as a block", err)
	return made, err
}

func (c compactor) Compact(dest string, dirs []string, open []*promtsdb.Block) ([]ulid.ULID, error) {
	c.db.compacting.Add(1)
	defer c.db.compacting.Add(-1)
	made, err := c.Compactor.Compact(dest, dirs, open)
	c.db.noteCompaction(&c.db.compactions.blocks, "join blocks", err)
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
	mu           sync.Mutex
	head, blocks failing
	failed       int64
}

// failing is why the last compaction of a kind failed, and since when they do; the zero
// value: it did not.
type failing struct {
	err   error
	since time.Time
}

// noteCompaction remembers what came of a compaction, and logs it if it is news.
// Prometheus tries again as long as there is something to do, and says it nowhere but in
// its log: meanwhile memory and the log of samples grow.
func (db *DB) noteCompaction(kind *failing, what string, err error) {
	if errors.Is(err, context.Canceled) {
		return // the database is closed
	}
	c := &db.compactions
	c.mu.Lock()
	defer c.mu.Unlock()
	was := *kind
	switch {
	case err == nil:
		*kind = failing{}
	case was.err == nil:
		*kind = failing{fmt.Errorf("%s: %w", what, err), db.opts.Now()}
	default:
		kind.err = fmt.Errorf("%s: %w", what, err)
	}
	if err != nil {
		c.failed++
	}
	switch {
	case err != nil && was.err == nil:
		db.log.Error("metrics store cannot be compacted: its memory and its log grow until it can", "path", db.opts.Dir, "err", kind.err)
	case err == nil && was.err != nil:
		db.log.Info("metrics store is compacted again", "path", db.opts.Dir)
	}
}

// compactable reports whether Prometheus would compact a head: once it is half as long
// again as the shortest block.
func compactable(head *promtsdb.Head) bool {
	if head.MinTime() > head.MaxTime() { // there is nothing in it
		return false
	}
	return head.MaxTime()-head.MinTime() > promtsdb.DefaultBlockDuration/2*3
}

// state is how often compactions failed, and why and since when they do now; nil: they
// do not.
func (c *compactions) state() (failed int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range []failing{c.head, c.blocks} {
		if k.err != nil {
			err = errors.Join(err, fmt.Errorf("since %s: %w", k.since.UTC().Format(time.RFC3339), k.err))
		}
	}
	return c.failed, err
}
