package sourcetest

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// The fixture: the hosts a, b and c of job node, a sample every 15 s for two
// hours. Host b's counters begin again at rebootAt; host c has a gap.
const (
	Step     = 15 * time.Second
	Instants = 480
	rebootAt = 200 // a sample's number, as the gap's
	GapFrom  = 300
	GapTo    = 360
)

// Start is when the first samples were measured.
var Start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Time is when a sample was measured.
func Time(i int) time.Time { return Start.Add(time.Duration(i) * Step) }

// LoadOf is node_load1, different for every host and instant.
func LoadOf(host, i int) float64 { return float64(host*1000) + float64(i) + 0.25 }

// busyOf is a host's part of time not idle; the counters below rise by it.
func busyOf(host int) float64 { return 0.1 + 0.2*float64(host) }

// SamplesAt is everything that is measured at one instant.
func SamplesAt(i int) []series.Sample {
	at := Time(i)
	var samples []series.Sample
	for h, host := range []string{"a", "b", "c"} {
		if h == 2 && i >= GapFrom && i < GapTo {
			continue
		}
		add := func(name string, v float64, labels ...string) {
			m := map[string]string{"instance": host, "job": "node"}
			for k := 0; k < len(labels); k += 2 {
				m[labels[k]] = labels[k+1]
			}
			samples = append(samples, series.Sample{Name: name, Labels: m, At: at, Value: v})
		}
		since := i + 1
		if h == 1 && i >= rebootAt {
			since = i - rebootAt + 1
		}
		for _, cpu := range []string{"0", "1"} {
			add("node_cpu_seconds_total", float64(since)*15*(1-busyOf(h)), "cpu", cpu, "mode", "idle")
			add("node_cpu_seconds_total", float64(since)*15*busyOf(h), "cpu", cpu, "mode", "user")
		}
		add("node_load1", LoadOf(h, i))
		if h == 0 {
			add("node_swap_bytes", 4096)
		}
		add("node_disk_io", float64(i), "device", "sda")
		add("node_disk_io", float64(i)+float64(h), "device", "sdb") // host a's two disks agree
	}
	return samples
}

// Exprs are the features that the suite asks for: busy, load and swap.
func Exprs() []series.Expr {
	return []series.Expr{
		{Feature: "busy", PromQL: `1 - avg by ($by) (rate(node_cpu_seconds_total{mode="idle"}[$window]))`},
		{Feature: "load", PromQL: `node_load1`},
		{Feature: "swap", PromQL: `node_swap_bytes`},
	}
}

// Row is what the features are for a host at a sample, its gap aside.
func Row(host, i int) []float64 {
	swap := math.NaN()
	if host == 0 {
		swap = 4096
	}
	return []float64{busyOf(host), LoadOf(host, i), swap}
}

// Store is an embedded store that holds the fixture.
func Store(t testing.TB) *tsdb.DB {
	t.Helper()
	now := Start
	db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir(), Retention: 365 * 24 * time.Hour, Now: func() time.Time { return now }}))(t)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range Instants {
		now = Time(i)
		must.OK(t, db.Append(t.Context(), SamplesAt(i)))
	}
	return db
}

// Serve serves a handler, unless the options name another server, and gives a
// client.
func Serve(t testing.TB, h http.Handler, o series.RemoteOptions) *series.Remote {
	t.Helper()
	if o.URL == "" {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		o.URL = server.URL
	}
	r := must.Get(series.NewRemote(o))(t)
	t.Cleanup(func() { _ = r.Close() }) // idle connections only
	return r
}
