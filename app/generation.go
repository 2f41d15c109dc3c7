package app

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/watch"
)

// localName is this machine's name as a source.
const localName = "local"

// generation is everything that follows from one reading of the configuration.
type generation struct {
	p         *process
	conf      *config.Config
	loaded    *loaded
	collector *host.Collector // nil: this machine is not watched
	manager   *incident.Manager
	relay     *notify.Relay
	remedy    *remedy.Loop
	drops     dropped // of the manager's queue
	api       *api.API
	handler   front
	watches   []*watched
	remotes   []*series.Remote
	calendars *calendarFiles
	budgets   *budgets
	blames    blames
	slots     chan struct{} // holds one for each model in training, and one for a host that is replayed; bound learn.workers, full: the next waits

	sources   stage // what makes scores; stopped first
	acting    stage // what acts; its last words are the incident manager's
	consumers stage // what takes scores and requests
	ending    sync.Once
}

var (
	_ watch.Sink     = (*generation)(nil)
	_ incident.Hosts = (*generation)(nil)
	_ api.Runtime    = (*generation)(nil)
	_ api.Settings   = (*generation)(nil)
	_ api.Budgets    = (*budgets)(nil)
)

// watched is a watch and what it was made of.
type watched struct {
	*watch.Watch
	source  string
	address string
	reader  series.Source
	schema  *feature.Schema
	step    time.Duration
	learns  time.Duration // from how much history
}

// prepareWithin bounds what a generation does before it starts.
const prepareWithin = 30 * time.Second

// prepare makes a generation that can start, and starts nothing: where it
// fails, what runs now has not noticed.
func (p *process) prepare(ctx context.Context, l *loaded) (*generation, error) {
	ctx, cancel := context.WithTimeout(ctx, prepareWithin)
	defer cancel()
	g, err := p.build(ctx, l)
	if err != nil {
		return nil, err
	}
	if err = g.manager.Restore(ctx); err == nil {
		err = p.storeMutes(ctx, l)
	}
	if err != nil {
		g.closeRemotes()
		return nil, err
	}
	g.readCalendars(ctx, time.Now())
	return g, nil
}

// build makes a generation of a configuration.
func (p *process) build(ctx context.Context, l *loaded) (*generation, error) {
	p.sayUnused(l.conf)
	g := &generation{
		p: p, conf: l.conf, loaded: l, calendars: newCalendarFiles(l.conf.Calendars),
		blames: blames{found: map[string]omen.Blame{}, due: map[string]time.Time{}},
	}
	g.budgets = newBudgets(g)
	registry := prometheus.NewRegistry()
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "omen_ready", Help: "1 if /-/ready answers 200."}, func() float64 {
		if g.Ready() != nil {
			return 0
		}
		return 1
	})
	for _, c := range []prometheus.Collector{p.tsdb, p.storage, p.refused, ready} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	g.manager = incident.NewManager(incident.Options{
		Store: p.db, Log: p.log, Hosts: g, Sources: sourceNames(l.conf), Kept: []string{localName}, Hysteresis: hysteresis(l.conf),
		Keep: time.Duration(l.conf.Storage.Incidents), Zone: zoneOf(l.conf), Role: l.conf.Role,
	})
	var err error
	g.relay, err = notify.NewRelay(notify.Options{
		Settings: l.settings, Store: p.db, ExternalURL: p.externalURL(l.conf), Public: p.said(l.conf) != "",
		Hosts: g, Operator: g, Approver: approverOf(g), Troubles: g.manager, Metrics: registry, Log: p.log,
	})
	if err != nil {
		return nil, err
	}
	if err := g.buildWatches(ctx, registry); err != nil {
		g.closeRemotes()
		return nil, err
	}
	g.remedy = remedy.NewLoop(remedy.Options{Policy: l.policy, Hands: l.hands, Store: p.db, World: world{g}, Log: p.log})
	g.api = api.New(api.Options{
		Store: p.db, Manager: g.manager, Runtime: g, Remedy: g.remedy, Registry: registry,
		Version: p.o.Version, Started: p.started, Zone: zoneOf(l.conf), Log: p.log,
		Settings: g, Budgets: g.budgets, Access: p.names(l.conf), Origin: origin(p.said(l.conf)), Proven: []string{notify.CallbackPath},
	})
	g.handler = g.routes()
	return g, nil
}

// buildWatches makes one watch for each profile of each source.
func (g *generation) buildWatches(ctx context.Context, registry prometheus.Registerer) error {
	c := g.conf
	workers := c.Learn.Workers
	if workers == 0 {
		workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	g.slots = make(chan struct{}, workers)
	options, err := g.p.detectOptions(ctx, c)
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	add := func(w watched, o watch.Options) {
		o.Sink, o.Targets, o.Zone = g, !asked[w.source], zoneOf(c)
		asked[w.source] = true
		o.Source, o.Name, o.Address, o.Schema, o.Step = w.reader, w.source, w.address, w.schema, w.step
		o.KeepGone, o.History = time.Duration(c.Storage.GoneHosts), w.learns
		o.Retrain, o.Detect, o.Store, o.Slots = time.Duration(c.Learn.Retrain), options, g.p.db, g.slots
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
			add(watched{source: localName, address: "this machine", reader: g.p.tsdb, schema: g.loaded.profiles[name], step: time.Duration(c.Local.Step), learns: time.Duration(c.Learn.History)},
				watch.Options{Labels: c.Local.Labels, LabelsFrom: labelsFrom(c.Local.LabelsFrom)})
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
			add(watched{source: s.Name, address: remote.Address(), reader: remote, schema: g.loaded.profiles[name], step: time.Duration(s.Step), learns: time.Duration(history)},
				watch.Options{Window: time.Duration(s.Window), MaxHosts: s.MaxHosts,
					Labels: s.Labels, LabelsFrom: labelsFrom(s.LabelsFrom)})
		}
	}
	return nil
}

// Offer hands a round of scores to the API and the incident manager.
func (g *generation) Offer(ctx context.Context, k omen.Tick) error {
	g.api.Observe(k)
	return g.manager.Offer(ctx, k)
}

// Foresee hands a round of forecasts to the incident manager.
func (g *generation) Foresee(ctx context.Context, round omen.Outlooks) error {
	return g.manager.Foresee(ctx, round)
}

// Note keeps an event that was seen in the metrics.
func (g *generation) Note(ctx context.Context, e mute.Event) error {
	_, err := g.manager.Note(ctx, e)
	return err
}

// Retrain has the model of a host trained soon.
func (g *generation) Retrain(h omen.Host) {
	if w := g.of(h); w != nil {
		w.Retrain(h)
	}
}

// Judged has the level of a host take up what people say of an incident.
func (g *generation) Judged(in omen.Incident) {
	if w := g.of(in.Host); w != nil {
		w.Judged(in)
	}
}

// Judge is what buttons in messages do.
func (g *generation) Judge(ctx context.Context, id string, verdict omen.Verdict, by string) error {
	_, err := g.manager.Do(ctx, incident.Command{Incident: id, Action: incident.Judge, By: by, Verdict: verdict})
	return err
}

// start runs a generation's parts and lets it answer requests. Parts outlive
// ctx: stopping sources, and then stopConsumers, ends them.
func (g *generation) start(ctx context.Context) {
	p := g.p
	consumers := g.consumers.begin(ctx)
	g.consumers.run(consumers, "incident manager", g.manager.Run, p.fail)
	g.consumers.run(consumers, "notifications", g.relay.Run, p.fail)
	g.acting.run(g.acting.begin(ctx), "actions", g.remedy.Run, p.fail)
	g.consumers.run(consumers, "calendars", g.refreshCalendars, p.fail)
	g.consumers.run(consumers, "clock", g.watchClock, p.fail)
	g.consumers.run(consumers, "collisions", g.watchCollisions, p.fail)
	g.consumers.run(consumers, "pods of nodes", g.blamePods, p.fail)
	g.consumers.run(consumers, "page counts", p.pages.run, p.fail)
	g.consumers.run(consumers, "budget replays", g.budgets.run, p.fail)
	g.consumers.run(consumers, "storage health", func(ctx context.Context) error { return p.storage.run(ctx, g.manager) }, p.fail)
	sources := g.sources.begin(ctx)
	g.consumers.run(consumers, "file systems", g.watchMounts, p.fail)
	if g.collector != nil {
		g.sources.run(sources, "this machine's metrics", g.collector.Run, p.fail)
	}
	for _, w := range g.watches {
		g.sources.run(sources, "watch source "+w.source, func(ctx context.Context) error {
			if w.source == localName {
				g.awaitSample(ctx)
			}
			return w.Run(ctx)
		}, p.fail)
	}
	p.handler.Store(&g.handler)
}

// awaitSample waits, but not for long, until this machine has a sample: a watch
// that looks earlier takes it for a host that is not there.
func (g *generation) awaitSample(ctx context.Context) {
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

func (g *generation) stopConsumers(ctx context.Context) error {
	defer g.closeRemotes()
	return errors.Join(g.acting.stop(ctx), g.consumers.stop(ctx))
}

// endStreams ends event streams, which would keep the server from stopping.
func (g *generation) endStreams() { g.ending.Do(g.api.Close) }

func (g *generation) closeRemotes() {
	for _, r := range g.remotes {
		_ = r.Close() // idle connections only
	}
}
