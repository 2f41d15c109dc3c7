package app

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	ui "github.com/omenhq/omen/web"
)

// place is where the web UI and the API are, by --web.external-url and
// --web.route-prefix, which mean what they mean to Prometheus.
type place struct {
	external string // where people reach Omen, without a slash at its end; empty: the configuration or the listening address says it
	prefix   string // what all paths begin with, such as /omen; empty: nothing
}

var prefixForm = regexp.MustCompile(`^(/[a-zA-Z0-9._~-]+)+$`)

// placeOf reads both flags. A prefix that is empty is the external URL's path;
// that of / is none.
func placeOf(external, prefix string) (place, error) {
	var p place
	if external != "" {
		u, err := url.Parse(external)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return p, omen.WithHint(fmt.Errorf("--web.external-url: %q is not where people can reach Omen: %w", config.Address(external).Redacted(), omen.ErrInvalid),
				"write a whole address without a user, such as https://example.org/omen; for a path alone there is --web.route-prefix=/omen")
		}
		u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
		p.external = u.String()
		if prefix == "" {
			prefix = u.Path
		}
	}
	if prefix = "/" + strings.Trim(prefix, "/"); prefix == "/" {
		return p, nil
	}
	if !prefixForm.MatchString(prefix) || path.Clean(prefix) != prefix {
		return p, omen.WithHint(fmt.Errorf("--web.route-prefix: %q is not the beginning of a path: %w", prefix, omen.ErrInvalid),
			"write one of letters, digits, dots and dashes, such as /omen; / is none: then a proxy has to take the path of --web.external-url away")
	}
	p.prefix = prefix
	return p, nil
}

// below serves what is written for the root below the prefix. Redirects lead to
// where they should below every prefix, also one that a proxy takes away.
func (p place) below(root http.Handler) http.Handler {
	inside := http.StripPrefix(p.prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		root.ServeHTTP(&relative{w, ui.Root(r)}, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case p.prefix == "" || strings.HasPrefix(r.URL.Path, p.prefix+"/"):
			inside.ServeHTTP(w, r)
		case r.URL.Path == p.prefix && reads:
			forward(w, r, path.Base(p.prefix)+"/")
		case r.URL.Path == "/" && reads:
			forward(w, r, p.prefix+"/")
		default:
			outside(w, r, p.prefix)
		}
	})
}

// forward sends a browser to where the web UI is.
func forward(w http.ResponseWriter, r *http.Request, to string) {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// relative is a response whose redirects to a path from the root are relative to
// the request's address.
type relative struct {
	http.ResponseWriter
	root string // from there
}

// WriteHeader implements [http.ResponseWriter].
func (w *relative) WriteHeader(status int) {
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "/") && status >= 300 && status < 400 {
		w.Header().Set("Location", w.root+strings.TrimLeft(to, "/"))
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *relative) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// said is where people reach Omen by a flag, or else by the configuration; empty:
// nothing says it.
func (p *process) said(c *config.Config) string {
	if p.place.external != "" {
		return p.place.external
	}
	return c.ExternalURL
}

// externalURL is where people reach Omen.
func (p *process) externalURL(c *config.Config) string {
	if said := p.said(c); said != "" {
		return said
	}
	return p.address
}
