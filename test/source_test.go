//go:build e2e

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// fixture is what the suite of sources wants a server to hold.
func fixture() (past []line) {
	for i := range sourcetest.Instants {
		for _, s := range sourcetest.SamplesAt(i) {
			var labels []string
			for name, value := range s.Labels {
				labels = append(labels, fmt.Sprintf("%s=%q", name, value))
			}
			past = append(past, line{metric{family: s.Name, labels: strings.Join(labels, ","), value: s.Value}, s.At})
		}
	}
	return past
}

func TestSourcePrometheus(t *testing.T) {
	prometheus, dir, address := binary(t, "prometheus"), t.TempDir(), freeAddress(t)
	backfill(t, dir, fixture())
	start(t, prometheus, "--config.file="+write(t, t.TempDir(), "prometheus.yml", "global: {scrape_interval: 15s}\n"), "--storage.tsdb.path="+dir,
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
	importInto(t, "http://"+address, fixture())
	sourcetest.Run(t, sourcetest.Serve(t, nil, series.RemoteOptions{URL: "http://" + address}))
}
