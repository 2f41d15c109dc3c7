package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
)

// Sender hands a message to one channel. Send returns nil once the channel has
// taken it; other errors are plain (trying again later may help) or carry a
// [refusal].
//
// Implementations: integration (Alertmanager's notifiers), webhook, telegram.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Message is one thing to say to a channel: some alerts of one group.
type Message struct {
	Key      string // stable: the same message has the same key however often it is sent
	GroupKey string // the conversation that it belongs to, for channels that keep one
	Group    model.LabelSet
	Alerts   []*alert.Alert
	Reason   amnotify.NotifyReason
	Incident *omen.Incident // the only incident that the message is about; nil if there are more or none
	Picture  []byte         // a PNG for channels that take pictures; nil: none
	At       time.Time
}

// refusal is an error with what the channel said of trying again.
type refusal struct {
	error
	permanent bool          // it will not take this message, however often it is sent
	after     time.Duration // it wants to be left alone for so long
}

func (r refusal) Unwrap() error { return r.error }

// permanent reports whether sending the same again is pointless.
func permanent(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.permanent
}

// retryAfter is how long the channel wants to be left alone; 0: it did not
// say.
func retryAfter(err error) time.Duration {
	var r refusal
	if errors.As(err, &r) {
		return r.after
	}
	return 0
}

// maxRetryAfter bounds what a channel may ask for: a mistaken date must not
// silence it for good.
const maxRetryAfter = time.Hour

// refused makes an answer's status code an error: nil for 2xx; 4xx are
// permanent but for those that mean "later" (RFC 9110 408, RFC 8470 425, RFC
// 6585 429).
func refused(resp *http.Response, body []byte, now time.Time) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("answered %s: %s", resp.Status, oneLine(string(body[:min(len(body), 200)])))
	r := refusal{error: err, after: parseRetryAfter(resp.Header.Get("Retry-After"), now)}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly:
	case http.StatusTooManyRequests:
		if r.after == 0 {
			r.after = quietAfter429
		}
	default:
		r.permanent = resp.StatusCode/100 != 5
	}
	return r
}

// quietAfter429 is how long a channel that limits us is left alone if it does
// not say how long it wants.
const quietAfter429 = 30 * time.Second

// parseRetryAfter reads RFC 9110's Retry-After: seconds or a date.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return time.Duration(min(max(0, seconds), maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// integration sends through one of Alertmanager's notifiers.
type integration struct {
	notifier amnotify.Notifier
	receiver string
	escape   func(string) string
	hung     chan struct{} // a token for each attempt that has not come back; bound maxHung, owner Send, full: no new attempt
}

// maxHung bounds the attempts that were abandoned. Alertmanager's mail
// notifier reads from a server without a deadline, so one that accepts and
// says nothing holds its goroutine for as long as the connection lives.
const maxHung = 4

func newIntegration(n amnotify.Notifier, receiver string, escape func(string) string) *integration {
	heed(n)
	return &integration{n, receiver, escape, make(chan struct{}, maxHung)}
}

// Send implements [Sender].
func (i *integration) Send(ctx context.Context, m Message) error {
	select {
	case i.hung <- struct{}{}:
	default:
		return fmt.Errorf("%d earlier attempts still hang: %w", maxHung, omen.ErrUnavailable)
	}
	type answer struct {
		again bool
		err   error
	}
	call, note := withLimited(notifyContext(ctx, i.receiver, m, i.escape))
	answers := make(chan answer, 1) // bound 1, owner Send: the attempt never waits for a reader that left
	go func() {
		defer func() { <-i.hung }()
		again, err := i.notifier.Notify(call, escaped(m.Alerts, i.escape)...)
		answers <- answer{again, err}
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	case a := <-answers:
		return judged(a.again, a.err, note.Load())
	}
}

// judged is what an Alertmanager notifier's answer means to us; note is what
// the channel said of being left alone, nil if nothing.
func judged(again bool, err error, note *limited) error {
	if err == nil {
		return nil
	}
	r := refusal{error: err, permanent: !again}
	var reason *amnotify.ErrorWithReason
	if errors.As(err, &reason) && reason.Reason == amnotify.RateLimitedReason {
		r.permanent, r.after = false, quietAfter429
	}
	if note != nil {
		r.permanent = false
		if note.after > 0 || note.status == http.StatusTooManyRequests {
			r.after = cmp.Or(note.after, quietAfter429)
		}
	}
	return r
}

// notifyContext is what Alertmanager's notifiers expect to find in a context.
func notifyContext(ctx context.Context, receiver string, m Message, escape func(string) string) context.Context {
	ctx = amnotify.WithReceiverName(ctx, receiver)
	ctx = amnotify.WithGroupKey(ctx, m.GroupKey)
	ctx = amnotify.WithGroupLabels(ctx, escapedSet(m.Group, escape))
	ctx = amnotify.WithNow(ctx, m.At)
	return amnotify.WithNotificationReason(ctx, m.Reason)
}
