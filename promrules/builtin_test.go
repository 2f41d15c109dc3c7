package promrules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promrules"
)

// disk is a file system's metrics: how much of 100 GB is available, by minute.
func disk(avail func(float64) float64) []metric {
	labels := `{instance="a",device="/dev/sda1",fstype="ext4",mountpoint="/var"}`
	gb := func(m float64) float64 { return 1e9 * avail(m) }
	return []metric{
		{"node_filesystem_avail_bytes" + labels, gb}, {"node_filesystem_size_bytes" + labels, level(1e11)}, {"node_filesystem_readonly" + labels, level(0)},
		{"node_filesystem_files" + labels, level(1000)}, {"node_filesystem_files_free" + labels, gb},
	}
}

// ramp is at a value at minute 0 and changes by so much a minute, before it, too.
func ramp(from, by float64) func(float64) float64 {
	return func(m float64) float64 { return from + by*m }
}

// cpus is two processors that spend shares of their time in two modes.
func cpus(mode string, share func(float64) float64) (all []metric) {
	for _, cpu := range []string{"0", "1"} {
		all = append(all, metric{fmt.Sprintf(`node_cpu_seconds_total{instance="a",cpu="%s",mode="%s"}`, cpu, mode), counter(share)})
		if mode != "idle" {
			all = append(all, metric{fmt.Sprintf(`node_cpu_seconds_total{instance="a",cpu="%s",mode="idle"}`, cpu), counter(func(m float64) float64 { return 1 - share(m) })})
		}
	}
	return all
}

// both are two counters of one device.
func both(name, other, labels string, a, b func(float64) float64) []metric {
	return []metric{{name + labels, counter(a)}, {other + labels, counter(b)}}
}

// Each rule that ships fires in its case, no earlier than its for allows, about
// the host, and not in a time that is usual; no rule is without a case.
func TestBuiltinNode(t *testing.T) {
	busy, raid := within(30, 120, 1, 0), `{instance="a",device="md0"`
	cases := map[string]struct {
		bad, good []metric
		fires     float64 // minute from which it has to, and before which it must not
	}{
		"FilesystemFullWithinADay":  {disk(ramp(39, -.1)), disk(ramp(90, -.01)), 51},
		"FilesystemFullWithinHours": {disk(ramp(19, -.1)), disk(ramp(39, -.01)), 51},
		"FilesystemAlmostFull":      {disk(within(30, 120, 9, 50)), disk(level(11)), 35},
		"FilesystemFull":            {disk(within(30, 120, 2, 50)), disk(level(4)), 35},
		"InodesAlmostGone":          {[]metric{{`node_filesystem_files{instance="a"}`, level(100)}, {`node_filesystem_files_free{instance="a"}`, within(30, 120, 4, 50)}, {`node_filesystem_readonly{instance="a"}`, level(0)}}, disk(level(50)), 35},
		"FilesystemError":           {[]metric{{`node_filesystem_device_error{instance="a",fstype="nfs"}`, busy}}, []metric{{`node_filesystem_device_error{instance="a",fstype="fuse.x"}`, busy}}, 35},
		"MemoryAlmostFull":          {[]metric{{`node_memory_MemAvailable_bytes{instance="a"}`, within(30, 120, 9, 50)}, {`node_memory_MemTotal_bytes{instance="a"}`, level(100)}}, []metric{{`node_memory_MemAvailable_bytes{instance="a"}`, level(11)}, {`node_memory_MemTotal_bytes{instance="a"}`, level(100)}}, 35},
		"MemoryPressure":            {[]metric{{`node_vmstat_pgmajfault{instance="a"}`, counter(within(30, 120, 1000, 1))}}, []metric{{`node_vmstat_pgmajfault{instance="a"}`, counter(level(400))}}, 47},
		"SwapAlmostFull":            {[]metric{{`node_memory_SwapFree_bytes{instance="a"}`, within(30, 120, 1, 9)}, {`node_memory_SwapTotal_bytes{instance="a"}`, level(10)}}, []metric{{`node_memory_SwapFree_bytes{instance="a"}`, level(0)}, {`node_memory_SwapTotal_bytes{instance="a"}`, level(0)}}, 35},
		"ProcessKilledForMemory":    {[]metric{{`node_vmstat_oom_kill{instance="a"}`, within(30, 999, 3, 2)}}, []metric{{`node_vmstat_oom_kill{instance="a"}`, level(3)}}, 30},
		"ProcessorBusy":             {cpus("user", within(30, 120, 1, .1)), cpus("user", level(.8)), 49},
		"LoadHigh":                  {append(cpus("idle", level(1)), metric{`node_load1{instance="a"}`, within(30, 120, 5, 1)}), append(cpus("idle", level(1)), metric{`node_load1{instance="a"}`, level(3)}), 45},
		"ProcessorWaitsForDisks":    {cpus("iowait", within(30, 120, .5, 0)), cpus("iowait", level(.05)), 36},
		"ProcessorStolen":           {cpus("steal", within(30, 120, .5, 0)), cpus("steal", level(.05)), 36},
		"DiskSaturated":             {[]metric{{`node_disk_io_time_weighted_seconds_total{instance="a",device="sda"}`, counter(within(30, 120, 40, 0))}}, []metric{{`node_disk_io_time_weighted_seconds_total{instance="a",device="sda"}`, counter(level(5))}}, 61},
		"DiskBusy":                  {[]metric{{`node_disk_io_time_seconds_total{instance="a",device="sda"}`, counter(within(30, 120, 1, 0))}}, []metric{{`node_disk_io_time_seconds_total{instance="a",device="sda"}`, counter(level(.7))}}, 48},
		"ReadsSlow":                 {both("node_disk_read_time_seconds_total", "node_disk_reads_completed_total", `{instance="a",device="sda"}`, within(30, 120, 5, .01), level(10)), both("node_disk_read_time_seconds_total", "node_disk_reads_completed_total", `{instance="a",device="sda"}`, level(0), level(0)), 32},
		"WritesSlow":                {both("node_disk_write_time_seconds_total", "node_disk_writes_completed_total", `{instance="a",device="sda"}`, within(30, 120, 5, .01), level(10)), both("node_disk_write_time_seconds_total", "node_disk_writes_completed_total", `{instance="a",device="sda"}`, level(.5), level(10)), 32},
		"RaidDegraded":              {[]metric{{"node_md_disks_required" + raid + "}", level(2)}, {"node_md_disks" + raid + `,state="active"}`, within(30, 120, 1, 2)}}, []metric{{"node_md_disks_required" + raid + "}", level(2)}, {"node_md_disks" + raid + `,state="active"}`, level(2)}}, 45},
		"ReceiveErrors":             {both("node_network_receive_errs_total", "node_network_receive_packets_total", `{instance="a",device="eth0"}`, within(30, 120, 5, 0), level(100)), both("node_network_receive_errs_total", "node_network_receive_packets_total", `{instance="a",device="eth0"}`, level(.5), level(100)), 90},
		"TransmitErrors":            {both("node_network_transmit_errs_total", "node_network_transmit_packets_total", `{instance="a",device="eth0"}`, within(30, 120, 5, 0), level(100)), both("node_network_transmit_errs_total", "node_network_transmit_packets_total", `{instance="a",device="eth0"}`, level(0), level(0)), 90},
		"ConnectionsAlmostGone":     {[]metric{{`node_nf_conntrack_entries{instance="a"}`, within(30, 120, 80, 10)}, {`node_nf_conntrack_entries_limit{instance="a"}`, level(100)}}, []metric{{`node_nf_conntrack_entries{instance="a"}`, level(70)}, {`node_nf_conntrack_entries_limit{instance="a"}`, level(100)}}, 30},
		"HostDown":                  {[]metric{{`up{instance="a",job="node"}`, within(30, 120, 0, 1)}}, []metric{{`up{instance="a",job="node"}`, within(30, 31, 0, 1)}}, 32},
		"FileHandlesAlmostGone":     {[]metric{{`node_filefd_allocated{instance="a"}`, within(30, 120, 80, 10)}, {`node_filefd_maximum{instance="a"}`, level(100)}}, []metric{{`node_filefd_allocated{instance="a"}`, level(60)}, {`node_filefd_maximum{instance="a"}`, level(100)}}, 45},
		"ClockWrong":                {[]metric{{`node_timex_offset_seconds{instance="a"}`, within(30, 120, .2, 0)}}, []metric{{`node_timex_offset_seconds{instance="a"}`, func(m float64) float64 { return max(ramp(.2, -.01)(m), 0) }}}, 40},
		"ClockNotSynchronized":      {[]metric{{`node_timex_sync_status{instance="a"}`, within(30, 120, 0, 1)}, {`node_timex_maxerror_seconds{instance="a"}`, level(16)}}, []metric{{`node_timex_sync_status{instance="a"}`, level(0)}, {`node_timex_maxerror_seconds{instance="a"}`, level(1)}}, 40},
		"UnitFailed":                {[]metric{{`node_systemd_unit_state{instance="a",name="x.service",state="failed"}`, busy}}, []metric{{`node_systemd_unit_state{instance="a",name="x.service",state="active"}`, busy}}, 35},
	}
	rules := must.Get(promrules.Load("builtin:node"))(t)
	for _, place := range rules.Names() {
		c, there := cases[place.Rule]
		if !there {
			t.Errorf("%s has no case", place)
			continue
		}
		fired := -1.
		for _, f := range run(t, store(t, 119, c.bad...), 119, time.Minute, "builtin:node").Firings {
			if f.Rule == place.Rule && fired < 0 {
				if fired = f.Fired.Sub(monday).Minutes(); f.Labels["instance"] != "a" || f.Labels["severity"] == "" {
					t.Errorf("%s: labels %v", place, f.Labels)
				}
			}
		}
		if fired < c.fires || fired > c.fires+4 {
			t.Errorf("%s fired at minute %v, want %v or up to four later", place, fired, c.fires)
		}
		out := run(t, store(t, 119, c.good...), 119, time.Minute, "builtin:node")
		for _, f := range out.Firings {
			if f.Rule == place.Rule {
				t.Errorf("%s fired at %s in a usual time", place, f.Fired)
			}
		}
		if len(out.Failed) > 0 {
			t.Errorf("failed: %v", out.Failed)
		}
	}
}

// The rules over features are those of builtin:node, with the same thresholds in
// time, as far as features tell.
func TestBuiltinFeatures(t *testing.T) {
	node, features := must.Get(promrules.Load("builtin:node"))(t).Names(), must.Get(promrules.Load("builtin:features"))(t).Names()
	for _, f := range features {
		if f.Rule != "DiskSlow" && !slices.ContainsFunc(node, func(p promrules.Place) bool { return p.Rule == f.Rule }) {
			t.Errorf("%s is in no other file", f)
		}
	}
	cases := map[string][]metric{
		"FilesystemFullWithinADay": {{"filesystem_used", ramp(.61, .001)}}, "FilesystemFullWithinHours": {{"filesystem_used", ramp(.81, .001)}},
		"FilesystemAlmostFull": {{"filesystem_used", level(.95)}}, "InodesAlmostGone": {{"inodes_used", level(.96)}},
		"MemoryAlmostFull": {{"memory_used", level(.95)}}, "MemoryPressure": {{"major_faults", level(1000)}}, "SwapAlmostFull": {{"swap_used", level(.9)}},
		"ProcessKilledForMemory": {{"oom_kills", within(30, 31, 1, 0)}}, "LoadHigh": {{"load_per_core", level(3)}},
		"ProcessorBusy":          {{"cpu_user", level(.9)}, {"cpu_system", level(.05)}, {"cpu_steal", level(0)}},
		"ProcessorWaitsForDisks": {{"cpu_iowait", level(.2)}}, "ProcessorStolen": {{"cpu_steal", level(.2)}},
		"DiskBusy": {{"disk_utilisation", level(.9)}}, "DiskSaturated": {{"disk_queue", level(20)}}, "DiskSlow": {{"disk_latency", level(.2)}},
	}
	for _, place := range features {
		var bad []metric
		for _, m := range cases[place.Rule] {
			bad = append(bad, metric{m.name + `{instance="a"}`, m.values})
		}
		fired := slices.ContainsFunc(run(t, store(t, 119, bad...), 119, time.Minute, "builtin:features").Firings, func(f promrules.Firing) bool {
			return f.Rule == place.Rule && f.Labels["instance"] == "a"
		})
		if !fired {
			t.Errorf("%s does not fire in its case", place)
		}
	}
	if all := strings.Join(promrules.Builtin(), " "); all != "builtin:features builtin:node" {
		t.Errorf("built in are %s", all)
	}
}
