package tsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/omenhq/omen"
	promtsdb "github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/fileutil"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// repairLog cuts torn records off the write-ahead log's segments, in place and
// one by one, before the TSDB opens it.
//
// Prometheus' own repair writes the torn segment again, which on a full disk
// fails half way and loses what it was about to save, and it deletes every
// later segment. Cutting needs no space, and since records never cross
// segments, the later ones stay readable.
func (db *DB) repairLog() {
	wal := filepath.Join(db.opts.Dir, "wal")
	dirs, _ := filepath.Glob(filepath.Join(wal, "checkpoint.*")) // the pattern is well formed
	for _, dir := range append(dirs, wal) {
		segments, _ := filepath.Glob(filepath.Join(dir, "[0-9]*"))
		for _, segment := range segments {
			cut, size, err := lastWhole(segment)
			if err != nil || cut >= size {
				continue // unreadable or whole: the TSDB will say what is the matter
			}
			if err := os.Truncate(segment, cut); err != nil {
				db.log.Error("torn metrics log cannot be cut", "path", segment, "err", err)
				continue
			}
			db.log.Warn("torn metrics log cut", "path", segment, "count", size-cut)
		}
	}
}

// lastWhole is where the last whole record of a segment ends if something torn
// follows, else at least the segment's size.
func lastWhole(segment string) (cut, size int64, err error) {
	info, err := os.Stat(segment)
	if err != nil {
		return 0, 0, err
	}
	s, err := wlog.OpenReadSegment(segment)
	if err != nil {
		return 0, 0, err
	}
	buffered := wlog.NewSegmentBufReader(s)
	defer func() { err = errors.Join(err, buffered.Close()) }()
	r := wlog.NewReader(buffered)
	for r.Next() {
		cut = r.Offset()
	}
	if r.Err() == nil {
		return info.Size(), info.Size(), nil
	}
	return cut, info.Size(), nil
}

// probeSize is the space that must be there before a store that was full
// writes again.
const probeSize = 1 << 20

// probe finds out whether a directory can be written, and has space, at less cost than
// a failed append.
func probe(dir string, size int64) error {
	path := filepath.Join(dir, "probe")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeSize)) // some file systems say only then that they are full
	if err == nil && size > probeSize {
		err = errors.Join(fileutil.Preallocate(f, size, true), f.Sync()) // and some disks only then that they fail
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}

// rewind repairs what this machine's own clock did when it was ahead and has
// been set back: samples that now lie in the future would make every new one
// out of bounds, for as long as the clock was ahead. What is not after now is
// kept as a block that ends now; the rest is moved aside. The caller holds appendMu.
func (db *DB) rewind(now time.Time) {
	db.mu.Lock()
	defer db.mu.Unlock()
	why := fmt.Errorf("samples are up to %s ahead of the clock, which was set back", omen.Soon(time.UnixMilli(db.newest()).Sub(now)))
	db.log.Error("metrics store is ahead of the clock", "path", db.opts.Dir, "err", why)
	if head := db.prom.Head(); head.MinTime() < now.UnixMilli() {
		if err := db.prom.CompactHead(promtsdb.NewRangeHead(head, head.MinTime(), now.UnixMilli()-1)); err != nil {
			db.log.Error("newest samples before the clock was set back are lost", "path", db.opts.Dir, "err", err)
		}
	}
	var future, across []string
	for _, b := range db.prom.Blocks() {
		if b.MinTime() >= now.UnixMilli() {
			future = append(future, b.Dir())
		} else if b.MaxTime() > now.UnixMilli() {
			across = append(across, b.Dir())
		}
	}
	db.reopen(func() {
		for _, path := range append(future, filepath.Join(db.opts.Dir, "wal"), filepath.Join(db.opts.Dir, "chunks_head")) {
			db.moveAside(path, why)
		}
		for _, block := range across {
			if err := endBlock(block, now); err != nil {
				db.log.Error("block that lasts beyond the clock cannot be cut", "path", block, "err", err)
			}
		}
	})
}

// endBlock makes a block end at an instant, so that the TSDB takes samples from
// then on. It changes the block's own description only.
func endBlock(block string, at time.Time) error {
	path := filepath.Join(block, "meta.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var meta map[string]json.RawMessage // all else stays as it is
	if err := json.Unmarshal(text, &meta); err != nil {
		return err
	}
	meta["maxTime"] = json.RawMessage(strconv.FormatInt(at.UnixMilli(), 10)) // exclusive
	if text, err = json.MarshalIndent(meta, "", "\t"); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// newest is the latest sample's time in milliseconds.
func (db *DB) newest() int64 {
	at := db.prom.Head().MaxTime()
	for _, b := range db.prom.Blocks() {
		at = max(at, b.MaxTime()-1) // a block's end is exclusive
	}
	return at
}
