package tsdb

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	promtsdb "github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/fileutil"
)

// retainEvery is how often blocks beyond the retention are looked for between
// compactions, as Prometheus does.
const retainEvery = time.Minute

// retain deletes blocks beyond the retention, at most once in [retainEvery]. A
// compaction does so, too, but on a full disk there is none, and this is what frees it.
func (db *DB) retain() error {
	db.appendMu.Lock()
	now := db.opts.Now()
	if db.closed || now.Before(db.retainAt) {
		db.appendMu.Unlock()
		return nil
	}
	db.retainAt = now.Add(retainEvery)
	if db.prom == nil {
		defer db.appendMu.Unlock()
		return db.retainError(db.shed())
	}
	db.appendMu.Unlock() // blocks are closed when nobody reads them any more: appends do not wait for that
	db.mu.RLock()
	prom := db.prom
	if prom == nil || db.compacting.Load() > 0 || db.prom.Head().MinTime() == math.MaxInt64 { // of an empty head, a compaction would set the time
		db.mu.RUnlock()
		return nil
	}
	// Closing the database waits for this; appends and reads do not, also where a
	// compaction has begun since and this waits for its end.
	busy := !db.retaining.TryLock()
	db.mu.RUnlock()
	if busy {
		return nil
	}
	defer db.retaining.Unlock()
	// Its end, exclusive, overflows to the least time there is: of the head nothing is
	// taken, nor of the log.
	nothing := promtsdb.NewRangeHead(prom.Head(), math.MaxInt64, math.MaxInt64)
	return db.retainError(prom.CompactHead(nothing))
}

func (db *DB) retainError(err error) error {
	if err == nil {
		return nil
	}
	return db.writeError("delete what is beyond the retention of metrics store", err)
}

// shed deletes blocks beyond the retention while the database does not open, as at a
// start on a full disk: it opens once there is space. The caller holds appendMu.
func (db *DB) shed() error {
	type block struct {
		dir  string
		meta promtsdb.BlockMeta
		size int64
	}
	dirs, err := filepath.Glob(filepath.Join(db.opts.Dir, "*", "meta.json"))
	if err != nil {
		return err
	}
	var blocks []block
	replaced := map[ulid.ULID]bool{} // by a larger one, of before a crash
	for _, path := range dirs {
		dir := filepath.Dir(path)
		if _, err := ulid.ParseStrict(filepath.Base(dir)); err != nil {
			continue
		}
		b, err := promtsdb.OpenBlock(nil, dir, nil, nil)
		if err != nil {
			continue // opening moves it aside
		}
		blocks = append(blocks, block{dir, b.Meta(), b.Size()})
		for _, parent := range b.Meta().Compaction.Parents {
			replaced[parent.ULID] = true
		}
		if err := b.Close(); err != nil {
			return err
		}
	}
	slices.SortFunc(blocks, func(a, b block) int { return cmp.Compare(b.meta.MaxTime, a.meta.MaxTime) })
	var size int64
	for _, name := range []string{"wal", "wbl", "chunks_head"} {
		n, err := fileutil.DirSize(filepath.Join(db.opts.Dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		size += n
	}
	for _, b := range blocks {
		if !replaced[b.meta.ULID] {
			size += b.size
			old := blocks[0].meta.MaxTime-b.meta.MaxTime >= db.opts.Retention.Milliseconds()
			if !old && (db.opts.MaxBytes <= 0 || size <= db.opts.MaxBytes) {
				continue
			}
		}
		gone := b.dir + ".tmp-for-deletion" // Prometheus' suffix: it deletes what is left of these
		if err := errors.Join(os.Rename(b.dir, gone), os.RemoveAll(gone)); err != nil {
			return fmt.Errorf("delete block %s: %w", b.dir, err)
		}
		db.log.Info("block beyond the retention deleted", "path", b.dir)
	}
	return nil
}
