package app

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/tsdb"
)

// Scores are kept, and of the levels those that are above the limit: they are read
// back at the instants of their samples.
func TestScoresAndLevelsAreKept(t *testing.T) {
	db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	defer db.Close()
	g := &generation{p: &process{tsdb: db}}
	web := omen.Host{Source: "prom", Profile: "node", Name: "web-1"}
	from := time.Now().Truncate(time.Second).Add(-time.Minute)
	for i, level := range []float64{0, 1, 2, 2.5, 1} {
		must.OK(t, g.Record(t.Context(), []omen.Score{{Host: web, At: from.Add(time.Duration(i+1) * time.Second), Value: 1.5, Level: level}}))
	}
	scores := must.Get(g.stored(t.Context(), scoreMetric, web, from, from.Add(10*time.Second), time.Second))(t)
	levels := must.Get(g.stored(t.Context(), levelMetric, web, from, from.Add(10*time.Second), time.Second))(t)
	if len(scores) != 5 || scores[0].Value != 1.5 {
		t.Errorf("scores %v", scores)
	}
	want := []omen.ScorePoint{{At: from.Add(3 * time.Second), Value: 2}, {At: from.Add(4 * time.Second), Value: 2.5}}
	if len(levels) != 2 || !levels[0].At.Equal(want[0].At) || levels[0].Value != 2 || !levels[1].At.Equal(want[1].At) || levels[1].Value != 2.5 {
		t.Errorf("levels %v, want %v", levels, want)
	}
}
