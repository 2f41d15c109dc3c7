package omen

import (
	"context"
	"time"
)

// ClockStep is by how much the wall clock was set between two readings of
// [time.Now], beside the time that passed; positive: ahead. A machine that slept
// has its clock ahead, too.
func ClockStep(before, now time.Time) time.Duration {
	return now.Round(0).Sub(before.Round(0)) - now.Sub(before)
}

// ClockSet is the smallest step of the wall clock that is one: less is how clocks
// are kept right.
const ClockSet = 5 * time.Second

// Sleep waits for d; false: ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
