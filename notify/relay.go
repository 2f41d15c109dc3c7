package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/alertmanager"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/reply"
	"github.com/omenhq/omen/notify/telegram"
	"github.com/omenhq/omen/store"
)

// Options are what a [Relay] is made of.
type Options struct {
	Settings    *Settings // nil: nobody is notified
	Store       *store.DB
	ExternalURL string                // where people reach Omen; empty: http://127.0.0.1:9909
	Public      bool                  // ExternalURL was configured: channels may fetch charts from there, unless its form says that they cannot
	Hosts       message.Hosts         // nil: no labels of hosts and no charts
	Operator    reply.Operator        // what buttons do; nil: messages have none
	Approver    Approver              // what the buttons of actions in Telegram do; nil: there are none
	Troubles    message.Troubles      // nil: a receiver that fails is logged and counted only
	Metrics     prometheus.Registerer // nil: none
	Log         *slog.Logger          // nil: silent
}

// Approver decides on actions for people who press a button: see [reply.Approver].
type Approver = reply.Approver

// Relay notifies receivers and Alertmanagers of the journal's changes. A changed
// configuration is a new Relay: cursors are in the store, so the new one goes
// on where the old one stopped. Two must not run at once.
type Relay struct {
	settings *Settings
	store    *store.DB
	workers  []*worker
	clients  []*alertmanager.Client
	chats    []*telegram.Sender
	bots     []*telegram.Bot
	key      *reply.Key
	buttons  *reply.Buttons   // nil: none
	asks     *reply.Approvals // nil: no buttons that decide on actions
	charts   *reply.Charts    // nil: no store
	hosts    message.Hosts    // nil: no charts
	view     message.View
	running  atomic.Bool
	testing  atomic.Bool
	troubles message.Troubles // nil: a receiver that fails is logged only
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
	r := &Relay{settings: o.Settings, store: o.Store, view: message.View{External: external, Hosts: o.Hosts}, key: reply.NewKey(o.Store), troubles: o.Troubles, log: o.Log}
	if o.Settings.charts() {
		r.hosts = o.Hosts
	}
	signed := reply.Options{Store: o.Store, Key: r.key, External: external, Expire: time.Duration(o.Settings.own.Buttons.Expire)}
	if o.Store != nil {
		r.charts = reply.NewCharts(signed, o.Public, r.hosts)
	}
	if b := o.Settings.own.Buttons; (b.Telegram || b.Links) && o.Operator != nil {
		r.buttons = reply.New(signed, o.Operator)
	}
	if o.Approver != nil {
		r.asks = reply.NewApprovals(signed, o.Approver)
	}
	outcomes, err := counter(o.Metrics, "omen_notifications_total", "Attempts to notify a receiver, by outcome: delivered, retrying, gave_up.", "receiver", "outcome")
	if err != nil {
		return nil, err
	}
	builtIn, err := counter(o.Metrics, "omen_notification_template_errors_total", "Messages sent with a built-in text because a template of the configuration could not be rendered.", "receiver")
	if err != nil {
		return nil, err
	}
	if err := r.build(outcomes, builtIn); err != nil {
		return nil, fmt.Errorf("%w: %w", omen.ErrInvalid, err)
	}
	return r, nil
}

// build makes every worker, every Alertmanager's client and every bot.
func (r *Relay) build(outcomes, builtIn *prometheus.CounterVec) error {
	s := r.settings
	for i, file := range s.alertmanager.Templates { // each by itself, to name the one that is wrong
		if _, err := message.Templates([]string{file}, r.view.External); err != nil {
			return under(fmt.Sprintf("templates[%d]", i), err)
		}
	}
	tmpl, err := message.Templates(s.alertmanager.Templates, r.view.External)
	if err != nil {
		return err
	}
	restored, err := message.Restored(s.alertmanager.Templates, r.view.External)
	if err != nil {
		return err
	}
	b := builder{tmpl: tmpl, restored: restored, examples: examples(r.view, time.Now()), settings: s, store: r.store, troubles: r.troubles, log: r.log}
	var route *dispatch.Route
	if !s.plain && s.alertmanager.Route != nil {
		route = dispatch.NewRoute(s.alertmanager.Route, nil)
	}
	limit, intervals, all := newLimiter(), intervalsOf(s), map[string][]string{}
	for i, receiver := range s.alertmanager.Receivers {
		channels, err := b.build(receiver)
		if err != nil {
			return under(fmt.Sprintf("receivers[%d]", i), err)
		}
		for _, c := range channels {
			c.key = fmt.Sprintf("receivers[%d].%s", i, c.key)
			all[receiver.Name] = append(all[receiver.Name], c.name)
			w := &worker{
				channel: c, store: r.store, limit: limit, hosts: r.hosts, charts: r.charts, giveUp: time.Duration(s.own.GiveUpAfter),
				rules: rules{
					channel: c.name, receiver: c.receiver, route: route, intervals: intervals, channels: all, view: r.view,
					resolved: c.resolved, acknowledged: s.own.Acknowledged, machine: c.machine, storm: s.own.Storm,
				},
				outcomes: outcomesOf(outcomes, c.name),
				trouble:  message.Trouble{To: r.troubles, Key: message.TroubleKey(c.name)},
				template: message.Trouble{To: r.troubles, Key: message.TemplateKey(c.name)},
				builtIn:  builtIn.WithLabelValues(c.name),
				log:      r.log.With("receiver", c.name),
				proven:   make(chan struct{}, 1),
			}
			if s.own.buttonsOf(c.kind) {
				w.buttons = r.buttons
			}
			if c.kind == "telegram" {
				w.asks = r.asks
			}
			r.workers = append(r.workers, w)
			if s, ok := c.sender.(*telegram.Sender); ok {
				r.chats = append(r.chats, s)
			}
		}
	}
	if r.buttons != nil && s.own.Buttons.Telegram || r.asks != nil {
		r.bots = telegram.Bots(r.chats)
	}
	for _, settings := range s.alertmanagers {
		c, err := alertmanager.New(settings, r.view, r.store, outcomes, r.troubles, r.log)
		if err != nil {
			return err
		}
		r.clients = append(r.clients, c)
	}
	return nil
}

// counter is a registered counter; a Relay that follows another counts on.
func counter(in prometheus.Registerer, name, help string, labels ...string) (*prometheus.CounterVec, error) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	if in == nil {
		return c, nil
	}
	if err := in.Register(c); err != nil {
		var same prometheus.AlreadyRegisteredError
		if errors.As(err, &same) {
			if earlier, ok := same.ExistingCollector.(*prometheus.CounterVec); ok {
				return earlier, nil
			}
		}
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	return c, nil
}

// outcomesOf are a channel's, each from 0 on: what first appears as 1 has not
// increased to Prometheus.
func outcomesOf(outcomes *prometheus.CounterVec, channel string) *prometheus.CounterVec {
	of := outcomes.MustCurryWith(prometheus.Labels{"receiver": channel})
	for _, outcome := range []string{message.Delivered, message.Retrying, message.GaveUp} {
		of.WithLabelValues(outcome)
	}
	return of
}

// Receivers are the names of the configured receivers.
func (r *Relay) Receivers() []string {
	return r.settings.receivers()
}

// Notified are the names of all who are notified: the receivers and the Alertmanagers.
func (r *Relay) Notified() []string { return r.settings.Notified() }

// CallbackPath is where [Relay.Callback] is served.
const CallbackPath = reply.CallbackPath

// Callback serves the links in messages at [CallbackPath].
func (r *Relay) Callback() http.Handler { return r.buttons.Page(r.log) }

// Chart is what a signed link in a message shows: see [reply.Charts.Draw].
func (r *Relay) Chart(ctx context.Context, incident, sig string) ([]byte, error) {
	return r.charts.Draw(ctx, incident, sig, time.Now())
}

// Run delivers until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	if !r.running.CompareAndSwap(false, true) {
		return fmt.Errorf("run relay: %w", omen.ErrConflict)
	}
	defer r.running.Store(false)
	var consumers []consumer
	for _, w := range r.workers {
		consumers = append(consumers, w)
	}
	for _, c := range r.clients {
		consumers = append(consumers, c)
	}
	removed, err := forget(ctx, r.store, consumers)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("cursors of removed receivers not dropped", "err", err)
	}
	if _, err := r.key.Get(ctx); err != nil && ctx.Err() == nil {
		r.log.Error("messages have no buttons and no links to charts", "err", err, "hint", omen.Hint(err))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.settleTroubles(ctx, removed) })
	for _, c := range consumers {
		g.Go(func() error { return feed(ctx, r.store, c, r.log) })
	}
	for _, b := range r.bots {
		trouble := message.Trouble{To: r.troubles, Key: message.ButtonsKey(b.Name())}
		g.Go(func() error { return reply.Poll(ctx, r.buttons, r.asks, b, trouble, r.log) })
	}
	for _, w := range r.heartbeats() {
		g.Go(func() error { return r.beat(ctx, w) })
	}
	g.Go(func() error { <-ctx.Done(); return nil })
	return g.Wait()
}
