package forecast

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// heap is collected at 85 %, to a little above a floor, and takes some hours to get
// there from 35 %, some of them faster than others.
func heap(hours float64, floor func(h float64) float64) func(h float64) float64 {
	used, before := floor(0), 0.0
	return func(h float64) float64 {
		used, before = max(used+.5/hours*(h-before)*(1+.5*math.Sin(h)), floor(h)), h
		if used > .85 {
			used = floor(h) + .02*math.Abs(math.Sin(7*h))
		}
		return used
	}
}

// watch feeds a level to a series every five minutes until it is full, or four weeks
// long, and from the third week on its alarm: what it said when it was raised, each time,
// and when that was, in hours.
func watch(t *testing.T, x func(h float64) float64) (raised []omen.Forecast, hours []float64, end float64) {
	t.Helper()
	var a Alarm
	s, at, h := New(Full), monday, 0.0
	for ; h < 28*24; h += 1. / 12 {
		at = at.Add(5 * time.Minute)
		s.Observe(at, x(h), 1)
		f := forecastOf(t, s, at)
		if f.Exhausted {
			break
		}
		if h < 14*24 {
			continue
		}
		if was := a.Level; a.Evaluate(f) && was == None {
			raised, hours = append(raised, f), append(hours, h)
		}
	}
	return raised, hours, h
}

// What a heap holds at its next collection is not what it holds now: that it rises
// from a higher floor by as much as ever means nothing.
func TestAHeapThatIsAboutToBeCollectedIsNotFull(t *testing.T) {
	for _, hours := range []float64{.7, 3, 11} {
		raised, at, _ := watch(t, heap(hours, func(h float64) float64 { return .35 + .07*math.Sin(h/72*2*math.Pi) }))
		if len(raised) > 0 {
			t.Errorf("collected every %g h: raised after %.1f h: %v", hours, at, raised)
		}
	}
}

// A leak beneath a heap that is collected is one trouble: it is foreseen by the floors,
// which are as high between two collections as they are before one, and does not end
// until it is full.
func TestALeakBeneathAHeapIsNotifiedOnce(t *testing.T) {
	for _, hours := range []float64{2.3, 5.3, 9.3} {
		raised, at, end := watch(t, heap(hours, func(h float64) float64 { return .35 + .01*max(h-15*24, 0) }))
		if len(raised) != 1 || end-at[0] < 4 || end-at[0] > 24 {
			t.Fatalf("collected every %g h: full after %.1f h, raised after %.1f", hours, end, at)
		}
		if rate := raised[0].Rate * 3600; math.Abs(rate/.01-1) > .3 {
			t.Errorf("collected every %g h: rises by %.3f an hour, want .01", hours, rate)
		}
	}
}

// What ends rises, a level or a height, is seen by what changes less.
func TestWhatEndsRises(t *testing.T) {
	for _, c := range []struct {
		name      string
		collected bool
		rise      func(i int) (low, top float64)
	}{
		{"a heap with a floor that rises", true, func(i int) (low, top float64) { return .3 + .02*float64(i), .85 }},
		{"a heap with a floor that is never the same", true, func(i int) (low, top float64) { return .3 + .07*float64(i*7%5)/5, .85 }},
		{"a backup on a base that grows", false, func(i int) (low, top float64) { return .3 + .02*float64(i), .6 + .02*float64(i) }},
		{"a backup that grows", false, func(i int) (low, top float64) { return .3, .6 + .02*float64(i) }},
		{"a backup of another size each night", false, func(i int) (low, top float64) { return .3, .6 + .1*float64(i*7%5)/5 }},
	} {
		var f floors
		for i := range 12 {
			low, top := c.rise(i)
			f.begin(int64(earliest+i*daySecs), levelOf(low))
			f.end(rise{levelOf(top) - levelOf(low), levelOf(top), 0})
			if i < 5 && f.collected {
				t.Errorf("%s: collected after %d rises", c.name, i+1)
			}
		}
		if f.collected != c.collected {
			t.Errorf("%s: collected %v", c.name, f.collected)
		}
		if shown := f.shownByLevel(); (shown > .5) != c.collected || !c.collected && shown > .01 {
			t.Errorf("%s: a level is shown by %.2f", c.name, shown)
		}
	}
}

// A queue that fills from another floor each day to the same level rises by much more
// than is free above that level, and never came to the limit.
func TestDaysThatEndAtALevel(t *testing.T) {
	s := New(Full)
	observe(s, 15+11.9/24, func(h float64) float64 {
		if hour := math.Mod(h, 24); hour >= 12 && hour < 18 {
			return .9
		}
		return .1 + .15*math.Mod(math.Floor((h+6)/24)*7, 5)
	})
	d := s.daily(Full)
	p := d.within(4 * 3600)
	d.level = 0
	if byHeight := d.within(4 * 3600); p > .3 || byHeight < 2*p {
		t.Errorf("at %.0f %%: %.2f, by heights alone %.2f", 100*share(s.last), p, byHeight)
	}
}
