package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// peer keeps one Alertmanager informed through its API, version 2, the way
// Prometheus does: what fires is sent again and again, because Alertmanager
// holds alerts in memory only, and what is over is sent for a while longer.
//
// Its state is the store's: the incidents that are open, and the changes after
// its cursor, which moves only when a push that contains them has arrived.
type peer struct {
	name     string
	settings peerSettings
	view     view
	store    *store.DB
	client   *http.Client
	count    func(outcome string)
	log      *slog.Logger

	alerts   map[string]*pushed // by incident and severity: what one Alertmanager alert is
	seen     int64              // the newest change taken
	advanced int64
	news     bool // changes worth telling have not arrived
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
)

func newPeer(s peerSettings, v view, db *store.DB, log *slog.Logger) (*peer, error) {
	client, err := promconfig.NewClientFromConfig(*s.HTTPConfig, "alertmanager")
	if err != nil {
		return nil, fmt.Errorf("build alertmanager %s: %w", s.base.Host, err)
	}
	name := "alertmanager/" + s.base.Host + s.base.Path
	return &peer{name: name, settings: s, view: v, store: db, client: client, log: log.With("receiver", name)}, nil
}

func (p *peer) reader() string { return readerPrefix + p.name }

// run pushes until ctx ends.
func (p *peer) run(ctx context.Context) error {
	if !insist(ctx, p.log, "alertmanager's state not read", p.restore) {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	changes := make(chan omen.Change, changeBuffer) // bound changeBuffer, owner follow, full: follow waits and the journal keeps the rest
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.follow(ctx, changes)
	}()
	p.pushAll(ctx, changes)
	stop()
	<-done
	return nil
}

func (p *peer) follow(ctx context.Context, changes chan<- omen.Change) {
	for c, err := range p.store.Follow(ctx, p.reader()) {
		if err != nil {
			if ctx.Err() == nil {
				p.log.Error("journal not read", "err", err)
			}
			continue
		}
		select {
		case changes <- c:
		case <-ctx.Done():
			return
		}
	}
}

// restore rebuilds the alerts: what is open and was told, and what ended so
// recently that its end is still repeated. A new Alertmanager hears of what is
// open.
func (p *peer) restore(ctx context.Context) error {
	p.alerts = map[string]*pushed{}
	readers, err := p.store.Readers(ctx)
	if err != nil {
		return err
	}
	if _, known := readers[p.reader()]; !known {
		if err := p.store.StartHere(ctx, p.reader()); err != nil {
			return err
		}
	}
	if p.advanced, err = p.store.Cursor(ctx, p.reader()); err != nil {
		return err
	}
	incidents, err := p.concerned(ctx)
	if err != nil {
		return err
	}
	for _, id := range incidents {
		timeline, err := p.store.Changes(ctx, id)
		if err != nil {
			return err
		}
		for _, c := range timeline {
			if c.Seq <= p.advanced { // the others are about to be followed
				p.take(c)
			}
		}
	}
	for _, a := range p.alerts {
		a.fresh = nil
	}
	p.seen, p.news = p.advanced, false
	return nil
}

// concerned are the incidents that the Alertmanager may have to hear of: those
// that are open, those that ended recently, and those with changes that have
// not arrived.
func (p *peer) concerned(ctx context.Context) ([]string, error) {
	open, err := p.store.OpenIncidents(ctx)
	if err != nil {
		return nil, err
	}
	over, err := p.store.RecentlyClosed(ctx, time.Now().Add(-overFor))
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, in := range append(open, over...) {
		ids[in.ID] = true
	}
	for seq := p.advanced; ; {
		changes, err := p.store.ChangesAfter(ctx, seq, changeBuffer)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			ids[c.Incident.ID], seq = true, c.Seq
		}
		if len(changes) < changeBuffer {
			return slices.Sorted(maps.Keys(ids)), nil
		}
	}
}

// take enters a change. An incident that was told and is then suppressed keeps
// firing: people know of it. One that escalates is another alert to
// Alertmanager, because severity is a label; the earlier one ends.
func (p *peer) take(c omen.Change) {
	p.seen = max(p.seen, c.Seq)
	in := c.Incident
	id := in.ID + "/" + string(in.Severity)
	told := false
	for _, severity := range []omen.Severity{omen.Info, omen.Warning, omen.Critical} {
		old := p.alerts[in.ID+"/"+string(severity)]
		if old == nil {
			continue
		}
		told = told || old.over.IsZero()
		if c.Incident.ChangeNumber < old.in.ChangeNumber {
			return // replayed
		}
		if severity != in.Severity && old.over.IsZero() && (tellable(in) || in.State == omen.Closed) {
			old.over = c.At
		}
	}
	a := p.alerts[id]
	switch {
	case in.State == omen.Closed:
		if a == nil || !a.over.IsZero() {
			return
		}
		a.in, a.over = in, c.At
		if !in.ClosedAt.IsZero() {
			a.over = in.ClosedAt
		}
	case !tellable(in) && !told:
		return
	case a == nil:
		a = &pushed{in: in}
		p.alerts[id] = a
	default:
		a.in, a.over, a.arrive = in, time.Time{}, time.Time{}
	}
	switch c.Kind {
	case omen.ChangeOpened, omen.ChangeEscalated, omen.ChangeReopened, omen.ChangeClosed:
		a.fresh = append(a.fresh, c.Key())
		p.news = true
	}
}

// pushAll is the peer's loop: everything every minute, and soon after each
// change; a push that fails is tried again after a backoff.
func (p *peer) pushAll(ctx context.Context, changes <-chan omen.Change) {
	var wait backoff
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case c := <-changes:
			p.take(c)
			if soon := time.Now().Add(pushSettle); wait.tries == 0 && p.news && soon.Before(due) {
				due = soon
			}
			continue
		case <-timer.C:
		}
		err := p.push(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait.reset()
			due = time.Now().Add(pushEvery)
		default:
			if wait.tries == 0 {
				p.log.Warn("alerts not pushed, trying again", "count", len(p.alerts), "err", err)
				p.recordAll(ctx, outcomeRetrying, err.Error(), 0)
			}
			p.count(outcomeRetrying)
			due = time.Now().Add(max(min(wait.next(), pushEvery), retryAfter(err)))
		}
	}
}

// push sends every alert, then moves the cursor and forgets the ends that were
// repeated long enough.
func (p *peer) push(ctx context.Context) error {
	now := time.Now()
	seen := p.seen
	ids := make([]string, 0, len(p.alerts))
	for id := range p.alerts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, pushBatch) {
		var out []postable
		for _, id := range chunk {
			out = append(out, p.postable(p.alerts[id], now))
		}
		if err := p.post(ctx, out, now); err != nil {
			return err
		}
	}
	if p.news {
		p.count(outcomeDelivered)
	}
	p.recordAll(ctx, outcomeDelivered, "", time.Since(now))
	p.news = false
	for id, a := range p.alerts {
		if a.fresh = nil; a.over.IsZero() {
			continue
		}
		if a.arrive.IsZero() {
			a.arrive = now
		}
		if now.Sub(a.arrive) >= overFor {
			delete(p.alerts, id)
		}
	}
	if seen > p.advanced {
		if err := p.store.Advance(ctx, p.reader(), seen); err != nil {
			if ctx.Err() == nil {
				p.log.Warn("cursor not written", "err", err)
			}
			return nil // the next push writes it
		}
		p.advanced = seen
	}
	return nil
}

// recordAll puts an outcome on the timelines of the incidents whose changes
// are new.
func (p *peer) recordAll(ctx context.Context, outcome, detail string, took time.Duration) {
	var all []omen.Delivery
	for _, a := range p.alerts {
		for _, key := range a.fresh {
			all = append(all, omen.Delivery{
				Incident: a.in.ID, Key: key, Receiver: p.name, At: time.Now(), Took: took, Outcome: outcome, Detail: detail,
			})
		}
	}
	if len(all) == 0 {
		return
	}
	if err := p.store.RecordDelivery(ctx, all...); err != nil && ctx.Err() == nil {
		p.log.Warn("delivery not recorded", "count", len(all), "err", err)
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

func (p *peer) postable(a *pushed, now time.Time) postable {
	written := p.view.alert(a.in, nil, now)
	out := postable{
		Labels: written.Labels, Annotations: written.Annotations, StartsAt: written.StartsAt,
		EndsAt: now.Add(pushValid), GeneratorURL: written.GeneratorURL,
	}
	if !a.over.IsZero() {
		out.EndsAt = a.over
		if out.EndsAt.After(now) {
			out.EndsAt = now
		}
		if out.EndsAt.Before(out.StartsAt) {
			out.StartsAt = out.EndsAt
		}
	}
	// Alertmanager shows annotations; what only our templates need stays here.
	for _, name := range []model.LabelName{"icon", "headline", "detail", "changes", "step", "key", "host"} {
		delete(out.Annotations, name)
	}
	for name, value := range p.settings.Labels {
		if _, own := out.Labels[model.LabelName(name)]; !own {
			out.Labels[model.LabelName(name)] = model.LabelValue(value)
		}
	}
	return out
}

func (p *peer) post(ctx context.Context, alerts []postable, now time.Time) (err error) {
	body, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.settings.Timeout))
	defer cancel()
	target := strings.TrimRight(p.settings.base.String(), "/") + "/api/v2/alerts"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Omen")
	resp, err := p.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return withoutURL(err)
	}
	return refused(resp, text, now)
}
