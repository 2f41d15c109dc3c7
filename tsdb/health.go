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

	FailedCompactions int64 // blocks that could not be written, or joined
	Compaction        error // why the last one could not, and since when; nil: it could, or none was tried
	CompactionDue     bool  // samples in memory are to be written as a block
}

// Health says how the store is.
func (db *DB) Health() Health {
	h := Health{Appended: db.appended.Load(), Refused: db.refused.Load(), Reopened: db.reopened.Load(), Damaged: db.damaged.Load()}
	h.FailedCompactions, h.Compaction = db.compactions.state()
	db.mu.RLock()
	defer db.mu.RUnlock()
	h.Err = db.broken
	if db.prom != nil {
		h.Series = int64(db.prom.Head().NumSeries())
		h.CompactionDue = compactable(db.prom.Head())
		for _, b := range db.prom.Blocks() {
			h.Bytes += b.Size()
		}
	}
	return h
}

// Describe implements [prometheus.Collector].
func (db *DB) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(db, ch) }

// Collect implements [prometheus.Collector].
func (db *DB) Collect(ch chan<- prometheus.Metric) {
	h := db.Health()
	send := func(kind prometheus.ValueType, name, help string, v int64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("omen_storage_"+name, help, nil, nil), kind, float64(v))
	}
	var up int64
	if h.Err == nil {
		up = 1
	}
	send(prometheus.CounterValue, "samples_appended_total", "Samples that the embedded metrics store acknowledged.", h.Appended)
	send(prometheus.CounterValue, "samples_refused_total", "Samples refused because they are too old, too far ahead, or out of order.", h.Refused)
	send(prometheus.CounterValue, "reopened_total", "Times the embedded metrics store was opened again after a failed write or read.", h.Reopened)
	send(prometheus.CounterValue, "damaged_total", "Damaged parts of the embedded metrics store moved aside.", h.Damaged)
	var failing int64
	if h.Compaction != nil {
		failing = 1
	}
	send(prometheus.CounterValue, "compactions_failed_total", "Blocks of the embedded metrics store that could not be written or joined.", h.FailedCompactions)
	send(prometheus.GaugeValue, "compaction_failing", "Whether samples in memory could not be written as a block of the embedded metrics store the last time.", failing)
	send(prometheus.GaugeValue, "series", "Series in the embedded metrics store's memory.", h.Series)
	send(prometheus.GaugeValue, "block_bytes", "Size of the embedded metrics store's blocks on disk.", h.Bytes)
	send(prometheus.GaugeValue, "up", "Whether the embedded metrics store can be used.", up)
}
