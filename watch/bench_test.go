package watch

import (
	"fmt"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// BenchmarkHosts is what a list of 5,000 hosts costs, with and without their features.
func BenchmarkHosts(b *testing.B) {
	r := newRig(b, open(b), "web-1")
	r.grow(b)
	for i := range 5000 {
		h := *r.hosts["web-1"]
		h.id.Name = fmt.Sprintf("web-%d", i)
		r.hosts[h.id.Name] = &h
	}
	for name, list := range map[string]func() []omen.HostStatus{"whole": r.Hosts, "brief": r.Brief} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				list()
			}
		})
	}
}

// BenchmarkTick is one instant of a fleet, from the frame that the source gave
// to the scores that are offered. All hosts have one small model: what is
// measured is what a tick adds to the scoring, which detect's benchmarks
// measure.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newRig(b, open(b), "web-1")
			r.grow(b)
			grown := r.hosts["web-1"]
			names := make([]string, n)
			for i := range names {
				names[i] = fmt.Sprintf("web-%d", i)
				id := omen.Host{Source: "test", Profile: "test", Name: names[i]}
				r.hosts[names[i]] = &host{id: id, model: grown.model, info: grown.info, stream: grown.model.Stream(nil), drift: newDrift(grown.model), first: r.now}
			}
			w := &world{hosts: names, born: r.world.born, fault: map[string]float64{}, silent: map[string]bool{}}
			frame, err := w.Read(b.Context(), series.Query{Exprs: r.past().Query(r.now, r.now, time.Second).Exprs, Start: r.now.Add(-time.Minute), End: r.now, Step: time.Second})
			if err != nil {
				b.Fatal(err)
			}
			r.ticks = nil
			at := 0
			b.ReportAllocs()
			for b.Loop() {
				r.tick(b.Context(), frame, r.now.Add(time.Duration(at-60)*time.Second))
				at = (at + 1) % 61
			}
			scores := len(r.ticks) * n
			if scores == 0 {
				b.Fatal("nothing was scored")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(scores), "ns/host")
		})
	}
}
