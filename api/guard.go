package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Access is what the server around the API knows of who may ask. It is safe for
// concurrent use.
type Access interface {
	// Named reports whether name is one of Omen's own: a Host header's host in
	// lower case, without its port, that is no IP address.
	Named(name string) bool

	// Unauthenticated is the role of clients of other machines that give neither a
	// password nor a certificate; empty: none reaches Omen.
	Unauthenticated() Role

	// Caller is who sends a request. user is whose password the server has
	// checked, or empty; a proxy that is trusted may name another.
	Caller(r *http.Request, user string) Caller
}

// everybody is the Access where nothing is around the API.
type everybody struct{}

func (everybody) Named(string) bool     { return true }
func (everybody) Unauthenticated() Role { return "" }

func (everybody) Caller(_ *http.Request, user string) Caller { return Caller{user, RoleAdmin} }

// defaultBodyWithin is how long a request's body may take.
const defaultBodyWithin = 30 * time.Second

// guard prepares what [API.protected] and [API.Public] ask.
func (a *API) guard(o Options) {
	a.access = o.Access
	if a.access == nil {
		a.access = everybody{}
	}
	a.bodyWithin = defaultBodyWithin
	a.origin = http.NewCrossOriginProtection()
	if o.Origin != "" {
		if err := a.origin.AddTrustedOrigin(o.Origin); err != nil {
			a.log.Warn("requests of the web UI behind a proxy may be refused", "err", err)
		}
	}
	a.public = http.NewServeMux()
	for _, r := range a.routes() {
		if r.public {
			a.public.Handle(r.method+" "+r.path, http.NotFoundHandler())
		}
	}
	for _, path := range o.Proven {
		a.public.Handle(path, http.NotFoundHandler())
	}
}

// Public reports whether a request needs no password and may come under any
// name and from any site: its answer says nothing worth protecting, as those
// to probes, or it carries a proof of its own, as the signed links in messages.
func (a *API) Public(r *http.Request) bool {
	_, pattern := a.public.Handler(r)
	return pattern != ""
}

// protected refuses requests that another site's page made a browser send, and
// says to browsers what the web UI may do. It bounds how large a body may be
// and how long it may take.
func (a *API) protected(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			// Inline styles: Mantine writes its theme into a style element.
			h.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		}
		if name, known := a.addressed(r); !known {
			answer(w, http.StatusMisdirectedRequest, Error{
				Error: fmt.Sprintf("Omen does not know %q as a name of its own", name),
				Hint:  "if this name is Omen's, set it in the configuration: web: {allowed_hosts: [NAME]}, or external_url where a proxy is before it; Omen's IP address always works",
			})
			return
		}
		if a.foreign(r) {
			answer(w, http.StatusForbidden, Error{
				Error: "the request comes from another site's page",
				Hint:  "open Omen's own web UI, or send the request without a browser (in Grafana, a data source with server access); behind a proxy, set external_url",
			})
			return
		}
		if r.ContentLength > maxBody {
			h.Set("Connection", "close")
			answer(w, http.StatusRequestEntityTooLarge, Error{Error: fmt.Sprintf("the body has %d bytes", r.ContentLength), Hint: bodyHint})
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = newTimedBody(w, r, a.bodyWithin)
		}
		next.ServeHTTP(w, a.called(r))
	})
}

// addressed is the name in a request's Host header, and whether it is Omen's.
//
// A page of another site can make its own name point to this machine and then
// ask Omen as its own origin (DNS rebinding); the Host header still has that
// name. It cannot do so with an IP address, which only the machine that has it
// can serve pages from. Scrapes come under whatever name the scraping server
// knows; they are taken unless a browser sent them.
func (a *API) addressed(r *http.Request) (name string, known bool) {
	name = hostOf(r.Host)
	if name == "" || isAddress(name) || a.access.Named(name) || a.Public(r) {
		return name, true // HTTP/1.0, which browsers do not speak, has no Host
	}
	return name, r.URL.Path == "/metrics" && !fromBrowser(r)
}

// hostOf is a Host header without port, brackets and root dot, in lower case.
func hostOf(header string) string {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// fromBrowser reports whether a browser sent a request: every one of them sends
// some of these headers, and no script can leave them out.
func fromBrowser(r *http.Request) bool {
	for _, name := range []string{"Accept-Language", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		if _, has := r.Header[name]; has {
			return true
		}
	}
	return strings.HasPrefix(r.UserAgent(), "Mozilla/")
}

// foreign reports whether another site's page made a browser send a request
// that changes or costs something. Pages of the web UI may be linked to.
func (a *API) foreign(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		costly := strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/predict" || r.URL.Path == "/metrics"
		if !costly || a.Public(r) {
			return false
		}
		r = &http.Request{Method: http.MethodPost, Host: r.Host, URL: r.URL, Header: r.Header}
	}
	return a.origin.Check(r) != nil
}

// timedBody is a body that must be complete in time. Once it is, the
// connection has no deadline any more: a stream's would end it.
type timedBody struct {
	body    io.ReadCloser
	control *http.ResponseController
}

func newTimedBody(w http.ResponseWriter, r *http.Request, within time.Duration) timedBody {
	b := timedBody{http.MaxBytesReader(w, r.Body, maxBody), http.NewResponseController(w)}
	_ = b.control.SetReadDeadline(time.Now().Add(within)) // a recorder has none
	return b
}

func (b timedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && !os.IsTimeout(err) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b timedBody) Close() error { return b.body.Close() }

const bodyHint = "send at most 1 MiB, within half a minute; split what is larger"

// bodyError gives a body that could not be read its kind.
func bodyError(err error) error {
	return omen.WithHint(fmt.Errorf("read the body: %w", err), bodyHint)
}
