package tsdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	promtsdb "github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// never is longer than any process lives.
const never = 100 * 365 * 24 * time.Hour

// errUnwritten marks what Prometheus panics of: a file of chunks that cannot be
// written, in whatever way. The samples are in the log.
var errUnwritten = errors.New("chunks of samples cannot be written")

// caught makes an error of a panic of Prometheus' head where it writes chunks. It
// panics of a failed write (handleChunkWriteError), and of the next one for a file that
// could not be made: what is left has to be opened again.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = errors.Join(*err, fmt.Errorf("%w: %w", errUnwritten, panicked(p)))
	}
}

func panicked(p any) error {
	if err, ok := p.(error); ok {
		return err
	}
	return fmt.Errorf("%v", p)
}

// mapChunks moves whole chunks from memory into files. Prometheus does it once a minute,
// in a goroutine of its own, where a panic ends the process: here it never comes to that
// ([promtsdb.Options] BlockReloadInterval). With nothing to move it costs next to
// nothing.
func mapChunks(prom *promtsdb.DB) (err error) {
	defer caught(&err)
	prom.ForceHeadMMap()
	return nil
}

// closeTSDB closes a database, also where its last chunks cannot be written.
func closeTSDB(prom *promtsdb.DB) error {
	closing := func(c interface{ Close() error }) (err error) {
		defer caught(&err)
		return c.Close()
	}
	err := closing(prom)
	if !errors.Is(err, errUnwritten) {
		return err
	}
	// The panic left the head open: its log with a goroutine, and its files, which would
	// keep their space when they are deleted. Once the chunks' files are closed the head
	// writes none, and closes. They are not exported; a test says where they are not found.
	files := reflect.ValueOf(prom.Head()).Elem().FieldByName("chunkDiskMapper")
	if files.IsValid() && files.Type() == reflect.TypeFor[*chunks.ChunkDiskMapper]() {
		err = errors.Join(err, closing((*chunks.ChunkDiskMapper)(files.UnsafePointer())), closing(prom.Head()))
	}
	return err
}

// room says why the database cannot be opened or closed now: both write the log's
// samples as chunks, opening in goroutines of Prometheus' own, and where these cannot be
// written the process would end.
func (db *DB) room() error {
	size := int64(probeSize)
	segments, _ := filepath.Glob(filepath.Join(db.opts.Dir, "wal", "[0-9]*")) // the pattern is well formed
	for _, segment := range segments {
		if info, err := os.Stat(segment); err == nil {
			size += info.Size() // a sample is larger there than in a chunk
		}
	}
	dir := filepath.Join(db.opts.Dir, "chunks_head")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = db.opts.Dir // it is made, or moved aside, there
	}
	return probe(dir, size)
}
