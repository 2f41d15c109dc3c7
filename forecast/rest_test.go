package forecast

import (
	"math"
	"testing"

	"github.com/omenhq/omen"
)

// A rise of ten busy hours a day is not extrapolated from them, and not from the
// night either: after two days it is known how much a whole day adds.
func TestARiseThatRestsByNightIsMeasuredOverWholeDays(t *testing.T) {
	// .02 a busy hour, from eight to six, from the 15th day on; before, it stands.
	grows := func(h float64) float64 {
		if h < 14*24 {
			return .2
		}
		day := math.Floor(h/24) - 14
		return .2 + .2*day + .02*min(max(math.Mod(h, 24)-8, 0), 10)
	}
	for _, c := range []struct {
		name        string
		day         float64
		least, most float64
	}{
		{"at three in the afternoon, with a day and a half to go", 14 + 2 + 15./24, 0, .5},
		{"at noon of the day on which it is full", 14 + 3 + 12./24, .6, 1},
	} {
		s := New(Full)
		f := forecastOf(t, s, observe(s, c.day, grows))
		if p := f.P[omen.Within24h]; p < c.least || p > c.most {
			t.Errorf("%s: %.2f within a day, want %.2f…%.2f; used %.2f", c.name, p, c.least, c.most, f.Used/f.Limit)
		}
	}
}

// A heap that is collected at 85 %, every five and a half hours, rises by more than is
// free many times a day, at any hour, and never from near the top.
func TestWhatGoesUpAndDownAtAnyHourIsNoHabit(t *testing.T) {
	for h := 15 * 24.; h < 16*24; h += .25 {
		s := New(Full)
		f := forecastOf(t, s, observe(s, h/24, func(h float64) float64 { return .35 + .5*math.Mod(h, 5.5)/5.5 }))
		if p := f.P[omen.Within24h]; p > .5 {
			t.Fatalf("after %.2f h, at %.2f: %.2f within a day", h, f.Used/f.Limit, p)
		}
	}
}

// A dump that stays makes a rise of each week's: a fourth that does not fit is as fast
// as it is, and not as all weeks together.
func TestWhatComesInStepsIsAsManyRises(t *testing.T) {
	steps := func(h float64) float64 {
		week, in := math.Floor(h/168), math.Mod(h, 168)
		return .2 + .22*week + .22*min(in/3, 1)
	}
	s := New(Full)
	f := forecastOf(t, s, observe(s, 21+1./24, steps))
	if p := f.P[omen.Within4h]; p < pageP4 || f.Full.Hours() > 4 {
		t.Errorf("two hours before the end, at %.2f: %.2f within four hours, full in %s", f.Used/f.Limit, p, f.Full)
	}
}
