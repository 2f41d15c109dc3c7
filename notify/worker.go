package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/reply"
	"github.com/omenhq/omen/store"
)

// worker delivers the journal's changes to one channel. Errors of the store are
// logged and tried again: without it nobody could be notified anyway.
type worker struct {
	channel  channel
	rules    rules
	store    *store.DB
	limit    *limiter
	buttons  *reply.Buttons   // nil: none
	asks     *reply.Approvals // nil: no buttons that decide on actions
	charts   *reply.Charts    // nil: no links to charts
	hosts    message.Hosts    // nil: no charts
	giveUp   time.Duration
	outcomes *prometheus.CounterVec // by outcome
	builtIn  prometheus.Counter     // messages that a template of the configuration could not write
	trouble  message.Trouble
	template message.Trouble
	log      *slog.Logger

	proven chan struct{} // a heartbeat or a test arrived; bound 1, owner Deliver, full: it is about to look

	queue    *queue
	head     int64     // the journal's end when the worker started: up to here changes may have been delivered by an earlier run
	advanced int64     // the cursor
	saved    time.Time // when the cursor was last written
	storm    time.Time // since when a storm's message waits for the worker to catch up; zero: none does
}

const (
	// permanentTries is how often a message is tried that the channel says it
	// will never take: mistaken proxies answer 404, too.
	permanentTries = 3
	// cursorEvery is how often the cursor is written while there is nothing to
	// deliver; what it lags behind is recognised by its recorded deliveries.
	cursorEvery = 10 * time.Second
	// catchUp is how long a storm's message waits for the rest of the journal.
	catchUp = 5 * time.Second
	// chartWait is how long a message waits for its chart.
	chartWait = 3 * time.Second
	// maxRecorded bounds how many changes of one message have their failed
	// attempts recorded, and stormDetail begins the detail of those in a storm's
	// message.
	maxRecorded = 20
	stormDetail = "in a storm's message"
)

// Name implements [consumer].
func (w *worker) Name() string { return w.channel.name }

// Restore rebuilds the queue from the store: what the receiver was notified of
// the incidents that are open, and what it has yet to be.
func (w *worker) Restore(ctx context.Context, cursor int64) (err error) {
	w.queue, w.advanced = newQueue(w.rules), cursor
	w.queue.seen = cursor
	if w.head, err = w.store.Head(ctx); err != nil {
		return err
	}
	open, err := w.store.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, in := range open {
		if err := w.recall(ctx, in); err != nil {
			return err
		}
		w.queue.owe(in.ID, now)
	}
	return nil
}

// recall enters into the queue what is on record of an incident.
func (w *worker) recall(ctx context.Context, in omen.Incident) error {
	deliveries, err := w.store.Deliveries(ctx, in.ID)
	if err != nil {
		return err
	}
	var last omen.Delivery
	upTo, gaveUp := 0, 0
	for _, d := range deliveries {
		n := changeNumber(d.Key)
		switch {
		case d.Receiver != w.channel.name:
		case d.Outcome == message.Delivered && n >= upTo:
			upTo, last = n, d
		case d.Outcome == message.GaveUp:
			gaveUp = max(gaveUp, n)
		}
	}
	notified := notNotified
	if upTo > 0 {
		notified = notifiedOpen
		changes, err := w.store.Changes(ctx, in.ID)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.Incident.ChangeNumber == upTo && c.Incident.State == omen.Closed {
				notified = notifiedClosed
			}
		}
	}
	// What was given up stays so for an incident that is over; one that is open
	// is tried again, because its receiver may work by now.
	if in.State == omen.Closed {
		upTo = max(upTo, gaveUp)
	}
	w.queue.recall(in, notified, upTo, last.At, strings.HasPrefix(last.Detail, stormDetail))
	return nil
}

// changeNumber is the number at the end of a change's key.
func changeNumber(key string) int {
	n, _ := strconv.Atoi(key[strings.LastIndexByte(key, '.')+1:])
	return n
}

// Deliver takes what the journal has, sends what is due, and waits for whichever
// comes first, until ctx ends.
func (w *worker) Deliver(ctx context.Context, changes <-chan omen.Change) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		w.drain(ctx, changes)
		now := time.Now()
		w.saveCursor(ctx, now, false)
		out, wake, skipped := w.queue.next(now)
		w.record(ctx, skipped, now, 0, message.Skipped, "its route was muted while the incident lasted")
		if out != nil && out.storm && w.behind(ctx, changes, now) {
			continue
		}
		if out != nil {
			at, free := w.limit.take(w.channel, now)
			if free {
				w.deliver(ctx, out)
				continue
			}
			sooner(&wake, at)
		}
		if err := errors.Join(w.trouble.Say(ctx), w.template.Say(ctx)); err != nil && ctx.Err() == nil {
			w.log.Warn("receiver's trouble not recorded", "err", err)
			sooner(&wake, time.Now().Add(message.SayAgain))
		}
		if unsaved := w.queue.lowWater() > w.advanced; unsaved {
			sooner(&wake, w.saved.Add(cursorEvery))
		}
		if wake.IsZero() {
			wake = now.Add(time.Hour)
		}
		timer.Reset(max(0, wake.Sub(now)))
		from := changes
		if w.queue.full() {
			from = nil
		}
		select {
		case c := <-from:
			w.take(ctx, c)
		case <-w.proven:
			if !w.queue.failing() {
				w.trouble.Over()
			}
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	w.saveCursor(context.WithoutCancel(ctx), time.Now(), true)
}

// behind reports whether the journal has more for a storm's message, and takes
// some of it: one about everything is better than two. It waits for
// catchUp at most.
func (w *worker) behind(ctx context.Context, changes <-chan omen.Change, now time.Time) bool {
	if w.storm.IsZero() {
		w.storm = now
	}
	head, err := w.store.Head(ctx)
	if err != nil || head <= w.queue.seen || w.queue.full() || now.Sub(w.storm) >= catchUp {
		w.storm = time.Time{}
		return false
	}
	timer := time.NewTimer(catchUp - now.Sub(w.storm))
	defer timer.Stop()
	select {
	case c := <-changes:
		w.take(ctx, c)
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// drain takes what is there without waiting, so that changes that came
// together are notified of together.
func (w *worker) drain(ctx context.Context, changes <-chan omen.Change) {
	for !w.queue.full() {
		select {
		case c := <-changes:
			w.take(ctx, c)
		default:
			return
		}
	}
}

// take enters a change; one from before the worker's start may have been
// delivered already, which is on record.
func (w *worker) take(ctx context.Context, c omen.Change) {
	if c.Seq <= w.head && !w.queue.knows(c.Incident.ID) {
		read := func(ctx context.Context) error {
			in, err := w.store.Incident(ctx, c.Incident.ID)
			if errors.Is(err, omen.ErrNotFound) {
				in, err = c.Incident, nil
			}
			if err != nil {
				return err
			}
			return w.recall(ctx, in)
		}
		if !message.Retry(ctx, w.log, "deliveries not read", read) {
			return
		}
	}
	w.queue.take(c, time.Now())
}

// saveCursor writes the cursor, if it has moved and it is time to.
func (w *worker) saveCursor(ctx context.Context, now time.Time, atOnce bool) {
	low := w.queue.lowWater()
	if low <= w.advanced || !atOnce && now.Sub(w.saved) < cursorEvery {
		return
	}
	w.saved = now
	if err := w.store.Advance(ctx, message.Reader(w.channel.name), low); err != nil {
		w.log.Warn("cursor not written", "err", err)
		return
	}
	w.advanced = low
}

// deliver makes one attempt at a batch and enters its outcome, first into the
// store, then into the queue.
func (w *worker) deliver(ctx context.Context, out *batch) {
	begun := time.Now()
	m := w.queue.message(out, begun)
	m.Wait(w.waiting(ctx, m))
	w.asks.AddTo(&m)
	w.buttons.AddTo(&m, w.channel.kind != "telegram")
	if m.Chart = w.chart(ctx, m); m.Chart != nil {
		m.ChartURL = w.charts.Link(m.Incident.ID, begun)
	}
	builtIn, err := w.channel.send(ctx, m)
	w.rendered(m, builtIn)
	now := time.Now()
	changes := out.changes()
	detail := ""
	if out.storm {
		detail = stormDetail + " about " + omen.Plural(len(out.entries), "incident", "incidents")
	}
	if err == nil {
		// Recorded even while stopping: a message that arrived must not come twice.
		w.record(context.WithoutCancel(ctx), changes, now, now.Sub(begun), message.Delivered, detail)
		w.queue.delivered(out, now)
		w.outcomes.WithLabelValues(message.Delivered).Inc()
		w.trouble.Over()
		return
	}
	if ctx.Err() != nil {
		return
	}
	w.failed(ctx, out, begun, err)
}

// failed decides between trying again and giving up: a refusal that is
// permanent is tried permanentTries times, everything else for the time that
// the configuration gives.
func (w *worker) failed(ctx context.Context, out *batch, begun time.Time, err error) {
	now := time.Now()
	w.queue.failed(out, now, message.RetryAfter(err))
	since, tries := out.failing()
	if message.Permanent(err) && tries >= permanentTries || now.Sub(since) >= w.giveUp {
		w.log.Error("message given up", "count", len(out.entries), "err", err)
		w.record(ctx, out.changes(), now, now.Sub(begun), message.GaveUp, fmt.Sprintf("after %s: %v", omen.Plural(tries, "attempt", "attempts"), err))
		w.queue.refused(out, now)
		w.outcomes.WithLabelValues(message.GaveUp).Inc()
		w.trouble.Is(omen.Critical, fmt.Sprintf("receiver %s refuses messages, one was given up: %v", w.channel.name, err))
		return
	}
	if wait := message.RetryAfter(err); wait > 0 {
		w.limit.pause(w.channel, now.Add(wait))
	}
	w.outcomes.WithLabelValues(message.Retrying).Inc()
	if now.Sub(since) >= message.FailingAfter {
		w.trouble.Is(omen.Warning, fmt.Sprintf("receiver %s takes no messages: %v", w.channel.name, err))
	}
	if tries&(tries-1) != 0 {
		return // the first, second, fourth, eighth … attempt is worth a line
	}
	w.log.Warn("message not delivered, trying again", "count", tries, "err", err)
	changes := out.changes()
	w.record(ctx, changes[:min(len(changes), maxRecorded)], now, now.Sub(begun), message.Retrying, err.Error())
}

// record keeps what became of changes. The store is tried a few times: an
// outcome that is not on record is delivered again after a restart.
func (w *worker) record(ctx context.Context, changes []omen.Change, at time.Time, took time.Duration, outcome, detail string) {
	if len(changes) == 0 {
		return
	}
	all := make([]omen.Delivery, len(changes))
	for i, c := range changes {
		all[i] = omen.Delivery{
			Incident: c.Incident.ID, Key: c.Key(), Receiver: w.channel.name,
			At: at, Took: took, Outcome: outcome, Detail: detail,
		}
	}
	for wait := (message.Backoff{}); ; {
		err := w.store.RecordDelivery(ctx, all...)
		if err == nil || ctx.Err() != nil {
			return
		}
		w.log.Error("delivery not recorded", "incident", all[0].Incident, "err", err)
		if wait.Tries >= 5 || errors.Is(err, omen.ErrInvalid) || !omen.Sleep(ctx, wait.Next()) {
			return
		}
	}
}

// waiting is what waits for approval on a message's incident right now, whatever the
// message is about: a reminder asks again, and one that comes late does not.
func (w *worker) waiting(ctx context.Context, m message.Message) []omen.Action {
	if m.Incident == nil || m.Incident.Remedy == "" || m.Incident.State == omen.Closed {
		return nil
	}
	all, err := w.store.Actions(ctx, store.ActionFilter{Incident: m.Incident.ID, States: []omen.ActionState{omen.ActionWaiting}})
	if err != nil {
		w.log.Warn("message goes without the buttons of actions", "incident", m.Incident.ID, "err", err)
		return nil
	}
	return slices.DeleteFunc(all, func(a omen.Action) bool { return !m.At.Before(a.Expires) })
}

// showsCharts are the channels that show a chart.
var showsCharts = map[string]bool{"telegram": true, "slack": true, "email": true}

// chart is what goes with a message, or nil: a message never fails for want of
// one.
func (w *worker) chart(ctx context.Context, m message.Message) []byte {
	if w.hosts == nil || !showsCharts[w.channel.kind] || m.Incident == nil || m.Incident.Host.Name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, chartWait)
	defer cancel()
	png, err := message.Draw(ctx, w.hosts, *m.Incident, m.At)
	if err != nil {
		w.log.Debug("message goes without a chart", "incident", m.Incident.ID, "err", err)
		return nil
	}
	return png
}
