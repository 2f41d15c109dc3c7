package alertmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// Settings are one entry of "alertmanagers" in the configuration.
type Settings struct {
	URL        string                       `yaml:"url"`
	HTTPConfig *promconfig.HTTPClientConfig `yaml:"http_config"`
	Timeout    model.Duration               `yaml:"timeout"`
	Labels     map[string]string            `yaml:"labels"`

	base *url.URL
}

const defaultTimeout = 10 * time.Second

// Check fills in defaults. File names are relative to dir.
func (s *Settings) Check(dir string) error {
	base, err := url.Parse(s.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return fmt.Errorf("url %q: want http://host:port or https://host:port", s.URL)
	}
	s.base = base
	if s.HTTPConfig == nil {
		c := promconfig.DefaultHTTPClientConfig
		s.HTTPConfig = &c
	}
	s.HTTPConfig.SetDirectory(dir)
	if s.Timeout <= 0 {
		s.Timeout = model.Duration(defaultTimeout)
	}
	for name := range s.Labels {
		if !model.LegacyValidation.IsValidLabelName(name) {
			return fmt.Errorf("labels: %q is not a label name", name)
		}
	}
	return nil
}

// Client keeps one Alertmanager informed through its API, version 2, the way
// Prometheus does: what fires is sent again and again, because Alertmanager
// holds alerts in memory only, and what is over is sent for a while longer.
//
// Its state is the store's: the incidents that are open, and the changes after
// its cursor, which moves only when a push that contains them has arrived.
type Client struct {
	name     string
	settings Settings
	view     message.View
	store    *store.DB
	client   *http.Client
	outcomes *prometheus.CounterVec // by outcome
	trouble  message.Trouble
	log      *slog.Logger

	alerts   map[string]*pushed // by incident and severity: what one Alertmanager alert is
	seen     int64              // the newest change taken
	advanced int64
	news     bool      // changes worth a push have not arrived
	failing  time.Time // since when pushes fail; zero: they do not
}

// pushed is one alert that the Alertmanager is to know.
type pushed struct {
	in     omen.Incident
	over   time.Time // when it ended; zero: it fires
	arrive time.Time // when its end first arrived; zero: not yet
	fresh  []string  // keys of changes that have not arrived
}

const (
	// pushEvery is how often everything is sent again, and pushValid for how
	// long Alertmanager believes it: four times as long, as Prometheus does it.
	pushEvery = time.Minute
	pushValid = 4 * pushEvery
	// overFor is how long an end is repeated after it first arrived. Prometheus
	// repeats for 15 minutes; an Alertmanager that restarts in that time hears
	// of it again.
	overFor = 15 * time.Minute
	// pushSettle is how long a change waits for others to share its request,
	// pushBatch how many alerts a request holds.
	pushSettle = 200 * time.Millisecond
	pushBatch  = 500
	// page is how many changes are read at once.
	page = 256
)

// New makes a client of checked settings. It counts its pushes by outcome; that
// they fail for long it reports to t, which may be nil.
func New(s Settings, v message.View, db *store.DB, outcomes *prometheus.CounterVec, t message.Troubles, log *slog.Logger) (*Client, error) {
	client, err := promconfig.NewClientFromConfig(*s.HTTPConfig, "alertmanager")
	if err != nil {
		return nil, fmt.Errorf("build alertmanager %s: %w", s.base.Host, err)
	}
	name := s.Name()
	outcomes, err = outcomes.CurryWith(prometheus.Labels{"receiver": name})
	if err != nil {
		return nil, fmt.Errorf("build alertmanager %s: %w", s.base.Host, err)
	}
	for _, outcome := range []string{message.Delivered, message.Retrying} {
		outcomes.WithLabelValues(outcome) // from 0 on
	}
	trouble := message.Trouble{To: t, Key: message.TroubleKey(name)}
	return &Client{
		name: name, settings: s, view: v, store: db, client: client, outcomes: outcomes, trouble: trouble, log: log.With("receiver", name),
	}, nil
}

// Name is what an Alertmanager is called: "alertmanager/host:9093".
func (s Settings) Name() string { return "alertmanager/" + s.base.Host + s.base.Path }

// Name is what deliveries and the cursor are recorded under.
func (am *Client) Name() string { return am.name }

// Restore rebuilds the alerts: what is open and was pushed, and what ended so
// recently that its end is still repeated. A new Alertmanager hears of what is
// open.
func (am *Client) Restore(ctx context.Context, cursor int64) error {
	am.alerts, am.advanced = map[string]*pushed{}, cursor
	incidents, err := am.concerned(ctx)
	if err != nil {
		return err
	}
	for _, id := range incidents {
		timeline, err := am.store.Changes(ctx, id)
		if err != nil {
			return err
		}
		for _, c := range timeline {
			if c.Seq <= am.advanced { // the others are about to be followed
				am.take(c)
			}
		}
	}
	for _, a := range am.alerts {
		a.fresh = nil
	}
	am.seen, am.news = am.advanced, false
	return nil
}

// concerned are the incidents that the Alertmanager may have to hear of: those
// that are open, those that ended recently, and those with changes that have
// not arrived.
func (am *Client) concerned(ctx context.Context) ([]string, error) {
	open, err := am.store.OpenIncidents(ctx)
	if err != nil {
		return nil, err
	}
	over, err := am.store.RecentlyClosed(ctx, time.Now().Add(-overFor))
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, in := range append(open, over...) {
		ids[in.ID] = true
	}
	for seq := am.advanced; ; {
		changes, err := am.store.ChangesAfter(ctx, seq, page)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			ids[c.Incident.ID], seq = true, c.Seq
		}
		if len(changes) < page {
			return slices.Sorted(maps.Keys(ids)), nil
		}
	}
}

// take enters a change. An incident that was pushed and is then suppressed keeps
// firing: people know of it. One that escalates is another alert to
// Alertmanager, because severity is a label; the earlier one ends.
func (am *Client) take(c omen.Change) {
	am.seen = max(am.seen, c.Seq)
	in := c.Incident
	if in.Trouble != "" && in.Trouble == am.trouble.Key {
		return // it would hear of it when it is over
	}
	id := in.ID + "/" + string(in.Severity)
	firing := false
	for _, severity := range []omen.Severity{omen.Info, omen.Warning, omen.Critical} {
		old := am.alerts[in.ID+"/"+string(severity)]
		if old == nil {
			continue
		}
		firing = firing || old.over.IsZero()
		if c.Incident.ChangeNumber < old.in.ChangeNumber {
			return // replayed
		}
		if severity != in.Severity && old.over.IsZero() && (message.Notifiable(in) || in.State == omen.Closed) {
			old.over = c.At
		}
	}
	a := am.alerts[id]
	switch {
	case in.State == omen.Closed:
		if a == nil || !a.over.IsZero() {
			return
		}
		a.in, a.over = in, c.At
		if !in.ClosedAt.IsZero() {
			a.over = in.ClosedAt
		}
	case !message.Notifiable(in) && !firing:
		return
	case a == nil:
		a = &pushed{in: in}
		am.alerts[id] = a
	default:
		a.in, a.over, a.arrive = in, time.Time{}, time.Time{}
	}
	switch c.Kind {
	case omen.ChangeOpened, omen.ChangeEscalated, omen.ChangeReopened, omen.ChangeClosed:
		a.fresh = append(a.fresh, c.Key())
		am.news = true
	}
}

// Deliver pushes until ctx ends: everything every minute, and soon after each
// change; a push that fails is tried again after a backoff.
func (am *Client) Deliver(ctx context.Context, changes <-chan omen.Change) {
	var wait message.Backoff
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case c := <-changes:
			am.take(c)
			if soon := time.Now().Add(pushSettle); wait.Tries == 0 && am.news && soon.Before(due) {
				due = soon
			}
			continue
		case <-timer.C:
		}
		err := am.push(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait, am.failing = message.Backoff{}, time.Time{}
			am.trouble.Over()
			due = time.Now().Add(pushEvery)
		default:
			if wait.Tries == 0 {
				am.log.Warn("alerts not pushed, trying again", "count", len(am.alerts), "err", err)
				am.recordAll(ctx, message.Retrying, err.Error(), 0)
			}
			am.outcomes.WithLabelValues(message.Retrying).Inc()
			am.fails(err)
			due = time.Now().Add(max(min(wait.Next(), pushEvery), message.RetryAfter(err)))
		}
		if err := am.trouble.Say(ctx); err != nil && ctx.Err() == nil {
			am.log.Warn("alertmanager's trouble not recorded, trying again with the next push", "err", err)
		}
	}
}

// fails reports a push that failed, once they have for long enough.
func (am *Client) fails(err error) {
	now := time.Now()
	if am.failing.IsZero() {
		am.failing = now
	}
	if now.Sub(am.failing) >= message.FailingAfter {
		am.trouble.Is(omen.Critical, fmt.Sprintf("%s takes no alerts: %v", am.name, err))
	}
}

// push sends every alert, then moves the cursor and forgets the ends that were
// repeated long enough.
func (am *Client) push(ctx context.Context) error {
	now := time.Now()
	seen := am.seen
	ids := make([]string, 0, len(am.alerts))
	for id := range am.alerts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, pushBatch) {
		var out []postable
		for _, id := range chunk {
			out = append(out, am.postable(am.alerts[id], now))
		}
		if err := am.post(ctx, out); err != nil {
			return err
		}
	}
	if am.news {
		am.outcomes.WithLabelValues(message.Delivered).Inc()
	}
	am.recordAll(ctx, message.Delivered, "", time.Since(now))
	am.news = false
	for id, a := range am.alerts {
		if a.fresh = nil; a.over.IsZero() {
			continue
		}
		if a.arrive.IsZero() {
			a.arrive = now
		}
		if now.Sub(a.arrive) >= overFor {
			delete(am.alerts, id)
		}
	}
	if seen > am.advanced {
		if err := am.store.Advance(ctx, message.Reader(am.name), seen); err != nil {
			if ctx.Err() == nil {
				am.log.Warn("cursor not written", "err", err)
			}
			return nil // the next push writes it
		}
		am.advanced = seen
	}
	return nil
}

// recordAll puts an outcome on the timelines of the incidents whose changes
// are new.
func (am *Client) recordAll(ctx context.Context, outcome, detail string, took time.Duration) {
	var all []omen.Delivery
	for _, a := range am.alerts {
		for _, key := range a.fresh {
			all = append(all, omen.Delivery{
				Incident: a.in.ID, Key: key, Receiver: am.name, At: time.Now(), Took: took, Outcome: outcome, Detail: detail,
			})
		}
	}
	if len(all) == 0 {
		return
	}
	if err := am.store.RecordDelivery(ctx, all...); err != nil && ctx.Err() == nil {
		am.log.Warn("delivery not recorded", "count", len(all), "err", err)
	}
}

// postable is an alert of Alertmanager's API, version 2.
type postable struct {
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations"`
	StartsAt     time.Time      `json:"startsAt"`
	EndsAt       time.Time      `json:"endsAt"`
	GeneratorURL string         `json:"generatorURL"`
}

func (am *Client) postable(a *pushed, now time.Time) postable {
	out := am.written(am.view.Alert(a.in, nil, now), now.Add(pushValid))
	if !a.over.IsZero() {
		out.EndsAt = a.over
		if out.EndsAt.After(now) {
			out.EndsAt = now
		}
		if out.EndsAt.Before(out.StartsAt) {
			out.StartsAt = out.EndsAt
		}
	}
	return out
}

// TestFor is how long an alert that is a test fires, unless it is sent again: long
// enough for Alertmanager's group_wait.
const TestFor = 5 * time.Minute

// Test sends one alert, once, which ends by itself after [TestFor]. That it is taken
// says nothing of whom the Alertmanager's routes notify of it.
func (am *Client) Test(ctx context.Context, a *alert.Alert) error {
	return am.post(ctx, []postable{am.written(a, a.StartsAt.Add(TestFor))})
}

// written is an alert as Alertmanager takes it.
func (am *Client) written(a *alert.Alert, ends time.Time) postable {
	out := postable{Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, EndsAt: ends, GeneratorURL: a.GeneratorURL}
	// Alertmanager shows annotations; what only our templates need stays here.
	for _, name := range []model.LabelName{"icon", "headline", "detail", "changes", "step", "key", "host"} {
		delete(out.Annotations, name)
	}
	for name, value := range am.settings.Labels {
		if _, own := out.Labels[model.LabelName(name)]; !own {
			out.Labels[model.LabelName(name)] = model.LabelValue(value)
		}
	}
	return out
}

func (am *Client) post(ctx context.Context, alerts []postable) error {
	body, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	ctx, cancel := message.WithTimeout(ctx, time.Duration(am.settings.Timeout))
	defer cancel()
	target := strings.TrimRight(am.settings.base.String(), "/") + "/api/v2/alerts"
	answer, err := message.Post(ctx, am.client, target, "application/json", body, nil)
	if err != nil {
		return err
	}
	return answer.Judge()
}
