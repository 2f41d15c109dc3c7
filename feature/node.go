package feature

import "github.com/omenhq/omen"

// uptime is from the host's own clock on both sides, so that a host whose clock
// is wrong is not thought to be rebooting. Hosts whose exporter gives no boot
// time count as up for long.
const uptime = `max by ($by) (node_time_seconds - node_boot_time_seconds)
  or 1e9 + 0 * max by ($by) (node_memory_MemTotal_bytes)`

// boots leaves out hosts that have just booted, which not every collector may
// have noticed.
const boots = `max by ($by) (node_boot_time_seconds) - min by ($by) (node_boot_time_seconds)
  and min by ($by) (node_time_seconds - node_boot_time_seconds) > 900`

// cores is how many processors a host has, however many collectors say so.
const cores = `count by ($by) (count by ($by, cpu) (node_cpu_seconds_total{mode="idle"}))`

// Node is the built-in profile for Linux hosts, from the metrics of
// node_exporter 0.16 and later. It needs only collectors that are on by
// default, but for processes; what a host's exporter lacks is a gap.
//
// It has no derived features: the detector's forecast keeps averages over
// several spans and the time of day itself, and weighs changes in its breadth
// channel, so they would make each vector longer and add nothing to it. There is
// no node_load1 either: it is an average over a minute of what load_per_core
// measures at the moment, and would keep an incident open for minutes after
// the trouble is over.
func Node() Profile {
	return Profile{
		Name:   "node",
		Help:   "A Linux host, by node_exporter's metrics",
		By:     []string{"instance"},
		Uptime: uptime,
		Boots:  boots,
		Features: join(
			nodeCPU(), nodePressure(), nodeMemory(), nodeDisk(), nodeFiles(), nodeNetwork(), nodeTCP(),
		),
		Limits: nodeLimits(),
	}
}

// highest is the rate of a counter that a host has one of.
func highest(counter string) string {
	return `max by ($by) ` + rate(counter, "")
}

func join(groups ...[]Feature) []Feature {
	var all []Feature
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// cpuMode is the share of all processors' time that goes to some modes. A
// second collector adds to both sides.
func cpuMode(modes string) string {
	return `sum by ($by) (` + rate("node_cpu_seconds_total", `mode=~"`+modes+`"`) + `) / count by ($by) (node_cpu_seconds_total{mode="idle"})`
}

// busiestCPU is what its idle time leaves of the processor that has least. Where any
// idle counter stepped back within the window, however little, that would be too much:
// it is infinite, and so a gap, as with [rate].
const busiestCPU = `max by ($by) (1 / (resets(node_cpu_seconds_total{mode="idle"}[$window]) == bool 0) - deriv(node_cpu_seconds_total{mode="idle"}[$window]))`

// Guest time is inside user time and a metric of its own: it is not added.
func nodeCPU() []Feature {
	return []Feature{
		{Name: "cpu_user", Group: "cpu", Unit: omen.Ratio, Direction: Up, Deviation: 0.15, Scale: 0.3, Work: true,
			Help: "Share of all processors that runs programs, niced ones and guests included",
			Expr: cpuMode("user|nice")},
		{Name: "cpu_system", Group: "cpu", Unit: omen.Ratio, Direction: Up, Deviation: 0.1, Scale: 0.2,
			Help: "Share of all processors that runs the kernel, interrupts included",
			Expr: cpuMode("system|irq|softirq")},
		{Name: "cpu_iowait", Group: "cpu", Unit: omen.Ratio, Direction: Up, Deviation: 0.1, Scale: 0.2,
			Help: "Share of all processors that is idle while processes wait for a disk",
			Expr: cpuMode("iowait")},
		{Name: "cpu_steal", Group: "cpu", Unit: omen.Ratio, Direction: Up, Deviation: 0.05, Scale: 0.1,
			Help: "Share of all processors that the hypervisor gave to other machines",
			Expr: cpuMode("steal")},
		{Name: "cpu_busiest", Group: "cpu", Unit: omen.Ratio, Direction: Up, Deviation: 0.3, Scale: 0.5, Work: true,
			Help: "How busy the busiest processor is: one thread that spins shows here on a machine with many",
			Expr: busiestCPU},
		{Name: "load_per_core", Group: "cpu", Unit: omen.Count, Direction: Up, Deviation: 0.75, Scale: 1.5,
			Help: "Run queue: processes running or blocked per processor, what load averages are made of, without their delay",
			Expr: `max by ($by) (avg_over_time(node_procs_running[$window]) + avg_over_time(node_procs_blocked[$window])) / ` + cores},
		{Name: "procs_blocked", Group: "cpu", Unit: omen.Count, Direction: Up, Deviation: 1.5, Scale: 3,
			Help: "Processes that wait for a disk or a network file system and cannot be interrupted",
			Expr: `max by ($by) (avg_over_time(node_procs_blocked[$window]))`},
		{Name: "context_switches", Group: "cpu", Unit: omen.PerSecond, Direction: Both, Deviation: 3000, Scale: 5000, Work: true,
			Help: "Switches from one process to another",
			Expr: highest("node_context_switches_total")},
		{Name: "forks", Group: "cpu", Unit: omen.PerSecond, Direction: Up, Deviation: 20, Scale: 30,
			Help: "Processes and threads started",
			Expr: highest("node_forks_total")},
		{Name: "processes", Group: "cpu", Unit: omen.Count, Direction: Both, Deviation: 30, Scale: 60,
			Help: "Processes that exist; needs node_exporter's processes collector",
			Expr: `max by ($by) (node_processes_pids)`},
	}
}

// pressure is the share of time in which some process waited for a resource,
// as the kernel tells since 4.20.
func pressure(resource string) string {
	return highest("node_pressure_" + resource + "_waiting_seconds_total")
}

func nodePressure() []Feature {
	return []Feature{
		{Name: "pressure_cpu", Group: "pressure", Unit: omen.Ratio, Direction: Up, Deviation: 0.15, Scale: 0.3,
			Help: "Share of time in which some process waited for a processor", Expr: pressure("cpu")},
		{Name: "pressure_io", Group: "pressure", Unit: omen.Ratio, Direction: Up, Deviation: 0.1, Scale: 0.2,
			Help: "Share of time in which some process waited for a disk", Expr: pressure("io")},
		{Name: "pressure_memory", Group: "pressure", Unit: omen.Ratio, Direction: Up, Deviation: 0.05, Scale: 0.1,
			Help: "Share of time in which some process waited for memory", Expr: pressure("memory")},
	}
}

func nodeMemory() []Feature {
	return []Feature{
		{Name: "memory_used", Group: "memory", Unit: omen.Ratio, Direction: Both, Deviation: 0.05, Scale: 0.1,
			Help: "Share of memory that programs could not have without swapping",
			Expr: `max by ($by) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)`},
		{Name: "memory_cached", Group: "memory", Unit: omen.Ratio, Direction: Both, Deviation: 0.15, Scale: 0.2, Work: true,
			Help: "Share of memory that holds file contents and can be given back",
			Expr: `max by ($by) ((node_memory_Cached_bytes + node_memory_Buffers_bytes + node_memory_SReclaimable_bytes) / node_memory_MemTotal_bytes)`},
		{Name: "swap_used", Group: "memory", Unit: omen.Ratio, Direction: Up, Deviation: 0.1, Scale: 0.1,
			Help: "Share of swap space in use; a host without swap lacks it",
			Expr: `max by ($by) (1 - node_memory_SwapFree_bytes / (node_memory_SwapTotal_bytes > 0))`},
		{Name: "swap_traffic", Group: "memory", Unit: omen.PerSecond, Direction: Up, Deviation: 200, Scale: 200,
			Help: "Pages swapped in and out",
			Expr: highest("node_vmstat_pswpin") + " + " + highest("node_vmstat_pswpout")},
		{Name: "page_faults", Group: "memory", Unit: omen.PerSecond, Direction: Up, Deviation: 10000, Scale: 20000, Work: true,
			Help: "Page faults, most of them harmless: memory touched for the first time",
			Expr: highest("node_vmstat_pgfault")},
		{Name: "major_faults", Group: "memory", Unit: omen.PerSecond, Direction: Up, Deviation: 100, Scale: 100,
			Help: "Page faults that had to read a disk",
			Expr: highest("node_vmstat_pgmajfault")},
		{Name: "oom_kills", Group: "memory", Unit: omen.Count, Direction: Up, Deviation: 0.5, Scale: 0.5,
			Help: "Processes killed for lack of memory within the window",
			Expr: `max by ($by) (delta(node_vmstat_oom_kill[$window]))`},
	}
}

func nodeDisk() []Feature {
	return []Feature{
		{Name: "disk_read", Group: "disk", Unit: omen.BytesPerSecond, Direction: Up, Deviation: 5e6, Scale: 1e7, Work: true,
			Help: "Read from all disks", Expr: disks("node_disk_read_bytes_total")},
		{Name: "disk_write", Group: "disk", Unit: omen.BytesPerSecond, Direction: Up, Deviation: 5e6, Scale: 1e7, Work: true,
			Help: "Written to all disks", Expr: disks("node_disk_written_bytes_total")},
		{Name: "disk_operations", Group: "disk", Unit: omen.PerSecond, Direction: Up, Deviation: 100, Scale: 200, Work: true,
			Help: "Reads and writes of all disks",
			Expr: disks("node_disk_reads_completed_total") + ` + ` + disks("node_disk_writes_completed_total")},
		{Name: "disk_utilisation", Group: "disk", Unit: omen.Ratio, Direction: Up, Deviation: 0.2, Scale: 0.3,
			Help: "Share of time in which the busiest disk had work",
			Expr: busiestDisk("node_disk_io_time_seconds_total")},
		{Name: "disk_queue", Group: "disk", Unit: omen.Count, Direction: Up, Deviation: 2, Scale: 3,
			Help: "Operations that wait or run on the disk that has most of them",
			Expr: busiestDisk("node_disk_io_time_weighted_seconds_total")},
		{Name: "disk_latency", Group: "disk", Unit: omen.Seconds, Max: 1e4, Direction: Up, Deviation: 0.02, Scale: 0.02,
			Help: "Time that one read or write takes, over all disks; fewer than one a second count as one",
			Expr: `(` + disks("node_disk_read_time_seconds_total") + ` + ` + disks("node_disk_write_time_seconds_total") +
				`) / (clamp_min(` + disks("node_disk_reads_completed_total") + ` + ` + disks("node_disk_writes_completed_total") + `, 1) < Inf)`},
	}
}

// usedBytes is per file system. Used by used plus available is what df shows:
// blocks that are kept for root are in neither.
const usedBytes = `(node_filesystem_size_bytes{` + realFiles + `} - node_filesystem_free_bytes{` + realFiles + `})`

// grown is what file systems on the host's own devices used more than a minute ago.
const grown = `(node_filesystem_size_bytes{` + ownFiles + `} - node_filesystem_free_bytes{` + ownFiles + `}` +
	` - (node_filesystem_size_bytes{` + ownFiles + `} offset 1m - node_filesystem_free_bytes{` + ownFiles + `} offset 1m))`

// lost is what the others have less of some space than a minute ago.
func lost(metric string) string {
	return `(` + metric + `{` + sharedFiles + `} offset 1m - ` + metric + `{` + sharedFiles + `})`
}

// Each device and each pool counts once, however often it is mounted and
// however many file systems share it. File systems are asked less often than
// once a second, so growth is over a minute and not $window. What a file system
// loses because it was made smaller is no growth.
func nodeFiles() []Feature {
	return []Feature{
		{Name: "filesystem_used", Group: "filesystem", Unit: omen.Ratio, Direction: Up, Deviation: 0.03, Scale: 0.05,
			Help: "How full the fullest file system is, as df shows it",
			Expr: `max by ($by) (` + usedBytes + ` / (` + usedBytes + ` + node_filesystem_avail_bytes{` + realFiles + `} > 0))`},
		{Name: "filesystem_growth", Group: "filesystem", Unit: omen.BytesPerSecond, Min: -1e13, Max: 1e13, Direction: Up, Deviation: 1e7, Scale: 1e7,
			Help: "How fast all file systems filled over the last minute; below 0 if files were removed",
			Expr: `sum by ($by) (` + once("pool", `label_replace(`+grown+` or `+lost("node_filesystem_free_bytes")+`, `+pool+`)`) + `) / 60`},
		{Name: "filesystem_filling", Group: "filesystem", Unit: omen.Ratio, Direction: Up, Deviation: 0.02, Scale: 0.03,
			Help: "Share of its free space that a file system lost over the last minute, where that is most: at 2 % it is full within the hour",
			Expr: `clamp(max by ($by) (` + grown + ` / (node_filesystem_avail_bytes{` + ownFiles + `} offset 1m > 0) or ` +
				lost("node_filesystem_avail_bytes") + ` / (node_filesystem_avail_bytes{` + sharedFiles + `} offset 1m > 0)), 0, 1)`},
		{Name: "inodes_used", Group: "filesystem", Unit: omen.Ratio, Direction: Up, Deviation: 0.03, Scale: 0.05,
			Help: "Share of inodes in use where they are scarcest",
			Expr: `max by ($by) (1 - node_filesystem_files_free{` + realFiles + `} / (node_filesystem_files{` + realFiles + `} > 0))`},
		{Name: "file_descriptors", Group: "filesystem", Unit: omen.Count, Direction: Up, Deviation: 500, Scale: 1000, Work: true,
			Help: "Open files of the whole host",
			Expr: `max by ($by) (node_filefd_allocated)`},
	}
}

func nodeNetwork() []Feature {
	return []Feature{
		{Name: "network_receive", Group: "network", Unit: omen.BytesPerSecond, Direction: Both, Deviation: 1e6, Scale: 2e6, Work: true,
			Help: "Received by all network cards", Expr: cards("node_network_receive_bytes_total")},
		{Name: "network_transmit", Group: "network", Unit: omen.BytesPerSecond, Direction: Both, Deviation: 1e6, Scale: 2e6, Work: true,
			Help: "Sent by all network cards", Expr: cards("node_network_transmit_bytes_total")},
		{Name: "network_packets", Group: "network", Unit: omen.PerSecond, Direction: Both, Deviation: 1000, Scale: 2000, Work: true,
			Help: "Packets received and sent by all network cards",
			Expr: cards("node_network_receive_packets_total") + ` + ` + cards("node_network_transmit_packets_total")},
		{Name: "network_errors", Group: "network", Unit: omen.PerSecond, Direction: Up, Deviation: 1, Scale: 5,
			Help: "Packets received or sent with errors",
			Expr: cards("node_network_receive_errs_total") + ` + ` + cards("node_network_transmit_errs_total")},
		{Name: "network_drops", Group: "network", Unit: omen.PerSecond, Direction: Up, Deviation: 10, Scale: 20,
			Help: "Packets dropped by rules or for lack of buffers",
			Expr: cards("node_network_receive_drop_total") + ` + ` + cards("node_network_transmit_drop_total")},
	}
}

func nodeTCP() []Feature {
	return []Feature{
		{Name: "tcp_established", Group: "tcp", Unit: omen.Count, Direction: Both, Deviation: 30, Scale: 50, Work: true,
			Help: "TCP connections that are open",
			Expr: `max by ($by) (node_netstat_Tcp_CurrEstab)`},
		{Name: "tcp_opens", Group: "tcp", Unit: omen.PerSecond, Direction: Both, Deviation: 20, Scale: 30, Work: true,
			Help: "TCP connections opened from either side",
			Expr: highest("node_netstat_Tcp_ActiveOpens") + " + " + highest("node_netstat_Tcp_PassiveOpens")},
		{Name: "tcp_retransmits", Group: "tcp", Unit: omen.PerSecond, Direction: Up, Deviation: 10, Scale: 10,
			Help: "TCP segments sent again because they were not acknowledged",
			Expr: highest("node_netstat_Tcp_RetransSegs")},
		{Name: "tcp_time_wait", Group: "tcp", Unit: omen.Count, Direction: Up, Deviation: 300, Scale: 500, Work: true,
			Help: "TCP connections that are closed and wait for late packets",
			Expr: `max by ($by) (node_sockstat_TCP_tw)`},
		{Name: "tcp_listen_drops", Group: "tcp", Unit: omen.PerSecond, Direction: Up, Deviation: 1, Scale: 1,
			Help: "Connections refused because a program does not accept them fast enough",
			Expr: highest("node_netstat_TcpExt_ListenDrops")},
	}
}
