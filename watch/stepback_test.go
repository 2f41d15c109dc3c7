package watch

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/tsdb"
)

// A processor's iowait steps back by a hundredth of a second, once, on a host
// of sixteen that has been known for four hours: no score is above the limit for
// a wait for a disk that never was, and nobody is notified of it.
func TestScenarioACounterStepsBack(t *testing.T) {
	const step, known, length = 15 * time.Second, 4 * time.Hour, 4*time.Hour + 10*time.Minute
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	local := counted(t, begin, step, length, func(counter string, at time.Duration) float64 {
		if counter == "iowait0" && at == known {
			return -0.01
		}
		return 0
	})
	schema := must.Get(feature.NewSchema(feature.Node()))(t)
	c := chainOf(t, begin, Options{Source: local, Schema: schema, Step: step})
	c.live(t, known-time.Hour, known)
	if h := c.Hosts(); len(h) != 1 || h[0].Model.ID == "" {
		t.Fatalf("after four hours: %+v, want one host with a model", h)
	}
	scored := 0
	c.o.Sink = listener{c, func(k omen.Tick) {
		for _, s := range k.Scores {
			if scored++; s.Value > 1 {
				t.Errorf("%s after the step back the score is %.1f: %v", k.At.Sub(begin.Add(known)), s.Value, s.Causes)
			}
		}
	}}
	for _, page := range c.live(t, known, length) {
		t.Error(page)
	}
	if scored != int((length-known)/step) {
		t.Errorf("%d scores, want one at each step", scored)
	}
}

// counted is a store with a host of sixteen processors; odd is what a counter grows
// by at an instant besides, or, of a processor's, instead.
func counted(t *testing.T, begin time.Time, step, length time.Duration, odd func(counter string, at time.Duration) float64) *tsdb.DB {
	t.Helper()
	now := begin
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir(), Now: func() time.Time { return now }}))(t)
	t.Cleanup(func() { _ = local.Close() })
	counters := map[string]float64{}
	r := rand.New(rand.NewPCG(1, 2))
	for ; now.Before(begin.Add(length)); now = now.Add(step) {
		at := now.Sub(begin)
		load := 1 + 0.3*math.Sin(at.Minutes()/20)
		var batch []series.Sample
		add := func(name, mode, cpu string, v float64) {
			batch = append(batch, series.Sample{Name: name, At: now, Value: v, Labels: map[string]string{"instance": "web-1", "job": "node", "mode": mode, "cpu": cpu}})
		}
		for cpu := range 16 {
			for mode, share := range map[string]float64{"user": 0.2, "system": 0.05, "iowait": 0.01, "idle": 0.7} {
				c := fmt.Sprint(mode, cpu)
				grown := share * step.Seconds() * (load + 0.1*r.NormFloat64())
				switch {
				case counters[c] == 0:
					counters[c] = 500 // so that a restart would make 90 % of it, which is possible
				case odd(c, at) != 0:
					counters[c] += odd(c, at)
				default:
					counters[c] += max(0, math.Round(100*grown)/100)
				}
				add("node_cpu_seconds_total", mode, fmt.Sprint(cpu), counters[c])
			}
		}
		counters["switches"] += step.Seconds() * 3000 * (load + 0.1*r.NormFloat64())
		counters["received"] += step.Seconds()*2e6*(load+0.1*r.NormFloat64()) + odd("received", at)
		batch = append(batch, series.Sample{Name: "node_network_receive_bytes_total", At: now, Value: counters["received"],
			Labels: map[string]string{"instance": "web-1", "job": "node", "device": "eth0"}})
		add("node_context_switches_total", "", "", counters["switches"])
		add("node_procs_running", "", "", math.Round(3*load))
		add("node_procs_blocked", "", "", 0)
		add("node_memory_MemTotal_bytes", "", "", 1000)
		add("node_memory_MemAvailable_bytes", "", "", 600-50*load)
		add("node_time_seconds", "", "", 1e6+at.Seconds())
		add("node_boot_time_seconds", "", "", 0)
		must.OK(t, local.Append(t.Context(), batch))
	}
	return local
}

// A card's counter of bytes jumps by a terabyte, once, and goes on from there.
// Nothing shows that these bytes did not pass: people are notified, once, and told
// what else it may have been, and it is over when the window is.
func TestScenarioACounterJumps(t *testing.T) {
	const step, known, length = 15 * time.Second, 4 * time.Hour, 4*time.Hour + 30*time.Minute
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	local := counted(t, begin, step, length, func(counter string, at time.Duration) float64 {
		if counter == "received" && at == known {
			return 1e12
		}
		return 0
	})
	c := chainOf(t, begin, Options{Source: local, Schema: must.Get(feature.NewSchema(feature.Node()))(t), Step: step})
	c.live(t, known-time.Hour, known)
	c.live(t, known, length)
	opened := 0
	for _, p := range c.pages {
		if p.Kind != omen.ChangeClosed {
			opened++
		}
		if cause := p.Incident.Causes[0].String(); !strings.HasPrefix(cause, "network_receive ") || !strings.HasSuffix(cause, "(or its counter jumped)") {
			t.Errorf("%s at %s: %s", p.Kind, p.At.Sub(begin), cause)
		}
	}
	if opened != 1 {
		t.Errorf("%d messages, want one: %v", opened, c.pages)
	}
	all := must.Get(c.db.Incidents(t.Context(), store.Filter{}))(t)
	if len(all) != 1 || all[0].State != omen.Closed || all[0].ClosedAt.After(begin.Add(known+10*time.Minute)) {
		t.Errorf("incidents %+v, want one that is over within ten minutes", all)
	}
}

// listener is a sink that hears each round before the sink behind it takes it.
type listener struct {
	Sink
	heard func(omen.Tick)
}

func (l listener) Offer(ctx context.Context, k omen.Tick) error {
	l.heard(k)
	return l.Sink.Offer(ctx, k)
}
