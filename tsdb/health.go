package tsdb

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Health counts what happened to the store since it was opened.
type Health struct {
	Appended int64 // samples acknowledged
	Refused  int64 // samples refused for their time
	Reopened int64 // times the database was replaced after a failed write or read
	Damaged  int64 // parts moved to the folder "damaged"
	Series   int64 // in memory
	Bytes    int64 // of the blocks on disk
	Err      error // why the store cannot be used now, nil if it can
}

// Health says how the store is.
func (db *DB) Health() Health {
	h := Health{Appended: db.appended.Load(), Refused: db.refused.Load(), Reopened: db.reopened.Load(), Damaged: db.damaged.Load()}
	db.mu.RLock()
	defer db.mu.RUnlock()
	h.Err = db.broken
	if db.prom != nil {
		h.Series = int64(db.prom.Head().NumSeries())
		for _, b := range db.prom.Blocks() {
			h.Bytes += b.Size()
		}
	}
	return h
}

var (
	descAppended = prometheus.NewDesc("omen_storage_samples_appended_total", "Samples that the embedded metrics store acknowledged.", nil, nil)
	descRefused  = prometheus.NewDesc("omen_storage_samples_refused_total", "Samples refused because they are too old, too far ahead, or out of order.", nil, nil)
	descReopened = prometheus.NewDesc("omen_storage_reopened_total", "Times the embedded metrics store was opened again after a failed write or read.", nil, nil)
	descDamaged  = prometheus.NewDesc("omen_storage_damaged_total", "Damaged parts of the embedded metrics store moved aside.", nil, nil)
	descSeries   = prometheus.NewDesc("omen_storage_series", "Series in the embedded metrics store's memory.", nil, nil)
	descBytes    = prometheus.NewDesc("omen_storage_block_bytes", "Size of the embedded metrics store's blocks on disk.", nil, nil)
	descUp       = prometheus.NewDesc("omen_storage_up", "Whether the embedded metrics store can be used.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (db *DB) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descAppended, descRefused, descReopened, descDamaged, descSeries, descBytes, descUp} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (db *DB) Collect(ch chan<- prometheus.Metric) {
	h := db.Health()
	up := 1.0
	if h.Err != nil {
		up = 0
	}
	counter := func(d *prometheus.Desc, v int64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	counter(descAppended, h.Appended)
	counter(descRefused, h.Refused)
	counter(descReopened, h.Reopened)
	counter(descDamaged, h.Damaged)
	ch <- prometheus.MustNewConstMetric(descSeries, prometheus.GaugeValue, float64(h.Series))
	ch <- prometheus.MustNewConstMetric(descBytes, prometheus.GaugeValue, float64(h.Bytes))
	ch <- prometheus.MustNewConstMetric(descUp, prometheus.GaugeValue, up)
}
