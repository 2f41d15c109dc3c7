package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sayRefusals is how often wrong passwords are logged at most.
const sayRefusals = time.Minute

// refusals are requests with a wrong user or password. They are counted, and
// logged at once; while more come, a line a minute has their number.
type refusals struct {
	prometheus.Counter
	log *slog.Logger

	mu    sync.Mutex
	said  time.Time // when the last line was written
	since int       // of those after it
}

func newRefusals(log *slog.Logger) *refusals {
	return &refusals{log: log, Counter: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "omen_http_wrong_passwords_total", Help: "Requests with a wrong user or password.",
	})}
}

// note takes a refused request. A name that is no user's is not in the log:
// people type passwords into the wrong field.
func (f *refusals) note(r *http.Request, users map[string]string, now time.Time) {
	f.Inc()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since++
	if now.Sub(f.said) < sayRefusals {
		return
	}
	user, _, _ := r.BasicAuth()
	why := "there is no such user"
	if _, known := users[user]; known {
		why = fmt.Sprintf("not the password of %s", user)
	}
	f.log.Warn("wrong user or password", "addr", r.RemoteAddr, "path", r.URL.Path, "why", why, "count", f.since)
	f.said, f.since = now, 0
}

// letThrough is the key of a request's context for whether exporter-toolkit
// let it through, as a *bool.
type letThrough struct{}

// asking calls the handler that asks for passwords, and notes whom it refuses.
// A request without any is only a browser's first.
func (p *process) asking(asks http.Handler, w http.ResponseWriter, r *http.Request) {
	var admitted bool
	asks.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), letThrough{}, &admitted)))
	if _, _, tried := r.BasicAuth(); tried && !admitted {
		p.refused.note(r, p.web.settings().Users, time.Now())
	}
}
