package series

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/config"

	"github.com/omenhq/omen"
)

// RemoteOptions say where a Prometheus-compatible API is and how to ask it.
type RemoteOptions struct {
	URL         string                   // the part before /api/v1, such as http://prometheus:9090; user and password in it become basic auth
	HTTP        *config.HTTPClientConfig // TLS, basic auth, bearer token, OAuth2, proxy, headers; nil: Prometheus' defaults
	Timeout     time.Duration            // of one request; 0: 30 seconds
	Delay       time.Duration            // read so long ago what is asked for as now: for sources whose newest samples come late; more if that finds nothing, up to five minutes
	Concurrency int                      // requests at once; 0: 4
	MaxBytes    int64                    // of all answers at once; 0: 256 MiB
	Log         *slog.Logger             // nil: silent
}

// Remote is any server with Prometheus' query API: Prometheus, Thanos, Mimir,
// Cortex, VictoriaMetrics.
//
// It asks for one feature at a time, for all hosts, in pieces of at most
// 11,000 instants (Prometheus refuses more) and of a bounded size. How late the
// server's newest samples come it finds out by itself.
type Remote struct {
	opts   RemoteOptions
	url    string // without credentials
	client *http.Client
	reader Reader
	late   late
	budget *budget
}

// NewRemote makes a client. It asks nothing yet: an unreachable server is an
// error of [Remote.Read].
func NewRemote(o RemoteOptions) (*Remote, error) {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 4
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	settings := config.DefaultHTTPClientConfig
	if o.HTTP != nil {
		settings = *o.HTTP
	}
	u, err := parseURL(o.URL, &settings)
	if err != nil {
		return nil, err
	}
	if err := settings.Validate(); err != nil {
		return nil, fmt.Errorf("source %s: %w: %w", u, err, omen.ErrInvalid)
	}
	transport, err := config.NewRoundTripperFromConfig(settings, "omen", config.WithUserAgent("omen"))
	if err != nil {
		return nil, fmt.Errorf("source %s: %w: %w", u, err, omen.ErrInvalid)
	}
	client := &http.Client{Transport: gate{transport, settings.FollowRedirects}} // without a time-out: each request's context has it, which says so
	r := &Remote{opts: o, url: u, client: client, budget: newBudget(o.MaxBytes, o.Concurrency)}
	r.reader = Reader{Evaluator: r, Concurrency: o.Concurrency}
	r.late.delay = max(o.Delay, 0)
	return r, nil
}

// parseURL checks the address and moves credentials out of it, so that no
// message can show them.
func parseURL(address string, settings *config.HTTPClientConfig) (string, error) {
	invalid := func(why string) error {
		return omen.WithHint(fmt.Errorf("source address: %s: %w", why, omen.ErrInvalid), "write it as http://HOST:PORT, such as http://127.0.0.1:9090")
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		// Its text quotes the whole address, credentials and all.
		return "", invalid("it is not a URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", invalid(fmt.Sprintf("%q is not an http or https URL with a host", u.Redacted()))
	}
	if u.User != nil && settings.BasicAuth == nil && settings.Authorization == nil {
		password, _ := u.User.Password()
		settings.BasicAuth = &config.BasicAuth{Username: u.User.Username(), Password: config.Secret(password)}
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	// People paste what they see in the address bar.
	for _, tail := range []string{"/", "/graph", "/query", "/api/v1/query", "/api/v1", "/"} {
		u.Path = strings.TrimSuffix(u.Path, tail)
	}
	return u.String(), nil
}

// Address is the server's URL without credentials.
func (r *Remote) Address() string { return r.url }

// Close closes idle connections.
func (r *Remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// Read implements [Source].
func (r *Remote) Read(ctx context.Context, q Query) (*Frame, error) {
	f, err := r.reader.Read(ctx, q)
	now, all := time.Now(), q.End.After(q.Start) && len(q.Hosts) == 0
	if err == nil && all && now.Sub(q.End).Abs() < aboutNow {
		f, err = r.present(ctx, q, f, now)
		if err == nil && len(f.Hosts) > 0 && !q.Strict {
			r.noteLate(ctx, q, f, now)
		}
	}
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("source %s: %w", r.url, err), omen.Hint(err))
	}
	return f, nil
}

// Evaluate implements [Evaluator] over HTTP.
func (r *Remote) Evaluate(ctx context.Context, promQL string, span Range, a *Answer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.opts.Timeout, errTimeout)
	defer cancel()
	ctx, held := r.budget.lease(ctx)
	defer held.release() // once it is decoded and added
	delay := r.Delay()
	before, d := a.mark(), newDecoder(a, delay.Milliseconds(), span.instants(), held)
	err := r.ask(ctx, promQL, span, delay, d)
	if err != nil {
		a.back(before, span, maps.Keys(d.first))
		if errors.Is(err, omen.ErrInvalid) { // it is well answered, and of no use
			return err
		}
		return explain(ctx, err)
	}
	a.Note(d.warnings)
	return nil
}

// ask sends a query and decodes its answer.
func (r *Remote) ask(ctx context.Context, promQL string, span Range, delay time.Duration, d *decoder) error {
	seconds := func(t time.Time) string {
		return strconv.FormatFloat(float64(t.Add(-delay).UnixMilli())/1000, 'f', -1, 64)
	}
	form := url.Values{"query": {promQL}}
	if span.Lookback > 0 {
		form.Set("lookback_delta", span.Lookback.String())
	}
	path := "/api/v1/query"
	if span.Step == 0 {
		form.Set("time", seconds(span.Start))
	} else {
		path = "/api/v1/query_range"
		form.Set("start", seconds(span.Start))
		form.Set("end", seconds(span.End))
		form.Set("step", strconv.FormatFloat(span.Step.Seconds(), 'f', -1, 64))
	}
	resp, err := r.send(ctx, http.MethodPost, path, form)
	if err == nil && resp.StatusCode == http.StatusMethodNotAllowed { // or another that gate took for it
		_ = resp.Body.Close()
		resp, err = r.send(ctx, http.MethodGet, path, form)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return refusedError(resp)
	}
	err = d.read(resp.Body)
	_, _ = io.CopyN(io.Discard, resp.Body, readBuffer) // its end, so that the connection can be kept
	switch {
	case d.held.failed != nil:
		return d.held.failed
	case d.failed != nil:
		return d.failed
	case err != nil:
		return badAnswer(innermost(err))
	case d.status == "error":
		return &promv1.Error{Type: promv1.ErrorType(d.errorType), Msg: d.message}
	case d.kind != "matrix" && d.kind != "vector" && d.kind != "":
		return NotSeries(d.kind)
	case !d.some:
		return badAnswer(errors.New("it has no result"))
	}
	return nil
}

// send makes one request.
func (r *Remote) send(ctx context.Context, method, path string, form url.Values) (*http.Response, error) {
	address, body := r.url+path, io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else {
		address += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header["Idempotency-Key"] = nil // it changes nothing: net/http may send it again where a kept connection has ended
	}
	return r.client.Do(req)
}

// gate is a round tripper that looks at answers before anybody decodes them:
// it unpacks them, bounds their size, and tells web pages, refusals and
// forwarding from API answers.
type gate struct {
	next   http.RoundTripper
	follow bool // redirects
}

// RoundTrip implements [http.RoundTripper].
func (g gate) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "gzip") // what is asked for expressly we unpack ourselves
	// VictoriaMetrics moves start, end and the newest samples to suit its
	// cache unless told not to; others ignore what they do not know.
	q := req.URL.Query()
	q.Set("nocache", "1")
	q.Set("latency_offset", "1ms")
	req.URL.RawQuery = q.Encode()
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := g.judge(resp, req); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// judge says why an answer is none of the API, and makes its body ready to be
// read if it may be one.
func (g gate) judge(resp *http.Response, req *http.Request) error {
	post := req.Method == http.MethodPost
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" && resp.ContentLength != 0 {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return badAnswer(err)
		}
	}
	resp.Body = leasedBody{body, resp.Body, leaseOf(req)}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		return deniedError(resp)
	case post && noPost[status]:
		resp.StatusCode = http.StatusMethodNotAllowed // the client then asks again with GET
		return nil
	case status == http.StatusForbidden:
		return deniedError(resp)
	case status/100 == 3 && (!g.follow || post && status < http.StatusTemporaryRedirect):
		return forwardError(resp) // to follow would make a POST a GET without its question
	case status/100 != 3 && kind == "text/html":
		return pageError(status)
	}
	return nil
}

// CloseIdleConnections lets [http.Client.CloseIdleConnections] through.
func (g gate) CloseIdleConnections() {
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// leasedBody takes what it reads, unpacked, from the source's budget, and fails
// when that has no more.
type leasedBody struct {
	io.Reader
	io.Closer
	lease *lease
}

// Read implements [io.Reader].
func (b leasedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if over := b.lease.take(int64(n)); over != nil {
		n, err = 0, over
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.lease.failed = err
	}
	return n, err
}

// firstLine is the beginning of a body, fit for a message.
func firstLine(body io.Reader) string {
	head, _ := io.ReadAll(io.LimitReader(body, 200)) // what there is will do
	line, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	return strings.ToValidUTF8(string(line), "?")
}
