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
