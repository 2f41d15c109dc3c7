package forecast

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
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
			if f, ok := s.Forecast(at); ok {
				check(t, f)
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

// clone shares nothing with the series.
func (s *Series) clone() Series {
	c := *s
	c.zigzag.rises = slices.Clone(s.zigzag.rises)
	if s.quarters != nil {
		q := *s.quarters
		f, r := *q.floors, *q.record
		f.troughs, f.zigzag.rises = slices.Clone(f.troughs), slices.Clone(f.zigzag.rises)
		q.floors, q.record = &f, &r
		c.quarters = &q
	}
	return c
}

// BenchmarkFleet is 10,000 hosts with 30 resources each, of which a fifth move:
// one sample and one forecast of each, as serve does each minute.
func BenchmarkFleet(b *testing.B) {
	const many = 300_000
	r := rand.New(rand.NewPCG(1, 1))
	var moving [64]*Series
	for i := range moving {
		moving[i] = New(Full)
		wander(uint64(i), 15, func(at time.Time, used, limit float64) { moving[i].Observe(at, used, limit) })
	}
	still := New(Full)
	end := observe(still, 15, func(h float64) float64 { return .3 + .001*math.Sin(h) })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fleet := make([]Series, many)
	for i := range fleet {
		from := still
		if i%5 == 0 {
			from = moving[r.IntN(len(moving))]
		}
		fleet[i] = from.clone()
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
			s.Forecast(at)
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
		s.Forecast(at)
	}
}
