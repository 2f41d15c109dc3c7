package web

import (
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
