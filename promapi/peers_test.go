package promapi_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

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
func prometheusFixture(t *testing.T) *series.Remote {
	t.Helper()
	needBinary(t, "prometheus", "promtool")
	dir := t.TempDir()
	families := map[string][]string{}
	for i := range sourcetest.Instants {
		for _, s := range sourcetest.SamplesAt(i) {
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
	return sourcetest.Serve(t, nil, series.RemoteOptions{URL: "http://" + address})
}

// victoriaFixture is a real VictoriaMetrics that holds the fixture.
func victoriaFixture(t *testing.T) *series.Remote {
	t.Helper()
	needBinary(t, "victoria-metrics")
	address := freeAddress(t)
	start(t, "http://"+address+"/health", "victoria-metrics", "-storageDataPath="+t.TempDir(), "-retentionPeriod=50y",
		"-httpListenAddr="+address, "-loggerLevel=ERROR", "-memory.allowedPercent=5")
	var text strings.Builder
	for i := range sourcetest.Instants {
		for _, s := range sourcetest.SamplesAt(i) {
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
	return sourcetest.Serve(t, nil, series.RemoteOptions{URL: "http://" + address})
}

// exposition is a sample as a line of the text format.
func exposition(s series.Sample, stamp float64) string {
	var labels []string
	for k, v := range s.Labels {
		labels = append(labels, fmt.Sprintf("%s=%q", k, v))
	}
	return fmt.Sprintf("%s{%s} %g %.0f\n", s.Name, strings.Join(labels, ","), s.Value, stamp)
}
