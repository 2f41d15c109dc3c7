package api

import (
	"hash/maphash"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// Options of an API. Store is required; without a Manager nothing can be changed,
// and without a Runtime no host and no source is known.
type Options struct {
	Store    *store.DB
	Manager  *incident.Manager
	Runtime  Runtime              // nil: there is none
	Remedy   *remedy.Loop         // what acts; nil: nothing does
	Settings Settings             // the configuration; nil: there is none
	Budgets  Budgets              // what other page budgets would change; nil: nobody can tell
	Registry *prometheus.Registry // what /metrics shows; nil: a new one. New registers Omen's metrics, go_* and process_* in it.
	Version  string
	Zone     *time.Location // of "expected at this time"; nil: UTC
	Started  time.Time      // for the uptime; zero: when New is called
	Access   Access         // who may ask; nil: everybody, by every name
	Origin   string         // where people reach Omen, such as https://omen.example.org; its web UI's requests are taken behind a proxy, too
	Proven   []string       // paths of the fallback whose requests prove themselves, such as the signed links in messages
	Log      *slog.Logger
}

// API answers HTTP requests. It is safe for concurrent use.
type API struct {
	store    *store.DB
	manager  *incident.Manager
	live     Runtime
	remedy   *remedy.Loop
	settings Settings
	budgets  Budgets
	registry *prometheus.Registry
	version  string
	zone     *time.Location
	started  time.Time
	log      *slog.Logger
	recent   *recent
	pulse    *pulse
	closed   chan struct{} // closed by Close: event streams end
	requests *prometheus.HistogramVec
	document []byte // OpenAPI
	access   Access
	origin   *http.CrossOriginProtection
	public   *http.ServeMux // knows the paths that need no password, serves nothing
	streams  atomic.Int32

	bodyWithin time.Duration // how long a request's body may take
}

// New is an API over o. It starts nothing.
func New(o Options) *API {
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Runtime == nil {
		o.Runtime = absent{}
	}
	if o.Settings == nil {
		o.Settings = unset{}
	}
	if o.Budgets == nil {
		o.Budgets = unplanned{}
	}
	if o.Started.IsZero() {
		o.Started = time.Now()
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	a := &API{
		store: o.Store, manager: o.Manager, live: o.Runtime, remedy: o.Remedy, registry: o.Registry, version: o.Version, zone: o.Zone,
		started: o.Started, log: o.Log, recent: newRecent(), pulse: &pulse{seed: maphash.MakeSeed()}, closed: make(chan struct{}), settings: o.Settings, budgets: o.Budgets,
	}
	a.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "omen_http_request_duration_seconds",
		Help:    "How long HTTP requests took, by route and status.",
		Buckets: []float64{.001, .01, .1, 1, 10},
	}, []string{"route", "code"})
	o.Registry.MustRegister(a.requests, a.collector())
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		_ = o.Registry.Register(c) // the caller may have done so
	}
	a.document = document(a.routes(), o.Version)
	a.guard(o)
	return a
}

// Observe hands over a round of scores as it was made, for sparklines, event
// streams and histories that nothing stores. It never waits. The API keeps no
// reference to the tick's slices.
func (a *API) Observe(k omen.Tick) { a.recent.observe(k) }

// TakeOver gives an API that has observed nothing what another one, which it replaces,
// observed: the last scores of hosts.
func (a *API) TakeOver(old *API) { a.recent = old.recent }

// Close ends all event streams, so that a server can shut down. It is to be
// called once, for example by http.Server.RegisterOnShutdown.
func (a *API) Close() { close(a.closed) }

// Handler serves the API's routes; everything else is 404.
func (a *API) Handler() http.Handler { return a.HandlerWith(http.NotFoundHandler()) }

// HandlerWith is [API.Handler] with a handler for all other paths, such as the
// web UI, behind the same protections. Below /api/ a path or method that the
// fallback does not know is answered in the API's own form.
func (a *API) HandlerWith(fallback http.Handler) http.Handler {
	mux := http.NewServeMux()
	takes := map[string][]string{"/metrics": {http.MethodGet}}
	for _, r := range a.routes() {
		mux.Handle(r.method+" "+r.path, a.measured(r))
		takes[r.path] = append(takes[r.path], r.method)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn)}))
	for path, methods := range takes {
		mux.Handle(path, notAllowed(methods)) // else the fallback would be asked
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		fallback.ServeHTTP(&refusal{ResponseWriter: w, request: r}, r)
	})
	mux.Handle("/", fallback)
	return a.protected(mux)
}

// measured runs a route: it answers with what the handler returns, or its
// error, and measures how long that took.
func (a *API) measured(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		if err := rt.permits(r); err != nil {
			a.log.Info("request refused", "path", r.URL.Path, "err", err)
			a.fail(seen, r, err)
		} else if rt.raw != nil {
			rt.raw(seen, r)
		} else if err := rt.knows(r); err != nil {
			a.fail(seen, r, err)
		} else if v, err := rt.handle(r); err != nil {
			a.fail(seen, r, err)
		} else {
			answerPacked(seen, r, rt.success(), v)
		}
		if rt.answerMedia != mediaEvents {
			a.requests.WithLabelValues(rt.path, statusText(seen.status)).Observe(time.Since(begin).Seconds())
		}
	})
}

// statusWriter remembers the status that was sent.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// statusText groups statuses by class, to bound the series.
func statusText(status int) string {
	return [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}[min(max(status/100, 1), 5)]
}
