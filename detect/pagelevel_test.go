package detect

import (
	"testing"
	"time"
)

// What decides whether people are notified needs the level with each score.
func TestScoresCarryThePageLevel(t *testing.T) {
	s := columns(t, 6)
	all := synthetic(3, 2000, 6, time.Minute)
	m := fitted(t, s, all[:1900], Options{})
	for _, sc := range play(t, m.Stream(nil), all[1900:]) {
		if sc.PageLevel != m.PageLevel() || sc.PageLevel < 1 {
			t.Fatalf("page level %v, want the model's %v, at least 1", sc.PageLevel, m.PageLevel())
		}
	}
}
