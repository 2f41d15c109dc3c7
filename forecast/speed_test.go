package forecast

import (
	"math"
	"testing"
)

func TestHowSpansDisagree(t *testing.T) {
	for _, c := range []struct {
		speeds []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 0},
		{[]float64{2, 2, 2}, 0},
		{[]float64{1, math.E, math.E * math.E}, math.Sqrt(2. / 3)},
		{[]float64{1, -1, 0, math.E}, .5}, // what falls or stands has no logarithm
	} {
		if got := disagreement(c.speeds); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.speeds, got, c.want)
		}
	}
}

// One rise has always been as fast, the other is faster from hour to hour. Of both it is
// as probable that they are full by when their speed says; of the second it is less sure
// that they are soon after, and more likely that they are well before.
func TestTheTimeOfAnUnsteadyRiseIsLessSure(t *testing.T) {
	in4h := func(x func(hours float64) float64) rising {
		s := New(Full)
		observe(s, 1.5, func(h float64) float64 { return .1 + x(max(h-12, 0)) })
		r := s.rising(Full)
		return s.rising(share(s.last) + r.speed*4*3600)
	}
	steadily := in4h(func(h float64) float64 { return .02 * h })
	faster := in4h(func(h float64) float64 { return .0008 * h * h })
	// Over 2 h, 6 h and the whole rise it rose by .0008 times 46, 42 and 24 an hour: their
	// logarithms' standard deviation is .29.
	if got := faster.spread; math.Abs(got-math.Hypot(steady, .29/2)) > .005 {
		t.Errorf("faster from hour to hour: %.3f", got)
	}
	if got := steadily.spread; math.Abs(got-steady) > .001 {
		t.Errorf("a straight line: %.3f", got)
	}
	at := func(r rising, part float64) float64 { return r.within(part*r.secs) / r.reach }
	for _, r := range []rising{steadily, faster} {
		if got := at(r, 1); math.Abs(got-.5) > 1e-12 {
			t.Errorf("by when its speed says: %v", got)
		}
	}
	if at(faster, 2) > at(steadily, 2)-.005 || at(faster, .5) < at(steadily, .5)+.005 {
		t.Errorf("in half and twice the time: %.3f and %.3f if it is steady, %.3f and %.3f if not",
			at(steadily, .5), at(steadily, 2), at(faster, .5), at(faster, 2))
	}
}
