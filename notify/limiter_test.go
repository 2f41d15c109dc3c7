package notify

import (
	"testing"
	"time"
)

// A destination takes so many messages within any minute, and none while it is paused;
// others have their own.
func TestLimiter(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l, group, other := newLimiter(), channel{to: "group", perMin: 2}, channel{to: "other", perMin: 2}
	for _, c := range []struct {
		to    channel
		after int // seconds
		again int // when to ask again; 0: it is taken
	}{
		{group, 0, 0}, {group, 20, 0}, {group, 30, 60}, {other, 30, 0}, {group, 59, 60}, {group, 60, 0}, {group, 61, 80}, {group, 80, 0},
	} {
		at, ok := l.take(c.to, now.Add(time.Duration(c.after)*time.Second))
		if ok != (c.again == 0) || !ok && !at.Equal(now.Add(time.Duration(c.again)*time.Second)) {
			t.Errorf("%s after %d s: taken %t, again at %s", c.to.to, c.after, ok, at)
		}
	}
	l.pause(other, now.Add(time.Hour))
	l.pause(other, now.Add(time.Minute))
	if at, ok := l.take(other, now.Add(59*time.Minute)); ok || !at.Equal(now.Add(time.Hour)) {
		t.Errorf("while it is paused: taken %t, again at %s", ok, at)
	}
	if _, ok := l.take(other, now.Add(time.Hour)); !ok {
		t.Error("the pause is over")
	}
}
