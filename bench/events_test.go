package bench

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
)

// synthetic is a series of n test samples with alerts and segments as given.
func synthetic(n int, segments []Segment) *Series {
	s := &Series{Set: "set", Name: "h", Step: time.Minute, Features: []string{"a", "b", "c"},
		Test: make([]omen.Vector, n), Labels: make([]bool, n), Segments: segments}
	for i := range s.Test {
		s.Test[i].At = time.Date(2026, 1, 5, 0, i, 0, 0, time.UTC)
	}
	for _, g := range segments {
		for i := g.Start; i <= g.End; i++ {
			s.Labels[i] = true
		}
	}
	return s
}

func scored(n int, alerts ...int) *Scored {
	r := &Scored{Scores: make([]float64, n), Parts: make([]float32, 3*n), features: 3}
	for _, i := range alerts {
		r.Scores[i] = 2
	}
	return r
}

func TestEpisodes(t *testing.T) {
	// 10 and 20 are 10 apart: one. 31 is 11 after 20: another.
	got := episodes(scored(100, 10, 20, 31, 50))
	if diff := cmp.Diff([]Segment{{Start: 10, End: 20}, {Start: 31, End: 31}, {Start: 50, End: 50}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCount(t *testing.T) {
	const n = 1440 // one day
	segments := []Segment{{Start: 100, End: 109}, {Start: 200, End: 209}, {Start: 300, End: 309}, {Start: 400, End: 409}}
	for _, c := range []struct {
		name                          string
		alerts                        []int
		detected, episodes, falseOnes int
		normalAlerts                  int
		delays                        []int
	}{
		{"nothing", nil, 0, 0, 0, 0, nil},
		{"first and last sample", []int{100, 209}, 2, 2, 0, 0, []int{0, 9}},
		{"five late", []int{114}, 1, 1, 0, 1, []int{14}},
		{"six late", []int{115}, 0, 1, 1, 1, nil},
		{"one early", []int{99}, 0, 1, 1, 1, nil},
		{"begins before, goes on inside", []int{95, 104}, 1, 1, 0, 1, []int{4}},
		{"twice in a segment: one detection, one episode", []int{100, 108}, 1, 1, 0, 0, []int{0}},
		{"spans a segment that it skips", []int{393, 403, 412}, 1, 1, 0, 2, []int{3}},
		{"far away", []int{700, 705, 720}, 0, 2, 2, 3, nil},
	} {
		got := count(synthetic(n, segments), scored(n, c.alerts...))
		if got.Segments != 4 || got.Normal != n-40 || math.Abs(got.Days-1) > 1e-12 {
			t.Fatalf("%s: %d segments, %d normal, %v days", c.name, got.Segments, got.Normal, got.Days)
		}
		if got.Detected != c.detected || got.Episodes != c.episodes || got.FalseEpisodes != c.falseOnes ||
			got.NormalAlerts != c.normalAlerts || !cmp.Equal(got.Delays, c.delays) {
			t.Errorf("%s: %+v", c.name, got)
		}
		for k, d := range c.delays { // a sample a minute
			if k >= len(got.DelaySeconds) || got.DelaySeconds[k] != 60*d {
				t.Errorf("%s: delays of %v s, of %v samples", c.name, got.DelaySeconds, got.Delays)
			}
		}
	}
}

func TestRates(t *testing.T) {
	// 2 of 4 segments, 3 episodes of which 1 is false, over half a day.
	c := Counts{Segments: 4, Detected: 2, Episodes: 3, FalseEpisodes: 1, Days: .5, Normal: 200, NormalAlerts: 3, Delays: []int{7, 1}}
	m := c.metrics(.6, .5)
	near(t, "recall", float64(m.Recall), .5, 1e-12)
	near(t, "precision", float64(m.Precision), 2.0/3, 1e-12)
	near(t, "F1", float64(m.F1), 2*.5*2/3/(.5+2.0/3), 1e-12)
	near(t, "FA/day", float64(m.FAPerDay), 2, 1e-12)
	near(t, "FAT", float64(m.FalseTime), .015, 1e-12)
	near(t, "delay", float64(m.DelayMedian), 4, 1e-12)
	near(t, "hit rate without causes", float64(m.HitRate), math.NaN(), 0)
	near(t, "F1 of silence", float64(Counts{Segments: 3, Normal: 10}.metrics(0, 0).F1), 0, 0)
	near(t, "F1 without segments", float64(Counts{Normal: 10}.metrics(0, 0).F1), math.NaN(), 0)
}

func TestCauses(t *testing.T) {
	s := synthetic(40, []Segment{{Start: 10, End: 11, Blamed: []int{0, 2}}, {Start: 30, End: 30, Blamed: []int{1}}, {Start: 35, End: 35}})
	r := scored(40, 11, 30, 35)
	copy(r.Parts[3*10:], []float32{0, 9, 0}) // means over 10…11: 2, 4.5, 1 → top two: 1, 0
	copy(r.Parts[3*11:], []float32{4, 0, 2}) // first alert: 0 on top, blamed
	copy(r.Parts[3*30:], []float32{5, 1, 0}) // first alert: 0 on top, not blamed
	c := count(s, r)
	if c.Blamed != 2 || c.HitRateSum != .5 || c.FirstAlerts != 2 || c.FirstRight != 1 {
		t.Errorf("%+v", c)
	}
}
