package series

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/omenhq/omen"
)

// noPost is what proxies say that let GET through only, each in its own words. An
// address that is wrong gets the same answer to GET.
var noPost = map[int]bool{
	http.StatusForbidden: true, http.StatusNotFound: true, http.StatusMethodNotAllowed: true, http.StatusLengthRequired: true,
	http.StatusUnsupportedMediaType: true, http.StatusNotImplemented: true,
}

var errTimeout = errors.New("no answer in time")

// explain gives a failed request its kind and a hint. What comes in may be the
// caller's own cancellation, the network, a refusal, or the API's error.
func explain(ctx context.Context, err error) error {
	var apiErr *promv1.Error
	switch {
	case errors.Is(err, omen.ErrDenied), errors.Is(err, omen.ErrUnavailable):
		return unwrapURL(err)
	case errors.Is(err, ErrTooMuch):
		return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrInvalid), "let the expression aggregate, as in sum by (instance) (…)")
	case errors.As(err, &apiErr):
		return explainAPI(apiErr)
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errTimeout), isTimeout(err) && ctx.Err() == nil:
		return omen.WithHint(tooMuch{fmt.Errorf("%w: %w", errTimeout, omen.ErrUnavailable), errTimeout},
			"it is overloaded, or a firewall drops the packets; a longer timeout may help")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case brokenOff(err):
		return omen.WithHint(tooMuch{fmt.Errorf("the answer broke off: %w: %w", unwrapURL(err), omen.ErrUnavailable), errTimeout}, brokenHint)
	}
	return omen.WithHint(fmt.Errorf("%w: %w", unwrapURL(err), omen.ErrUnavailable), networkHint(err))
}

// explainAPI is explain for what the server itself said.
func explainAPI(e *promv1.Error) error {
	said := e.Msg
	if line := firstLine(strings.NewReader(e.Detail)); line != "" {
		said += " (" + line + ")"
	}
	err := fmt.Errorf("%s: %s", e.Type, said)
	switch e.Type {
	case promv1.ErrBadData, promv1.ErrExec, "400", "422": // VictoriaMetrics gives the HTTP status
		return tooHeavy(fmt.Errorf("%w: %w", err, omen.ErrInvalid), said, e.Type == promv1.ErrExec || e.Type == "422")
	case promv1.ErrBadResponse:
		return badAnswer(errors.New(said))
	case promv1.ErrClient:
		switch {
		case strings.Contains(e.Msg, "404"):
			return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), wrongURLHint)
		case strings.Contains(said, "HTTP request to an HTTPS server"):
			return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), "the server speaks TLS there: write https:// instead of http://")
		case strings.Contains(e.Msg, "429") && saysOften.MatchString(said):
			return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), oftenHint)
		}
		return tooHeavy(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), said, false)
	default: // timeout, canceled, server_error, unavailable
		return omen.WithHint(tooHeavy(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), said, false), "look at the server's own log")
	}
}

// maxRefusal bounds what is read of an answer that is an error.
const maxRefusal = 64 << 10

// refusedError is what a server that refused said: the API's own error, which
// comes with 400 and 422, or the status.
func refusedError(resp *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		return err
	}
	status := resp.StatusCode
	e := &promv1.Error{Type: promv1.ErrBadResponse, Msg: fmt.Sprintf("bad response code %d", status), Detail: string(text)}
	switch status / 100 {
	case 4:
		e.Type, e.Msg = promv1.ErrClient, fmt.Sprintf("client error: %d", status)
	case 5:
		e.Type, e.Msg = promv1.ErrServer, fmt.Sprintf("server error: %d", status)
	}
	var said struct {
		Status, ErrorType, Error string
	}
	if (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && json.Unmarshal(text, &said) == nil && said.Status != "success" {
		e.Type, e.Msg, e.Detail = cmp.Or(promv1.ErrorType(said.ErrorType), promv1.ErrClient), cmp.Or(said.Error, e.Msg), ""
	}
	return e
}

// tooMuch is an error that a smaller question may not meet: it is an [ErrTooMuch],
// and besides what as says.
type tooMuch struct{ error, as error }

func (m tooMuch) Unwrap() []error { return []error{m.error, m.as, ErrTooMuch} }
func (m tooMuch) Error() string   { return m.error.Error() }

// brokenOff reports whether a connection ended before the answer did: a proxy cut
// it at a size, or the server died of it, for lack of memory.
func brokenOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

const (
	brokenHint = "see whether the server restarts, such as for lack of memory, or a proxy before it bounds answers"
	behindHint = "a proxy answers, and the server behind it does not: see whether it runs"
	oftenHint  = "it limits how often, or how much at once, it is asked: raise the limit, or the source's step"
)

// What servers say of a question that a smaller one would not meet: Prometheus,
// Thanos, Mimir, Cortex and VictoriaMetrics have dozens of limits in as many
// words. What they say of too many questions is none of these: smaller ones would
// be more.
var (
	saysOften   = regexp.MustCompile(`(?i)too[ _]many([ _]\w+)?[ _](requests|queries)|rate.?limit|quota|concurren`)
	saysTooLong = regexp.MustCompile(`(?i)too long query|maxQueryLen|queryLength|expression (size|length)|(uri|url|request line) too (long|large)|status 414|error: 414`)
	saysSlow    = regexp.MustCompile(`(?i)timed? ?out|deadline|max(imum)?[ -]?query[ -]?(duration|time)`)
	saysTooMuch = regexp.MustCompile(`(?i)too (many|much|large|big|heavy|expensive|complex|high)|error: 413|exceed|not enough memory|out of memory|memory limit|cannot select more than|max(imum)? (number|size|bytes|amount)|larger than|limit (of|hit|reached|for)|(hit|reached) the .*limit|resource[ _]?exhausted`)
	// saysWrong is what the engine says of an expression that is wrong for the
	// data, however little of it is asked for.
	saysWrong = regexp.MustCompile(`(?i)many-to-many|many-to-one|one-to-many|multiple matches|duplicate|same label ?set|pars(e|ing)|unknown function|unsupported|invalid|expected`)
)

// tooHeavy marks an error that a smaller question may avoid, by what the server
// said: if it refused to carry the question out, then unless that is something
// else for sure.
func tooHeavy(err error, said string, refused bool) error {
	switch {
	case saysTooLong.MatchString(said):
		return tooMuch{err, errTooLong}
	case saysSlow.MatchString(said):
		return tooMuch{err, errTimeout}
	case saysTooMuch.MatchString(said), refused && !saysWrong.MatchString(said):
		return tooMuch{err, ErrTooMuch}
	}
	return err
}

// innermost is what an error is in the end: each level of JSON wraps it once.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// badAnswer is the error for bytes that are no answer of the API.
func badAnswer(why error) error {
	return omen.WithHint(fmt.Errorf("the answer cannot be read: %w: %w", why, omen.ErrUnavailable),
		"the server or a proxy before it cut the answer short, or the address is not a Prometheus API")
}

const wrongURLHint = "check the address: it must be the part before /api/v1, such as http://HOST:9090, or http://HOST:PORT/prometheus for Mimir, http://HOST:8428 for VictoriaMetrics"

// statusOriginTimeout is what Cloudflare says of a server that takes too long.
const statusOriginTimeout = 524

func pageError(status int) error {
	err := fmt.Errorf("HTTP status %d with a web page: %w", status, omen.ErrUnavailable)
	switch status {
	case http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return tooMuch{err, errTooLong}
	case http.StatusRequestEntityTooLarge:
		return tooMuch{err, ErrTooMuch}
	case http.StatusTooManyRequests:
		return omen.WithHint(err, oftenHint)
	case http.StatusBadGateway: // also where the server died of this question
		return omen.WithHint(tooMuch{err, errTimeout}, behindHint)
	case http.StatusServiceUnavailable:
		return omen.WithHint(err, behindHint)
	case http.StatusGatewayTimeout, http.StatusRequestTimeout, statusOriginTimeout:
		return omen.WithHint(tooMuch{err, errTimeout}, "a proxy before the server gave up waiting: it is overloaded, or the proxy's time limit too short")
	}
	return omen.WithHint(fmt.Errorf("the answer is a web page (HTTP status %d): %w", status, omen.ErrUnavailable), wrongURLHint)
}

// forwardError names the address to use instead, as far as it can be seen.
func forwardError(resp *http.Response) error {
	err := fmt.Errorf("the answer forwards to another address (HTTP status %d): %w", resp.StatusCode, omen.ErrUnavailable)
	to, _ := resp.Location() // nil if there is none
	if to == nil {
		return omen.WithHint(err, wrongURLHint)
	}
	to.User, to.RawQuery, to.Fragment = nil, "", ""
	before, _, api := strings.Cut(to.Path, "/api/v1/")
	if !api {
		return omen.WithHint(err, fmt.Sprintf("it forwards to %s, which is no query API; %s", to, wrongURLHint))
	}
	to.Path = before
	return omen.WithHint(err, fmt.Sprintf("use the address that it forwards to: %s", to))
}

func deniedError(resp *http.Response) error {
	err := fmt.Errorf("HTTP status %d", resp.StatusCode)
	if line := firstLine(resp.Body); line != "" && !strings.HasPrefix(line, "<") {
		err = fmt.Errorf("%w (%s)", err, line)
	}
	hint := "set basic_auth, authorization or http_headers of the source"
	if resp.StatusCode == http.StatusForbidden {
		hint = "the credentials are known but may not query; ask for read access"
	}
	return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrDenied), hint)
}

// unwrapURL takes off net/http's wrapping, which repeats the address with the
// whole query.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// networkHint says what an operator can look at.
func networkHint(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var expired x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return "a file of the source's http_config: see that it is there, and that Omen's user may read it"
	case errors.As(err, &dns):
		return "the host name is unknown here: check its spelling and the DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check the address and that the server runs"
	case errors.As(err, &unknown):
		return "the certificate's authority is unknown: set tls_config.ca_file"
	case errors.As(err, &wrongName), errors.As(err, &expired):
		return "the certificate is not valid for this address: check the address, the clock, or set tls_config.server_name"
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "the server does not speak TLS there: write http:// instead of https://"
	default:
		return "check that the server runs and answers at this address"
	}
}
