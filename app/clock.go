package app

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
)

// troubleClock is the key of an hour that comes again.
const troubleClock = "clock"

// watchClock says, until ctx ends, that nobody is judged since the clock was set
// back: the sources answer, and what they say was judged before.
func (g *generation) watchClock(ctx context.Context) error {
	timer := time.NewTicker(probeEvery)
	defer timer.Stop()
	for {
		if err := reportClock(ctx, g.manager, g.relives()); err != nil && ctx.Err() == nil {
			g.p.log.Error("own trouble not reported", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// relives is until when time comes again for any source; the zero time: it does not.
func (g *generation) relives() (until time.Time) {
	for _, w := range g.watches {
		until = omen.Later(until, w.Relives())
	}
	return until
}

func reportClock(ctx context.Context, to troubles, until time.Time) error {
	if until.IsZero() {
		return to.Resolve(ctx, troubleClock)
	}
	return to.Report(ctx, troubleClock, omen.Warning,
		fmt.Sprintf("the clock of Omen's machine was set back: what is read until %s UTC was judged before, and nobody is judged until then, unless the clock is set right", until.UTC().Format(time.DateTime)))
}
