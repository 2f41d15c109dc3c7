package host

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/omenhq/omen"
)

// node_exporter keeps one of each of its collectors for the whole process, and
// not all of them may be asked twice at once, by whatever number of collectors of
// ours. Each part has a turn of its own, so that a file system that hangs
// keeps no fast sample waiting.
var fastTurn, slowTurn = make(chan struct{}, 1), make(chan struct{}, 1) // bound 1: who gathers; full: the others wait, no longer than their context

// hangs is how long a gathering takes that is no longer waited for. It is more
// than the 5 s after which node_exporter calls a mount stuck, and leaves it out
// of the gatherings that begin then, until the call that hangs returns.
const hangs = 8 * time.Second

// abandoned are the gatherings that nobody waits for any more.
var abandoned = make(chan struct{}, 8) // bound: each keeps up to four threads in the kernel; full: the next keeps its turn until it ends

// gathered is what a gathering gave.
type gathered struct {
	families []*dto.MetricFamily
	err      error
}

// gather gathers in its turn. It waits no longer than within for the turn, as long for
// what is gathered, and not beyond ctx; a gathering that goes on behind it keeps the turn
// until it ends or is abandoned.
func gather(ctx context.Context, r prometheus.Gatherer, turn chan struct{}, within time.Duration) ([]*dto.MetricFamily, error) {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-late.C:
		return nil, fmt.Errorf("gatherings of before hang, and no more are begun: %w", omen.ErrUnavailable)
	}
	out := make(chan gathered, 1) // bound 1: its sender never waits
	go func() {
		defer func() { <-turn }()
		await(r, within, out)
	}()
	select {
	case g := <-out:
		return g.families, g.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// await gathers, and sends what that gave to out, or within that time why it did not. It
// returns when the next gathering may begin: at once where this one can be abandoned.
func await(r prometheus.Gatherer, within time.Duration, out chan<- gathered) {
	done := make(chan gathered, 1) // bound 1: its sender never waits
	go func() {
		families, err := r.Gather()
		done <- gathered{families, err}
	}()
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case g := <-done:
		out <- g
		return
	case <-late.C:
	}
	out <- gathered{err: fmt.Errorf("gathering has taken %s: %w", within, omen.ErrUnavailable)}
	select {
	case <-done:
	case abandoned <- struct{}{}:
		go func() {
			<-done
			<-abandoned
		}()
	}
}
