//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// A real server that holds what the suite wants is read as the embedded store.
func TestSourcePrometheus(t *testing.T) {
	prometheus, promtool := binary(t, "prometheus"), binary(t, "promtool")
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
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if out, err := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", write(t, dir, "fixture.om", text.String()), data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	address := freeAddress(t)
	start(t, prometheus, "--config.file="+write(t, dir, "prometheus.yml", "global: {scrape_interval: 15s}\n"), "--storage.tsdb.path="+data,
		"--storage.tsdb.retention.time=50y", "--web.listen-address="+address)
	until(t, time.Minute, "prometheus is ready", answers("http://"+address+"/-/ready"))
	remote := sourcetest.Serve(t, nil, series.RemoteOptions{URL: "http://" + address})
	sourcetest.Run(t, remote)
	// Away from the series' ends: how a rate extrapolates there, and how
	// long a lookback lasts, depends on Prometheus' version.
	sourcetest.Same(t, sourcetest.Store(t), remote, 8, sourcetest.GapFrom)
}

func TestSourceVictoriaMetrics(t *testing.T) {
	address := freeAddress(t)
	start(t, binary(t, "victoria-metrics"), "-storageDataPath="+t.TempDir(), "-retentionPeriod=50y", "-httpListenAddr="+address, "-memory.allowedPercent=5")
	until(t, time.Minute, "victoria-metrics is ready", answers("http://"+address+"/health"))
	var text strings.Builder
	for i := range sourcetest.Instants {
		for _, s := range sourcetest.SamplesAt(i) {
			text.WriteString(exposition(s, float64(s.At.UnixMilli())))
		}
	}
	for _, request := range []string{"/api/v1/import/prometheus", "/internal/force_flush"} {
		resp, err := http.Post("http://"+address+request, "text/plain", strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("%s: %s", request, resp.Status)
		}
	}
	sourcetest.Run(t, sourcetest.Serve(t, nil, series.RemoteOptions{URL: "http://" + address}))
}

// exposition is a sample as a line of the text format.
func exposition(s series.Sample, stamp float64) string {
	var labels []string
	for k, v := range s.Labels {
		labels = append(labels, fmt.Sprintf("%s=%q", k, v))
	}
	return fmt.Sprintf("%s{%s} %g %.0f\n", s.Name, strings.Join(labels, ","), s.Value, stamp)
}
