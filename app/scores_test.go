package app

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// Scores are stored with the level while that is above the limit, and read back
// with it: the highest of each step.
func TestScoresAreStoredWithTheLevel(t *testing.T) {
	s, _ := stored(t)
	g := &generation{p: &process{tsdb: s.tsdb}}
	web, other := omen.Host{Source: "local", Profile: "node", Name: "web-1"}, omen.Host{Source: "local", Profile: "node", Name: "web-2"}
	from := time.Now().Add(-time.Minute).Truncate(time.Second)
	for i := range 20 {
		level := 1.0
		if i >= 10 {
			level = 4.5
		}
		at := from.Add(time.Duration(i) * time.Second)
		must.OK(t, g.Record(t.Context(), []omen.Score{{Host: web, At: at, Value: 3, Level: level}, {Host: other, At: at, Value: 2}}))
	}
	for host, want := range map[omen.Host][2]float64{web: {0, 4.5}, other: {0, 0}} {
		got := must.Get(g.Scores(t.Context(), host, from, from.Add(20*time.Second)))(t)
		if len(got) < 19 {
			t.Fatalf("%s: %d points, want one a second", host, len(got))
		}
		if first, last := got[0].Level, got[len(got)-1].Level; first != want[0] || last != want[1] {
			t.Errorf("%s: level %g at first and %g at last, want %v", host, first, last, want)
		}
	}
}
