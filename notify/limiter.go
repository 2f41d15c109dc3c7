package notify

import (
	"slices"
	"sync"
	"time"
)

// limiter keeps workers that lead to the same destination (two receivers of one
// Telegram group) below what the channel's owner allows, and off a channel
// that asked for a pause. Workers share it; its lock is held for
// arithmetic only.
type limiter struct {
	mu   sync.Mutex
	sent map[string][]time.Time // by destination, of the last minute
	hold map[string]time.Time   // by destination: not before
}

func newLimiter() *limiter {
	return &limiter{sent: map[string][]time.Time{}, hold: map[string]time.Time{}}
}

// take asks for a message's place; if there is none it says when to ask again.
func (l *limiter) take(c channel, now time.Time) (at time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.hold[c.to]; at.After(now) {
		return at, false
	}
	delete(l.hold, c.to)
	if c.perMin == 0 {
		return time.Time{}, true
	}
	sent := slices.DeleteFunc(l.sent[c.to], func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	l.sent[c.to] = sent
	if len(sent) >= c.perMin {
		return sent[len(sent)-c.perMin].Add(time.Minute), false
	}
	l.sent[c.to] = append(sent, now)
	return time.Time{}, true
}

// pause keeps every worker off a destination.
func (l *limiter) pause(c channel, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.hold[c.to]) {
		l.hold[c.to] = until
	}
}
