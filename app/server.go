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

	"github.com/omenhq/omen/promapi"
	ui "github.com/omenhq/omen/web"
)

// grace is how long open requests get at the end.
const grace = 5 * time.Second

// serve answers requests until shutdown; the channel says why it ended earlier.
func (p *process) serve(l net.Listener) (<-chan error, *http.Server) {
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			(*p.handler.Load()).ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	file, socket, addresses := p.o.WebConfigFile, false, []string{p.o.ListenAddress}
	flags := &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &socket, WebConfigFile: &file}
	done := make(chan error, 1)
	go func() {
		if err := web.Serve(l, server, flags, libraryLog(p.log)); !errors.Is(err, http.ErrServerClosed) {
			done <- err
		}
	}()
	return done, server
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
func (g *generation) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", promapi.Handler(g.p.tsdb))
	mux.Handle("/feedback", g.relay.Callback())
	mux.Handle("/", ui.Handler())
	return g.api.HandlerWith(mux)
}

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
