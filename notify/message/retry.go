package message

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	omen "github.com/omenhq/omen"
)

// Backoff is how long to wait between attempts: doubling from a second to five
// minutes, give or take a fifth so that those who failed together do not come
// back together.
type Backoff struct{ Tries int }

const (
	firstWait = time.Second
	maxWait   = 5 * time.Minute
)

// Next counts a failure and says how long to wait after it.
func (b *Backoff) Next() time.Duration {
	d := min(firstWait<<min(b.Tries, 20), maxWait)
	b.Tries++
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// WithTimeout ends ctx after d with a cause that says so; 0: never.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("no answer within %s", d))
}

// SendTimeout is how long one attempt to send a message may take.
const SendTimeout = 30 * time.Second

// Retry calls f until it succeeds, with a backoff; each error is logged, with
// what did not happen. False: ctx ended first.
func Retry(ctx context.Context, log *slog.Logger, what string, f func(context.Context) error) bool {
	for wait := (Backoff{}); ; {
		err := f(ctx)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		}
		log.Error("attempt failed, retrying", "why", what, "err", err)
		if !omen.Sleep(ctx, wait.Next()) {
			return false
		}
	}
}
