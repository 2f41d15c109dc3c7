package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/netutil"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/promapi"
	ui "github.com/omenhq/omen/web"
)

// grace is how long open requests get at the end.
const grace = 5 * time.Second

// Bounds of the server. Bodies are bounded by the API, and so are its event
// streams, which set their own deadlines.
const (
	headerWithin   = 10 * time.Second
	answerWithin   = 2 * time.Minute
	idleWithin     = 2 * time.Minute
	maxHeader      = 64 << 10
	maxConnections = 512
)

// front answers all requests, and knows those that need no password.
type front interface {
	http.Handler
	Public(*http.Request) bool
}

// serve answers requests until shutdown; the channel says why it ended earlier.
func (p *process) serve(l net.Listener) (<-chan error, *http.Server) {
	server := &http.Server{
		Handler:           http.HandlerFunc(p.admitted),
		ReadHeaderTimeout: headerWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		ConnState:         newConnections(maxConnections).changed,
	}
	// exporter-toolkit puts its own handler, which asks for passwords, before
	// the server's, and has none to leave a path out. This is called once it has
	// done so, before the first connection is taken.
	server.BaseContext = func(net.Listener) context.Context {
		server.Handler = p.place.below(p.split(server.Handler))
		return context.Background()
	}
	file, socket, addresses := p.o.WebConfigFile, false, []string{p.o.ListenAddress}
	flags := &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &socket, WebConfigFile: &file}
	done := make(chan error, 1)
	go func() {
		l := netutil.LimitListener(l, maxConnections)
		if err := web.Serve(l, server, flags, libraryLog(p.log)); !errors.Is(err, http.ErrServerClosed) {
			done <- err
		}
	}()
	return done, server
}

// split sends the requests that need no password past the handler that asks
// for it.
func (p *process) split(asks http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := *p.handler.Load(); f.Public(r) {
			f.ServeHTTP(w, r)
			return
		}
		p.asking(asks, w, r)
	})
}

// admitted answers a request that exporter-toolkit let through.
func (p *process) admitted(w http.ResponseWriter, r *http.Request) {
	if admitted, ok := r.Context().Value(letThrough{}).(*bool); ok {
		*admitted = true
	}
	if p.exposed && !p.o.AllowUnauthenticated && !p.web.authenticates() {
		unprotected(w)
		return
	}
	(*p.handler.Load()).ServeHTTP(w, p.web.signedIn(r))
}

// endRequests answers the requests that are open, and takes no more.
func endRequests(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // who is still asking has had its time
	}
	return nil
}

// routes is the API, and beside it Prometheus' query API over the embedded
// store, the links in messages, and the web UI.
func (g *generation) routes() front {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", promapi.Handler(g.p.tsdb))
	mux.Handle(notify.CallbackPath, g.relay.Callback())
	mux.Handle("/", ui.Handler())
	return routes{g.api.HandlerWith(mux), g.api}
}

// routes are what a generation answers.
type routes struct {
	http.Handler
	api *api.API
}

// Public implements [front].
func (s routes) Public(r *http.Request) bool { return s.api.Public(r) }

// webAddress is an address that a browser on this machine can open.
func webAddress(a net.Addr, secure bool) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
		if name, err := os.Hostname(); err == nil && name != "" {
			host = name
		}
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// secure reports whether a web configuration file turns TLS on.
func secure(file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	var c struct {
		TLS map[string]any `yaml:"tls_server_config"`
	}
	return yaml.Unmarshal(text, &c) == nil && len(c.TLS) > 0
}
