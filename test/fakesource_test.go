//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// fakeSource is a Prometheus without hosts, up or down as the test wants: the
// quickest way to an incident that opens and closes, since it needs no model.
type fakeSource struct {
	*httptest.Server
	name string
	down atomic.Bool
}

// newSources are n sources, all down.
func newSources(t *testing.T, n int) []*fakeSource {
	t.Helper()
	var all []*fakeSource
	for i := range n {
		s := &fakeSource{name: fmt.Sprintf("source-%02d", i)}
		s.down.Store(true)
		s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if s.down.Load() {
				http.Error(w, "down", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
		}))
		t.Cleanup(s.Close)
		all = append(all, s)
	}
	return all
}

// sourcesConfig is the smallest configuration that watches them: a source
// counts as down after three reads, and never in a storm.
func sourcesConfig(sources []*fakeSource) string {
	var b strings.Builder
	b.WriteString("local: {enabled: false}\nincidents: {source_down: 1s}\nsources:\n")
	for _, s := range sources {
		fmt.Fprintf(&b, "- {name: %s, url: '%s', step: 1s, timeout: 1s}\n", s.name, s.URL)
	}
	return b.String()
}

// hook is a webhook receiver that keeps what it was told.
type hook struct {
	*httptest.Server
	mu       sync.Mutex
	messages []message
}

// message is one that arrived whole.
type message struct {
	at      time.Time
	changes []string          // keys of all changes that it tells
	status  map[string]string // by source
}

// newHook is a receiver that answers through answer after it has kept the
// message.
func newHook(t *testing.T, answer http.HandlerFunc) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var p messagetest.Payload
		if err != nil || json.Unmarshal(body, &p) != nil {
			return // cut off by a crash: not received
		}
		m := message{at: time.Now(), status: map[string]string{}}
		for _, a := range p.Alerts {
			m.changes = append(m.changes, strings.Fields(a.Annotations["changes"])...)
			m.status[a.Labels["source"]] = a.Status
		}
		h.mu.Lock()
		h.messages = append(h.messages, m)
		h.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return h
}

func (h *hook) got() []message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]message(nil), h.messages...)
}

// said is nil once the hook was told last that each source is in this status.
func (h *hook) said(want map[string]string) func() error {
	return func() error {
		last := map[string]string{}
		for _, m := range h.got() {
			for source, status := range m.status {
				last[source] = status
			}
		}
		for source, status := range want {
			if last[source] != status {
				return fmt.Errorf("%s is %q to the receiver, want %q (all: %v)", source, last[source], status, last)
			}
		}
		return nil
	}
}

// sourceIncidents is nil once exactly these sources have an open incident.
func (o *omen) sourceIncidents(want ...string) func() error {
	return func() error {
		open, err := o.incidents("state=active&limit=500")
		if err != nil {
			return err
		}
		have := map[string]bool{}
		for _, in := range open {
			have[in.Host.ID] = true
		}
		for _, name := range want {
			if !have[name+"//"] {
				return fmt.Errorf("no open incident of %s among %v", name, have)
			}
		}
		if len(have) != len(want) {
			return fmt.Errorf("open incidents of %v, want of %v alone", have, want)
		}
		return nil
	}
}

// silentListener accepts connections and says nothing.
func silentListener(t *testing.T) string {
	t.Helper()
	l := must.Get(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
