package tsdb

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// shop is a registry with every type of metric.
func shop() (*prometheus.Registry, *prometheus.GaugeVec) {
	r := prometheus.NewRegistry()
	orders := prometheus.NewCounter(prometheus.CounterOpts{Name: "orders_total"})
	stock := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "stock"}, []string{"item", "instance"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds", Buckets: []float64{0.5, 1}})
	paid := prometheus.NewSummary(prometheus.SummaryOpts{Name: "paid", Objectives: map[float64]float64{0.5: 0.1}})
	free := prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: "free"}, func() float64 { return math.Inf(1) })
	r.MustRegister(orders, stock, took, paid, free)
	orders.Add(3)
	took.Observe(0.7)
	took.Observe(7)
	paid.Observe(5)
	stock.WithLabelValues("tea", "shelf").Set(12)
	return r, stock
}

func gather(t *testing.T, r *prometheus.Registry) []*dto.MetricFamily {
	t.Helper()
	return must.Get(r.Gather())(t)
}

func TestTargetStoresLikeAScrape(t *testing.T) {
	now := begin
	db := openAt(t, t.TempDir(), &now)
	registry, stock := shop()
	target := db.Target(map[string]string{"job": "shop", "instance": "till"})
	n := must.Get(target.Store(t.Context(), gather(t, registry), now, 20*time.Millisecond))(t)
	if n != 11 {
		t.Errorf("%d samples, want 11", n)
	}
	for promQL, want := range map[string]float64{
		`orders_total`: 3,
		`stock{exported_instance="shelf",item="tea",job="shop"}`: 12,
		`took_seconds_bucket{le="0.5"}`:                          0,
		`took_seconds_bucket{le="1.0"}`:                          1,
		`took_seconds_bucket{le="+Inf"}`:                         2,
		`took_seconds_count`:                                     2,
		`took_seconds_sum`:                                       7.7,
		`paid{quantile="0.5"}`:                                   5,
		`paid_count`:                                             1,
		`free`:                                                   math.Inf(1),
		`up`:                                                     1,
		`scrape_duration_seconds`:                                0.02,
		`scrape_samples_scraped`:                                 11,
	} {
		if got := valueAt(t, db, promQL, now); len(got) != 1 || got["till"] != want {
			t.Errorf("%s: %v, want %g of the target alone", promQL, got, want)
		}
	}

	// A series that vanishes is gone at once, the others stay.
	stock.Reset()
	now = now.Add(time.Second)
	must.Get(target.Store(t.Context(), gather(t, registry), now, 0))(t)
	if got := valueAt(t, db, `stock`, now); len(got) != 0 {
		t.Errorf("vanished, but still %v", got)
	}
	if got := valueAt(t, db, `orders_total`, now); got["till"] != 3 {
		t.Errorf("orders %v, want 3", got)
	}
	// A failed gathering leaves up alone, as 0.
	now = now.Add(time.Second)
	must.OK(t, target.Fail(t.Context(), now, 0))
	if got := valueAt(t, db, `{job="shop",__name__=~"up|orders_total"}`, now); cmp.Diff(map[string]float64{"till": 0}, got) != "" {
		t.Errorf("after a failure %v, want up at 0", got)
	}
	// What comes back is there again; in the end nothing is.
	now = now.Add(time.Second)
	stock.WithLabelValues("tea", "shelf").Set(9)
	must.Get(target.Store(t.Context(), gather(t, registry), now, 0))(t)
	if got := valueAt(t, db, `stock`, now); got["till"] != 9 {
		t.Errorf("came back as %v, want 9", got)
	}
	now = now.Add(time.Second)
	must.OK(t, target.Stop(t.Context(), now))
	if got := valueAt(t, db, `{job="shop"}`, now); len(got) != 0 {
		t.Errorf("stopped, but still %v", got)
	}
}

// A store that was opened again has other references: the target must not write
// into somebody else's series.
func TestTargetOutlivesReplacedStore(t *testing.T) {
	now := begin
	db := openAt(t, t.TempDir(), &now)
	registry, _ := shop()
	target := db.Target(map[string]string{"job": "shop", "instance": "till"})
	must.Get(target.Store(t.Context(), gather(t, registry), now, 0))(t)
	db.appendMu.Lock()
	db.replace(errors.New("as after a failed write"))
	db.appendMu.Unlock()
	now = now.Add(time.Second)
	must.OK(t, db.Append(t.Context(), []series.Sample{one("other", now, 1)}))
	must.Get(target.Store(t.Context(), gather(t, registry), now, 0))(t)
	if got := valueAt(t, db, "orders_total", now); cmp.Diff(map[string]float64{"till": 3}, got) != "" {
		t.Errorf("orders %v, want 3", got)
	}
	if got := valueAt(t, db, "x", now); cmp.Diff(map[string]float64{"other": 1}, got) != "" {
		t.Errorf("x %v, want the other host's 1", got)
	}
	if db.Health().Reopened != 1 {
		t.Errorf("reopened %d times, want once", db.Health().Reopened)
	}
}
