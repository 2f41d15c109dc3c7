package feature

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// Kubelets and kube-state-metrics are scraped at intervals of their own, most at 60 s:
// what $window becomes holds four samples of either, and every feature has values at
// every step.
func TestWorkloadsAtAnyScrapeInterval(t *testing.T) {
	const fast = 15 * time.Second
	for _, c := range []struct{ kubelet, kube, want time.Duration }{
		{fast, fast, time.Minute}, {time.Minute, time.Minute, 4 * time.Minute}, {fast, time.Minute, 4 * time.Minute}, {time.Minute, fast, 4 * time.Minute},
	} {
		t.Run(fmt.Sprintf("%s and %s", c.kubelet, c.kube), func(t *testing.T) {
			const n = 41 * 4 // so many of 15 s
			begin := time.Now().Add(-time.Hour).Truncate(time.Minute)
			sample := func(job, metric string, v float64, ls ...string) series.Sample {
				return counter{name: metric, ls: append([]string{"job", job, "namespace", "shop", "pod", "cart-0"}, ls...)}.sample(job, v)
			}
			local := stored(t, begin, fast, n, func(i int) (batch []series.Sample) {
				grown := 1000 + 15*float64(i)
				if time.Duration(i)*fast%c.kubelet == 0 {
					for _, counter := range []string{"cpu_usage_seconds_total", "cpu_cfs_throttled_periods_total", "cpu_cfs_periods_total"} {
						batch = append(batch, sample("kubelet", "container_"+counter, grown, "container", "app"))
					}
					batch = append(batch, sample("kubelet", "container_fs_writes_bytes_total", grown, "container", "app", "device", "sda"),
						sample("kubelet", "container_memory_working_set_bytes", 1e8, "container", "app"),
						sample("kubelet", "container_network_receive_bytes_total", grown, "interface", "eth0"), sample("kubelet", "container_network_transmit_bytes_total", grown, "interface", "eth0"))
				}
				if time.Duration(i)*fast%c.kube == 0 {
					batch = append(batch, sample("kube", "kube_pod_owner", 1, "owner_kind", "StatefulSet", "owner_name", "cart"),
						sample("kube", "kube_pod_status_ready", 0, "condition", "false"),
						sample("kube", "kube_pod_container_status_restarts_total", grown, "container", "app"),
						sample("kube", "kube_pod_container_status_waiting", 0, "container", "app"))
				}
				return batch
			})
			s := schemaOf(t, Workload())
			end := begin.Add((n - 1) * fast)
			f := must.Get(local.Read(t.Context(), series.Query{Exprs: s.Exprs(), By: s.By(), Start: end.Add(-5 * time.Minute), End: end, Step: fast}))(t)
			if f.Window != c.want || !f.Sure {
				t.Errorf("window %s, sure: %t, want %s", f.Window, f.Sure, c.want)
			}
			row := f.Host("shop/cart")
			if row < 0 {
				t.Fatalf("hosts %v, want shop/cart", f.Hosts)
			}
			for j, name := range f.Features {
				for i := range f.Instants {
					if math.IsNaN(f.At(row, i, j)) {
						t.Errorf("%s has no value at %d of %d instants", name, i, f.Instants)
						break
					}
				}
			}
		})
	}
}
