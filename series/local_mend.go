package series

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// mendLog cuts torn records off the write-ahead log's segments, in place and
// one by one, before the TSDB opens it.
//
// Prometheus' own repair writes the torn segment anew, which on a full disk
// fails half way and loses what it was about to save, and it deletes every
// later segment. Cutting needs no space, and since records never cross
// segments, the later ones stay readable.
func (l *Local) mendLog() {
	wal := filepath.Join(l.opts.Dir, "wal")
	dirs, _ := filepath.Glob(filepath.Join(wal, "checkpoint.*")) // the pattern is well formed
	for _, dir := range append(dirs, wal) {
		segments, _ := filepath.Glob(filepath.Join(dir, "[0-9]*"))
		for _, segment := range segments {
			cut, size, err := lastWhole(segment)
			if err != nil || cut >= size {
				continue // unreadable or whole: the TSDB will say what is the matter
			}
			if err := os.Truncate(segment, cut); err != nil {
				l.log.Error("torn metrics log cannot be cut", "path", segment, "err", err)
				continue
			}
			l.log.Warn("torn metrics log cut", "path", segment, "count", size-cut)
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

// probe finds out whether there is space again, at less cost than a failed
// append, which opens the TSDB anew.
func (l *Local) probe() error {
	path := filepath.Join(l.opts.Dir, "probe")
	err := os.WriteFile(path, make([]byte, probeSize), 0o644)
	if removeErr := os.Remove(path); err == nil {
		err = removeErr
	}
	return err
}
