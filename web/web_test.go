package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/omenhq/omen/internal/must"
)

func get(t *testing.T, h http.Handler, method, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Result()
}

func TestServe(t *testing.T) {
	h := serve(fstest.MapFS{
		"index.html":       {Data: []byte("the page")},
		"assets/app-1a.js": {Data: []byte("code")},
		"favicon.svg":      {Data: []byte("<svg/>")},
		".keep":            {Data: []byte("hidden")},
	})
	for _, c := range []struct {
		method, path  string
		status        int
		media, caches string
	}{
		{"GET", "/", 200, "text/html", "no-cache"},
		{"GET", "/hosts/local%2Fnode%2Fweb-1", 200, "text/html", "no-cache"},
		{"GET", "/hosts/prom/node/a%252Fb", 200, "text/html", "no-cache"},
		{"GET", "/silences", 200, "text/html", "no-cache"},
		{"GET", "/compare", 200, "text/html", "no-cache"},
		{"GET", "/federate", 404, "text/html", ""},
		{"GET", "/debug/pprof/", 404, "text/html", ""},
		{"GET", "/hostss", 404, "text/html", ""},
		{"GET", "/.keep", 404, "text/html", ""},
		{"GET", "/../../etc/passwd", 404, "text/html", ""},
		{"GET", "/assets/app-1a.js", 200, "text/javascript", "immutable"},
		{"GET", "/assets/app-old.js", 404, "text/plain", "no-cache"},
		{"GET", "/favicon.svg", 200, "image/svg+xml", "no-cache"},
		{"POST", "/", 405, "text/plain", ""},
	} {
		r := get(t, h, c.method, c.path)
		if r.StatusCode != c.status || !strings.HasPrefix(r.Header.Get("Content-Type"), c.media) ||
			!strings.Contains(r.Header.Get("Cache-Control"), c.caches) && c.status == 200 {
			t.Errorf("%s %s: %d, %s, %s", c.method, c.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
		}
	}
}

// A browser gets the smallest form that it takes, and nothing it has already.
func TestPacked(t *testing.T) {
	h := serve(fstest.MapFS{
		"index.html": {Data: []byte("the page")}, "index.html.gz": {Data: []byte("page as gzip")},
		"assets/a.js": {Data: []byte("code")}, "assets/a.js.br": {Data: []byte("as brotli")}, "assets/a.js.gz": {Data: []byte("as gzip")},
		"favicon.svg": {Data: []byte("<svg/>")},
	})
	ask := func(path, accepts, has string) *http.Response {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", accepts)
		r.Header.Set("If-None-Match", has)
		h.ServeHTTP(w, r)
		return w.Result()
	}
	tags := map[string]bool{}
	for _, c := range []struct{ path, accepts, coding, body string }{
		{"/assets/a.js", "gzip, br", "br", "as brotli"},
		{"/assets/a.js", "gzip", "gzip", "as gzip"},
		{"/assets/a.js", "gzip;q=0", "", "code"},
		{"/hosts", "gzip, br", "gzip", "page as gzip"},
		{"/favicon.svg", "gzip, br", "", "<svg/>"},
	} {
		r := ask(c.path, c.accepts, "")
		body := string(must.Get(io.ReadAll(r.Body))(t))
		if r.Header.Get("Content-Encoding") != c.coding || body != c.body || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s for %s: %q, coding %q, vary %q", c.path, c.accepts, body, r.Header.Get("Content-Encoding"), r.Header.Get("Vary"))
		}
		tag := r.Header.Get("ETag")
		if tag == "" || tags[tag] {
			t.Errorf("%s for %s: the tag %q is missing or another form's", c.path, c.accepts, tag)
		}
		tags[tag] = true
		if again := ask(c.path, c.accepts, `"other", W/`+tag); again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != tag {
			t.Errorf("%s again: %d, tag %s", c.path, again.StatusCode, again.Header.Get("ETag"))
		}
	}
	if r := ask("/assets/a.js.gz", "", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("a packed file by its own name: %d", r.StatusCode)
	}
	if r := ask("/nowhere", "", "*"); r.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown address that the browser has: %d", r.StatusCode)
	}
}

// Every address of the web UI's router, and no other, is answered with 200.
func TestSectionsAreTheRouters(t *testing.T) {
	router := must.Get(os.ReadFile("ui/src/main.tsx"))(t)
	var cases []string
	for _, m := range regexp.MustCompile(`case "(\w*)":`).FindAllSubmatch(router, -1) {
		cases = append(cases, string(m[1]))
	}
	if !slices.Equal(cases, sections) {
		t.Errorf("main.tsx knows %q, web.go %q", cases, sections)
	}
}

func TestNotBuilt(t *testing.T) {
	if r := get(t, serve(fstest.MapFS{".keep": {}}), "GET", "/"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a page that was not built: %d, want 503", r.StatusCode)
	}
	if Handler() == nil {
		t.Error("no handler of what is embedded")
	}
}
