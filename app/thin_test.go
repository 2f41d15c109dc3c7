package app

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// An hour of samples in two minutes' stretches: a spike of one second, a dip
// inside its band's edge only, and a sample that is normal by itself and outside of
// what was expected at that moment all stay.
func TestThinningLosesNoExtreme(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := &thinned{from: from, each: 2 * time.Minute}
	for i := range 3600 {
		v, lower, upper := 10+math.Sin(float64(i)), 8.0, 12.0
		switch i {
		case 1000:
			v = 500
		case 2000:
			v = -3
		case 3000: // the host should have been idle
			v, lower, upper = 10, 0, 1
		}
		h.add(omen.Vector{At: from.Add(time.Duration(i) * time.Second), Values: []float64{v}},
			&omen.Score{Expected: []float64{(lower + upper) / 2}, Lower: []float64{lower}, Upper: []float64{upper}})
	}
	got := h.history()
	if n := len(got.Times); n > 30*extremes || n < 30 {
		t.Errorf("%d points for 30 stretches", n)
	}
	seen := map[int]bool{}
	for i, at := range got.Times {
		if i > 0 && at <= got.Times[i-1] {
			t.Fatalf("point %d is not later than the one before", i)
		}
		if a := got.Actual[i]; a > got.Upper[i] || a < got.Lower[i] {
			seen[int(math.Round(float64(at)))-int(from.Unix())] = true
		}
	}
	for _, i := range []int{1000, 2000, 3000} {
		if !seen[i] {
			t.Errorf("what was outside at second %d is lost", i)
		}
	}
	if len(seen) != 3 {
		t.Errorf("outside at %v", seen)
	}
}

// Where nothing was measured the line breaks, and where no model is stored any more
// there is no band.
func TestThinningKeepsGaps(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := &thinned{from: from, each: time.Second}
	add := func(i int, v float64) {
		h.add(omen.Vector{At: from.Add(time.Duration(i) * time.Second), Values: []float64{v}}, nil)
	}
	add(0, math.NaN()) // a history begins with its first sample
	add(1, 1)
	add(2, math.NaN())
	add(3, 3)
	h.gap(from.Add(4 * time.Second))
	add(60, 4)
	got := h.history()
	want := []float64{1, math.NaN(), 3, math.NaN(), 4}
	if len(got.Actual) != len(want) {
		t.Fatalf("%v, want %v", got.Actual, want)
	}
	for i, v := range want {
		if a := float64(got.Actual[i]); a != v && !(math.IsNaN(a) && math.IsNaN(v)) {
			t.Errorf("point %d is %v, want %v", i, a, v)
		}
	}
	if got.Lower != nil || got.Expected != nil {
		t.Errorf("a band of no model: %v", got.Lower)
	}
}
