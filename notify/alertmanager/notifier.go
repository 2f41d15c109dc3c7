package notify

import (
	"context"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	amnotify "github.com/prometheus/alertmanager/notify"
)

// Alertmanager's notifiers say that they were limited, but not for how long:
// the answer's header is seen by their HTTP client alone, which they keep to
// themselves. heed puts a listener before that client's transport.

// limited is what an answer says of being left alone.
type limited struct {
	status int
	after  time.Duration // 0: it does not say
}

// limitedKey finds an attempt's *atomic.Pointer[limited] in its context.
type limitedKey struct{}

// heed lets n's HTTP client note answers in the context's place. It reports
// whether n has a client where all of Alertmanager's notifiers keep it, which
// a test checks for each; without one a limit means [quietAfter429].
func heed(n amnotify.Notifier) bool {
	v := reflect.ValueOf(n)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	field := v.Elem().FieldByName("client")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*http.Client]() || field.IsNil() {
		return false
	}
	client := (*http.Client)(field.UnsafePointer())
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = heeding{next}
	return true
}

// heeding notes answers that limit the request's attempt.
type heeding struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (h heeding) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := h.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return resp, err
	}
	if note, ok := r.Context().Value(limitedKey{}).(*atomic.Pointer[limited]); ok {
		note.Store(&limited{resp.StatusCode, parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())})
	}
	return resp, nil
}

// withLimited is a context in which answers are noted.
func withLimited(ctx context.Context) (context.Context, *atomic.Pointer[limited]) {
	note := new(atomic.Pointer[limited])
	return context.WithValue(ctx, limitedKey{}, note), note
}
