package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// own is an Access that knows some names.
type own []string

func (o own) Named(name string) bool {
	for _, one := range o {
		if one == name {
			return true
		}
	}
	return false
}

func (own) Unauthenticated() Role { return RoleOperate }

func (own) Caller(_ *http.Request, user string) Caller { return Caller{user, RoleAdmin} }

// A page whose name was made to point here (DNS rebinding) is its own origin
// for the browser; only the Host header gives it away.
func TestForeignNamesAreRefused(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1")
	h := New(Options{Store: f.store, Manager: f.manager, Runtime: f, Access: own{"localhost", "omen.example.org"}, Proven: []string{"/feedback"}}).
		HandlerWith(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fallback") }))
	const browser = "Accept-Language"
	for _, c := range []struct {
		host, method, path, header string
		status                     int
	}{
		{"evil.example", "POST", "/api/v1/omen/silences", "", 421},
		{"evil.example:9909", "GET", "/api/v1/omen/status", "", 421},
		{"evil.example", "GET", "/api/v1/query", "", 421},
		{"evil.example", "GET", "/", "", 421},
		{"evil.example", "POST", "/-/reload", "", 421},
		{"localhost.evil.example", "GET", "/api/v1/omen/status", "", 421},
		{"2130706433", "GET", "/api/v1/omen/status", "", 421},
		{"evil.example", "GET", "/metrics", browser, 421},
		{"evil.example", "GET", "//-/healthy/../../api/v1/omen/status", "", 421},
		{"omen.monitoring.svc:9909", "GET", "/metrics", "", 200},
		{"omen.monitoring.svc:9909", "GET", "/-/healthy", "", 200},
		{"anything", "GET", "/-/ready", browser, 200},
		{"anything", "GET", "/api/v1/omen/incidents/i1/graph.png?sig=x", browser, 200},
		{"anything", "GET", "/feedback?t=x", browser, 200},
		{"localhost:8080", "GET", "/api/v1/omen/status", browser, 200},
		{"LocalHost.", "GET", "/api/v1/omen/status", "", 200},
		{"omen.example.org", "GET", "/", browser, 200},
		{"10.1.2.3:9909", "GET", "/api/v1/omen/status", browser, 200},
		{"[::1]:9909", "GET", "/api/v1/omen/status", "", 200},
		{"", "GET", "/api/v1/omen/status", "", 200}, // HTTP/1.0
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil)
		r.Host = c.host
		if c.header != "" {
			r.Header.Set(c.header, "")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s by %q %s: %d %s, want %d", c.method, c.path, c.host, c.header, w.Code, w.Body, c.status)
		}
		if c.status == 421 && !strings.Contains(w.Body.String(), "allowed_hosts") {
			t.Errorf("the answer to %q does not say what to set: %s", c.host, w.Body)
		}
	}
}

// Reading costs, too: another site's page may not even ask. Grafana's server
// sends no such headers, or those that its own page sent to it.
func TestForeignPagesMayNotRead(t *testing.T) {
	f := newFixture(t)
	h := New(Options{Store: f.store, Manager: f.manager, Runtime: f, Origin: "https://omen.example.org"}).HandlerWith(http.NotFoundHandler())
	for _, c := range []struct {
		method, path, name, value string
		status                    int
	}{
		{"GET", "/api/v1/query?query=1", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "/api/v1/omen/status", "Sec-Fetch-Site", "same-site", 403},
		{"GET", "/api/v1/omen/status", "Origin", "https://evil.example", 403},
		{"GET", "/api/v1/omen/status", "Origin", "null", 403},
		{"HEAD", "/api/v1/omen/status", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "/predict", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "/metrics", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "/api/v1/omen/status", "Origin", "http://example.com", 200},         // httptest's own host
		{"GET", "/api/v1/omen/status", "Origin", "https://omen.example.org", 200},   // a proxy before it changed Host
		{"POST", "/api/v1/omen/matches", "Origin", "https://omen.example.org", 415}, // it goes on to read the body
		{"GET", "/api/v1/omen/status", "Sec-Fetch-Site", "none", 200},
		{"GET", "/api/v1/omen/status", "Sec-Fetch-Site", "same-origin", 200},
		{"GET", "/api/v1/omen/status", "X-Grafana-Org-Id", "1", 200},
		{"GET", "/-/healthy", "Sec-Fetch-Site", "cross-site", 200},
		{"GET", "/incidents/i1", "Sec-Fetch-Site", "cross-site", 404}, // a link in a message: the fallback's
		{"GET", "/api/v1/omen/incidents/i1/graph.png", "Sec-Fetch-Site", "cross-site", 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil)
		r.Header.Set(c.name, c.value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s with %s: %s: %d %s, want %d", c.method, c.path, c.name, c.value, w.Code, w.Body, c.status)
		}
	}
}

// Who asks is what the server around the API has checked, not what a header says.
func TestTheAuthorIsWhoSignedIn(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1")
	for user, want := range map[string]string{"": "somebody else", "bob": "bob"} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/omen/incidents/i1/comment", strings.NewReader(`{"by":"somebody else","comment":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth("ann", "whatever")
		if user != "" {
			r = SignedIn(r, user)
		}
		w := httptest.NewRecorder()
		f.api.Handler().ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), fmt.Sprintf(`"by":%q,"comment":"x"`, want)) {
			t.Errorf("signed in as %q, commented by another than %q: %s", user, want, w.Body)
		}
	}
}

func TestStatusSaysThatNobodyIsAsked(t *testing.T) {
	f := newFixture(t)
	if s := read[Status](t, f, "/status"); s.Unauthenticated {
		t.Error("says that it is open to all without an Access")
	}
	f.api.access = own{}
	if s := read[Status](t, f, "/status"); !s.Unauthenticated || s.UnauthenticatedRole != RoleOperate {
		t.Errorf("%t, as %q: does not say that it is open to all, and what they may", s.Unauthenticated, s.UnauthenticatedRole)
	}
}

// Bodies that are too large answer 413, whether they say their size or not.
func TestLargeBodies(t *testing.T) {
	f := newFixture(t)
	body := `{"by":"` + strings.Repeat("x", 5<<20) + `"}`
	for name, reader := range map[string]io.Reader{"sized": strings.NewReader(body), "chunked": struct{ io.Reader }{strings.NewReader(body)}} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/omen/matches", reader)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		f.api.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "1 MiB") {
			t.Errorf("%s: %d %s, want 413 with the bound", name, w.Code, w.Body)
		}
	}
}

// A body that does not come ends; a stream, whose request is complete, goes on.
func TestSlowBodies(t *testing.T) {
	f := newFixture(t)
	f.api.bodyWithin = 50 * time.Millisecond
	connect := func(request string) *bufio.Reader {
		c := must.Get((&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(f.server.URL, "http://")))(t)
		t.Cleanup(func() { _ = c.Close() })
		must.OK(t, c.SetDeadline(time.Now().Add(20*time.Second)))
		must.Get(io.WriteString(c, request))(t)
		return bufio.NewReader(c)
	}
	// Its body is complete before the slow one begins, and its stream is read after that one ended.
	stream := connect("GET /api/v1/omen/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
	slow := connect("POST /api/v1/omen/matches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	r := must.Get(http.ReadResponse(slow, nil))(t)
	defer r.Body.Close()
	if body, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(body), "too long") {
		t.Errorf("a body that does not come: %d %s, want 408", r.StatusCode, body)
	}
	f.open(t, "i1")
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended: %v", err)
		}
		if strings.HasPrefix(line, "event: change") {
			return
		}
	}
}

// Streams are bounded: each keeps a connection.
func TestStreamsAreBounded(t *testing.T) {
	f := newFixture(t)
	f.api.streams.Store(maxStreams)
	if status, body, _ := f.call(t, "GET", "/api/v1/omen/stream", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "streams already") {
		t.Errorf("one more stream: %d %s, want 503", status, body)
	}
}
