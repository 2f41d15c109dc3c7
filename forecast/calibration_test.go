package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestACalibrationLearnsHowOftenItHappens(t *testing.T) {
	// What happens with the square of what is said.
	r := rand.New(rand.NewPCG(1, 2))
	var p Pool
	for range 40000 {
		said := r.Float64()
		came := r.Float64() < said*said
		p.Add(Probe{P: [corrected]float64{said, said, said}}, [corrected]bool{came, came, came})
	}
	c := p.Fit()
	for _, said := range []float64{.1, .3, .5, .7, .9} {
		got := c.correct([5]float64{said, said, said, said, said})
		if math.Abs(got[2]-said*said) > .06 { // bins are 1/40 wide, 1000 cases each: two standard errors and a half bin
			t.Errorf("said %.1f: %.3f, want %.2f", said, got[2], said*said)
		}
		if !slices.IsSorted(got[:]) {
			t.Errorf("not monotone: %v", got)
		}
	}
	for _, end := range []float64{0, 1} {
		if got := c.correct([5]float64{end, end, end, end, end}); got[0] != end {
			t.Errorf("what is certain is not corrected: %v became %v", end, got[0])
		}
	}
}

func TestACalibrationIsIsotonic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var p Pool
		for range r.IntN(3000) {
			p.count(r.IntN(corrected), r.Float64(), r.IntN(3) == 0)
		}
		c := p.Fit()
		last := 0.0
		for x := 0.0; x <= 1; x += .001 {
			got := c.correct([5]float64{x, x, x, x, x})[0]
			if got < last-1e-12 || got > 1 {
				t.Fatalf("at %.3f: %g after %g", x, got, last)
			}
			last = got
		}
	}
}

func TestFewOutcomesCorrectLittle(t *testing.T) {
	var p Pool
	for range 20 { // a tenth of what is trusted
		p.count(0, .4, true)
	}
	if got := p.Fit().correct([5]float64{.4, .5, .5, .5, .5})[0]; math.Abs(got-.46) > 1e-9 {
		t.Errorf("%.4f, want .4 + .1·(1-.4)", got)
	}
}

func TestPoolsMerge(t *testing.T) {
	var a, b, both Pool
	for i := range 500 {
		p := &a
		if i%3 == 0 {
			p = &b
		}
		p.count(i%3, float64(i)/512, i%5 == 0) // sums of 512ths are exact in any order
		both.count(i%3, float64(i)/512, i%5 == 0)
	}
	a.Merge(&b)
	if a != both {
		t.Error("merged pools differ from one pool")
	}
}

func TestAProbeLearnsWhatCame(t *testing.T) {
	// .6 % an hour from the tenth day on: .02 above all takes 3⅓ h.
	x := func(h float64) float64 { return .3 + .05*math.Sin(h) + .006*max(h-240, 0) }
	s := New(Full)
	var probe Probe
	for i := range 288*11 + 24 {
		at := monday.Add(time.Duration(i) * 5 * time.Minute)
		s.Observe(at, x(float64(i)/12), 1)
		if i == 288*10 {
			var ok bool
			if probe, ok = s.Probe(.06); !ok {
				t.Fatal("no probe")
			}
			if _, known := s.Outcome(probe); known {
				t.Error("known at once")
			}
		}
	}
	came, known := s.Outcome(probe)
	if want := [corrected]bool{false, false, true}; !known || came != want {
		t.Errorf("came %v, %v; want %v", came, known, want)
	}
	if _, ok := s.Probe(.9); ok {
		t.Error("probed above full")
	}
}

func TestAlarm(t *testing.T) {
	at := func(minute int, p4, p24 float64) omen.Forecast {
		return omen.Forecast{At: monday.Add(time.Duration(minute) * time.Minute), P: [5]float64{0, p4, p24, p24, p24}}
	}
	full := at(60, 1, 1)
	full.Exhausted = true
	for _, c := range []struct {
		name     string
		say      []omen.Forecast
		want     []Level
		cameTrue bool
	}{
		{"one is none", []omen.Forecast{at(0, 0, .9), at(1, 0, .7), at(2, 0, .9)}, []Level{None, None, None}, false},
		{"two warn", []omen.Forecast{at(0, 0, .8), at(1, 0, .8)}, []Level{None, Warning}, false},
		{"escalates and stays", []omen.Forecast{at(0, .5, .8), at(1, .5, .8), at(2, 0, .8), at(3, 0, .4)}, []Level{None, Critical, Critical, Critical}, false},
		{"ends after half an hour below", []omen.Forecast{at(0, 0, .8), at(1, 0, .8), at(2, 0, .2), at(31, 0, .2), at(32, 0, .2)}, []Level{None, Warning, Warning, Warning, None}, false},
		{"half an hour begins again", []omen.Forecast{at(0, 0, .8), at(1, 0, .8), at(2, 0, .2), at(20, 0, .3), at(32, 0, .2), at(61, 0, .2)}, []Level{None, Warning, Warning, Warning, Warning, Warning}, false},
		{"comes true", []omen.Forecast{at(0, 0, .8), at(1, 0, .8), full}, []Level{None, Warning, None}, true},
		{"full unforeseen", []omen.Forecast{at(0, 0, 0), full, full, full}, []Level{None, None, None, None}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a Alarm
			for i, f := range c.say {
				before := a.Level
				if changed := a.Evaluate(f); a.Level != c.want[i] || changed != (before != a.Level) {
					t.Fatalf("step %d: level %d, changed %v; want level %d", i, a.Level, changed, c.want[i])
				}
			}
			if a.CameTrue != c.cameTrue {
				t.Errorf("came true: %v", a.CameTrue)
			}
		})
	}
}
