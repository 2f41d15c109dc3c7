package messagetest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Request is what a fake channel received.
type Request struct {
	Path   string
	Header http.Header
	Body   []byte
}

// Server is an HTTP server that keeps what it gets and answers by script.
type Server struct {
	*httptest.Server
	ok     string
	script Script
	mu     sync.Mutex
	all    []Request
}

// Script answers the n-th request, from 1; false: it did not, and the server
// answers that all is well.
type Script func(n int, w http.ResponseWriter, r *http.Request) bool

// NewServer starts a server for a test; ok is its usual answer, and script may
// be nil.
func NewServer(t testing.TB, ok string, script Script) *Server {
	s := &Server{ok: ok, script: script}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // scripts may read it, too
	s.mu.Lock()
	s.all = append(s.all, Request{r.URL.Path, r.Header.Clone(), body})
	n := len(s.all)
	s.mu.Unlock()
	if s.script != nil && s.script(n, w, r) {
		return
	}
	if strings.HasPrefix(s.ok, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	_, _ = io.WriteString(w, s.ok)
}

// Got are the requests, in order.
func (s *Server) Got() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Decode reads JSON.
func Decode[T any](t testing.TB, body []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// Payload is Alertmanager's webhook message, as far as tests look at it.
type Payload struct {
	Version string `json:"version"`
	Status  string `json:"status"`
	Alerts  []struct {
		Status       string            `json:"status"`
		Labels       map[string]string `json:"labels"`
		Annotations  map[string]string `json:"annotations"`
		GeneratorURL string            `json:"generatorURL"`
	} `json:"alerts"`
}

// Texts are all texts within JSON, a line each.
func Texts(t testing.TB, body []byte) string {
	t.Helper()
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			b.WriteString(v + "\n")
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(v[name])
			}
		}
	}
	walk(Decode[any](t, body))
	return b.String()
}
