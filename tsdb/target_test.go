package series

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/omenhq/omen"
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
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func TestTargetStoresLikeAScrape(t *testing.T) {
	now := fixtureStart
	l := openAt(t, t.TempDir(), &now)
	registry, stock := shop()
	target := l.Target(map[string]string{"job": "shop", "instance": "till"})
	n, err := target.Store(t.Context(), gather(t, registry), now, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
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
		if got := valueAt(t, l, promQL, now); len(got) != 1 || got["till"] != want {
			t.Errorf("%s: %v, want %g of the target alone", promQL, got, want)
		}
	}

	// A series that vanishes is gone at once, the others stay.
	stock.Reset()
	now = now.Add(time.Second)
	if _, err := target.Store(t.Context(), gather(t, registry), now, 0); err != nil {
		t.Fatal(err)
	}
	if got := valueAt(t, l, `stock`, now); len(got) != 0 {
		t.Errorf("vanished, but still %v", got)
	}
	if got := valueAt(t, l, `orders_total`, now); got["till"] != 3 {
		t.Errorf("orders %v, want 3", got)
	}
	// A failed gathering leaves up alone, as 0.
	now = now.Add(time.Second)
	if err := target.Fail(t.Context(), now, 0); err != nil {
		t.Fatal(err)
	}
	if got := valueAt(t, l, `{job="shop",__name__=~"up|orders_total"}`, now); cmp.Diff(map[string]float64{"till": 0}, got) != "" {
		t.Errorf("after a failure %v, want up at 0", got)
	}
	// What comes back is there again; in the end nothing is.
	now = now.Add(time.Second)
	stock.WithLabelValues("tea", "shelf").Set(9)
	if _, err := target.Store(t.Context(), gather(t, registry), now, 0); err != nil {
		t.Fatal(err)
	}
	if got := valueAt(t, l, `stock`, now); got["till"] != 9 {
		t.Errorf("came back as %v, want 9", got)
	}
	now = now.Add(time.Second)
	if err := target.Stop(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if got := valueAt(t, l, `{job="shop"}`, now); len(got) != 0 {
		t.Errorf("stopped, but still %v", got)
	}
}

// A store that was opened anew has other references: the target must not write
// into somebody else's series.
func TestTargetOutlivesReplacedStore(t *testing.T) {
	now := fixtureStart
	l := openAt(t, t.TempDir(), &now)
	registry, _ := shop()
	target := l.Target(map[string]string{"job": "shop", "instance": "till"})
	if _, err := target.Store(t.Context(), gather(t, registry), now, 0); err != nil {
		t.Fatal(err)
	}
	l.appendMu.Lock()
	l.replace(errors.New("as after a failed write"))
	l.appendMu.Unlock()
	now = now.Add(time.Second)
	if err := l.Append(t.Context(), []Sample{one("other", now, 1)}); err != nil {
		t.Fatal(err)
	}
	if _, err := target.Store(t.Context(), gather(t, registry), now, 0); err != nil {
		t.Fatal(err)
	}
	if got := valueAt(t, l, "orders_total", now); cmp.Diff(map[string]float64{"till": 3}, got) != "" {
		t.Errorf("orders %v, want 3", got)
	}
	if got := valueAt(t, l, "x", now); cmp.Diff(map[string]float64{"other": 1}, got) != "" {
		t.Errorf("x %v, want the other host's 1", got)
	}
	if l.Health().Reopened != 1 {
		t.Errorf("reopened %d times, want once", l.Health().Reopened)
	}
}

// The window follows the data's own interval, from the first seconds on.
func TestWindowFollowsTheData(t *testing.T) {
	for name, tt := range map[string]struct {
		every   time.Duration
		samples int
		step    time.Duration
		want    time.Duration
	}{
		"nothing yet":      {time.Second, 0, time.Second, 4 * time.Second},
		"each second":      {time.Second, 100, time.Second, 4 * time.Second},
		"first seconds":    {time.Second, 4, time.Second, 6800 * time.Millisecond}, // 5 s hold 4 samples: 1.7 s apart at most
		"coarse data":      {30 * time.Second, 60, 15 * time.Second, 2 * time.Minute},
		"coarse steps":     {15 * time.Second, 60, time.Minute, 4 * time.Minute},
		"once in a minute": {time.Minute, 60, 15 * time.Second, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			now := fixtureStart
			l := openAt(t, t.TempDir(), &now)
			for i := range tt.samples {
				now = fixtureStart.Add(time.Duration(i) * tt.every)
				if err := l.Append(context.Background(), []Sample{one("a", now, float64(i))}); err != nil {
					t.Fatal(err)
				}
			}
			f, err := l.Read(t.Context(), Query{Exprs: []Expr{{"x", "rate(x[$window])"}}, Start: now, End: now, Step: tt.step})
			if err != nil {
				t.Fatal(err)
			}
			if f.Window != tt.want {
				t.Errorf("window %s, want %s", f.Window, tt.want)
			}
		})
	}
}

func TestQueryDefaults(t *testing.T) {
	q, err := Query{Exprs: []Expr{{"x", "x"}}, Start: fixtureStart.Add(1234567), End: fixtureStart.Add(1234567)}.check()
	if err != nil {
		t.Fatal(err)
	}
	if q.Start != fixtureStart.Add(time.Millisecond) || q.instants() != 1 || len(q.By) != 1 || q.By[0] != "instance" {
		t.Errorf("checked to %+v, want the millisecond before, one instant, by instance", q)
	}
	e := Expr{"x", `sum by ($by) (rate(x[$window]))`}
	if got, want := e.expand(90*time.Second, []string{"ns", "pod"}), `sum by (ns, pod) (rate(x[1m30s]))`; got != want {
		t.Errorf("expanded to %s, want %s", got, want)
	}
	if _, err := Check(t.Context(), nil, q); err == nil {
		t.Error("a check of no source says nothing")
	}
	if err := (&answer{}).err(); err != nil || errors.Is(err, omen.ErrPartial) {
		t.Errorf("an empty answer: %v", err)
	}
}
