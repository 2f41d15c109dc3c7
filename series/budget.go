package series

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// budget bounds the bytes of all answers of a source that are held at once: text
// from when it comes in until it is decoded, and what is kept of it until the
// answer is complete.
//
// An answer may always have its share, so that a large one of another feature
// does not make it fail; beyond that it takes from what is left for all.
type budget struct {
	share int64 // of each answer
	pool  int64 // beyond the shares

	mu   sync.Mutex
	used int64 // of the pool
}

// maxShare is enough for an instant of some ten thousand hosts.
const maxShare = 4 << 20

// newBudget is for so many answers at once, which take total bytes together.
func newBudget(total int64, answers int) *budget {
	share := min(total/2/int64(answers), maxShare)
	return &budget{share: share, pool: total - share*int64(answers)}
}

// lease is what one answer has taken.
type lease struct {
	of     *budget
	held   int64 // one answer's body is read by one goroutine at a time
	failed error // why its body could not be read further; nil: nothing failed
}

// take adds n bytes to an answer.
func (l *lease) take(n int64) error {
	b := l.of
	b.mu.Lock()
	defer b.mu.Unlock()
	beyond := max(0, l.held+n-b.share) - max(0, l.held-b.share)
	if b.used+beyond > b.pool {
		return fmt.Errorf("%w: more than %d bytes in this one and those that came in at the same time", ErrTooMuch, b.pool)
	}
	b.used += beyond
	l.held += n
	return nil
}

// settle gives back the text that was decoded, of which so many bytes are held on
// until the answer is complete.
func (l *lease) settle(kept int64) error {
	if kept > l.held {
		return l.take(kept - l.held)
	}
	b := l.of
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= max(0, l.held-b.share) - max(0, kept-b.share)
	l.held = kept
	return nil
}

// release gives back what an answer has taken.
func (l *lease) release() {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.of.used -= max(0, l.held-l.of.share)
	l.held = 0
}

// leased is the context key of a request's lease.
type leased struct{}

func (b *budget) lease(ctx context.Context) (context.Context, *lease) {
	l := &lease{of: b}
	return context.WithValue(ctx, leased{}, l), l
}

// leaseOf is the lease of a request that [Remote.Evaluate] makes.
func leaseOf(req *http.Request) *lease { return req.Context().Value(leased{}).(*lease) }
