package tsdb

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/omenhq/omen"
)

// Target is one thing whose metrics are gathered again and again, as a scraped
// target is in Prometheus: its samples get the target's labels, a series that
// vanishes gets a staleness marker, and every gathering leaves the series up,
// scrape_duration_seconds and scrape_samples_scraped. One goroutine uses it.
type Target struct {
	store  *DB
	labels map[string]string

	known map[string]*knownSeries // by the name and own labels that a gathering gives
	round int
	key   []byte
	batch []entry
}

// knownSeries remembers a series between gatherings.
type knownSeries struct {
	entry entry
	seen  int // the round that had it last
}

// Target is a new target with labels such as job and instance, which win over
// the samples' own.
func (db *DB) Target(targetLabels map[string]string) *Target {
	return &Target{store: db, labels: targetLabels, known: map[string]*knownSeries{}}
}

// Store appends what was gathered at an instant. It returns how many samples
// there were; errors are those of [DB.Append].
func (t *Target) Store(ctx context.Context, families []*dto.MetricFamily, at time.Time, took time.Duration) (int, error) {
	t.begin()
	for _, family := range families {
		t.family(family, at.UnixMilli())
	}
	samples := len(t.batch)
	t.own(at.UnixMilli(), 1, took, samples)
	return samples, t.finish(ctx, at.UnixMilli())
}

// Fail records that gathering gave nothing: up is 0 and everything else goes
// stale.
func (t *Target) Fail(ctx context.Context, at time.Time, took time.Duration) error {
	t.begin()
	t.own(at.UnixMilli(), 0, took, 0)
	return t.finish(ctx, at.UnixMilli())
}

// Stop marks every series stale: the target is not gathered any more.
func (t *Target) Stop(ctx context.Context, at time.Time) error {
	t.begin()
	return t.finish(ctx, at.UnixMilli())
}

func (t *Target) begin() {
	t.round++
	t.batch = t.batch[:0]
}

// own adds the series that Prometheus makes itself at a scrape.
func (t *Target) own(at int64, up float64, took time.Duration, samples int) {
	t.add("up", nil, "", "", at, up)
	t.add("scrape_duration_seconds", nil, "", "", at, took.Seconds())
	t.add("scrape_samples_scraped", nil, "", "", at, float64(samples))
}

// finish adds staleness markers and appends.
func (t *Target) finish(ctx context.Context, at int64) error {
	live := len(t.batch)
	var gone []string
	for key, k := range t.known {
		if k.seen != t.round {
			stale := k.entry
			stale.at, stale.value = at, math.Float64frombits(value.StaleNaN)
			t.batch = append(t.batch, stale)
			gone = append(gone, key)
		}
	}
	err := t.store.append(ctx, t.batch)
	if err != nil && !errors.Is(err, omen.ErrPartial) {
		// Not stored, and a database that was opened again knows no refs.
		for _, k := range t.known {
			k.entry.ref = 0
		}
		return err
	}
	for _, key := range gone {
		delete(t.known, key)
	}
	for _, e := range t.batch[:live] {
		t.known[e.key].entry.ref = e.ref
	}
	return err
}

// family adds a metric family's samples, as the text format would name them.
func (t *Target) family(f *dto.MetricFamily, at int64) {
	name := f.GetName()
	for _, m := range f.GetMetric() {
		own := m.GetLabel()
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			t.add(name, own, "", "", at, m.GetCounter().GetValue())
		case dto.MetricType_GAUGE:
			t.add(name, own, "", "", at, m.GetGauge().GetValue())
		case dto.MetricType_UNTYPED:
			t.add(name, own, "", "", at, m.GetUntyped().GetValue())
		case dto.MetricType_SUMMARY:
			s := m.GetSummary()
			for _, q := range s.GetQuantile() {
				t.add(name, own, "quantile", number(q.GetQuantile()), at, q.GetValue())
			}
			t.add(name+"_sum", own, "", "", at, s.GetSampleSum())
			t.add(name+"_count", own, "", "", at, float64(s.GetSampleCount()))
		case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
			h := m.GetHistogram()
			for _, b := range h.GetBucket() {
				if !math.IsInf(b.GetUpperBound(), 1) {
					t.add(name+"_bucket", own, "le", number(b.GetUpperBound()), at, float64(b.GetCumulativeCount()))
				}
			}
			t.add(name+"_bucket", own, "le", "+Inf", at, float64(h.GetSampleCount()))
			t.add(name+"_sum", own, "", "", at, h.GetSampleSum())
			t.add(name+"_count", own, "", "", at, float64(h.GetSampleCount()))
		}
	}
}

// add puts one sample into the batch.
func (t *Target) add(name string, own []*dto.LabelPair, extra, extraValue string, at int64, v float64) {
	t.key = append(t.key[:0], name...)
	for _, pair := range own {
		t.key = append(append(append(append(t.key, 0), pair.GetName()...), 0), pair.GetValue()...)
	}
	t.key = append(append(t.key, 1), extraValue...)
	k := t.known[string(t.key)] // the compiler makes no string of it
	if k == nil {
		k = &knownSeries{entry: entry{labels: t.identity(name, own, extra, extraValue), key: string(t.key)}}
		t.known[k.entry.key] = k
	}
	if k.seen == t.round {
		return // a collector gave the same series twice: the first counts
	}
	k.seen = t.round
	k.entry.at, k.entry.value = at, v
	t.batch = append(t.batch, k.entry)
}

// identity is the series' labels: its own, overruled by the target's.
func (t *Target) identity(name string, own []*dto.LabelPair, extra, extraValue string) labels.Labels {
	b := labels.NewScratchBuilder(len(own) + len(t.labels) + 2)
	b.Add(model.MetricNameLabel, name)
	for _, pair := range own {
		switch _, taken := t.labels[pair.GetName()]; {
		case pair.GetValue() == "":
		case taken:
			b.Add("exported_"+pair.GetName(), pair.GetValue())
		default:
			b.Add(pair.GetName(), pair.GetValue())
		}
	}
	if extra != "" {
		b.Add(extra, extraValue)
	}
	for _, name := range slices.Sorted(maps.Keys(t.labels)) {
		b.Add(name, t.labels[name])
	}
	b.Sort()
	return b.Labels()
}

// number writes a bound or quantile as the text format does.
func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
}
