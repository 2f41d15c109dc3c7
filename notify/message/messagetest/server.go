package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is what a fake channel received.
type request struct {
	at     time.Time
	path   string
	header http.Header
	body   []byte
}

// sink is an HTTP server that keeps what it gets and answers by script.
type sink struct {
	*httptest.Server
	mu   sync.Mutex
	all  []request
	fail func(n int, w http.ResponseWriter, r *http.Request) bool // n from 1; true: it answered
	ok   string
}

func newSink(t testing.TB, ok string, fail func(n int, w http.ResponseWriter, r *http.Request) bool) *sink {
	s := &sink{fail: fail, ok: ok}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *sink) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.all = append(s.all, request{time.Now(), r.URL.Path, r.Header.Clone(), body})
	n := len(s.all)
	s.mu.Unlock()
	if s.fail != nil && s.fail(n, w, r) {
		return
	}
	if strings.HasPrefix(s.ok, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	_, _ = io.WriteString(w, s.ok)
}

func (s *sink) got() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// payload is Alertmanager's webhook message, as far as tests look at it.
type payload struct {
	Version  string `json:"version"`
	GroupKey string `json:"groupKey"`
	Status   string `json:"status"`
	Receiver string `json:"receiver"`
	Alerts   []struct {
		Status       string            `json:"status"`
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		StartsAt     time.Time         `json:"startsAt"`
		EndsAt       time.Time         `json:"endsAt"`
		GeneratorURL string            `json:"generatorURL"`
	} `json:"alerts"`
}

// changeKeys are all changes that a webhook's message tells.
func (p payload) changeKeys() []string {
	var keys []string
	for _, a := range p.Alerts {
		keys = append(keys, strings.Fields(a.Annotations["changes"])...)
	}
	return keys
}

func decode[T any](t testing.TB, body []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// hang keeps a request until its client leaves or the server ends.
func hang(ctx context.Context) { <-ctx.Done() }
