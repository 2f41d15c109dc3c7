package forecast

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// After a gap of days, and after a resize, a new rise begins: what was before
// says nothing about its speed.
func TestWhatCutsARise(t *testing.T) {
	for _, c := range []struct {
		name  string
		gap   time.Duration
		limit float64 // afterwards
		cut   bool
	}{
		{"nothing", 5 * time.Minute, 1, false},
		{"a gap of two hours", 2 * time.Hour, 1, false},
		{"a gap of three days", 3 * 24 * time.Hour, 1, true},
		{"a larger limit", 5 * time.Minute, 2, true},
		{"a smaller limit", 5 * time.Minute, .8, true},
		{"a limit that is hardly larger", 5 * time.Minute, 1.004, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Full)
			x := func(i int) float64 { return .2 + .1*float64(max(i-288*4, 0))/12 } // 10 % an hour
			at, i := monday, 0
			for ; i < 288*4+24; i++ {
				at = at.Add(5 * time.Minute)
				s.Observe(at, x(i), 1)
			}
			after := at.Add(c.gap)
			for at = after; i < 288*4+48; i++ {
				s.Observe(at, x(i), c.limit)
				at = at.Add(5 * time.Minute)
			}
			f := forecastOf(t, s, at)
			if f.Rate == 0 {
				t.Fatal("does not rise")
			}
			if cut := !f.Since.Before(after); cut != c.cut {
				t.Errorf("rises since %v, after %v: cut %v, want %v", f.Since, after, cut, c.cut)
			}
		})
	}
}

func TestAResizeKeepsTheCeiling(t *testing.T) {
	s, at := New(Full), monday
	for i := range 288 * 14 { // to 800 and back to 500, twice a day
		at = at.Add(5 * time.Minute)
		limit := 1000.
		if i > 288*13 {
			limit = 1250
		}
		s.Observe(at, 500+300*float64(i%144)/143, limit)
	}
	for i := range 12 {
		at = at.Add(5 * time.Minute)
		s.Observe(at, 500+300*float64(i)/143, 1250)
	}
	if f := forecastOf(t, s, at); math.Abs(f.Ceiling-800) > 3 {
		t.Errorf("ceiling %g, want 800", f.Ceiling)
	}
}

func TestARiseThatStandsFillsNothing(t *testing.T) {
	x := func(h float64) float64 { return .5 + .1*min(max(h-96, 0), 4) } // to .9 within four hours
	for _, c := range []struct {
		hours float64
		rises bool
	}{{100, true}, {102, false}} {
		s := New(Full)
		f := forecastOf(t, s, observe(s, c.hours/24, x))
		if (f.Rate > 0) != c.rises || (f.P[omen.Within4h] > .3) != c.rises {
			t.Errorf("after %g h: %+v", c.hours, f)
		}
	}
}
