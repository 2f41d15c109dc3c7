package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// lane delivers the journal to one channel.
type lane struct {
	channel channel
	rules   rules
	store   *store.DB
	limit   *limiter
	buttons *buttons // nil: none
	scores  Scores   // nil: no pictures
	giveUp  time.Duration
	count   func(outcome string)
	log     *slog.Logger

	book     *book
	head     int64     // the journal's end when the lane started: up to here changes may have been delivered by an earlier run
	advanced int64     // the cursor
	saved    time.Time // when the cursor was last written
	storm    time.Time // since when a storm's message waits for the lane to catch up; zero: none does
}

const (
	sendTimeout = 30 * time.Second
	// permanentTries is how often a message is tried that the channel says it
	// will never take: mistaken proxies answer 404, too.
	permanentTries = 3
	// cursorEvery is how often the cursor is written while there is nothing to
	// deliver; what it lags behind is recognised by its recorded deliveries.
	cursorEvery = 10 * time.Second
	// catchUp is how long a storm's message waits for the rest of the journal.
	catchUp = 5 * time.Second
	// changeBuffer is how many changes wait between the journal and the lane.
	changeBuffer = 256
	// maxRecorded bounds how many changes of one message have their failed
	// attempts recorded, and stormDetail begins the detail of those told in a
	// storm's message.
	maxRecorded = 20
	stormDetail = "in a storm's message"
)

// reader is the name of the lane's cursor in the journal.
func (c channel) reader() string { return readerPrefix + c.name }

const readerPrefix = "notify/"

// run delivers until ctx ends. Errors of the store are logged and tried
// again: without it nobody could be told anyway.
func (l *lane) run(ctx context.Context) error {
	if !insist(ctx, l.log, "receiver's state not read", l.restore) {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	changes := make(chan omen.Change, changeBuffer) // bound changeBuffer, owner follow, full: follow waits and the journal keeps the rest
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.follow(ctx, changes)
	}()
	l.deliverAll(ctx, changes)
	stop()
	<-done
	l.saveCursor(context.WithoutCancel(ctx), time.Now(), true)
	return nil
}

// follow hands the journal's changes over.
func (l *lane) follow(ctx context.Context, changes chan<- omen.Change) {
	for c, err := range l.store.Follow(ctx, l.channel.reader()) {
		if err != nil {
			if ctx.Err() == nil {
				l.log.Error("journal not read", "err", err)
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

// restore rebuilds the book from the store: what the receiver was told of the
// incidents that are open. A receiver without a cursor starts at the journal's
// end and is told of what is open.
func (l *lane) restore(ctx context.Context) error {
	l.book = newBook(l.rules)
	readers, err := l.store.Readers(ctx)
	if err != nil {
		return err
	}
	if _, known := readers[l.channel.reader()]; !known {
		if err := l.store.StartHere(ctx, l.channel.reader()); err != nil {
			return err
		}
	}
	if l.advanced, err = l.store.Cursor(ctx, l.channel.reader()); err != nil {
		return err
	}
	l.book.seen = l.advanced
	if l.head, err = l.store.Head(ctx); err != nil {
		return err
	}
	open, err := l.store.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, in := range open {
		if err := l.recall(ctx, in); err != nil {
			return err
		}
		l.book.owe(in.ID, now)
	}
	return nil
}

// recall enters into the book what is on record of an incident.
func (l *lane) recall(ctx context.Context, in omen.Incident) error {
	deliveries, err := l.store.Deliveries(ctx, in.ID)
	if err != nil {
		return err
	}
	var last omen.Delivery
	upTo, gaveUp := 0, 0
	for _, d := range deliveries {
		n := changeNumber(d.Key)
		switch {
		case d.Receiver != l.channel.name:
		case d.Outcome == outcomeDelivered && n >= upTo:
			upTo, last = n, d
		case d.Outcome == outcomeGaveUp:
			gaveUp = max(gaveUp, n)
		}
	}
	told := toldNothing
	if upTo > 0 {
		told = toldFiring
		changes, err := l.store.Changes(ctx, in.ID)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.Incident.ChangeNumber == upTo && c.Incident.State == omen.Closed {
				told = toldOver
			}
		}
	}
	// What was given up stays so for an incident that is over; one that is open
	// is tried again, because its receiver may have been mended.
	if in.State == omen.Closed {
		upTo = max(upTo, gaveUp)
	}
	l.book.recall(in, told, upTo, last.At, strings.HasPrefix(last.Detail, stormDetail))
	return nil
}

// changeNumber is the number at the end of a change's key.
func changeNumber(key string) int {
	n, _ := strconv.Atoi(key[strings.LastIndexByte(key, '.')+1:])
	return n
}

// deliverAll is the lane's loop: take what the journal has, send what is due,
// wait for whichever comes first.
func (l *lane) deliverAll(ctx context.Context, changes <-chan omen.Change) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		l.drain(ctx, changes)
		now := time.Now()
		l.saveCursor(ctx, now, false)
		out, wake, skipped := l.book.next(now)
		l.record(ctx, skipped, now, 0, outcomeSkipped, "its route was muted while it lasted")
		if out != nil && out.storm && l.behind(ctx, changes, now) {
			continue
		}
		if out != nil {
			at, free := l.limit.take(l.channel, now)
			if free {
				l.deliver(ctx, out)
				continue
			}
			sooner(&wake, at)
		}
		if unsaved := l.book.lowWater() > l.advanced; unsaved {
			sooner(&wake, l.saved.Add(cursorEvery))
		}
		if wake.IsZero() {
			wake = now.Add(time.Hour)
		}
		timer.Reset(max(0, wake.Sub(now)))
		from := changes
		if l.book.full() {
			from = nil
		}
		select {
		case c := <-from:
			l.take(ctx, c)
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// behind reports whether the journal has more for a storm's message, and takes
// some of it: one that tells of everything is better than two. It waits for
// catchUp at most.
func (l *lane) behind(ctx context.Context, changes <-chan omen.Change, now time.Time) bool {
	if l.storm.IsZero() {
		l.storm = now
	}
	head, err := l.store.Head(ctx)
	if err != nil || head <= l.book.seen || l.book.full() || now.Sub(l.storm) >= catchUp {
		l.storm = time.Time{}
		return false
	}
	timer := time.NewTimer(catchUp - now.Sub(l.storm))
	defer timer.Stop()
	select {
	case c := <-changes:
		l.take(ctx, c)
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// drain takes what is there without waiting, so that changes that came
// together are told together.
func (l *lane) drain(ctx context.Context, changes <-chan omen.Change) {
	for !l.book.full() {
		select {
		case c := <-changes:
			l.take(ctx, c)
		default:
			return
		}
	}
}

// take enters a change; one from before the lane's start may have been
// delivered already, which the record tells.
func (l *lane) take(ctx context.Context, c omen.Change) {
	if c.Seq <= l.head && !l.book.knows(c.Incident.ID) {
		read := func(ctx context.Context) error {
			in, err := l.store.Incident(ctx, c.Incident.ID)
			if errors.Is(err, omen.ErrNotFound) {
				in, err = c.Incident, nil
			}
			if err != nil {
				return err
			}
			return l.recall(ctx, in)
		}
		if !insist(ctx, l.log, "deliveries not read", read) {
			return
		}
	}
	l.book.take(c, time.Now())
}

// saveCursor writes the cursor, if it has moved and it is time to.
func (l *lane) saveCursor(ctx context.Context, now time.Time, atOnce bool) {
	low := l.book.lowWater()
	if low <= l.advanced || !atOnce && now.Sub(l.saved) < cursorEvery {
		return
	}
	l.saved = now
	if err := l.store.Advance(ctx, l.channel.reader(), low); err != nil {
		l.log.Warn("cursor not written", "err", err)
		return
	}
	l.advanced = low
}

// The outcomes of a delivery.
const (
	outcomeDelivered = "delivered"
	outcomeRetrying  = "retrying"
	outcomeGaveUp    = "gave_up"
	outcomeSkipped   = "skipped"
)

// deliver makes one attempt at a batch and enters its outcome, first into the
// store, then into the book.
func (l *lane) deliver(ctx context.Context, out *batch) {
	begun := time.Now()
	m := l.book.message(out, begun)
	if l.buttons != nil && l.channel.kind != "telegram" && l.channel.kind != "webhook" && m.Incident != nil {
		l.buttons.annotate(m.Alerts[0], *m.Incident, begun)
	}
	m.Picture = l.picture(ctx, m)
	call, cancel := context.WithTimeoutCause(ctx, sendTimeout, fmt.Errorf("no answer within %s", sendTimeout))
	err := l.channel.sender.Send(call, m)
	cancel()
	now := time.Now()
	changes := out.changes()
	detail := ""
	if out.storm {
		detail = fmt.Sprintf("%s about %d incidents", stormDetail, len(out.entries))
	}
	if err == nil {
		// Recorded even while stopping: a message that arrived must not come twice.
		l.record(context.WithoutCancel(ctx), changes, now, now.Sub(begun), outcomeDelivered, detail)
		l.book.delivered(out, now)
		l.count(outcomeDelivered)
		return
	}
	if ctx.Err() != nil {
		return
	}
	l.failed(ctx, out, begun, err)
}

// failed decides between trying again and giving up: a refusal that is
// permanent is tried permanentTries times, everything else for the time that
// the configuration gives.
func (l *lane) failed(ctx context.Context, out *batch, begun time.Time, err error) {
	now := time.Now()
	l.book.failed(out, now, retryAfter(err))
	since, tries := out.failing()
	if permanent(err) && tries >= permanentTries || now.Sub(since) >= l.giveUp {
		l.log.Error("message given up", "count", len(out.entries), "err", err)
		l.record(ctx, out.changes(), now, now.Sub(begun), outcomeGaveUp, fmt.Sprintf("after %d attempts: %v", tries, err))
		l.book.refused(out, now)
		l.count(outcomeGaveUp)
		return
	}
	if wait := retryAfter(err); wait > 0 {
		l.limit.pause(l.channel, now.Add(wait))
	}
	l.count(outcomeRetrying)
	if tries&(tries-1) != 0 {
		return // the first, second, fourth, eighth … attempt is worth a line
	}
	l.log.Warn("message not delivered, trying again", "count", tries, "err", err)
	changes := out.changes()
	l.record(ctx, changes[:min(len(changes), maxRecorded)], now, now.Sub(begun), outcomeRetrying, err.Error())
}

// record keeps what became of changes. The store is tried a few times: an
// outcome that is not on record is delivered again after a restart.
func (l *lane) record(ctx context.Context, changes []omen.Change, at time.Time, took time.Duration, outcome, detail string) {
	if len(changes) == 0 {
		return
	}
	all := make([]omen.Delivery, len(changes))
	for i, c := range changes {
		all[i] = omen.Delivery{
			Incident: c.Incident.ID, Key: c.Key(), Receiver: l.channel.name,
			At: at, Took: took, Outcome: outcome, Detail: detail,
		}
	}
	for wait := (backoff{}); ; {
		err := l.store.RecordDelivery(ctx, all...)
		if err == nil || ctx.Err() != nil {
			return
		}
		l.log.Error("delivery not recorded", "incident", all[0].Incident, "err", err)
		if wait.tries >= 5 || errors.Is(err, omen.ErrInvalid) || !sleep(ctx, wait.next()) {
			return
		}
	}
}
