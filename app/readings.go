package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/omenhq/omen"
)

// readWithin is how long reading a file may take before it counts as one that
// cannot be read.
const readWithin = 5 * time.Second

// readings reads files that may lie on a file system that hangs: then a read
// returns to nobody, for as long as it hangs, and cannot be ended. There is one
// at a time of each file; who asks again waits for the same. It is safe for
// concurrent use.
type readings struct {
	within time.Duration // how long a read may take; 0: readWithin

	mu      sync.Mutex
	pending map[string]*reading // by path
}

// reading is a read that has not been taken.
type reading struct {
	since time.Time
	done  chan struct{} // closed when it has returned
	text  []byte
	err   error
}

// read is what a regular file holds, at most so many bytes of it, or why that is
// not known in time.
func (r *readings) read(ctx context.Context, path string, most int64) ([]byte, error) {
	within := r.within
	if within == 0 {
		within = readWithin
	}
	one := r.begin(path, most)
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-one.done:
		r.end(path, one)
		return one.text, one.err
	case <-late.C:
		return nil, omen.WithHint(fmt.Errorf("read %s: it has not been read since %s: %w", path, one.since.UTC().Format(time.RFC3339), omen.ErrUnavailable),
			"look at the file system that it is on; Omen goes on by itself when it answers")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// begin begins to read a file, unless that is under way.
func (r *readings) begin(path string, most int64) *reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.pending[path]
	if one == nil {
		one = &reading{since: time.Now(), done: make(chan struct{})}
		if r.pending == nil {
			r.pending = map[string]*reading{}
		}
		r.pending[path] = one
		go func() {
			defer close(one.done)
			one.text, one.err = readRegular(path, most)
		}()
	}
	return one
}

// end has the next one who asks read again.
func (r *readings) end(path string, one *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending[path] == one {
		delete(r.pending, path)
	}
}
