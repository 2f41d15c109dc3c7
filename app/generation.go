package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/host"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/watch"
)

// localName is this machine's name as a source.
const localName = "local"

// zone is in which "at this time of day" is meant.
var zone = time.Local

// generation is everything that follows from one reading of the configuration.
type generation struct {
	p         *process
	conf      *config.Config
	loaded    *loaded
	collector *host.Collector // nil: this machine is not watched
	desk      *incident.Desk
	relay     *notify.Relay
	api       *api.API
	handler   http.Handler
	watches   []*watched
	remotes   []*series.Remote
	calendars *calendarFiles

	sources, rest stage // what runs, by when it is stopped
	ending        sync.Once
}

// watched is a watch and what it was made of.
type watched struct {
	*watch.Watch
	source  string
	address string
	reader  series.Source
	schema  *feature.Schema
	step    time.Duration
}

// build makes a generation and starts nothing: where it fails, what runs now
// has not noticed.
func (p *process) build(l *loaded) (*generation, error) {
	g := &generation{p: p, conf: l.conf, loaded: l, calendars: newCalendarFiles(l.conf.Calendars)}
	registry := prometheus.NewRegistry()
	if err := registry.Register(p.tsdb); err != nil {
		return nil, err
	}
	g.desk = incident.NewDesk(incident.Options{
		Store: p.db, Log: p.log, Labels: g.labels, Hysteresis: hysteresis(l.conf.Incidents),
		Keep: time.Duration(l.conf.Storage.Incidents), Zone: zone, Retrain: g.relearn,
	})
	var err error
	g.relay, err = notify.NewRelay(notify.Options{
		Settings: l.settings, Store: p.db, ExternalURL: p.externalURL(l.conf), Public: l.conf.ExternalURL != "",
		Hosts: notified{g}, Operator: notified{g}, Troubles: g.desk, Metrics: registry, Log: p.log,
	})
	if err != nil {
		return nil, err
	}
	if err := g.buildWatches(registry); err != nil {
		g.closeRemotes()
		return nil, err
	}
	g.api = api.New(api.Options{
		Store: p.db, Desk: g.desk, Live: g.live(), Registry: registry,
		Version: p.o.Version, Started: p.started, Graph: g.relay.Chart, Log: p.log,
	})
	g.handler = g.routes()
	return g, nil
}

// externalURL is where people reach Omen.
func (p *process) externalURL(c *config.Config) string {
	if c.ExternalURL != "" {
		return c.ExternalURL
	}
	return p.address
}

// buildWatches makes one watch for each profile of each source.
func (g *generation) buildWatches(registry prometheus.Registerer) error {
	c := g.conf
	workers := c.Learn.Workers
	if workers == 0 {
		workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	slots := make(chan struct{}, workers)
	options, err := g.p.detectOptions(c)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	add := func(w watched, o watch.Options) {
		o.Note, o.Targets = g.note, !asked[w.source]
		asked[w.source] = true
		o.Source, o.Name, o.Address, o.Schema, o.Step = w.reader, w.source, w.address, w.schema, w.step
		o.Retrain, o.Detect, o.Store, o.Slots = time.Duration(c.Learn.Retrain), options, g.p.db, slots
		o.Offer, o.Excluded, o.Benign, o.Record = g.offer, g.excluded, g.benign, g.p.record
		o.Windows = g.p.db.Windows
		o.Log = g.p.log
		o.Registry = prometheus.WrapRegistererWith(prometheus.Labels{"source": w.source, "profile": w.schema.Profile()}, registry)
		w.Watch = watch.New(o)
		g.watches = append(g.watches, &w)
	}
	if c.LocalEnabled() {
		g.collector = host.New(host.Options{
			Store: g.p.tsdb, Interval: time.Duration(c.Local.Step), Instance: c.Local.Instance,
			Version: g.p.o.Version, Log: g.p.log, Registry: registry,
		})
		for _, name := range c.Local.Profiles {
			add(watched{source: localName, address: "this machine", reader: g.p.tsdb, schema: g.loaded.profiles[name], step: time.Duration(c.Local.Step)},
				watch.Options{History: time.Duration(c.Learn.History)})
		}
	}
	for _, s := range c.Sources {
		remote, err := Remote(s, g.p.log)
		if err != nil {
			return fmt.Errorf("source %s: %w", s.Name, err)
		}
		g.remotes = append(g.remotes, remote)
		history := s.History
		if history == 0 {
			history = c.Learn.History
		}
		for _, name := range s.Profiles {
			add(watched{source: s.Name, address: remote.Address(), reader: remote, schema: g.loaded.profiles[name], step: time.Duration(s.Step)},
				watch.Options{History: time.Duration(history), Window: time.Duration(s.Window)})
		}
	}
	return nil
}

// offer hands a round of scores to whoever wants it.
func (g *generation) offer(ctx context.Context, k omen.Tick) error {
	g.api.Observe(k)
	return g.desk.Offer(ctx, k)
}

// excluded are the spans that a host's model must not learn.
func (g *generation) excluded(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.Span, error) {
	excluded, _, err := g.p.db.TrainingSpans(ctx, h, g.labels(h), zone, from, to)
	return excluded, err
}

// benign are the spans that a host's model is to learn although it alerted.
func (g *generation) benign(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.Span, error) {
	_, benign, err := g.p.db.TrainingSpans(ctx, h, g.labels(h), zone, from, to)
	return benign, err
}

// relearn has the model of a host learned anew soon.
func (g *generation) relearn(h omen.Host) {
	if w := g.of(h); w != nil {
		w.Relearn(h)
	}
}

// note keeps an event that was seen in the metrics.
func (g *generation) note(ctx context.Context, e mute.Event) error {
	_, err := g.desk.Note(ctx, e)
	return err
}

// notified is what notifications need of a generation at run time: a
// message.Hosts and a reply.Operator.
type notified struct{ g *generation }

func (n notified) Labels(h omen.Host) map[string]string { return n.g.labels(h) }

func (n notified) Scores(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
	return n.g.scores(ctx, h, from, to)
}

func (n notified) Judge(ctx context.Context, id string, verdict omen.Verdict, by string) error {
	_, err := n.g.desk.Do(ctx, incident.Command{Incident: id, Action: incident.Judge, By: by, Verdict: verdict})
	return err
}

// stage is parts that run together and are stopped together.
type stage struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (s *stage) begin(ctx context.Context) context.Context {
	ctx, s.cancel = context.WithCancel(ctx)
	return ctx
}

// run runs a part; one that ends before it is told to ends the process.
func (s *stage) run(ctx context.Context, what string, part func(context.Context) error, fail func(error)) {
	s.done.Go(func() {
		err := part(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			err = errors.New("it ended by itself")
		}
		fail(fmt.Errorf("%s: %w", what, err))
	})
}

func (s *stage) stop() {
	if s.cancel != nil {
		s.cancel()
		s.done.Wait()
	}
}

// startGeneration runs a generation's parts and lets it answer requests. Parts
// outlive ctx: they are stopped in order, by stopSources and stopRest.
func (p *process) startGeneration(ctx context.Context, g *generation) error {
	if err := p.storeMutes(ctx, g.loaded); err != nil {
		return err
	}
	g.readCalendars(ctx, time.Now())
	always := context.WithoutCancel(ctx)
	rest := g.rest.begin(always)
	g.rest.run(rest, "incident desk", g.desk.Run, p.fail)
	g.rest.run(rest, "notifications", g.relay.Run, p.fail)
	g.rest.run(rest, "calendars", g.refreshCalendars, p.fail)
	g.rest.run(rest, "page counts", p.pages.run, p.fail)
	if err := g.desk.Watch(ctx, sourceNames(g.conf)); err != nil && ctx.Err() == nil {
		g.rest.stop()
		return fmt.Errorf("tell the incident desk what is watched: %w", err)
	}
	sources := g.sources.begin(always)
	if g.collector != nil {
		g.sources.run(sources, "this machine's metrics", g.collector.Run, p.fail)
	}
	for _, w := range g.watches {
		g.sources.run(sources, "watch source "+w.source, func(ctx context.Context) error {
			if w.source == localName {
				g.measured(ctx)
			}
			return w.Run(ctx)
		}, p.fail)
	}
	p.handler.Store(&g.handler)
	return nil
}

// measured waits, but not for long, until this machine has a sample: whoever
// looks earlier takes it for a host that is not there.
func (g *generation) measured(ctx context.Context) {
	q := series.Query{Exprs: []series.Expr{{
		Feature: "up", PromQL: fmt.Sprintf(`max by ($by) (up{job="node",instance=%q})`, g.collector.Instance()),
	}}}
	timer := time.NewTicker(100 * time.Millisecond)
	defer timer.Stop()
	for range 100 {
		q.Start = time.Now()
		q.End = q.Start
		if f, err := g.p.tsdb.Read(ctx, q); err == nil && len(f.Hosts) > 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

func (g *generation) stopSources() { g.sources.stop() }

func (g *generation) stopRest() {
	g.rest.stop()
	g.closeRemotes()
}

// endStreams ends event streams, which would keep the server from stopping.
func (g *generation) endStreams() { g.ending.Do(g.api.Close) }

func (g *generation) closeRemotes() {
	for _, r := range g.remotes {
		_ = r.Close() // idle connections only
	}
}

// reload reads the configuration again and replaces the running generation, or
// returns why that one goes on.
func (p *process) reload() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, err := p.load()
	if err != nil {
		return err
	}
	next, err := p.build(l)
	if err != nil {
		return err
	}
	if s, old := l.conf.Storage, p.gen.conf.Storage; s.RetentionTime != old.RetentionTime || s.RetentionSize != old.RetentionSize {
		p.log.Warn("storage.retention_time and storage.retention_size take effect at the next start")
	}
	p.gen.stopSources()
	p.gen.stopRest()
	old := p.gen
	p.gen = next
	if err := p.startGeneration(context.Background(), next); err != nil {
		p.fail(err) // the old parts are stopped: there is no way back
		return err
	}
	old.endStreams()
	p.log.Info("configuration reloaded", "path", p.o.ConfigFile, "count", len(next.watches))
	return nil
}
