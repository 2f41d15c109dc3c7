package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Refusal is an error with what the channel said of trying again.
type Refusal struct {
	Err       error
	Permanent bool          // it will not take this message, however often it is sent
	After     time.Duration // it wants no message for so long; 0: it did not say
}

func (r Refusal) Error() string { return r.Err.Error() }

func (r Refusal) Unwrap() error { return r.Err }

// Refuse is a permanent [Refusal].
func Refuse(format string, args ...any) error {
	return Refusal{Err: fmt.Errorf(format, args...), Permanent: true}
}

// Permanent reports whether sending the same again is pointless.
func Permanent(err error) bool {
	var r Refusal
	return errors.As(err, &r) && r.Permanent
}

// RetryAfter is for how long the channel wants no message; 0: it did not say.
func RetryAfter(err error) time.Duration {
	var r Refusal
	if errors.As(err, &r) {
		return r.After
	}
	return 0
}

const (
	// MaxRetryAfter bounds what a channel may ask for: a mistaken date must not
	// silence it for good.
	MaxRetryAfter = time.Hour
	// DefaultRetryAfter is for how long a channel that limits us gets no
	// message if it does not say how long it wants.
	DefaultRetryAfter = 30 * time.Second
	// maxAnswer bounds what is read of a channel's answer. Telegram's list of
	// pressed buttons is the longest.
	maxAnswer = 4 << 20
	// maxRedirects is how many redirects are followed, as net/http does.
	maxRedirects = 10
)

// Answer is what a channel answered to a request.
type Answer struct {
	Status string // such as "200 OK"
	Code   int
	Header http.Header
	Body   []byte
}

// Post makes one request and reads the answer. Its errors never show the URL:
// tokens are part of it.
func Post(ctx context.Context, client *http.Client, target, contentType string, body []byte, header http.Header) (a Answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return a, Refuse("the channel's URL cannot be parsed")
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "Omen")
	keeping := *client
	keeping.CheckRedirect = Keeping(client.CheckRedirect)
	resp, err := keeping.Do(req)
	if err != nil {
		return a, withoutURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	a = Answer{Status: resp.Status, Code: resp.StatusCode, Header: resp.Header}
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return a, withoutURL(err)
}

// redirects is what an [http.Client] asks before it follows a redirect.
type redirects func(req *http.Request, via []*http.Request) error

// Keeping follows a redirect, if check does (nil: ten of them), only with the
// message. After a 301, 302 or 303 a client would ask for a page, such as that
// of a login, whose 200 says nothing of the message; its answer is then the
// redirect itself.
func Keeping(check redirects) redirects {
	return func(req *http.Request, via []*http.Request) error {
		switch {
		case req.Method != via[0].Method:
			return http.ErrUseLastResponse
		case check != nil:
			return check(req, via)
		case len(via) >= maxRedirects:
			return fmt.Errorf("stopped after %d redirects", maxRedirects)
		}
		return nil
	}
}

func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Judge makes an answer's status code an error: nil for 2xx; 4xx are permanent
// but for those that mean "later" (RFC 9110 408, RFC 8470 425, RFC 6585 429).
func (a Answer) Judge() error {
	if a.Code/100 == 2 {
		return nil
	}
	r := Refusal{
		Err:   errors.New(strings.TrimSuffix("answered "+a.Status+": "+OneLine(string(a.Body[:min(len(a.Body), 200)])), ": ")),
		After: ParseRetryAfter(a.Header.Get("Retry-After"), time.Now()),
	}
	if a.Code/100 == 3 {
		r.Err = fmt.Errorf("answered %s, a redirect that loses the message: configure the address that it leads to", a.Status)
	}
	switch a.Code {
	case http.StatusRequestTimeout, http.StatusTooEarly:
	case http.StatusTooManyRequests:
		if r.After == 0 {
			r.After = DefaultRetryAfter
		}
	default:
		r.Permanent = a.Code/100 != 5
	}
	return r
}

// ParseRetryAfter reads RFC 9110's Retry-After, seconds or a date; 0: none.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return Seconds(seconds)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), MaxRetryAfter)
	}
	return 0
}

// Seconds is a time that a channel asks for, within bounds.
func Seconds(s float64) time.Duration {
	if !(s > 0) { // nor NaN, which is no time
		return 0
	}
	return time.Duration(min(s, MaxRetryAfter.Seconds()) * float64(time.Second))
}

// Secret is a secret of the configuration, or what the file that it names holds
// now, so that a secret can be changed in place.
func Secret(value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
