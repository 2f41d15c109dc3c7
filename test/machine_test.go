//go:build e2e

package test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// machine is a made-up Linux host with node_exporter's metric names. What it
// measured is a function of time alone, so that its backfilled past and what
// it exports now are one history.
type machine struct {
	name  string
	phase float64       // radians; sets machines apart
	late  time.Duration // what it exports is so old, and says so

	sick atomic.Int64 // since when its disk is flooded, in Unix milliseconds; 0: well
	well atomic.Int64 // since when no more; 0: still
}

// wave goes up and down slowly, with smaller quicker waves: a load that never
// repeats exactly within an hour. It stays within -1.9 and 1.9.
func (m *machine) wave(t, seed float64) float64 {
	return math.Sin(2*math.Pi*t/600+m.phase+seed) + 0.5*math.Sin(2*math.Pi*t/97+seed*2.3) + 0.4*math.Sin(2*math.Pi*t/31.7+seed*5.1+m.phase)
}

// total is the integral of base·(1 + spread·wave), a counter: spread must stay
// below 1/1.9 so that it never falls.
func (m *machine) total(t, base, spread, seed float64) float64 {
	integral := func(period, amplitude, shift float64) float64 {
		return -amplitude * period / (2 * math.Pi) * math.Cos(2*math.Pi*t/period+shift)
	}
	w := integral(600, 1, m.phase+seed) + integral(97, 0.5, seed*2.3) + integral(31.7, 0.4, seed*5.1+m.phase)
	return base * (t + spread*w)
}

// flooded is for how many seconds the disk has been flooded up to t.
func (m *machine) flooded(t float64) float64 {
	since, until := float64(m.sick.Load())/1000, float64(m.well.Load())/1000
	if since == 0 || t < since {
		return 0
	}
	if until > 0 {
		t = min(t, until)
	}
	return t - since
}

// metric is one series: a name with labels, its type, its value.
type metric struct {
	family, labels, kind string
	value                float64
}

// epoch is when the machines were booted: three days before the tests, so that
// nobody takes them for rebooting.
var epoch = time.Now().Add(-72 * time.Hour)

// at is everything that the machine measures at an instant, families together.
func (m *machine) at(now time.Time) []metric {
	t := now.Sub(epoch).Seconds()
	flood := m.flooded(float64(now.UnixMilli()) / 1000)
	ill := 0.0
	if since, well := m.sick.Load(), m.well.Load(); since > 0 && now.UnixMilli() >= since && (well == 0 || now.UnixMilli() < well) {
		ill = 1
	}
	var all []metric
	counter := func(family, labels string, v float64) { all = append(all, metric{family, labels, "counter", v}) }
	gauge := func(family, labels string, v float64) { all = append(all, metric{family, labels, "gauge", v}) }
	for cpu := range 2 {
		seed := float64(cpu)
		label := func(mode string) string { return fmt.Sprintf(`cpu="%d",mode="%s"`, cpu, mode) }
		user, system, wait := m.total(t, 0.22, 0.4, seed), m.total(t, 0.06, 0.4, seed+0.3), m.total(t, 0.01, 0.4, 1)+0.6*flood
		counter("node_cpu_seconds_total", label("user"), user)
		counter("node_cpu_seconds_total", label("system"), system)
		counter("node_cpu_seconds_total", label("iowait"), wait)
		counter("node_cpu_seconds_total", label("steal"), m.total(t, 0.002, 0.4, seed+2))
		counter("node_cpu_seconds_total", label("idle"), t-user-system-wait)
	}
	gauge("node_procs_running", "", math.Round(2+m.wave(t, 0)*0.8))
	gauge("node_procs_blocked", "", math.Round(9*ill))
	counter("node_context_switches_total", "", m.total(t, 1800, 0.4, 0.2))
	counter("node_forks_total", "", m.total(t, 3, 0.3, 0.4))
	for i, r := range []string{"cpu", "io", "memory"} {
		extra := 0.0
		if r == "io" {
			extra = 0.7 * flood
		}
		counter("node_pressure_"+r+"_waiting_seconds_total", "", m.total(t, 0.02, 0.4, float64(i))+extra)
	}
	const memory = 8 << 30
	gauge("node_memory_MemTotal_bytes", "", memory)
	gauge("node_memory_MemAvailable_bytes", "", memory*(0.6-0.03*m.wave(t, 0.5)))
	gauge("node_memory_Cached_bytes", "", memory*(0.3+0.01*m.wave(t, 0.7)))
	gauge("node_memory_Buffers_bytes", "", memory*0.02)
	gauge("node_memory_SReclaimable_bytes", "", memory*0.01)
	counter("node_vmstat_pgfault", "", m.total(t, 2500, 0.4, 0.1))
	counter("node_vmstat_pgmajfault", "", m.total(t, 0.4, 0.3, 0.6))
	const disk = `device="sda"`
	counter("node_disk_read_bytes_total", disk, m.total(t, 4e5, 0.4, 0.8))
	counter("node_disk_written_bytes_total", disk, m.total(t, 1.2e6, 0.4, 0.9)+2.4e8*flood)
	counter("node_disk_reads_completed_total", disk, m.total(t, 12, 0.4, 0.8))
	counter("node_disk_writes_completed_total", disk, m.total(t, 40, 0.4, 0.9)+1800*flood)
	counter("node_disk_read_time_seconds_total", disk, m.total(t, 0.02, 0.4, 0.8))
	counter("node_disk_write_time_seconds_total", disk, m.total(t, 0.08, 0.4, 0.9)+60*flood)
	counter("node_disk_io_time_seconds_total", disk, m.total(t, 0.03, 0.4, 0.9)+0.9*flood)
	counter("node_disk_io_time_weighted_seconds_total", disk, m.total(t, 0.1, 0.4, 0.9)+60*flood)
	const root = `device="/dev/sda1",fstype="ext4",mountpoint="/"`
	gauge("node_filesystem_size_bytes", root, 100e9)
	gauge("node_filesystem_free_bytes", root, 60e9+1e7*m.wave(t, 1.1))
	gauge("node_filesystem_avail_bytes", root, 55e9+1e7*m.wave(t, 1.1))
	gauge("node_filesystem_files", root, 6e6)
	gauge("node_filesystem_files_free", root, 5e6+1e3*m.wave(t, 1.1))
	gauge("node_filefd_allocated", "", math.Round(2200+60*m.wave(t, 1.2)))
	const card = `device="eth0"`
	counter("node_network_receive_bytes_total", card, m.total(t, 3e5, 0.4, 1.3))
	counter("node_network_transmit_bytes_total", card, m.total(t, 5e5, 0.4, 1.3))
	counter("node_network_receive_packets_total", card, m.total(t, 400, 0.4, 1.3))
	counter("node_network_transmit_packets_total", card, m.total(t, 420, 0.4, 1.3))
	gauge("node_netstat_Tcp_CurrEstab", "", math.Round(45+8*m.wave(t, 1.4)))
	counter("node_netstat_Tcp_ActiveOpens", "", m.total(t, 2, 0.4, 1.4))
	counter("node_netstat_Tcp_PassiveOpens", "", m.total(t, 5, 0.4, 1.5))
	counter("node_netstat_Tcp_RetransSegs", "", m.total(t, 0.3, 0.4, 1.6))
	gauge("node_sockstat_TCP_tw", "", math.Round(30+6*m.wave(t, 1.7)))
	gauge("node_time_seconds", "", float64(now.UnixMilli())/1000)
	gauge("node_boot_time_seconds", "", float64(epoch.Unix()))
	return all
}

// machines are three of them.
func machines() []*machine {
	return []*machine{{name: "web-1", phase: 0}, {name: "web-2", phase: 1.9}, {name: "db-1", phase: 4.1}}
}

// export serves a machine's metrics as node_exporter would, until the test ends.
func (m *machine) export(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		last, now, stamp := "", time.Now().Add(-m.late), ""
		if m.late > 0 {
			stamp = fmt.Sprintf(" %d", now.UnixMilli())
		}
		for _, s := range m.at(now) {
			if s.family != last {
				_, _ = fmt.Fprintf(w, "# TYPE %s %s\n", s.family, s.kind)
				last = s.family
			}
			_, _ = fmt.Fprintf(w, "%s{%s} %g%s\n", s.family, s.labels, s.value, stamp)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// line is one sample of the past.
type line struct {
	metric
	at time.Time
}

// history is the past of machines from..to.
func history(all []*machine, from, to time.Time, step time.Duration) (past []line) {
	for _, m := range all {
		for at := from; at.Before(to); at = at.Add(step) {
			for _, s := range m.at(at) {
				s.labels = strings.TrimPrefix(s.labels+fmt.Sprintf(`,instance="%s",job="node"`, m.name), ",")
				past = append(past, line{s, at})
			}
		}
	}
	return past
}

// exposition is the past in OpenMetrics text (seconds) or, for
// VictoriaMetrics, Prometheus' text (milliseconds).
func exposition(past []line, open bool) string {
	families := map[string][]string{}
	for _, s := range past {
		stamp := fmt.Sprintf("%d", s.at.UnixMilli())
		if open {
			stamp = fmt.Sprintf("%.3f", float64(s.at.UnixMilli())/1000)
		}
		families[s.family] = append(families[s.family], fmt.Sprintf("%s{%s} %g %s\n", s.family, s.labels, s.value, stamp))
	}
	var b strings.Builder
	for family, lines := range families {
		if open {
			// promtool takes families that are no strict OpenMetrics
			// counters as unknown, which stores the same samples.
			fmt.Fprintf(&b, "# TYPE %s unknown\n", family)
		}
		b.WriteString(strings.Join(lines, ""))
	}
	if open {
		b.WriteString("# EOF\n")
	}
	return b.String()
}

// backfill makes Prometheus blocks of the past.
func backfill(t *testing.T, dir string, past []line) {
	t.Helper()
	file := write(t, t.TempDir(), "history.om", exposition(past, true))
	out, err := exec.Command(binary(t, "promtool"), "tsdb", "create-blocks-from", "openmetrics", file, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool: %v\n%s", err, tail(string(out), 2000))
	}
	blocks, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("promtool made no blocks in %s: %v\n%s", dir, err, out)
	}
}

// importInto sends the past to VictoriaMetrics and waits until it can be read.
func importInto(t *testing.T, victoria string, past []line) {
	t.Helper()
	for _, request := range []string{"/api/v1/import/prometheus", "/internal/force_flush"} {
		r := must.Get(client.Post(victoria+request, "text/plain", strings.NewReader(exposition(past, false))))(t)
		_ = r.Body.Close()
		if r.StatusCode/100 != 2 {
			t.Fatalf("%s: %s", request, r.Status)
		}
	}
}

// scrape is a Prometheus configuration for the machines, and for what else
// there is by instance name: "node" exporters, and Omen.
func scrape(t *testing.T, interval time.Duration, all []*machine, exporter, omen string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %s}\nscrape_configs:\n- job_name: node\n  static_configs:\n", interval)
	for _, m := range all {
		fmt.Fprintf(&b, "  - {targets: ['%s'], labels: {instance: %s}}\n", m.export(t), m.name)
	}
	if exporter != "" {
		fmt.Fprintf(&b, "  - {targets: ['%s'], labels: {instance: real-host}}\n", exporter)
	}
	if omen != "" {
		fmt.Fprintf(&b, "- job_name: omen\n  honor_labels: true\n  static_configs:\n  - {targets: ['%s']}\n", omen)
	}
	return b.String()
}
