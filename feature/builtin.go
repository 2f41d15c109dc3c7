package feature

import (
	"time"

	"github.com/omenhq/omen"
)

// Builtins are the profiles that every Omen knows: [Node], [original] and
// [Workload].
func Builtins() []Profile { return []Profile{Node(), original(), Workload()} }

// original has the features of the system that Omen replaces, derived ones
// included: for those who want to compare, or to move over one step at a time.
// Spans are a minute where the original counted rows.
func original() Profile {
	const span = time.Minute
	return Profile{
		Name:   "original",
		Help:   "A Linux host by the features of the system that Omen replaces",
		By:     []string{"instance"},
		Uptime: uptime,
		Boots:  boots,
		Features: []Feature{
			{Name: "cpu_usage", Group: "cpu", Unit: omen.Ratio, Deviation: 0.15, Scale: 0.3,
				Help: "Share of all processors that is not idle",
				Expr: `1 - avg by ($by) ` + rate("node_cpu_seconds_total", `mode="idle"`)},
			{Name: "memory_usage", Group: "memory", Unit: omen.Ratio, Deviation: 0.05, Scale: 0.1,
				Help: "Share of memory that programs could not have without swapping",
				Expr: `max by ($by) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)`},
			{Name: "disk_read", Group: "disk", Unit: omen.BytesPerSecond, Deviation: 5e6, Scale: 1e7,
				Help: "Read from all disks", Expr: disks("node_disk_read_bytes_total")},
			{Name: "disk_write", Group: "disk", Unit: omen.BytesPerSecond, Deviation: 5e6, Scale: 1e7,
				Help: "Written to all disks", Expr: disks("node_disk_written_bytes_total")},
			{Name: "network_receive", Group: "network", Unit: omen.BytesPerSecond, Deviation: 1e6, Scale: 2e6,
				Help: "Received by all network cards", Expr: cards("node_network_receive_bytes_total")},
			{Name: "network_transmit", Group: "network", Unit: omen.BytesPerSecond, Deviation: 1e6, Scale: 2e6,
				Help: "Sent by all network cards", Expr: cards("node_network_transmit_bytes_total")},
			{Name: "active_processes", Group: "cpu", Unit: omen.Count, Deviation: 2, Scale: 4,
				Help: "Processes that run or are ready to", Expr: `max by ($by) (node_procs_running)`},

			{Name: "cpu_change", Group: "cpu", Unit: omen.Ratio, Scale: 0.3, Deviation: 0.2,
				Help: "Change of cpu_usage over a minute", Rule: Rule{Kind: Change, Of: "cpu_usage", Over: span}},
			{Name: "memory_change", Group: "memory", Unit: omen.Ratio, Scale: 0.1, Deviation: 0.05,
				Help: "Change of memory_usage over a minute", Rule: Rule{Kind: Change, Of: "memory_usage", Over: span}},
			{Name: "cpu_rolling", Group: "cpu", Unit: omen.Ratio, Scale: 0.3, Deviation: 0.15,
				Help: "Mean of cpu_usage over a minute", Rule: Rule{Kind: Mean, Of: "cpu_usage", Over: span}},
			{Name: "memory_std", Group: "memory", Unit: omen.Ratio, Scale: 0.05, Deviation: 0.02,
				Help: "Standard deviation of memory_usage over a minute", Rule: Rule{Kind: Spread, Of: "memory_usage", Over: span}},
			{Name: "cpu_mem_ratio", Group: "cpu", Scale: 1, Deviation: 1,
				Help: "cpu_usage by memory_usage", Rule: Rule{Kind: Quotient, Of: "cpu_usage", Per: "memory_usage"}},
			{Name: "disk_cpu_ratio", Group: "disk", Unit: omen.BytesPerSecond, Max: 1e15, Scale: 1e8, Deviation: 1e8,
				Help: "disk_read by cpu_usage", Rule: Rule{Kind: Quotient, Of: "disk_read", Per: "cpu_usage"}},
			{Name: "high_cpu", Group: "cpu", Scale: 1, Deviation: 0.5,
				Help: "1 while cpu_usage is above 80 %", Rule: Rule{Kind: Above, Of: "cpu_usage", Limit: 0.8}},
			{Name: "high_memory", Group: "memory", Scale: 1, Deviation: 0.5,
				Help: "1 while memory_usage is above 80 %", Rule: Rule{Kind: Above, Of: "memory_usage", Limit: 0.8}},
			{Name: "hour", Group: "time", Scale: 24, Help: "Hour of the day, UTC", Rule: Rule{Kind: HourOfDay}},
			{Name: "day_of_week", Group: "time", Scale: 7, Help: "Day of the week, UTC; Monday is 0", Rule: Rule{Kind: Weekday}},
		},
	}
}
