package forecast

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestADoubt(t *testing.T) {
	near := func(what string, got float32, want float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > 1e-4 {
			t.Errorf("%s: shift %.4f, want %.4f", what, got, want)
		}
	}
	var d doubt
	if got := d.of(.37); got != .37 {
		t.Errorf("nothing is known, and .37 becomes %v", got)
	}
	d.learn(.8, true, 1)
	near("what comes true is said no more surely", d.shift, 0)

	d = doubt{}
	d.learn(.8, false, 1) // a step of .8 against the prior's 1 and the case's .8 (1 - .8)
	near("one that did not come", d.shift, -.8/1.16)
	if got, want := d.of(.8), 1/(1+.25*math.Exp(.8/1.16)); math.Abs(got-want) > 1e-4 {
		t.Errorf(".8 becomes %.4f, want %.4f", got, want)
	}
	if d.of(0) != 0 || d.of(1) != 1 {
		t.Errorf("what is certain becomes %v and %v", d.of(0), d.of(1))
	}

	var day doubt
	for range 24 {
		day.learn(.8, false, 1./24)
	}
	if day.shift < -.8/1.16-.02 || day.shift > -.6 {
		t.Errorf("24 that overlap: shift %.4f, want about that of one", day.shift)
	}
	for range 28 * 24 {
		d.forget()
	}
	if d.shift > -.05 || d.shift < -.15 { // e^-2 of the step
		t.Errorf("after four weeks: shift %.4f", d.shift)
	}
	for range 10_000 {
		d.learn(.99, false, 1)
	}
	if got := d.of(.99); !(got > 0 && got < .01) {
		t.Errorf("after ten thousand times for nothing .99 becomes %v", got)
	}
}

// saw rises for ten hours of every 37 and falls back two hours later, each time from
// higher than before, so that it looks each time as if it went on.
func saw(h float64) float64 {
	since := math.Mod(h, 37)
	if since > 12 {
		return .2
	}
	return .2 + (.4+.015*math.Floor(h/37))*min(since/10, 1)
}

func TestWhatCriedWolfIsSaidLessSurely(t *testing.T) {
	s, asked := New(Full), 0
	for i := range 20 * 288 {
		at := monday.Add(time.Duration(i) * 5 * time.Minute)
		s.Observe(at, saw(float64(i)/12), 1)
		if s.quarters == nil || i%12 != 5 {
			continue
		}
		e := s.experts(s.full)
		raw, f := e.horizons(), forecastOf(t, s, at)
		check(t, f)
		for h := range raw {
			if f.P[h] > raw[h]+1e-12 {
				t.Fatalf("after %d h it says %v, surer than the experts' %v", i/12, f.P, raw)
			}
		}
		if day := raw[omen.Within24h]; i > 14*288 && day > .3 {
			if asked++; f.P[omen.Within24h] > .85*day {
				t.Errorf("after %d h, ten times for nothing, it says %.2f; the experts %.2f", i/12, f.P[omen.Within24h], day)
			}
		}
	}
	if asked < 10 {
		t.Errorf("asked %d times", asked)
	}
}

// What was said before a gap, and of another limit, is not held against anybody.
func TestWhatIsNotJudged(t *testing.T) {
	for name, next := range map[string]func(s *Series, at time.Time) time.Time{
		"a gap": func(_ *Series, at time.Time) time.Time { return at.Add(5 * time.Hour) },
		"a resize": func(s *Series, at time.Time) time.Time {
			s.Observe(at.Add(5*time.Minute), s.used, 2*s.limit)
			return at.Add(5 * time.Minute)
		},
	} {
		s := New(Full)
		at := observe(s, 16, func(h float64) float64 { return .3 + .02*math.Sin(h) + max(0, .1*(h-16*24+5)) })
		r := s.quarters.record
		if r.said == (record{}).said {
			t.Fatalf("%s: nothing was said before", name)
		}
		at = next(s, at)
		before := r.back
		for range 26 * 12 {
			at = at.Add(5 * time.Minute)
			s.Observe(at, .3*s.limit, s.limit)
		}
		for h := range r.back {
			if r.back[h].shift < before[h].shift {
				t.Errorf("%s: what was said before it counts: %v, %v before", name, r.back, before)
			}
		}
	}
}
