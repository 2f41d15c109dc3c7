package watch

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the watch's own series.
type metrics struct {
	ticks, skipped, scores, unoffered, unforeseen, unrecorded, clock prometheus.Counter
	read, training                                                   prometheus.Histogram
	trainings                                                        *prometheus.CounterVec
	leftOut, resources, waiting                                      prometheus.Gauge
	unlimited                                                        *prometheus.GaugeVec
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "omen_watch_" + name, Help: help})
	}
	seconds := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "omen_watch_" + name, Help: help, Buckets: buckets})
	}
	m := &metrics{
		ticks:      counter("ticks_total", "Instants scored."),
		skipped:    counter("skipped_ticks_total", "Instants that were never scored because reading was too slow."),
		scores:     counter("scores_total", "Vectors scored."),
		unoffered:  counter("unjudged_ticks_total", "Instants that the incident manager did not take."),
		unforeseen: counter("unjudged_forecasts_total", "Rounds of forecasts that the incident manager did not take."),
		unrecorded: counter("unrecorded_ticks_total", "Instants whose scores were not kept."),
		clock:      counter("clock_steps_total", "Times that the wall clock was set while Omen ran."),
		read:       seconds("read_seconds", "Time to read one round from the source.", prometheus.ExponentialBuckets(0.001, 2.5, 12)),
		training:   seconds("training_seconds", "Time to fit and prove one model.", prometheus.ExponentialBuckets(0.05, 2.5, 10)),
		trainings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "omen_watch_trainings_total", Help: "Trainings by outcome: promoted, kept_old or failed.",
		}, []string{"outcome"}),
		leftOut:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "omen_watch_hosts_left_out", Help: "Hosts that are not watched because the source has more than max_hosts."}),
		resources: prometheus.NewGauge(prometheus.GaugeOpts{Name: "omen_watch_resources", Help: "Resources with a limit that were measured in the last round, or within five minutes before it where their limit was not read."}),
		waiting:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "omen_watch_resources_waiting", Help: "Of these, those that are not forecast yet: their history is not read, or they are known for less than five minutes."}),
		unlimited: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "omen_watch_resources_left_out", Help: "Resources that are not forecast: by design, such as a read-only file system, or since a host has too_many.",
		}, []string{"why"}),
	}
	for _, why := range []string{byDesign, tooMany} { // rules find them from the start
		m.unlimited.WithLabelValues(why)
	}
	return m
}

// Why resources are left out.
const (
	byDesign = "by_design"
	tooMany  = "too_many"
)

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.ticks, m.skipped, m.scores, m.unoffered, m.unforeseen, m.unrecorded, m.clock, m.read, m.training, m.trainings, m.leftOut, m.resources, m.waiting, m.unlimited}
}

func (m *metrics) register(r prometheus.Registerer) error {
	var errs []error
	for _, c := range m.all() {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

func (m *metrics) unregister(r prometheus.Registerer) {
	for _, c := range m.all() {
		r.Unregister(c)
	}
}
