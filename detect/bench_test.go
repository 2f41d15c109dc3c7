package detect

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// BenchmarkFit learns a week of minutes of 40 features.
func BenchmarkFit(b *testing.B) {
	s, all := columns(b, 40), synthetic(1, 10_080, 40, time.Minute)
	for b.Loop() {
		fitted(b, s, all, Options{})
	}
}

// BenchmarkRefit is the same from a warm start.
func BenchmarkRefit(b *testing.B) {
	s, all := columns(b, 40), synthetic(1, 10_080, 40, time.Minute)
	m := fitted(b, s, all, Options{})
	for b.Loop() {
		fitted(b, s, all, Options{Warm: m})
	}
}

// BenchmarkScore scores one host's vectors of 40 features one after another.
func BenchmarkScore(b *testing.B) {
	for _, odd := range []int{0, 1, 10, 40} {
		b.Run(fmt.Sprintf("%d-odd", odd), func(b *testing.B) { benchScore(b, odd) })
	}
}

// benchScore scores samples in which the first odd features jump to and fro: so
// many have to return for the alert to clear.
func benchScore(b *testing.B, odd int) {
	s, all := columns(b, 40), synthetic(1, 3000, 40, time.Minute)
	st := fitted(b, s, all, Options{}).Stream(nil)
	for k := range all {
		for f := range odd {
			all[k].Values[f] += float64(2*(k%2)-1) * 2
		}
	}
	at := all[2999].At
	b.ReportAllocs()
	k, loud := 0, 0
	for b.Loop() {
		at = at.Add(time.Minute)
		v := all[k%3000]
		v.At = at
		score, err := st.Score(v)
		if err != nil {
			b.Fatal(err)
		}
		if score.Unsmoothed > 1 {
			loud++
		}
		k++
	}
	b.ReportMetric(float64(loud)/float64(k), "loud")
}

// BenchmarkScoreBatch scores a batch of hosts, each with its own model: a
// hundred fit a large cache, ten thousand fit none. It reports the processor
// time of the median tick and of the best.
func BenchmarkScoreBatch(b *testing.B) {
	for _, hosts := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) { benchBatch(b, hosts) })
	}
}

func benchBatch(b *testing.B, hosts int) {
	s, all := columns(b, 40), synthetic(1, 3000, 40, time.Minute)
	data := must.Get(fitted(b, s, all, Options{}).MarshalBinary())(b)
	streams, vectors := make([]*Stream, hosts), make([]omen.Vector, hosts)
	for i := range streams {
		m := must.Get(Load(data, s))(b)
		streams[i], vectors[i] = m.Stream(nil), all[i%len(all)]
	}
	runtime.GC()
	at := all[2999].At
	dst := make([]Result, 0, hosts)
	ticks := make([]float64, 0, 1<<16)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	for tick := 0; b.Loop(); tick++ {
		at = at.Add(time.Minute)
		for i := range vectors { // values that move: what stands still is stuck, and another case
			vectors[i].At, vectors[i].Values = at, all[(i+tick)%len(all)].Values
		}
		from := threadTime()
		dst = ScoreBatch(dst[:0], streams, vectors)
		if took := threadTime() - from; len(ticks) < cap(ticks) {
			ticks = append(ticks, float64(took)/float64(hosts))
		}
	}
	slices.Sort(ticks)
	b.ReportMetric(ticks[0], "best-ns/vector")
	b.ReportMetric(ticks[len(ticks)/2], "ns/vector")
}

// BenchmarkLoad10000 loads ten thousand models of 40 features.
func BenchmarkLoad10000(b *testing.B) {
	s, all := columns(b, 40), synthetic(1, 3000, 40, time.Minute)
	data := must.Get(fitted(b, s, all, Options{}).MarshalBinary())(b)
	b.ReportMetric(float64(len(data)), "bytes/model")
	for b.Loop() {
		for range 10_000 {
			if _, err := Load(data, s); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// A loaded model of 40 features takes at most 64 KiB of memory.
func TestLoadedModelIsSmall(t *testing.T) {
	s, all := columns(t, 40), synthetic(1, 3000, 40, time.Minute)
	data, err := fitted(t, s, all, Options{}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	const n = 200
	models := make([]*Model, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range models {
		if models[i], err = Load(data, s); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes stored, %d loaded", len(data), each)
	if each > 64<<10 {
		t.Errorf("a loaded model takes %d bytes, want at most %d", each, 64<<10)
	}
	runtime.KeepAlive(models)
}

// BenchmarkCopy is what a prediction adds to scoring: a copy of the host's state.
func BenchmarkCopy(b *testing.B) {
	s, all := columns(b, 40), synthetic(1, 3000, 40, time.Minute)
	st := fitted(b, s, all, Options{}).Stream(all[:200])
	var spare *Stream
	b.ReportAllocs()
	for b.Loop() {
		spare = st.CopyTo(spare)
	}
}
