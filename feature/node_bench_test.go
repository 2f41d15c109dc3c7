package feature

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/omenhq/omen/series"
)

// fleet is what a container host of eight processors reports, as devices go.
func fleet() (all []counter) {
	for core := range 8 {
		for _, mode := range []string{"user", "nice", "system", "irq", "softirq", "iowait", "steal", "idle"} {
			all = append(all, counter{"node_cpu_seconds_total", []string{"cpu", strconv.Itoa(core), "mode", mode}, 0.1})
		}
	}
	nics := []string{"lo", "eth0", "eth1", "bond0", "bond0.100", "docker0", "br-0a1b2c3d4e5f", "wg0"}
	for i := range 12 {
		nics = append(nics, fmt.Sprintf("veth%07x", i))
	}
	for _, nic := range nics {
		for _, way := range []string{"receive", "transmit"} {
			for _, what := range []string{"bytes", "packets", "errs", "drop"} {
				all = append(all, counter{"node_network_" + way + "_" + what + "_total", []string{"device", nic}, 10})
			}
		}
	}
	for _, disk := range []string{"sda", "sdb", "md0", "dm-0", "dm-1", "dm-2"} {
		for _, what := range []string{"read_bytes", "written_bytes", "reads_completed", "writes_completed", "read_time_seconds", "write_time_seconds", "io_time_seconds", "io_time_weighted_seconds"} {
			all = append(all, counter{"node_disk_" + what + "_total", []string{"device", disk}, 0.5})
		}
	}
	for _, name := range []string{"node_context_switches_total", "node_forks_total", "node_vmstat_pgfault", "node_vmstat_pgmajfault", "node_vmstat_pswpin", "node_vmstat_pswpout",
		"node_netstat_Tcp_ActiveOpens", "node_netstat_Tcp_PassiveOpens", "node_netstat_Tcp_RetransSegs", "node_netstat_TcpExt_ListenDrops"} {
		all = append(all, counter{name, nil, 7})
	}
	for _, fs := range []string{"/dev/md0", "/dev/mapper/vg-a", "/dev/mapper/vg-b"} {
		for _, what := range []string{"size_bytes", "free_bytes", "avail_bytes", "files", "files_free"} {
			all = append(all, counter{"node_filesystem_" + what, []string{"device", fs, "fstype", "ext4", "mountpoint", fs}, 1})
		}
	}
	return append(all, counter{"node_memory_MemTotal_bytes", nil, 0})
}

// BenchmarkNode is one instant of the node profile for a thousand hosts that
// the embedded store keeps.
func BenchmarkNode(b *testing.B) {
	const hosts, instants, step = 1000, 9, 15 * time.Second
	all := fleet()
	begin := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	local := stored(b, begin, step, instants, func(i int) []series.Sample {
		batch := make([]series.Sample, 0, hosts*len(all))
		for h := range hosts {
			host := fmt.Sprintf("web-%d", h)
			for _, c := range all {
				batch = append(batch, c.sample(host, 1e6+c.rate*float64(i)))
			}
		}
		return batch
	})
	s := schemaOf(b, Node())
	end := begin.Add((instants - 1) * step)
	for b.Loop() {
		if f := readNode(b, local, s, end, end, step); len(f.Hosts) != hosts {
			b.Fatalf("%d hosts", len(f.Hosts))
		}
	}
}
