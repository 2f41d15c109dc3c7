package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// backoff is how long to wait between attempts: doubling from a second to five
// minutes, give or take a fifth so that lanes that failed together do not come
// back together.
type backoff struct{ tries int }

const (
	firstWait = time.Second
	maxWait   = 5 * time.Minute
)

func (b *backoff) next() time.Duration {
	d := min(firstWait<<min(b.tries, 20), maxWait)
	b.tries++
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func (b *backoff) reset() { b.tries = 0 }

// sleep waits for d; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// insist calls f until it succeeds, with a backoff; complaint is logged each
// time it does not. False: ctx ended first.
func insist(ctx context.Context, log *slog.Logger, complaint string, f func(context.Context) error) bool {
	for wait := (backoff{}); ; {
		err := f(ctx)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		}
		log.Error(complaint, "err", err)
		if !sleep(ctx, wait.next()) {
			return false
		}
	}
}
