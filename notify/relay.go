package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Options are what a [Relay] is made of.
type Options struct {
	Settings    *Settings // nil: nobody is told
	Store       *store.DB
	ExternalURL string                            // where people reach Omen; empty: http://127.0.0.1:9909
	Labels      func(omen.Host) map[string]string // a host's labels, such as role and team, for routes; nil: none. They must not change while an incident is open.
	Feedback    Feedback                          // what buttons do; nil: messages have none
	Scores      Scores                            // for pictures in messages; nil: none
	Public      bool                              // ExternalURL was configured: channels may fetch pictures from there, unless its form says that they cannot
	Metrics     prometheus.Registerer             // nil: none
	Log         *slog.Logger                      // nil: silent
}

// Relay tells receivers and Alertmanagers of the journal's changes. A changed
// configuration is a new Relay: cursors are in the store, so the new one goes
// on where the old one stopped. Two must not run at once.
type Relay struct {
	settings *Settings
	store    *store.DB
	channels []channel
	lanes    []*lane
	peers    []*peer
	pollers  []*poller
	secret   *secretKey
	buttons  *buttons
	graphs   *graphs // nil: no store
	scores   Scores
	view     view
	running  atomic.Bool
	log      *slog.Logger
}

const defaultExternal = "http://127.0.0.1:9909"

// NewRelay checks that every receiver can be built: templates that parse,
// files that exist, TLS settings that load. It starts and sends nothing.
func NewRelay(o Options) (*Relay, error) {
	if o.Settings == nil {
		o.Settings = &Settings{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ExternalURL == "" {
		o.ExternalURL = defaultExternal
	}
	external, err := url.Parse(strings.TrimRight(o.ExternalURL, "/"))
	if err != nil || external.Host == "" {
		return nil, fmt.Errorf("external url %q: want http://host or https://host: %w", o.ExternalURL, omen.ErrInvalid)
	}
	r := &Relay{settings: o.Settings, store: o.Store, view: view{external, o.Labels}, log: o.Log}
	own := o.Settings.own
	if o.Settings.pictures() {
		r.scores = o.Scores
	}
	r.secret = &secretKey{store: o.Store}
	if o.Store != nil {
		r.graphs = &graphs{
			store: o.Store, key: r.secret, external: external, public: o.Public && reachable(external), scores: r.scores,
			expire: time.Duration(own.Buttons.Expire), drawing: make(chan struct{}, maxDrawing),
		}
	}
	if (own.Buttons.Telegram || own.Buttons.Links) && o.Feedback != nil {
		r.buttons = &buttons{store: o.Store, external: external, expire: time.Duration(own.Buttons.Expire), feedback: o.Feedback, secret: r.secret}
	}
	count, err := counter(o.Metrics)
	if err != nil {
		return nil, err
	}
	if err := r.build(count); err != nil {
		return nil, fmt.Errorf("%w: %w", omen.ErrInvalid, err)
	}
	return r, nil
}

// build makes every lane, peer and poller.
func (r *Relay) build(count *prometheus.CounterVec) error {
	s := r.settings
	tmpl, err := newTemplates(s.alertmanager.Templates, r.view.external)
	if err != nil {
		return err
	}
	b := builder{tmpl: tmpl, settings: s, graphs: r.graphs, store: r.store, log: r.log}
	if s.own.Buttons.Telegram {
		b.buttons = r.buttons
	}
	var route *dispatch.Route
	if !s.plain && s.alertmanager.Route != nil {
		route = dispatch.NewRoute(s.alertmanager.Route, nil)
	}
	limit, intervals := newLimiter(), intervalsOf(s)
	for _, receiver := range s.alertmanager.Receivers {
		channels, err := b.build(receiver)
		if err != nil {
			return err
		}
		for _, c := range channels {
			l := &lane{
				channel: c, store: r.store, limit: limit, scores: r.scores, giveUp: time.Duration(s.own.GiveUpAfter),
				rules: rules{
					lane: c.name, receiver: c.receiver, route: route, intervals: intervals, view: r.view,
					resolved: c.resolved, acknowledged: s.own.Acknowledged, machine: c.machine, storm: s.own.Storm,
				},
				count: func(outcome string) { count.WithLabelValues(c.name, outcome).Inc() },
				log:   r.log.With("receiver", c.name),
			}
			if s.own.Buttons.Links {
				l.buttons = r.buttons
			}
			r.channels = append(r.channels, c)
			r.lanes = append(r.lanes, l)
		}
	}
	r.pollers = r.buildPollers()
	for _, settings := range s.alertmanagers {
		p, err := newPeer(settings, r.view, r.store, r.log)
		if err != nil {
			return err
		}
		p.count = func(outcome string) { count.WithLabelValues(p.name, outcome).Inc() }
		r.peers = append(r.peers, p)
	}
	return nil
}

// buildPollers is one poller for each Telegram bot.
func (r *Relay) buildPollers() []*poller {
	if r.buttons == nil || !r.settings.own.Buttons.Telegram {
		return nil
	}
	byBot := map[string]*poller{}
	var all []*poller
	for _, c := range r.channels {
		t, ok := c.sender.(*telegram)
		if !ok {
			continue
		}
		key := t.bot.api + " " + t.bot.token + " " + t.bot.tokenFile
		if byBot[key] == nil {
			byBot[key] = &poller{bot: t.bot, buttons: r.buttons, log: r.log.With("receiver", c.name)}
			all = append(all, byBot[key])
		}
		byBot[key].chats = append(byBot[key].chats, t.chat)
	}
	return all
}

// counter is omen_notifications_total; a Relay that follows another counts on.
func counter(in prometheus.Registerer) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "omen_notifications_total",
		Help: "Attempts to tell a receiver, by outcome: delivered, retrying, gave_up.",
	}, []string{"receiver", "outcome"})
	if in == nil {
		return c, nil
	}
	if err := in.Register(c); err != nil {
		var same prometheus.AlreadyRegisteredError
		if earlier, ok := errorAs(err, &same); ok {
			return earlier, nil
		}
		return nil, fmt.Errorf("register omen_notifications_total: %w", err)
	}
	return c, nil
}

func errorAs(err error, same *prometheus.AlreadyRegisteredError) (*prometheus.CounterVec, bool) {
	if !errors.As(err, same) {
		return nil, false
	}
	c, ok := same.ExistingCollector.(*prometheus.CounterVec)
	return c, ok
}

// Receivers are the names of the configured receivers.
func (r *Relay) Receivers() []string {
	var names []string
	for _, receiver := range r.settings.alertmanager.Receivers {
		names = append(names, receiver.Name)
	}
	return names
}

// Run delivers until ctx ends. Cursors of receivers that are no longer
// configured are dropped, so that the journal does not wait for them.
func (r *Relay) Run(ctx context.Context) error {
	if !r.running.CompareAndSwap(false, true) {
		return fmt.Errorf("run relay: %w", omen.ErrConflict)
	}
	defer r.running.Store(false)
	if err := r.forget(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("cursors of removed receivers not dropped", "err", err)
	}
	if r.store != nil {
		if _, err := r.secret.get(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("messages have no buttons and no links to pictures", "err", err)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range r.lanes {
		g.Go(func() error { return l.run(ctx) })
	}
	for _, p := range r.peers {
		g.Go(func() error { return p.run(ctx) })
	}
	for _, p := range r.pollers {
		g.Go(func() error { return p.run(ctx) })
	}
	for _, c := range r.heartbeats() {
		g.Go(func() error { return r.beat(ctx, c) })
	}
	g.Go(func() error { <-ctx.Done(); return nil })
	return g.Wait()
}

// forget drops cursors that no lane and no peer has.
func (r *Relay) forget(ctx context.Context) error {
	readers, err := r.store.Readers(ctx)
	if err != nil {
		return err
	}
	for _, l := range r.lanes {
		delete(readers, l.channel.reader())
	}
	for _, p := range r.peers {
		delete(readers, p.reader())
	}
	for reader := range readers {
		if !strings.HasPrefix(reader, readerPrefix) {
			continue
		}
		if err := r.store.Forget(ctx, reader); err != nil {
			return err
		}
	}
	return nil
}
