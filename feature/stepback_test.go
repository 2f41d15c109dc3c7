package feature

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/omenhq/omen/series"
)

// stepping are counters of one host, by what they grow a second, and the
// features that are made of them. They step back by a hundredth of all that
// they counted, or to 0.01 below the last sample where small is set.
var stepping = []struct {
	feature string
	counter
	small bool
}{
	{"cpu_iowait", counter{"node_cpu_seconds_total", []string{"mode", "iowait"}, 0.01}, true},
	{"cpu_steal", counter{"node_cpu_seconds_total", []string{"mode", "steal"}, 0.02}, true},
	{"cpu_user", counter{"node_cpu_seconds_total", []string{"mode", "user"}, 0.1}, true},
	{"context_switches", counter{"node_context_switches_total", nil, 3000}, false},
	{"oom_kills", counter{"node_vmstat_oom_kill", nil, 0}, false},
	{"disk_write", counter{"node_disk_written_bytes_total", []string{"device", "sda"}, 1e6}, false},
	{"disk_queue", counter{"node_disk_io_time_weighted_seconds_total", []string{"device", "sda"}, 0.3}, true},
	{"network_receive", counter{"node_network_receive_bytes_total", []string{"device", "eth0"}, 2e6}, false},
	{"tcp_listen_drops", counter{"node_netstat_TcpExt_ListenDrops", nil, 1}, false},
	{"tcp_retransmits", counter{"node_netstat_Tcp_RetransSegs", nil, 3}, false},
	{"pressure_io", counter{"node_pressure_io_waiting_seconds_total", nil, 0.03}, true},
}

// A counter that steps back makes no rate: what it is made into is a gap, or at or
// below its normal where the step is less than the window's growth, and is there
// again once the window is past the step.
func TestACounterThatStepsBack(t *testing.T) {
	for _, step := range []time.Duration{time.Second, 15 * time.Second} {
		for _, counted := range []time.Duration{time.Minute, 4 * time.Hour, 400 * 24 * time.Hour} {
			for _, cores := range []int{1, 16} {
				t.Run(fmt.Sprintf("%s after %s on %d", step, counted, cores), func(t *testing.T) { stepBack(t, step, counted, cores) })
			}
		}
	}
}

func stepBack(t *testing.T, step, counted time.Duration, cores int) {
	const instants, at = 24, 12 // the step back is between the eleventh and the twelfth
	begin := time.Now().Add(-30 * time.Minute).Truncate(time.Minute)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		for _, c := range stepping {
			total := func(i int) float64 { return 5 + c.rate*(counted+step*time.Duration(i)).Seconds() }
			back := total(at) / 100
			if c.small {
				back = 0.01 + c.rate*step.Seconds()
			}
			for core := range cores {
				ls := c.ls
				if slices.Contains(ls, "mode") {
					ls = append(ls[:2:2], "cpu", strconv.Itoa(core))
				} else if core > 0 {
					break // there is one of it
				}
				v := total(i)
				if i >= at && core == 0 {
					v -= back
				}
				batch = append(batch, counter{name: c.name, ls: ls}.sample("web-1", v))
			}
		}
		for core := range cores {
			batch = append(batch, counter{name: "node_cpu_seconds_total", ls: []string{"mode", "idle", "cpu", strconv.Itoa(core)}}.sample("web-1", float64(i)))
		}
		return append(batch, counter{name: "node_memory_MemTotal_bytes"}.sample("web-1", 1))
	})
	s := schemaOf(t, Node())
	all := s.History(readNode(t, local, s, begin, begin.Add((instants-1)*step), step), "local", 0)
	for _, c := range stepping {
		j := s.Index(c.feature)
		normal := c.rate
		if math.IsNaN(all[at-1].Values[j]) || math.Abs(all[at-1].Values[j]-normal) > 1e-6*normal {
			t.Fatalf("%s is %v before, want %v", c.feature, all[at-1].Values[j], normal)
		}
		for i := at; i < instants; i++ {
			if v := all[i].Values[j]; v > normal*(1+1e-6) {
				t.Errorf("%s: %d instants after the step back it is %v, and %v normally", c.feature, i-at, v, normal)
				break
			}
		}
		if v := all[instants-1].Values[j]; math.Abs(v-normal) > 1e-6*normal {
			t.Errorf("%s is %v in the end, want %v", c.feature, v, normal)
		}
	}
}

// Of counters of which some begin again at 0, as after a restart of the exporter, the
// others make no sum and no maximum: there is none until the window is past it.
func TestNoPartialSums(t *testing.T) {
	type part struct {
		counter
		again bool
	}
	cpu := func(mode string, rate float64, again bool) part {
		return part{counter{"node_cpu_seconds_total", []string{"cpu", "0", "mode", mode}, rate}, again}
	}
	of := func(metric, device string, rate float64, again bool) part {
		return part{counter{metric, []string{"device", device}, rate}, again}
	}
	parts := []part{
		cpu("idle", .7, false), {counter{"node_cpu_seconds_total", []string{"cpu", "1", "mode", "idle"}, .5}, true}, cpu("user", .12, true), cpu("nice", 0, false), cpu("system", .05, true), cpu("irq", 0, false), cpu("softirq", .01, false), cpu("iowait", .01, false),
		of("node_disk_written_bytes_total", "sda", 5e6, true), of("node_disk_written_bytes_total", "sdb", 1e6, false),
		of("node_disk_io_time_seconds_total", "sda", .5, true), of("node_disk_io_time_seconds_total", "sdb", .1, false), of("node_disk_io_time_seconds_total", "dm-0", .3, false),
		of("node_disk_read_time_seconds_total", "sda", .5, false), of("node_disk_write_time_seconds_total", "sda", .5, false),
		of("node_disk_reads_completed_total", "sda", 50, true), of("node_disk_writes_completed_total", "sda", 50, false),
		of("node_network_receive_bytes_total", "eth0", 2e6, true), of("node_network_receive_bytes_total", "tun0", 1e6, false),
		of("node_network_transmit_bytes_total", "eth0", 2e6, false), of("node_network_transmit_bytes_total", "tun0", 3e6, true),
		{counter{"node_context_switches_total", nil, 3000}, true}, {counter{"node_forks_total", nil, 5}, false},
	}
	const instants, at, step = 24, 12, 5 * time.Second
	begin := time.Now().Add(-30 * time.Minute).Truncate(time.Minute)
	local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
		for _, p := range parts {
			counted := time.Hour + step*time.Duration(i)
			if p.again && i >= at {
				counted = step * time.Duration(i-at)
			}
			batch = append(batch, p.sample("web-1", p.rate*counted.Seconds()))
		}
		return append(batch, counter{name: "node_memory_MemTotal_bytes"}.sample("web-1", 1))
	})
	s := schemaOf(t, Node())
	all := s.History(readNode(t, local, s, begin, begin.Add((instants-1)*step), step), "local", 0)
	for feature, normal := range map[string]float64{
		"cpu_user": .06, "cpu_system": .03, "cpu_busiest": .5, "disk_write": 6e6, "disk_utilisation": .5, "disk_latency": .01, "network_receive": 2e6, "network_transmit": 3e6, "context_switches": 3000,
	} {
		j := s.Index(feature)
		for _, i := range []int{at - 1, at, at + 1, instants - 1} {
			v := all[i].Values[j]
			if partial := i == at || i == at+1; partial && !math.IsNaN(v) || !partial && !(math.Abs(v-normal) < 1e-6*normal) {
				t.Errorf("%s is %v at %d, and %v normally; the counters begin again at %d", feature, v, i, normal, at)
			}
		}
	}
	for feature, normal := range map[string]float64{"cpu_iowait": .005, "forks": 5} {
		if v := all[at].Values[s.Index(feature)]; !(math.Abs(v-normal) < 1e-6*normal) {
			t.Errorf("%s, none of whose counters begins again, is %v, want %v", feature, v, normal)
		}
	}
}

// An idle counter that steps back, by however little, makes no processor look busy, nor
// does another one stand for it.
func TestTheBusiestProcessorWhileAnIdleCounterStepsBack(t *testing.T) {
	const instants, at, step, rate = 24, 12, 5 * time.Second, .7
	for _, back := range []float64{5, 15, 3000} { // less than the window's growth, about it, all of it
		begin := time.Now().Add(-30 * time.Minute).Truncate(time.Minute)
		local := stored(t, begin, step, instants, func(i int) (batch []series.Sample) {
			for cpu, idle := range []float64{rate, .5} {
				v := idle * (4000 + step.Seconds()*float64(i))
				if cpu == 0 && i >= at {
					v = max(rate*step.Seconds()*float64(i-at), v-back)
				}
				batch = append(batch, counter{"node_cpu_seconds_total", []string{"mode", "idle", "cpu", strconv.Itoa(cpu)}, 0}.sample("web-1", v))
			}
			return append(batch, counter{name: "node_memory_MemTotal_bytes"}.sample("web-1", 1))
		})
		s := schemaOf(t, Node())
		all := s.History(readNode(t, local, s, begin, begin.Add((instants-1)*step), step), "local", 0)
		for i := at - 4; i < instants; i++ {
			v := all[i].Values[s.Index("cpu_busiest")]
			if within := i >= at && i < at+3; within && !math.IsNaN(v) || !within && !(math.Abs(v-.5) < 1e-6) {
				t.Errorf("a step back of %g at %d: %v at %d, want 0.5, and nothing while the window holds the step", back, at, v, i)
			}
		}
	}
}
