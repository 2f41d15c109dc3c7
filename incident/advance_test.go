package incident

import (
	"testing"
	"time"
)

// At fast steps samples may be missing for a while without a gap; what comes after one
// counts for nothing.
func TestAdvance(t *testing.T) {
	var k track
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		after, counted time.Duration
		gap            bool
	}{
		{0, 0, false}, {time.Second, 0, false}, {9 * time.Second, 2 * time.Second, false}, {11 * time.Second, 0, true},
	} {
		at = at.Add(c.after)
		if counted, gap, ok := k.advance(at, time.Minute); counted != c.counted || gap != c.gap || !ok {
			t.Errorf("sample %d: %s counted, gap %t, taken %t", i, counted, gap, ok)
		}
	}
}
