package forecast

import (
	"math"
	"testing"

	"github.com/omenhq/omen"
)

// A nightly backup that grows by 2 % of the disk each night: .3 + .3 on the
// first night, so that the 19th night's fills it.
func growing(h float64) float64 { return .3 + nightly(.3+.0225*math.Floor(h/24))(h) }

func TestABackupThatGrowsIsForeseenTheEveningBefore(t *testing.T) {
	for _, c := range []struct {
		night       float64 // that comes
		least, most float64 // of P within a day, at eight in the evening before
	}{
		{13, 0, .1},   // .3 + .5925
		{18, .8, .93}, // .3 + .705; 39 windows of 39, and three that did not
	} {
		s := New(Full)
		f := forecastOf(t, s, observe(s, c.night-4./24, growing))
		if p := f.P[omen.Within24h]; p < c.least || p > c.most {
			t.Errorf("before night %.0f: %.2f, want %.2f…%.2f", c.night, p, c.least, c.most)
		}
		if got, want := s.growth(), .0225; math.Abs(got-want) > .001 {
			t.Errorf("grows by %.4f a night, want %.4f", got, want)
		}
	}
}

func TestABackupThatIsHigherThanEverIsNoAlarmAtItsTop(t *testing.T) {
	s := New(Full)
	// At half past three of the 15th night: .3 + .6375, 6 % free.
	f := forecastOf(t, s, observe(s, 15+3.45/24, growing))
	if f.P[omen.Within4h] >= pageP4 {
		t.Errorf("at the top: %v", f.P)
	}
}
