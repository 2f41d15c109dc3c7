package promapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/tsdb"
)

// maxWaiting bounds the requests that wait for their turn, waitWithin how long
// they do, and writeWithin how long an answer may take to be read.
const (
	maxWaiting  = 64
	waitWithin  = 20 * time.Second
	writeWithin = 15 * time.Second
)

// slots are for the requests that read the store: so many at once that Omen's own
// reading keeps its pace beside them. The others wait for their turn.
//
// Of those that have a slot fewer are evaluated at a time than there are
// processors: each wake-up of Omen's own reading, of which a round has hundreds,
// would else wait until one is preempted. The others are written, or are next.
type slots struct {
	free    chan struct{} // one for each that runs, by whom it is taken; full: all run
	turn    chan struct{} // one for each of these that is evaluated; full: the next waits
	waiting atomic.Int32
}

func newSlots() *slots {
	processors := runtime.GOMAXPROCS(0)
	return &slots{free: make(chan struct{}, min(max(2, processors/2), 4)), turn: make(chan struct{}, min(max(1, processors/2), 4))}
}

// each answers requests in their turn, which lasts until the answer, which is in
// memory, is written. It ends when the client has gone, or when
// [tsdb.GuestTime] is over.
func (s *slots) each(f answerer) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.take(r.Context()); err != nil {
			writeError(w, err)
			return
		}
		defer func() { <-s.free }()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(tsdb.GuestTime + writeWithin)) // a recorder has none
		ctx, cancel := context.WithTimeout(r.Context(), tsdb.GuestTime)
		defer cancel()
		data, warnings, err := s.evaluate(ctx, f, r)
		if err != nil {
			writeError(w, err)
			return
		}
		writeAnswer(w, data, warnings)
	}
}

// evaluate answers a request in its turn.
func (s *slots) evaluate(ctx context.Context, f answerer, r *http.Request) (encoder, []string, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	return f(r.WithContext(ctx))
}

func (s *slots) take(ctx context.Context) error {
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > maxWaiting {
		return busy(fmt.Sprintf("%d queries wait already", maxWaiting))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, waitWithin, busy(fmt.Sprintf("%d others run since %s", cap(s.free), waitWithin)))
	defer cancel()
	select {
	case s.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// busy is the error of a query that gets no turn.
func busy(why string) error {
	return fmt.Errorf("too many queries at once: %s; try again later: %w", why, omen.ErrUnavailable)
}
