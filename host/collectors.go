package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/node_exporter/collector"
)

// fastCollectors are asked at every interval: whatever counts events or
// changes within seconds. Together about 2 ms of CPU time a gathering on a
// small host. The order is node_exporter's alphabet.
var fastCollectors = []string{
	"conntrack", "cpu", "diskstats", "entropy", "filefd", "ipvs", "loadavg", "meminfo", "netdev", "netstat",
	"nfs", "nfsd", "pressure", "rapl", "schedstat", "sockstat", "softnet", "stat", "time", "timex",
	"udp_queues", "vmstat", "xfs", "zfs",
}

// slowCollectors are asked every few seconds: they describe the hardware, walk
// a directory per process, interface or mount, or ask a device. None of them
// has counters whose rate matters.
var slowCollectors = []string{
	"arp", "bonding", "btrfs", "cpufreq", "dmi", "edac", "fibrechannel", "filesystem", "hwmon", "infiniband",
	"kernel_hung", "mdadm", "netclass", "nvme", "os", "powersupplyclass", "processes", "tcpstat", "textfile",
	"thermal_zone", "uname", "watchdog",
}

// parseFlags gives node_exporter's collectors their settings, once: they are
// flags on the global kingpin command line, and without parsing it there are
// silently no collectors at all. It also means one configuration per process.
var parseFlags = sync.OnceValue(func() error {
	var args []string
	for _, names := range [][]string{fastCollectors, slowCollectors} {
		for _, name := range names {
			args = append(args, "--collector."+name)
		}
	}
	if _, err := kingpin.CommandLine.Parse(args); err != nil {
		return fmt.Errorf("configure node_exporter's collectors: %w", err)
	}
	collector.DisableDefaultCollectors() // all but those named above
	return nil
})

// theParts are the collectors that were asked for in this process, by name.
var theParts = struct {
	sync.Mutex
	byName map[string]*part
}{byName: map[string]*part{}}

// stuckMounts is how many gatherings of file systems may hang beside the next: a mount
// that hangs is left out by what is begun then.
const stuckMounts = 8

// partsOf are the named collectors, the same ones for who asks again; what they complain
// of goes to the log of who asked first.
func partsOf(log *slog.Logger, names []string) ([]*part, error) {
	if err := parseFlags(); err != nil {
		return nil, err
	}
	theParts.Lock()
	defer theParts.Unlock()
	once := slog.New(&onceHandler{log: log, said: &sync.Map{}})
	var all []*part
	for _, name := range names {
		if theParts.byName[name] == nil {
			node, err := collector.NewNodeCollector(once, name)
			if err != nil {
				return nil, err
			}
			again := 0
			if name == "filesystem" {
				again = stuckMounts
			}
			theParts.byName[name] = newPart(name, node, again)
		}
		all = append(all, theParts.byName[name])
	}
	return all, nil
}

// onceHandler passes each complaint of each collector on once: a broken sensor
// would otherwise fill the log every second.
type onceHandler struct {
	log  *slog.Logger
	said *sync.Map // message and collector -> true
	name string
}

// Enabled implements [slog.Handler].
func (h *onceHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// noUdev is what diskstats complains of in most containers and small virtual
// machines: disks are measured all the same, without the names that udev gives.
const noUdev = "Failed to open directory, disabling udev device properties"

// Handle implements [slog.Handler].
func (h *onceHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == noUdev {
		return nil
	}
	name, cause := h.name, slog.AnyValue(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "name":
			name = a.Value.String()
		case "err":
			cause = a.Value
		}
		return true
	})
	if _, logged := h.said.LoadOrStore(r.Message+"\x00"+name, true); !logged {
		h.log.Warn("collector of this machine's metrics complains", "source", name, "err", cause)
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (h *onceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	for _, a := range attrs {
		if a.Key == "collector" {
			with.name = a.Value.String()
		}
	}
	return &with
}

// WithGroup implements [slog.Handler].
func (h *onceHandler) WithGroup(string) slog.Handler { return h }
