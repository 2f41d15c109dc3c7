package series

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/omenhq/omen"
)

var errTimeout = errors.New("no answer in time")

// explain gives a failed request its kind and a hint. What comes in may be the
// caller's own cancellation, the network, a refusal, or the API's error.
func explain(ctx context.Context, err error) error {
	var apiErr *promv1.Error
	switch {
	case errors.Is(err, ErrTooMuch):
		return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrInvalid), "let the expression aggregate, as in sum by (instance) (…)")
	case errors.Is(err, omen.ErrDenied), errors.Is(err, omen.ErrUnavailable):
		return unwrapURL(err)
	case errors.As(err, &apiErr):
		return explainAPI(apiErr)
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errTimeout), isTimeout(err) && ctx.Err() == nil:
		return omen.WithHint(fmt.Errorf("%w: %w", errTimeout, omen.ErrUnavailable),
			"it is overloaded, or a firewall drops the packets; a longer timeout may help")
	case ctx.Err() != nil:
		return context.Cause(ctx)
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
		if strings.Contains(said, "too many") || strings.Contains(said, "exceed") {
			return fmt.Errorf("%w: %w: %w", ErrTooMuch, err, omen.ErrInvalid)
		}
		return fmt.Errorf("%w: %w", err, omen.ErrInvalid)
	case promv1.ErrBadResponse:
		return badAnswer(errors.New(said))
	case promv1.ErrClient:
		if strings.Contains(e.Msg, "404") {
			return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), wrongURLHint)
		}
		return fmt.Errorf("%w: %w", err, omen.ErrUnavailable)
	default: // timeout, canceled, server_error, unavailable
		return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrUnavailable), "look at the server's own log")
	}
}

// badAnswer is the error for bytes that are no answer of the API.
func badAnswer(why error) error {
	return omen.WithHint(fmt.Errorf("the answer cannot be read: %w: %w", why, omen.ErrUnavailable),
		"the server or a proxy before it cut the answer short, or the address is not a Prometheus API")
}

const wrongURLHint = "check the address: it must be the part before /api/v1, such as http://HOST:9090, or http://HOST:PORT/prometheus for Mimir, http://HOST:8428 for VictoriaMetrics"

func pageError(status int) error {
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
	switch {
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
