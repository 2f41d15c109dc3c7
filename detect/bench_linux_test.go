package detect

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time of the calling thread: other work on the
// machine does not count, as far as it leaves caches and memory alone.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
