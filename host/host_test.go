package host

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rates, gauges of the fast and of the slow part, and what a scrape leaves.
var exprs = []series.Expr{
	{Feature: "busy", PromQL: `1 - avg by ($by) (rate(node_cpu_seconds_total{mode="idle"}[$window]))`},
	{Feature: "memory", PromQL: `node_memory_MemTotal_bytes`},
	{Feature: "files", PromQL: `max by ($by) (node_filesystem_size_bytes)`},
	{Feature: "established", PromQL: `node_tcp_connection_states{state="listen"}`},
	{Feature: "processes", PromQL: `node_processes_threads`},
	{Feature: "up", PromQL: `up`},
	{Feature: "pressure", PromQL: `node_pressure_cpu_waiting_seconds_total`},
	{Feature: "version", PromQL: `omen_build_info`},
}

func TestThisMachineIsMeasured(t *testing.T) {
	store := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))(t)
	defer store.Close()
	registry := prometheus.NewRegistry()
	c := New(Options{Store: store, Interval: 200 * time.Millisecond, Instance: "here", Version: "test", Registry: registry,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()

	// Four samples at least, so that a rate has its window.
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-deadline:
			t.Fatalf("no whole frame in time: %+v", store.Health())
		case <-tick.C:
		}
		now := time.Now()
		f, err := store.Read(t.Context(), series.Query{Exprs: exprs, Start: now, End: now, Window: 2 * time.Second})
		if err != nil || len(f.Hosts) != 1 {
			continue
		}
		if row := f.Row(0, 0); whole(row) {
			tick.Stop()
			check(t, f, row)
			break
		}
	}
	stop()
	must.OK(t, <-done)
	// Stopped means stale at once, not five minutes of the last value.
	now := time.Now()
	f, err := store.Read(t.Context(), series.Query{Exprs: exprs[1:2], Start: now, End: now})
	if err != nil || len(f.Hosts) != 0 {
		t.Errorf("after the end: hosts %v, err %v, want none", f.Hosts, err)
	}
}

func whole(row []float64) bool {
	for _, v := range row {
		if math.IsNaN(v) {
			return false
		}
	}
	return true
}

func check(t *testing.T, f *series.Frame, row []float64) {
	t.Helper()
	if f.Hosts[0] != "here" || f.Labels[0]["job"] != "node" {
		t.Errorf("host %q with labels %v, want here with job node", f.Hosts[0], f.Labels[0])
	}
	var sys syscall.Sysinfo_t
	must.OK(t, syscall.Sysinfo(&sys))
	// The kernel's own word on its memory: /proc/meminfo's MemTotal.
	if want := float64(sys.Totalram) * float64(sys.Unit); row[1] != want {
		t.Errorf("memory %g, the kernel says %g", row[1], want)
	}
	if row[0] < -0.01 || row[0] > 1.01 {
		t.Errorf("busy %g, want 0…1", row[0])
	}
	if row[5] != 1 || row[7] != 1 {
		t.Errorf("up %g, build info %g, want 1 and 1", row[5], row[7])
	}
}

func TestComplaintsAreLoggedOnce(t *testing.T) {
	var out strings.Builder
	h := &onceHandler{log: slog.New(slog.NewTextHandler(&out, nil)), said: &sync.Map{}}
	log := slog.New(h).With("collector", "hwmon")
	for range 3 {
		log.Error("collector failed", "name", "hwmon", "err", "sensor is broken")
	}
	log.Debug("collector succeeded")
	log.Error(noUdev, "path", "/run/udev/data")
	slog.New(h).With("collector", "zfs").Error("collector failed", "name", "zfs", "err", "gone")
	if got := strings.Count(out.String(), "complains"); got != 2 {
		t.Errorf("logged %d times, want once per collector:\n%s", got, out.String())
	}
	if !strings.Contains(out.String(), "sensor is broken") {
		t.Errorf("the cause is missing:\n%s", out.String())
	}
}

// BenchmarkGather is the cost of one sample of this machine: gather, convert,
// append. At a step of one second, a millisecond is 0.1 % of a core.
func BenchmarkGather(b *testing.B) {
	store := must.Get(tsdb.Open(tsdb.Options{Dir: b.TempDir()}))(b)
	defer store.Close()
	c := New(Options{Store: store, Instance: "here"})
	fast, slow, err := c.groups()
	if err != nil {
		b.Fatal(err)
	}
	at := time.Now()
	slowEvery := int(slowInterval / time.Second)
	before := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		if i%slowEvery == 0 {
			c.gatherSlow(b.Context(), slow)
		}
		must.OK(b, c.gather(b.Context(), fast, at.Add(time.Duration(i)*time.Millisecond)))
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(store.Health().Series), "series")
}

func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	must.OK(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// A file system that hangs (as that of a server that is gone) is left out and named,
// until it is known to answer.
func TestAHangingFileSystemIsNamed(t *testing.T) {
	var log strings.Builder
	c := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Instance: "here"})
	fs := newPart("filesystem", says{}, stuckMounts)
	slow, _ := grouped(t, 0, fs, newPart("uname", says{"uname": nil}, 0))
	stuck := func(mounts ...string) prometheus.Collector {
		r := prometheus.NewRegistry()
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "node_filesystem_device_error"}, []string{"mountpoint", "device_error"})
		g.WithLabelValues("/", "").Set(0)
		for _, m := range mounts {
			g.WithLabelValues(m, "mountpoint timeout").Set(1)
		}
		r.MustRegister(g, says{"node_scrape_collector_success": {"collector", "filesystem"}})
		return r
	}
	c.gatherSlow(t.Context(), slow)
	if got, known := c.Hanging(); known || len(got) > 0 {
		t.Errorf("before a file system was looked at: %v hang, want that it is not known", got)
	}
	fs.metrics = stuck("/nfs", "/data")
	for range 3 {
		c.gatherSlow(t.Context(), slow)
	}
	fs.metrics = says{}
	c.gatherSlow(t.Context(), slow)
	if got, _ := c.Hanging(); !slices.Equal(got, []string{"/data", "/nfs"}) || c.slow.Load() == nil {
		t.Errorf("mounts that hang: %v, slow part %v, want both and the rest measured", got, c.slow.Load())
	}
	if got := strings.Count(log.String(), "/data, /nfs"); got != 1 {
		t.Errorf("said %d times, want once:\n%s", got, log.String())
	}
	fs.metrics = stuck()
	c.gatherSlow(t.Context(), slow)
	if got, known := c.Hanging(); len(got) != 0 || !known || !strings.Contains(log.String(), "answer again") {
		t.Errorf("after they answered: %v\n%s", got, log.String())
	}
}
