package series

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(dir)
	}
	// Prometheus' log leaves its goroutine behind when it is closed on a full
	// disk, before its last page could be written: one for each time the disk
	// becomes full.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/prometheus/prometheus/tsdb/wlog.(*WL).run"))
}

// The fixture: three hosts of 15 s for two hours, in every kind of source.
const (
	fixtureStep    = 15 * time.Second
	fixtureSamples = 480
	rebootAt       = 200 // sample at which host b's counters begin anew
	gapFrom, gapTo = 300, 360
)

var fixtureStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func fixtureTime(i int) time.Time { return fixtureStart.Add(time.Duration(i) * fixtureStep) }

// loadOf is node_load1, different for every host and instant.
func loadOf(host, i int) float64 { return float64(host*1000) + float64(i) + 0.25 }

// busyOf is a host's part of time not idle; the counters below rise by it.
func busyOf(host int) float64 { return 0.1 + 0.2*float64(host) }

// fixtureSamplesAt is everything that is measured at one instant.
func fixtureSamplesAt(i int) []Sample {
	at := fixtureTime(i)
	var samples []Sample
	for h, host := range []string{"a", "b", "c"} {
		if h == 2 && i >= gapFrom && i < gapTo {
			continue
		}
		add := func(name string, v float64, labels ...string) {
			m := map[string]string{"instance": host, "job": "node"}
			for k := 0; k < len(labels); k += 2 {
				m[labels[k]] = labels[k+1]
			}
			samples = append(samples, Sample{Name: name, Labels: m, At: at, Value: v})
		}
		since := i + 1
		if h == 1 && i >= rebootAt {
			since = i - rebootAt + 1
		}
		for _, cpu := range []string{"0", "1"} {
			add("node_cpu_seconds_total", float64(since)*15*(1-busyOf(h)), "cpu", cpu, "mode", "idle")
			add("node_cpu_seconds_total", float64(since)*15*busyOf(h), "cpu", cpu, "mode", "user")
		}
		add("node_load1", loadOf(h, i))
		if h == 0 {
			add("node_swap_bytes", 4096)
		}
		add("node_disk_io", float64(i), "device", "sda")
		add("node_disk_io", float64(i)+float64(h), "device", "sdb") // host a's two disks agree
	}
	return samples
}

// fixtureExprs are what the tests ask for.
func fixtureExprs() []Expr {
	return []Expr{
		{"busy", `1 - avg by ($by) (rate(node_cpu_seconds_total{mode="idle"}[$window]))`},
		{"load", `node_load1`},
		{"swap", `node_swap_bytes`},
	}
}

// localFixture is an embedded store that holds the fixture.
func localFixture(t testing.TB) *Local {
	t.Helper()
	now := fixtureStart
	l := openAt(t, t.TempDir(), &now)
	for i := range fixtureSamples {
		now = fixtureTime(i)
		if err := l.Append(context.Background(), fixtureSamplesAt(i)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// openAt opens a store whose clock is a variable.
func openAt(t testing.TB, dir string, now *time.Time) *Local {
	t.Helper()
	l, err := OpenLocal(LocalOptions{Dir: dir, Retention: 365 * 24 * time.Hour, now: func() time.Time { return *now },
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// serveRemote serves a handler and gives a client for it.
func serveRemote(t testing.TB, h http.Handler, o RemoteOptions) *Remote {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	if o.URL == "" {
		o.URL = server.URL
	}
	return newRemote(t, o)
}

func newRemote(t testing.TB, o RemoteOptions) *Remote {
	t.Helper()
	r, err := NewRemote(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // idle connections only
	return r
}

// needBinary skips if a real peer is not installed.
func needBinary(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not on PATH: install it to test against the real one", name)
		}
	}
}

// start runs a program until the test ends and waits until it answers.
func start(t *testing.T, ready string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1) // bound 1: the one exit
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already
		<-exited
	})
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("%s ended: %v\n%s", name, err, out.String())
		case <-deadline:
			t.Fatalf("%s does not become ready\n%s", name, out.String())
		case <-tick.C:
			if resp, err := client.Get(ready); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
		}
	}
}

// freeAddress is a port of this package's range that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	for port := 20300; port < 20400; port++ {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port from 20300 to 20399")
	return ""
}

// prometheusFixture is a real Prometheus that holds the fixture, backfilled.
func prometheusFixture(t *testing.T) *Remote {
	t.Helper()
	needBinary(t, "prometheus", "promtool")
	dir := t.TempDir()
	families := map[string][]string{}
	for i := range fixtureSamples {
		for _, s := range fixtureSamplesAt(i) {
			families[s.Name] = append(families[s.Name], exposition(s, float64(s.At.UnixMilli())/1000))
		}
	}
	var text strings.Builder
	for name, lines := range families {
		fmt.Fprintf(&text, "# TYPE %s unknown\n%s", name, strings.Join(lines, ""))
	}
	text.WriteString("# EOF\n")
	file := filepath.Join(dir, "fixture.om")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", file, data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {scrape_interval: 15s}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	start(t, "http://"+address+"/-/ready", "prometheus", "--config.file="+config, "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=50y", "--web.listen-address="+address)
	return newRemote(t, RemoteOptions{URL: "http://" + address})
}

// victoriaFixture is a real VictoriaMetrics that holds the fixture.
func victoriaFixture(t *testing.T) *Remote {
	t.Helper()
	needBinary(t, "victoria-metrics")
	address := freeAddress(t)
	start(t, "http://"+address+"/health", "victoria-metrics", "-storageDataPath="+t.TempDir(), "-retentionPeriod=50y",
		"-httpListenAddr="+address, "-loggerLevel=ERROR", "-memory.allowedPercent=5")
	var text strings.Builder
	for i := range fixtureSamples {
		for _, s := range fixtureSamplesAt(i) {
			text.WriteString(exposition(s, float64(s.At.UnixMilli())))
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, request := range []string{"/api/v1/import/prometheus", "/internal/force_flush"} {
		resp, err := client.Post("http://"+address+request, "text/plain", strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("%s: %s", request, resp.Status)
		}
	}
	return newRemote(t, RemoteOptions{URL: "http://" + address})
}

// exposition is a sample as a line of the text format.
func exposition(s Sample, stamp float64) string {
	var labels []string
	for k, v := range s.Labels {
		labels = append(labels, fmt.Sprintf("%s=%q", k, v))
	}
	return fmt.Sprintf("%s{%s} %g %.0f\n", s.Name, strings.Join(labels, ","), s.Value, stamp)
}
