//go:build e2e

package test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// TestNodeProfileOnPeers asks other servers than the embedded one for what the
// node profile must not get wrong: iowait that steps back by 0.01 s, and cards
// that are stacked on one another.
func TestNodeProfileOnPeers(t *testing.T) {
	const step, instants, at = 15 * time.Second, 40, 20
	begin := time.Now().Add(-step * instants).Truncate(step)
	var past []line
	for i := range instants {
		add := func(family, labels string, v float64) {
			past = append(past, line{metric{family: family, labels: `instance="web-1",job="node"` + labels, value: v}, begin.Add(step * time.Duration(i))})
		}
		for cpu := range 16 {
			wait := 800 + 0.15*float64(i)
			if cpu == 0 && i >= at {
				wait -= 0.16
			}
			add("node_cpu_seconds_total", fmt.Sprintf(`,cpu="%d",mode="iowait"`, cpu), wait)
			add("node_cpu_seconds_total", fmt.Sprintf(`,cpu="%d",mode="idle"`, cpu), 14*float64(i))
		}
		for _, card := range []string{"enp5s0", "vmbr0", "fwbr101i0", "fwln101i0", "fwpr101p0", "tap101i0", "bond0.100"} {
			add("node_network_receive_bytes_total", fmt.Sprintf(`,device="%s"`, card), 1e9+1e7*step.Seconds()*float64(i))
		}
		for _, disk := range []string{"mmcblk0", "mmcblk0p2"} {
			add("node_disk_written_bytes_total", fmt.Sprintf(`,device="%s"`, disk), 1e9+2e6*step.Seconds()*float64(i))
		}
		for d := range 10 {
			add("node_filesystem_free_bytes", fmt.Sprintf(`,device="tank/d%d",fstype="zfs",mountpoint="/d%d"`, d, d), 1e13-1e10/4*float64(i))
		}
		add("node_memory_MemTotal_bytes", "", 1e9)
	}
	peers := map[string]func(t *testing.T) string{
		"prometheus": func(t *testing.T) string {
			address, dir := freeAddress(t), t.TempDir()
			prometheus := binary(t, "prometheus")
			backfill(t, dir, past)
			start(t, prometheus, "--config.file="+write(t, t.TempDir(), "prometheus.yml", "global: {scrape_interval: 15s}\n"),
				"--storage.tsdb.path="+dir, "--web.listen-address="+address)
			until(t, time.Minute, "prometheus is ready", answers("http://"+address+"/-/ready"))
			return address
		},
		"victoria-metrics": func(t *testing.T) string {
			address := freeAddress(t)
			start(t, binary(t, "victoria-metrics"), "-storageDataPath="+t.TempDir(), "-httpListenAddr="+address, "-memory.allowedPercent=5")
			until(t, time.Minute, "victoria-metrics is ready", answers("http://"+address+"/health"))
			importInto(t, "http://"+address, past)
			return address
		},
	}
	schema := must.Get(feature.NewSchema(feature.Node()))(t)
	for name, serve := range peers {
		t.Run(name, func(t *testing.T) {
			source := sourcetest.Serve(t, nil, series.RemoteOptions{URL: "http://" + serve(t)})
			from, to := begin.Add(8*step), begin.Add((instants-8)*step) // away from the ends
			f := must.Get(source.Read(t.Context(), series.Query{Exprs: schema.Exprs(), By: schema.By(), Start: from, End: to, Step: step, Window: 4 * step}))(t)
			for column, why := range f.Failed {
				t.Errorf("%s: %v", column, why)
			}
			if len(f.Hosts) != 1 {
				t.Fatalf("hosts %v, want web-1", f.Hosts)
			}
			for column, want := range map[string]float64{"network_receive": 1e7, "disk_write": 2e6, "filesystem_growth": 1e10 / 60, "cpu_iowait": 0.01} {
				for _, v := range schema.History(f, "peer", 0) {
					got := v.Values[schema.Index(column)]
					stepped := column == "cpu_iowait" && !v.At.Before(begin.Add(at*step)) && v.At.Before(begin.Add((at+5)*step)) && got > 0.9*want && got < want
					if !(math.Abs(got-want) < 1e-6*want) && !stepped {
						t.Errorf("%s at %s is %v, want %v", column, v.At.Sub(begin), got, want)
					}
				}
			}
		})
	}
}
