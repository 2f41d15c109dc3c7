package tsdb_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// scratch is a store in memory that is closed with the test.
func scratch(t *testing.T, origin tsdb.Origin) *tsdb.Scratch {
	t.Helper()
	s := tsdb.NewScratch(origin)
	t.Cleanup(func() { must.OK(t, s.Close()) })
	return s
}

// It does not matter which series are held and which are the origin's, although
// an origin does not say where a series ends.
func TestHeldIsAsRead(t *testing.T) {
	begin := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	rng := rand.New(rand.NewPCG(1, 2))
	var raw, recorded []series.Curve
	for _, host := range []string{"a", "b"} {
		r := series.Curve{Labels: map[string]string{"__name__": "raw", "instance": host}}
		s := series.Curve{Labels: map[string]string{"__name__": "recorded", "instance": host}}
		gap := 0
		for i := range 4 * 60 * 4 {
			if gap--; gap <= 0 && rng.Float64() < .02 {
				gap = rng.IntN(60)
			}
			if at := begin.Add(time.Duration(i) * 15 * time.Second).UnixMilli(); gap <= 0 {
				r.At, r.Values = append(r.At, at), append(r.Values, float64(i)+rng.Float64())
				s.At, s.Values = append(s.At, at), append(s.Values, rng.Float64())
			}
		}
		raw, recorded = append(raw, r), append(recorded, s)
	}
	one := scratch(t, nil)
	one.HoldAll(15*time.Second, raw)
	one.HoldAll(15*time.Second, recorded)
	origin := scratch(t, nil)
	origin.HoldAll(15*time.Second, raw)
	two := scratch(t, origin)
	two.HoldAll(15*time.Second, recorded)
	for _, expr := range []string{
		"raw", "recorded", "raw * recorded", "raw offset 7m * recorded", "rate(raw[5m]) + recorded", "rate(raw[30m] offset 1h) > bool 1 and recorded > .5",
		"sum(raw) by (instance) / avg_over_time(recorded[10m])", `recorded unless raw{instance="a"}`, "predict_linear(raw[20m], 600) - on (instance) recorded",
		"recorded * on (instance) raw @ 1767575400", "absent(recorded) or absent(raw)",
		// Within a subquery raw samples are read, and these do not say where a series
		// is absent: it lasts, so that both answers have it.
		"max_over_time(rate(raw[10m])[30m:1m]) + recorded",
	} {
		r := series.Range{Start: begin.Add(time.Hour), End: begin.Add(3 * time.Hour), Step: time.Minute}
		want, got := must.Get(one.Curves(t.Context(), expr, r))(t), must.Get(two.Curves(t.Context(), expr, r))(t)
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 && expr != "absent(recorded) or absent(raw)" {
			t.Errorf("%s: %d series\n%s", expr, len(want), diff)
		}
	}
	if _, err := two.Curves(t.Context(), "raw * on () recorded", series.Range{Start: begin, End: begin.Add(time.Hour), Step: time.Minute}); err == nil {
		t.Error("many series for many match")
	}
}

// A gap of a held series is one, and the series comes back after it.
func TestHeldSeriesHaveGaps(t *testing.T) {
	at := func(minute int) int64 { return time.Unix(int64(1767571200+60*minute), 0).UnixMilli() }
	s := scratch(t, nil)
	s.Hold("x", time.Minute, []series.Curve{{Labels: map[string]string{"a": "b"}, At: []int64{at(0), at(1), at(4)}, Values: []float64{1, math.Inf(1), 3}}})
	got := must.Get(s.Curves(t.Context(), "x", series.Range{Start: time.UnixMilli(at(0)), End: time.UnixMilli(at(9)), Step: time.Minute}))(t)
	want := []series.Curve{{Labels: map[string]string{"__name__": "x", "a": "b"}, At: []int64{at(0), at(1), at(4)}, Values: []float64{1, math.Inf(1), 3}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
