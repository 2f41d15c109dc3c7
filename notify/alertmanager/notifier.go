package alertmanager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	amnotify "github.com/prometheus/alertmanager/notify"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// Notifier sends through one of Alertmanager's own notifiers.
type Notifier struct {
	notifier amnotify.Notifier
	receiver string
	escape   message.Escape
	begun    chan struct{} // a token for each attempt that has not come back; bound maxBegun, owner Send, full: no new attempt
}

// maxBegun bounds the attempts under way and abandoned: a notifier that does
// not end with its context holds its goroutine for as long as the connection
// lives.
const maxBegun = 16

// NewNotifier makes a sender of a notifier, whose values are escaped.
func NewNotifier(n amnotify.Notifier, receiver string, escape message.Escape) *Notifier {
	recordLimits(n)
	return &Notifier{n, receiver, escape, make(chan struct{}, maxBegun)}
}

// Send implements [message.Sender].
func (n *Notifier) Send(ctx context.Context, m message.Message) error {
	select {
	case n.begun <- struct{}{}:
	default:
		return fmt.Errorf("%d earlier attempts have not ended: %w", maxBegun, omen.ErrUnavailable)
	}
	type answer struct {
		again bool
		err   error
	}
	limit := new(atomic.Pointer[limited])
	call := context.WithValue(message.Context(ctx, n.receiver, m, n.escape), limitedKey{}, limit)
	answers := make(chan answer, 1) // bound 1, owner Send: the attempt never waits for a reader that left
	go func() {
		defer func() { <-n.begun }()
		again, err := n.notifier.Notify(call, message.Escaped(m.Alerts, n.escape)...)
		answers <- answer{again, err}
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	case a := <-answers:
		return judge(a.again, a.err, limit.Load())
	}
}

// judge is what a notifier's answer means to us; limit is what the channel said
// of waiting, nil if nothing.
func judge(again bool, err error, limit *limited) error {
	if err == nil {
		return nil
	}
	r := message.Refusal{Err: err, Permanent: !again}
	var reason *amnotify.ErrorWithReason
	if errors.As(err, &reason) && reason.Reason == amnotify.RateLimitedReason {
		r.Permanent, r.After = false, message.DefaultRetryAfter
	}
	if limit != nil {
		r.Permanent = false
		if limit.after > 0 || limit.status == http.StatusTooManyRequests {
			r.After = cmp.Or(limit.after, message.DefaultRetryAfter)
		}
	}
	return r
}

// Alertmanager's notifiers say that they were limited, but not for how long:
// the answer's header is seen by their HTTP client alone, which they keep to
// themselves. recordLimits puts a recorder before that client's transport, and
// has it keep the message at a redirect.

// limited is what an answer says of waiting.
type limited struct {
	status int
	after  time.Duration // 0: it does not say
}

// limitedKey finds an attempt's *atomic.Pointer[limited] in its context.
type limitedKey struct{}

// recordLimits lets n's HTTP client note answers in the context's place. It
// needs n to have a client where all of Alertmanager's notifiers keep it, which
// a test checks for each; without one a limit means
// [message.DefaultRetryAfter].
func recordLimits(n amnotify.Notifier) {
	v := reflect.ValueOf(n)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return
	}
	field := v.Elem().FieldByName("client")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*http.Client]() || field.IsNil() {
		return
	}
	client := (*http.Client)(field.UnsafePointer())
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = limitRecorder{next}
	client.CheckRedirect = message.Keeping(client.CheckRedirect)
}

// limitRecorder notes answers that limit the request's attempt.
type limitRecorder struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (l limitRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return resp, err
	}
	if limit, ok := r.Context().Value(limitedKey{}).(*atomic.Pointer[limited]); ok {
		limit.Store(&limited{resp.StatusCode, message.ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now())})
	}
	return resp, nil
}
