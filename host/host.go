// Package host measures the machine that Omen runs on, with nothing else
// installed: node_exporter's own collectors run in this process and fill the
// embedded store, so that names, labels and values are node_exporter's.
//
// The key type is [Collector]. It refuses to judge or to reduce what it
// measures, and it serves no HTTP: nothing is exposed that was not asked for.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/tsdb"
)

// Options of a [Collector].
type Options struct {
	Store    *tsdb.DB
	Interval time.Duration         // between samples; 0: one second
	Instance string                // the instance label; empty: the host name
	Version  string                // Omen's, in omen_build_info; empty: no such series
	Log      *slog.Logger          // nil: silent
	Registry prometheus.Registerer // for the omen_host_… series; nil: nowhere
}

// slowInterval is how often the collectors are asked that take long or hardly
// change; their last values are stored with every sample of the fast ones.
const slowInterval = 5 * time.Second

// Collector gathers this machine's metrics until its context ends.
type Collector struct {
	opts   Options
	log    *slog.Logger
	target *tsdb.Target
	slow   atomic.Pointer[gathering] // the slow collectors' last values; written by the slow loop, read by the fast one
	hung   atomic.Pointer[[]string]  // mount points that do not answer, nil: not known yet; written by the slow loop, read by others
	parts  atomic.Pointer[[]*part]   // that are asked, nil: not known yet; written by Run, read by others

	gathers, failures, late prometheus.Counter
	duration                *prometheus.SummaryVec
}

// gathering is what some collectors gave at once.
type gathering struct {
	families []*dto.MetricFamily
	at       time.Time
}

// New makes a collector; it does nothing until [Collector.Run].
func New(o Options) *Collector {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Instance == "" {
		o.Instance = "localhost"
		if name, err := os.Hostname(); err == nil && name != "" {
			o.Instance = name
		}
	}
	c := &Collector{
		opts: o, log: o.Log,
		target:   o.Store.Target(map[string]string{"job": "node", "instance": o.Instance}),
		gathers:  prometheus.NewCounter(prometheus.CounterOpts{Name: "omen_host_gathers_total", Help: "Times this machine's metrics were gathered."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "omen_host_gather_failures_total", Help: "Gatherings of which nothing was stored, or nothing that is gathered at every interval."}),
		late:     prometheus.NewCounter(prometheus.CounterOpts{Name: "omen_host_gathers_missed_total", Help: "Gatherings left out because the one before took too long."}),
		duration: prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: "omen_host_gather_seconds", Help: "Time that gathering took."}, []string{"part"}),
	}
	return c
}

// Instance is the host's name in the store.
func (c *Collector) Instance() string { return c.opts.Instance }

// Hanging are the mount points of file systems that do not answer, such as of a
// network file system whose server is gone: they are left out until they do. It is not
// known before the first file system was looked at.
func (c *Collector) Hanging() (mounts []string, known bool) {
	if mounts := c.hung.Load(); mounts != nil {
		return *mounts, true
	}
	return nil, false
}

// lasts is how long the slow part's last values count, in intervals.
const lasts = 4

// Missing says which of node_exporter's collectors do not answer, and since when, once
// that has lasted for longer than last values count. That there is none is known only
// once all have answered: not at the start, nor while one begins to hang.
func (c *Collector) Missing(now time.Time) (parts []string, known bool) {
	asked := c.parts.Load()
	if asked == nil {
		return nil, false
	}
	known = true
	for _, p := range *asked {
		switch since, answered := p.state(); {
		case since.IsZero():
			known = known && answered
		case now.Sub(since) < c.lasts():
			known = false
		default:
			parts = append(parts, p.name+" since "+since.UTC().Format(time.RFC3339))
		}
	}
	slices.Sort(parts)
	return parts, known || len(parts) > 0
}

// lasts is how long the slow part's last values count.
func (c *Collector) lasts() time.Duration { return lasts * max(slowInterval, c.opts.Interval) }

// TakeOver gives a collector that has not run what another one knew of what does not
// answer, so that a new configuration is no recovery.
func (c *Collector) TakeOver(old *Collector) {
	c.parts.Store(old.parts.Load())
	c.hung.Store(old.hung.Load())
}

// Run gathers and stores until the context ends, then marks the series stale
// and returns nil. It fails only if the collectors cannot be set up.
//
// A full disk or a clock that jumped does not end it: it is logged once, and
// gathering goes on.
func (c *Collector) Run(ctx context.Context) error {
	fast, slow, err := c.groups()
	if err != nil {
		return fmt.Errorf("set up this machine's collectors: %w", err)
	}
	if c.opts.Version != "" {
		fast.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "omen_build_info", Help: "The version that measures.",
			ConstLabels: prometheus.Labels{"version": c.opts.Version}}, func() float64 { return 1 }))
	}
	if r := c.opts.Registry; r != nil {
		for _, m := range []prometheus.Collector{c.gathers, c.failures, c.late, c.duration, c.hanging()} {
			if err := r.Register(m); err != nil {
				return fmt.Errorf("register the collector's own metrics: %w", err)
			}
			defer r.Unregister(m)
		}
	}
	// The first sample is whole: features of the slow part are there from the
	// beginning, unless a file system hangs.
	c.gatherSlow(ctx, slow)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		every(ctx, max(slowInterval, c.opts.Interval), func(time.Time) { c.gatherSlow(ctx, slow) })
		return nil
	})
	group.Go(func() error {
		c.runFast(ctx, fast)
		return nil
	})
	return group.Wait()
}

// runFast gathers and stores at every interval.
func (c *Collector) runFast(ctx context.Context, fast *group) {
	var trouble trouble
	var last time.Time
	every(ctx, c.opts.Interval, func(at time.Time) {
		if !last.IsZero() && at.Sub(last) > c.opts.Interval*3/2 {
			c.late.Add(float64(at.Sub(last)/c.opts.Interval) - 1)
		}
		last = at
		err := c.gather(ctx, fast, at)
		if err != nil && !errors.Is(err, omen.ErrPartial) {
			c.failures.Inc()
		}
		trouble.log(c.log, err)
	})
	// The context is over, the markers still have to be stored.
	if err := c.target.Stop(context.WithoutCancel(ctx), time.Now()); err != nil {
		c.log.Warn("end of this machine's series not stored", "host", c.opts.Instance, "err", err)
	}
}

// gather takes one sample of everything.
func (c *Collector) gather(ctx context.Context, fast *group, at time.Time) error {
	families, missing := fast.gather(ctx, hangs) // whatever there is beside an error is used
	nothing := len(families) == 0 && ctx.Err() == nil
	if slow := c.slow.Load(); slow != nil && at.Sub(slow.at) < c.lasts() {
		families = append(families, slow.families...)
	}
	took := time.Since(at)
	c.gathers.Inc()
	c.duration.WithLabelValues("fast").Observe(took.Seconds())
	if len(families) == 0 {
		return errors.Join(missing, c.target.Fail(ctx, at, took))
	}
	_, err := c.target.Store(ctx, families, at, took)
	if nothing { // what is stored of the slow part does not make it good
		return missing
	}
	return err
}

func (c *Collector) gatherSlow(ctx context.Context, slow *group) {
	at := time.Now()
	families, err := slow.gather(ctx, hangs)
	c.duration.WithLabelValues("slow").Observe(time.Since(at).Seconds())
	if len(families) == 0 {
		return // the last values count for some more samples
	}
	if err != nil {
		c.log.Debug("some collectors gave nothing", "host", c.opts.Instance, "err", err)
	}
	c.slow.Store(&gathering{families, at})
	c.noteHung(families)
}

// groups are the collectors that are asked at every interval, and the others.
func (c *Collector) groups() (fast, slow *group, err error) {
	quick, err := partsOf(c.log, fastCollectors)
	if err != nil {
		return nil, nil, err
	}
	rest, err := partsOf(c.log, slowCollectors)
	if err != nil {
		return nil, nil, err
	}
	all := slices.Concat(quick, rest)
	c.parts.Store(&all)
	log := c.log.With("host", c.opts.Instance)
	if fast, err = newGroup(log, quick, 0); err != nil { // what counts events must not stand still
		return nil, nil, err
	}
	fast.brief = c.opts.Interval
	slow, err = newGroup(log, rest, c.lasts())
	return fast, slow, err
}

// hanging counts the collectors that do not answer.
func (c *Collector) hanging() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "omen_host_hanging_collectors", Help: "Collectors of this machine's metrics that do not answer."}, func() (n float64) {
		for _, p := range *c.parts.Load() {
			if since, _ := p.state(); !since.IsZero() {
				n++
			}
		}
		return n
	})
}

// noteHung remembers, and logs if it is news, which mounts node_exporter calls
// stuck: it left them out of this gathering. Of one without file systems nothing follows.
func (c *Collector) noteHung(families []*dto.MetricFamily) {
	var hung []string
	looked := false
	for _, f := range families {
		for _, m := range f.GetMetric() {
			label := func(name string) string {
				for _, l := range m.GetLabel() {
					if l.GetName() == name {
						return l.GetValue()
					}
				}
				return ""
			}
			switch {
			case f.GetName() == "node_scrape_collector_success" && label("collector") == "filesystem":
				looked = m.GetGauge().GetValue() == 1
			case f.GetName() == "node_filesystem_device_error" && label("device_error") == "mountpoint timeout":
				hung = append(hung, label("mountpoint"))
			}
		}
	}
	if !looked {
		return
	}
	slices.Sort(hung)
	hung = slices.Compact(hung)
	was, _ := c.Hanging()
	c.hung.Store(&hung)
	switch {
	case slices.Equal(was, hung):
	case len(hung) > 0:
		c.log.Error("file systems do not answer: they are not measured until they do", "host", c.opts.Instance, "path", strings.Join(hung, ", "))
	default:
		c.log.Info("all file systems answer again", "host", c.opts.Instance)
	}
}

// every calls f at whole multiples of the interval until the context ends.
// What f misses while it runs is left out.
func every(ctx context.Context, interval time.Duration, f func(time.Time)) {
	first := time.NewTimer(time.Until(time.Now().Truncate(interval).Add(interval)))
	defer first.Stop()
	select {
	case <-ctx.Done():
		return
	case <-first.C:
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		f(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// trouble logs when storing begins to fail and when it works again.
type trouble struct{ said bool }

func (t *trouble) log(log *slog.Logger, err error) {
	switch {
	case err != nil && !t.said:
		log.Error("this machine's metrics are not stored", "err", err, "hint", omen.Hint(err))
	case err == nil && t.said:
		log.Info("this machine's metrics are stored again")
	}
	t.said = err != nil
}
