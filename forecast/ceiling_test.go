package forecast

import (
	"math"
	"testing"

	"github.com/omenhq/omen"
)

// capped is a pool of connections with bases that differ, which rises by as much as ever
// at noon and in the evening. Every fourth night it leaks, to 90 % of what the server
// takes, and no further: that is all that it may open.
func capped(h float64) float64 {
	day := math.Floor(h / 24)
	x := .1 + .1*math.Mod(day*7, 5) + nightly(.3)(h+15) + nightly(.3)(h+9)
	if math.Mod(day, 4) == 1 {
		x += nightly(.9)(h)
	}
	return min(x, .9)
}

// What rises from different levels to the same one is ended by it, whatever is said of
// how far it rose. Floors may rise beneath it all the same.
func TestAPoolThatOpensNoMoreIsNotFull(t *testing.T) {
	for _, hour := range []float64{3.3, 3.4, 3.9, 12.3} {
		s := New(Full)
		observe(s, 17+hour/24, capped)
		e := s.experts(Full)
		sure := rising{reach: .99, speed: .1 / 3600, secs: 3600}
		e.rising = sure
		if p := e.within(daySecs); p > .2 {
			t.Errorf("at %.1f h, at %.0f %%: %.2f", hour, 100*share(s.last), p)
		}
		e.floors = sure
		if p := e.within(daySecs); p < .9 {
			t.Errorf("at %.1f h, floors are full: %.2f", hour, p)
		}
	}
	// More than ever: what ended rises no longer does.
	more := func(h float64) float64 {
		if h < 17*24 {
			return capped(h)
		}
		return min(.3+.25*(h-17*24), 1)
	}
	s := New(Full)
	if f := forecastOf(t, s, observe(s, 17+2.7/24, more)); f.P[omen.Within4h] < pageP4 {
		t.Errorf("above the ceiling, at %.0f %%: %v", 100*share(s.last), f.P)
	}
}

// A ceiling is firm if it ends what began at different levels: a backup that is of the
// same size each night ends at the same level, too, as long as nothing else is there.
func TestWhichCeilingIsFirm(t *testing.T) {
	for _, c := range []struct {
		name string
		firm bool
		rise func(i int) (low, top float64)
	}{
		{"a pool", true, func(i int) (low, top float64) { return .1 + .2*float64(i%3), .9 }},
		{"a backup", false, func(int) (low, top float64) { return .3, .9 }},
		{"a backup on a base that moves", false, func(i int) (low, top float64) { return .1 + .2*float64(i%3), .5 + .2*float64(i%3) }},
		{"copies of any size", false, func(i int) (low, top float64) { return .3, .4 + .05*float64(i*7%10) }},
	} {
		var z zigzag
		for i := range 9 {
			low, top := c.rise(i)
			z.keep(rise{levelOf(top) - levelOf(low), levelOf(top), 0})
		}
		for _, used := range []float64{.5, .9, .905} {
			if got := z.ceiling().capped(used, Full) < 1; got != c.firm {
				t.Errorf("%s, at %g: capped %v", c.name, used, got)
			}
		}
		if p := z.ceiling().capped(.92, Full); p != 1 {
			t.Errorf("%s, above all of them: %.2f", c.name, p)
		}
		if p := z.ceiling().capped(.5, .9); p != 1 {
			t.Errorf("%s: the ceiling itself is reached with at most %.2f", c.name, p)
		}
	}
}

// One rise that went far and ended below the limit says that rises go so far, or that
// they end there: from a higher level on that is not the same.
func TestARiseThatEndedBelowTheLimit(t *testing.T) {
	x := func(h float64) float64 { // two outages: the queue has not drained from the first
		switch h -= 15 * 24; {
		case h < 0:
			return .15
		case h < 8:
			return .15 + .07*h
		case h < 10:
			return .71 - .1*(h-8)
		}
		return .51 + .07*(h-10)
	}
	s := New(Full)
	at := observe(s, 15+13.5/24, x)
	r := s.rising(Full)
	grown := share(s.last) - share(s.zigzag.Low)
	height, _, longer := s.zigzag.reach(grown, Full-share(s.last))
	top, _, _ := s.zigzag.climb(share(s.last), Full)
	if longer != 1 || !(height > .85) || !(top < .75) {
		t.Fatalf("by heights %.2f of %d, by tops %.2f", height, longer, top)
	}
	if !(r.reach > top+.05 && r.reach < height-.05) {
		t.Errorf("reach %.2f, by heights %.2f, by tops %.2f", r.reach, height, top)
	}
	if f := forecastOf(t, s, at); f.P[omen.Within24h] >= warnP24 {
		t.Errorf("at %.0f %%: %v", 100*share(s.last), f.P)
	}
}
