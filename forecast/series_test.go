package forecast

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/omenhq/omen"
)

// monday is a midnight.
var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// observe feeds a share of 100 GB every five minutes over some days and returns
// the end.
func observe(s *Series, days float64, x func(hours float64) float64) time.Time {
	at := monday
	for i := range int(days * 288) {
		at = monday.Add(time.Duration(i) * 5 * time.Minute)
		s.Observe(at, 1e11*x(float64(i)/12), 1e11)
	}
	return at
}

// nightly is up by a size for an hour from three o'clock on, written within
// the first half.
func nightly(size float64) func(hours float64) float64 {
	return func(h float64) float64 {
		h = math.Mod(h, 24) - 3
		if h < 0 || h > 1 {
			return 0
		}
		return size * min(2*h, 1)
	}
}

func forecastOf(t *testing.T, s *Series, at time.Time) omen.Forecast {
	t.Helper()
	f, ok := s.Forecast(at)
	if !ok {
		t.Fatal("no forecast")
	}
	return f
}

func TestForecasts(t *testing.T) {
	backup := nightly(.3)
	leak := func(hours, from float64) func(float64) float64 { // from .5 to full within hours
		return func(h float64) float64 { return .5 + .5*max(h-from, 0)/hours }
	}
	for _, c := range []struct {
		name  string
		days  float64
		used  func(hours float64) float64
		least [5]float64 // of P
		most  [5]float64
	}{
		{"flat at 94 %", 15, func(float64) float64 { return .94 }, [5]float64{}, [5]float64{}},
		{"in the middle of a backup that never fills", 14 + 3.4/24, func(h float64) float64 { return .4 + backup(h) },
			[5]float64{}, [5]float64{.1, .1, .2, .2, .2}},
		{"before a backup for which the room is gone since noon", 15 + 2.8/24, func(h float64) float64 {
			if h > 14*24+12 {
				return .8 + backup(h)
			}
			return .4 + backup(h)
		}, [5]float64{.4, .7, .7, .7, .7}, [5]float64{1, 1, 1, 1, 1}},
		{"a leak that fills in 5 h, 4 h in", 10 + 4./24, leak(5, 240), [5]float64{.3, .8, .8, .8, .8}, [5]float64{1, 1, 1, 1, 1}},
		{"a leak that fills in 40 h, 8 h in", 10 + 8./24, leak(40, 240), [5]float64{0, 0, 0, .1, .1}, [5]float64{.01, .01, .3, .9, .9}},
		{"2 % a day, 8 % free", 14, func(h float64) float64 { return .64 + .02*h/24 }, [5]float64{0, 0, 0, 0, .9}, [5]float64{.05, .05, .3, .9, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(Full)
			f := forecastOf(t, s, observe(s, c.days, c.used))
			for i := range f.P {
				if f.P[i] < c.least[i] || f.P[i] > c.most[i] {
					t.Errorf("within %v: %.3f, want %.2f…%.2f", omen.Horizons()[i], f.P[i], c.least[i], c.most[i])
				}
			}
		})
	}
}

func TestTimeToFullHoldsTheRealOne(t *testing.T) {
	s := New(Full)
	f := forecastOf(t, s, observe(s, 10+4./24, func(h float64) float64 { return .5 + .1*max(h-240, 0) }))
	real := time.Hour - 5*time.Minute + 2*time.Minute // the last sample is five minutes before 4 h; full is at 4.95 h
	if f.Early > real || f.Late < real || math.Abs(math.Log(f.Full.Hours()/real.Hours())) > .3 {
		t.Errorf("full in %v (%v to %v), want %v", f.Full, f.Early, f.Late, real)
	}
	if want := 1e11 * .1 / 3600; math.Abs(f.Rate/want-1) > .02 {
		t.Errorf("rises by %g a second, want %g", f.Rate, want)
	}
	if began := monday.Add(240 * time.Hour); f.Since.Sub(began).Abs() > 10*time.Minute {
		t.Errorf("rises since %v, want %v", f.Since, began)
	}
	if f.Days != 11 || f.Rises != 0 || f.Longer != 0 {
		t.Errorf("%d days, %d rises, %d longer; want 11 and no rise", f.Days, f.Rises, f.Longer)
	}
}

func TestARiseIsComparedWithEarlierOnes(t *testing.T) {
	s := New(Full)
	backup := nightly(.3)
	f := forecastOf(t, s, observe(s, 14+3.3/24, func(h float64) float64 { return .5 + backup(h) }))
	if f.Rises != 14 || f.Longer != 0 {
		t.Errorf("%d rises went as far, %d further; want the 14 backups, and none", f.Rises, f.Longer)
	}
	if f.Ceiling < .79e11 || f.Ceiling > .81e11 {
		t.Errorf("cleaned at %g, want 0.8e11", f.Ceiling)
	}
}

func TestFullIsCertainAndNoForecast(t *testing.T) {
	s := New(Full)
	f := forecastOf(t, s, observe(s, 1, func(float64) float64 { return 1.2 }))
	if !f.Exhausted || f.P != [5]float64{1, 1, 1, 1, 1} || f.Full != 0 {
		t.Errorf("over-full: %+v", f)
	}
}

func TestWhatIsNoSampleIsAGap(t *testing.T) {
	a, b := New(Full), New(Full)
	var at time.Time
	for i := range 3000 {
		at = monday.Add(time.Duration(i) * 5 * time.Minute)
		used := .5 + .3*float64(i%500)/500
		a.Observe(at, used, 1)
		b.Observe(at, used, 1)
		for _, bad := range [][2]float64{{math.NaN(), 1}, {-1, 1}, {1, 0}, {1, -1}, {1, math.NaN()}, {math.Inf(1), 1}, {1, math.Inf(1)}} {
			if b.Observe(at.Add(time.Minute), bad[0], bad[1]) {
				t.Fatalf("took %v", bad)
			}
		}
		if b.Observe(at.Add(-time.Hour), 1, 1) {
			t.Fatal("took a sample of the past")
		}
	}
	if x, y := forecastOf(t, a, at), forecastOf(t, b, at); x != y {
		t.Errorf("bad samples changed it:\n%+v\n%+v", x, y)
	}
	if _, ok := a.Forecast(at.Add(31 * time.Minute)); ok {
		t.Error("forecast without a sample for half an hour")
	}
}

func TestAResizeIsNoRise(t *testing.T) {
	s := New(Full)
	var at time.Time
	for i := range 288*10 + 12 {
		at = monday.Add(time.Duration(i) * 5 * time.Minute)
		limit := 1000.
		if i >= 288*10 {
			limit = 600 // from 50 % used to 83 %
		}
		s.Observe(at, 500+float64(i%7), limit)
	}
	if f := forecastOf(t, s, at); f.P[omen.Within24h] > .05 || f.Rate != 0 {
		t.Errorf("a smaller limit reads as a rise: %+v", f)
	}
	for i := range 12 {
		at = at.Add(5 * time.Minute)
		s.Observe(at, 500+float64(i%7), 1e6)
	}
	if f := forecastOf(t, s, at); f.P[omen.Within7d] > .01 {
		t.Errorf("a larger limit is not seen: %+v", f)
	}
}

func TestAGapIsNoRiseOfItsOwn(t *testing.T) {
	for _, gap := range []time.Duration{2 * time.Hour, 3 * 24 * time.Hour, 400 * 24 * time.Hour} {
		s := New(Full)
		at := observe(s, 10, func(h float64) float64 { return .5 + .05*math.Sin(h) }).Add(gap)
		for i := range 6 {
			s.Observe(at.Add(time.Duration(i)*5*time.Minute), .5e11, 1e11)
		}
		if f := forecastOf(t, s, at.Add(25*time.Minute)); f.P[omen.Within24h] > .1 {
			t.Errorf("gap of %v: %+v", gap, f)
		}
	}
}

// wander is a series with rises, falls, noise, gaps and resizes by a seed.
func wander(seed uint64, days int, take func(at time.Time, used, limit float64)) {
	r := rand.New(rand.NewPCG(seed, 1))
	x, slope, limit, at := r.Float64(), 0., 1e9, monday
	for range days * 288 {
		at = at.Add(5 * time.Minute)
		switch r.IntN(400) {
		case 0:
			slope = r.NormFloat64() / 300
		case 1:
			x = r.Float64()
		case 2:
			at = at.Add(time.Duration(r.ExpFloat64() * float64(5*time.Hour)))
		case 3:
			limit *= .5 + r.Float64()
		}
		x = min(max(x+slope, 0), 1.05)
		take(at, limit*max(x+.002*r.NormFloat64(), 0), limit)
	}
}

func TestProbabilitiesAndQuantilesGrow(t *testing.T) {
	asked := 0
	for seed := range uint64(40) {
		s := New(Full)
		wander(seed, 20, func(at time.Time, used, limit float64) {
			s.Observe(at, used, limit)
			if at.Minute() != 0 {
				return
			}
			asked++
			check(t, forecastOf(t, s, at))
		})
	}
	if asked < 1000 {
		t.Fatalf("asked %d times", asked)
	}
}

func check(t *testing.T, f omen.Forecast) {
	t.Helper()
	for i, p := range f.P {
		if !(p >= 0 && p <= 1) || i > 0 && p < f.P[i-1] {
			t.Fatalf("probabilities %v", f.P)
		}
	}
	if f.Early < 0 || f.Early > f.Full || f.Full > f.Late || f.Late > 7*24*time.Hour {
		t.Fatalf("full in %v, %v, %v", f.Early, f.Full, f.Late)
	}
	if f.Full > 0 && f.P[omen.Within7d] < .05 {
		t.Fatalf("full in %v, at %.3f within a week", f.Full, f.P[omen.Within7d])
	}
	if !(f.Rate >= 0) || f.Longer > f.Rises || f.Days < 1 || f.Days > 14 {
		t.Fatalf("%+v", f)
	}
}

func TestAskingAndNeighboursChangeNothing(t *testing.T) {
	const many = 50
	var alone [many]string
	for i := range alone {
		s := New(Full)
		var at time.Time
		wander(uint64(i), 16, func(t time.Time, used, limit float64) { at = t; s.Observe(t, used, limit) })
		alone[i] = fmt.Sprintf("%+v", forecastOf(t, s, at))
	}
	type sample struct {
		at          time.Time
		used, limit float64
	}
	var samples [many][]sample
	var together [many]*Series
	for i := range samples {
		together[i] = New(Full)
		wander(uint64(i), 16, func(at time.Time, used, limit float64) { samples[i] = append(samples[i], sample{at, used, limit}) })
	}
	for n := range samples[0] {
		for i := many - 1; i >= 0; i-- {
			s := samples[i][n]
			together[i].Observe(s.at, s.used, s.limit)
			if n%29 == 0 {
				together[i].Forecast(s.at)
			}
		}
	}
	for i, s := range together {
		if got := fmt.Sprintf("%+v", forecastOf(t, s, samples[i][len(samples[i])-1].at)); got != alone[i] {
			t.Errorf("series %d\ntogether %s\nalone    %s", i, got, alone[i])
		}
	}
}

func TestADormantSeriesIsSmallAndWakes(t *testing.T) {
	s := New(Full)
	at := observe(s, 20, func(h float64) float64 { return .3 + .001*math.Sin(h) })
	if s.quarters != nil || unsafe.Sizeof(*s) > 288 || len(s.zigzag.rises) > 0 {
		t.Fatalf("%d bytes, moves: %v, %d rises", unsafe.Sizeof(*s), s.quarters != nil, len(s.zigzag.rises))
	}
	for i := 1; i <= 24; i++ { // .3 an hour: full in 20 minutes more
		s.Observe(at.Add(time.Duration(i)*5*time.Minute), 1e11*(.3+.3*float64(i)/12), 1e11)
	}
	if f := forecastOf(t, s, at.Add(2*time.Hour)); f.P[omen.Within4h] < .5 {
		t.Errorf("woken: %+v", f)
	}
}

// How far below the largest level of a quarter the last one was is kept to within
// 3 %, and exactly where that decides whether something rises.
func TestAFallIsKeptInAByte(t *testing.T) {
	for d := range uint16(gapLevel) {
		got := levels(fellOf(d))
		if d < 32 && got != d || math.Abs(float64(got)-float64(d)) > .032*float64(d) {
			t.Fatalf("a fall of %d levels is read as %d", d, got)
		}
	}
}
