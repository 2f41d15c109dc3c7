package app

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/internal/must"
)

// Both flags mean what they mean to Prometheus.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ external, prefix, wantExternal, wantPrefix string }{
		{"", "", "", ""},
		{"", "/", "", ""},
		{"", "omen", "", "/omen"},
		{"", "/omen/", "", "/omen"},
		{"", "//a/b//", "", "/a/b"},
		{"https://example.org", "", "https://example.org", ""},
		{"https://example.org/", "", "https://example.org", ""},
		{"https://example.org:8443/omen/", "", "https://example.org:8443/omen", "/omen"},
		{"https://example.org/omen", "/", "https://example.org/omen", ""}, // a proxy takes it away
		{"https://example.org/omen", "/x", "https://example.org/omen", "/x"},
	} {
		if p, err := placeOf(c.external, c.prefix); err != nil || p != (place{c.wantExternal, c.wantPrefix}) {
			t.Errorf("%q, %q: %+v, %v", c.external, c.prefix, p, err)
		}
	}
	for _, c := range [][2]string{
		{"example.org", ""}, {"/omen", ""}, {"ftp://example.org", ""}, {"https://", ""}, {"https://ann:hunter2@example.org", ""},
		{"https://example.org/?a=b", ""}, {"https://example.org/#a", ""}, {"https://example.org/a b", ""}, {`"https://example.org"`, ""},
		{"", "/a b"}, {"", "/a/../b"}, {"", "/a?b"}, {"", "/a%2Fb"}, {"", "/a//b"}, {"", "/."},
	} {
		p, err := placeOf(c[0], c[1])
		if !errors.Is(err, omen.ErrInvalid) || omen.Hint(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q, %q: %+v, %v (hint %q)", c[0], c[1], p, err, omen.Hint(err))
		}
	}
}

// The flag says where people reach Omen before the configuration does.
func TestWhereMessagesLead(t *testing.T) {
	for _, c := range []struct{ flag, file, want string }{
		{"", "", "http://127.0.0.1:9909/x"},
		{"", "https://file.example/omen", "https://file.example/omen"},
		{"https://flag.example/omen/", "https://file.example", "https://flag.example/omen"},
	} {
		p := &process{place: must.Get(placeOf(c.flag, ""))(t), address: "http://127.0.0.1:9909/x"}
		conf := &config.Config{ExternalURL: c.file}
		if got := p.externalURL(conf); got != c.want {
			t.Errorf("%q and %q: %s", c.flag, c.file, got)
		}
		if p.said(conf) != "" && !p.names(conf).Named(must.Get(url.Parse(c.want))(t).Hostname()) {
			t.Errorf("%s is none of Omen's names", c.want)
		}
	}
}

// Redirects lead below the prefix, also one that a proxy takes away.
func TestRedirectsStayBelowThePrefix(t *testing.T) {
	root := http.NewServeMux()
	root.Handle("/api/v1/", http.NotFoundHandler())
	root.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://example.com/x", http.StatusFound)
	})
	for _, prefix := range []string{"", "/omen", "/a/b"} {
		p := place{prefix: prefix}
		for from, want := range map[string]string{
			"/api/v1": "/api/v1/", "/api/v1?q=1": "/api/v1/?q=1", "/x/../api/v1/y": "/api/v1/y", "//api/v1//y": "/api/v1/y", "/out": "https://example.com/x",
		} {
			base := must.Get(url.Parse("http://omen.example" + prefix + from))(t)
			w := httptest.NewRecorder()
			p.below(root).ServeHTTP(w, httptest.NewRequest("GET", base.RequestURI(), nil))
			got := must.Get(base.Parse(w.Header().Get("Location")))(t)
			if strings.HasPrefix(want, "/") {
				want = "http://omen.example" + prefix + want
			}
			if w.Code/100 != 3 || got.String() != want {
				t.Errorf("%s: %d to %s (%s), want %s", base, w.Code, w.Header().Get("Location"), got, want)
			}
		}
	}
}

// With a prefix all is below it and nothing beside it, and what asks this Omen by
// its directory finds it.
func TestBelowAPrefix(t *testing.T) {
	dir := t.TempDir()
	a := start(t, Options{StoragePath: dir, ExternalURL: "http://omen.example.org/ops/omen/"})
	at := must.Get(url.Parse(a.address))(t)
	if at.Path != "/ops/omen" || Address(dir) != a.address {
		t.Errorf("the address is %s, the directory has %s", a.address, Address(dir))
	}
	a.eventually("/api/v1/omen/status", `"version":"test"`)
	var me api.Me
	must.OK(t, api.NewClient(Address(dir)).Get(t.Context(), "me", &me))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		method, path string
		header       []string
		status       int
		want         string // in the body, or the Location of a redirect
	}{
		{"GET", "/ops/omen/-/healthy", nil, 200, "alive"},
		{"GET", "/ops/omen/metrics", nil, 200, "omen_build_info"},
		{"GET", "/ops/omen/api/v1/query?query=1", nil, 200, `"scalar"`},
		{"GET", "/ops/omen/feedback?t=forged", nil, 404, "off"},
		{"POST", "/ops/omen/-/reload", nil, 200, ""},
		{"GET", "/", nil, 302, "/ops/omen/"},
		{"GET", "/?state=silent", nil, 302, "/ops/omen/?state=silent"},
		{"GET", "/ops/omen", nil, 302, "omen/"},
		{"GET", "/ops/omen/api/v1", nil, 307, "./../api/v1/"},
		{"POST", "/ops/omen", nil, 404, "/ops/omen/"},
		{"GET", "/-/healthy", nil, 404, "--web.route-prefix"},
		{"GET", "/api/v1", nil, 404, `"title":"Not Found","status":404,"detail":"GET /api/v1: there is nothing here"`},
		{"GET", "/api/v1/omen/status", nil, 404, "/ops/omen/"},
		{"GET", "/ops/omens/-/healthy", nil, 404, "/ops/omen/"},
		{"POST", "/-/reload", nil, 404, ""},
		// What guards against other sites and names holds below it, too, and takes the external URL's.
		{"GET", "/ops/omen/api/v1/omen/status", []string{"Origin", "http://evil.example"}, 403, "another site"},
		{"GET", "/ops/omen/api/v1/omen/status", []string{"Origin", "http://omen.example.org"}, 200, ""},
		{"GET", "/ops/omen/api/v1/omen/status", []string{"Host", "omen.example.org"}, 200, ""},
		{"GET", "/ops/omen/api/v1/omen/status", []string{"Host", "evil.example"}, 421, ""},
		{"GET", "/ops/omen/-/healthy", []string{"Host", "evil.example"}, 200, ""},
	} {
		r := must.Get(http.NewRequestWithContext(t.Context(), c.method, "http://"+at.Host+c.path, nil))(t)
		for i := 0; i+1 < len(c.header); i += 2 {
			if r.Header.Set(c.header[i], c.header[i+1]); c.header[i] == "Host" {
				r.Host = c.header[i+1]
			}
		}
		answer := must.Get(client.Do(r))(t)
		text := string(must.Get(io.ReadAll(answer.Body))(t))
		_ = answer.Body.Close()
		if location := answer.Header.Get("Location"); location != "" && location != c.want || !strings.Contains(text+location, c.want) || answer.StatusCode != c.status {
			t.Errorf("%s %s %q: %d to %q %s, want %d %q", c.method, c.path, c.header, answer.StatusCode, location, text, c.status, c.want)
		}
	}
	if must.OK(t, a.stop()); !strings.Contains(a.out.String(), a.address+"\n") {
		t.Errorf("%s is not printed:\n%s", a.address, a.out)
	}
}

// A prefix that cannot be one is refused before anything is opened.
func TestABadPlaceIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, o := range []Options{{ExternalURL: "omen.example.org"}, {RoutePrefix: "/a b"}} {
		o.StoragePath, o.ListenAddress = dir, "127.0.0.1:0"
		if err := Run(t.Context(), o); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), "--web.") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if Address(dir) != "" {
		t.Error("it has run")
	}
}

// Only this machine reaches an address of the loopback network; whatever else
// there is asks for passwords.
func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:9909": true, "127.8.9.10:1": true, "[::1]:9909": true, "0.0.0.0:9909": false, "[::]:9909": false, "10.1.2.3:9909": false, "[fe80::1]:80": false,
	} {
		if got := loopback(must.Get(net.ResolveTCPAddr("tcp", address))(t)); got != want {
			t.Errorf("%s is reached by this machine only: %t", address, got)
		}
	}
	if loopback(&net.UnixAddr{Name: "x"}) {
		t.Error("a socket's permissions are not known")
	}
}
