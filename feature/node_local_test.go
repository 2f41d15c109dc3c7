package feature

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// counter is a series: its name, its labels in pairs, and what it grows by per
// second (or stands at).
type counter struct {
	name string
	ls   []string
	rate float64
}

// synthetic is two processors, half busy in user mode, one real disk below a
// logical volume, one real card below a bond, a real file system mounted twice,
// an emptier one that fills faster, and a tmpfs. It lacks swap and pressure.
var synthetic = []counter{
	{"node_cpu_seconds_total", []string{"cpu", "0", "mode", "user"}, 0.9},
	{"node_cpu_seconds_total", []string{"cpu", "0", "mode", "idle"}, 0.1},
	{"node_cpu_seconds_total", []string{"cpu", "1", "mode", "user"}, 0.1},
	{"node_cpu_seconds_total", []string{"cpu", "1", "mode", "softirq"}, 0.2},
	{"node_cpu_seconds_total", []string{"cpu", "1", "mode", "system"}, 0.1},
	{"node_cpu_seconds_total", []string{"cpu", "1", "mode", "idle"}, 0.6},
	{"node_cpu_guest_seconds_total", []string{"cpu", "0", "mode", "user"}, 0.5},
	{"node_disk_written_bytes_total", []string{"device", "sda"}, 1000},
	{"node_disk_written_bytes_total", []string{"device", "nvme0n1"}, 200},
	{"node_disk_written_bytes_total", []string{"device", "dm-0"}, 1000},
	{"node_disk_written_bytes_total", []string{"device", "loop3"}, 5000},
	{"node_disk_io_time_seconds_total", []string{"device", "sda"}, 0.25},
	{"node_disk_io_time_seconds_total", []string{"device", "md0"}, 1},
	{"node_disk_reads_completed_total", []string{"device", "sda"}, 30},
	{"node_disk_writes_completed_total", []string{"device", "sda"}, 10},
	{"node_disk_read_time_seconds_total", []string{"device", "sda"}, 0.1},
	{"node_disk_write_time_seconds_total", []string{"device", "sda"}, 0.1},
	{"node_network_receive_bytes_total", []string{"device", "eth0"}, 700},
	{"node_network_receive_bytes_total", []string{"device", "bond0"}, 700},
	{"node_network_receive_bytes_total", []string{"device", "eth0.12"}, 700},
	{"node_network_receive_bytes_total", []string{"device", "lo"}, 9000},
	{"node_network_receive_bytes_total", []string{"device", "veth12ab"}, 300},
	{"node_netstat_Tcp_ActiveOpens", nil, 3},
	{"node_netstat_Tcp_PassiveOpens", nil, 4},
	{"node_time_seconds", nil, 1},
	{"node_filesystem_free_bytes", []string{"device", "/dev/sda1", "fstype", "ext4", "mountpoint", "/"}, -1},
	{"node_filesystem_free_bytes", []string{"device", "/dev/sda1", "fstype", "ext4", "mountpoint", "/data"}, -1},
	{"node_filesystem_avail_bytes", []string{"device", "/dev/sda1", "fstype", "ext4", "mountpoint", "/"}, -1},
	{"node_filesystem_free_bytes", []string{"device", "/dev/sdb1", "fstype", "xfs", "mountpoint", "/srv"}, -5},
	{"node_filesystem_avail_bytes", []string{"device", "/dev/sdb1", "fstype", "xfs", "mountpoint", "/srv"}, -5},
}

var standing = []counter{
	{"node_procs_running", nil, 3}, {"node_procs_blocked", nil, 1},
	{"node_memory_MemTotal_bytes", nil, 1000}, {"node_memory_MemAvailable_bytes", nil, 600},
	{"node_memory_SwapTotal_bytes", nil, 0}, {"node_memory_SwapFree_bytes", nil, 0},
	{"node_filesystem_size_bytes", []string{"device", "/dev/sda1", "fstype", "ext4", "mountpoint", "/"}, 1621},
	{"node_filesystem_size_bytes", []string{"device", "/dev/sdb1", "fstype", "xfs", "mountpoint", "/srv"}, 1000},
	{"node_filesystem_size_bytes", []string{"device", "tmpfs", "fstype", "tmpfs", "mountpoint", "/run"}, 1000},
	{"node_filesystem_free_bytes", []string{"device", "tmpfs", "fstype", "tmpfs", "mountpoint", "/run"}, 1},
	{"node_filesystem_avail_bytes", []string{"device", "tmpfs", "fstype", "tmpfs", "mountpoint", "/run"}, 1},
	{"node_boot_time_seconds", nil, 0},
}

// sample is the series' of a host at a value; its instant is still to be set.
func (c counter) sample(host string, v float64) series.Sample {
	ls := map[string]string{"instance": host, "job": "node"}
	for i := 0; i < len(c.ls); i += 2 {
		ls[c.ls[i]] = c.ls[i+1]
	}
	return series.Sample{Name: c.name, Labels: ls, Value: v}
}

// stored is an embedded store with n instants of samples, whose clock goes with
// them.
func stored(t testing.TB, begin time.Time, step time.Duration, n int, batch func(i int) []series.Sample) *tsdb.DB {
	t.Helper()
	now := begin
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir(), Now: func() time.Time { return now }}))(t)
	t.Cleanup(func() { _ = local.Close() })
	for i := range n {
		now = begin.Add(time.Duration(i) * step)
		all := batch(i)
		for j := range all {
			all[j].At = now
		}
		must.OK(t, local.Append(t.Context(), all))
	}
	return local
}

// readNode reads a schema's features, of which none may fail.
func readNode(t testing.TB, local *tsdb.DB, s *Schema, from, to time.Time, step time.Duration) *series.Frame {
	t.Helper()
	f := must.Get(local.Read(t.Context(), series.Query{Exprs: s.Exprs(), By: s.By(), Start: from, End: to, Step: step, Window: max(4*step, 10*time.Second)}))(t)
	for feature, why := range f.Failed {
		t.Errorf("%s: %v", feature, why)
	}
	return f
}

// Every expression counts what it claims to count, once.
func TestNodeCountsOnce(t *testing.T) {
	const seconds = 70
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second)
	local := stored(t, begin, time.Second, seconds, func(i int) (batch []series.Sample) {
		for _, c := range synthetic {
			batch = append(batch, c.sample("web-1", 1000+c.rate*float64(i)))
		}
		for _, c := range standing {
			batch = append(batch, c.sample("web-1", c.rate))
		}
		return batch
	})
	s := must.Get(NewSchema(Node()))(t)
	end := begin.Add((seconds - 1) * time.Second)
	f := readNode(t, local, s, end, end, time.Second)
	got := s.AppendVectors(nil, f, "local", end)
	if len(got) != 1 || got[0].Host.Name != "web-1" {
		t.Fatalf("got %v, want one vector of web-1", got)
	}
	check(t, s, got[0], map[string]float64{
		"cpu_user":           (0.9 + 0.1) / 2,
		"cpu_system":         (0.2 + 0.1) / 2,
		"cpu_iowait":         math.NaN(),
		"cpu_busiest":        0.9,
		"load_per_core":      (3 + 1) / 2.0,
		"procs_blocked":      1,
		"memory_used":        0.4,
		"swap_used":          math.NaN(), // 0 of 0
		"pressure_cpu":       math.NaN(),
		"disk_write":         1200,
		"disk_utilisation":   0.25,
		"disk_operations":    40,
		"disk_latency":       0.2 / 40,
		"filesystem_used":    690 / (690 + 931.0),
		"filesystem_growth":  1 + 5,
		"filesystem_filling": 5 * 60 / (1000 - 5*9.0), // of what was free a minute ago
		"network_receive":    700,
		"tcp_opens":          7,
	})
	if up, ok := s.Uptime(f, 0, 0); !ok || up != (1000+seconds-1)*time.Second {
		t.Errorf("uptime is %s, %t", up, ok)
	}
}
