package forecast

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// FuzzSeries feeds any samples: steps of time, used and limit from bytes.
func FuzzSeries(f *testing.F) {
	f.Add([]byte{1, 10, 100, 1, 20, 100, 1, 90, 100, 250, 10, 100})
	f.Add([]byte{255, 255, 0, 0, 0, 0, 100, 100, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, at := New(Full), monday
		for i := 0; i+2 < len(b); i += 3 {
			at = at.Add(time.Duration(b[i])*time.Duration(b[i])*time.Minute/4 - time.Minute)
			s.Observe(at, odd(b[i+1]), odd(b[i+2]))
			if f, ok := s.Forecast(at, nil); ok {
				check(t, f)
			}
			if p, ok := s.Probe(.02); ok {
				s.Outcome(p)
			}
		}
	})
}

// odd makes numbers of all sorts.
func odd(b byte) float64 {
	switch b {
	case 255:
		return math.NaN()
	case 254:
		return math.Inf(1)
	case 253:
		return -1
	case 252:
		return math.MaxFloat64
	case 251:
		return math.SmallestNonzeroFloat64
	}
	return float64(b)
}

// FuzzSnapshot reads any bytes: an error, or a series that works.
func FuzzSnapshot(f *testing.F) {
	s := New(Full)
	for _, days := range []float64{0, .1, 3} {
		observe(s, days, func(h float64) float64 { return .5 + .3*math.Mod(h, 10)/10 })
		b, err := s.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Series
		if err := s.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, omen.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		at := time.Unix(s.now, 0).Add(time.Minute)
		for range 10 {
			s.Observe(at, .6, 1)
			s.Forecast(at, nil)
			at = at.Add(time.Hour)
		}
	})
}

// BenchmarkFleet is 10,000 hosts with 30 resources each, of which a fifth move:
// one sample and one forecast of each, as serve does each minute.
func BenchmarkFleet(b *testing.B) {
	const many = 300_000
	r := rand.New(rand.NewPCG(1, 1))
	var moving [64][]byte
	for i := range moving {
		s := New(Full)
		wander(uint64(i), 15, func(at time.Time, used, limit float64) { s.Observe(at, used, limit) })
		moving[i], _ = s.MarshalBinary()
	}
	still := New(Full)
	end := observe(still, 15, func(h float64) float64 { return .3 + .001*math.Sin(h) })
	dormant, _ := still.MarshalBinary()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fleet := make([]Series, many)
	for i := range fleet {
		from := dormant
		if i%5 == 0 {
			from = moving[r.IntN(len(moving))]
		}
		if err := fleet[i].UnmarshalBinary(from); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	at := end.Add(2 * 24 * time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Minute)
		for i := range fleet {
			s := &fleet[i]
			s.Observe(at, s.used*1.0001, s.limit)
			s.Forecast(at, nil)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/resource")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
}

// BenchmarkForecast is one sample and forecast of a series whose windows all
// have to be followed: a nightly job that needs a little less than is free.
func BenchmarkForecast(b *testing.B) {
	s := New(Full)
	backup := nightly(.3)
	at := observe(s, 15, func(h float64) float64 { return .4 + backup(h) })
	for range 12 {
		at = at.Add(time.Minute)
		s.Observe(at, .7e11, 1e11)
	}
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		s.Observe(at, .7e11, 1e11)
		s.Forecast(at, nil)
	}
}
