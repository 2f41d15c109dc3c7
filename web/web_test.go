package web

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
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
		{"GET", "/quiet", 200, "text/html", "no-cache"},
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

// The page finds its parts from every address, below whatever prefix.
func TestPartsAreFoundFromEveryAddress(t *testing.T) {
	h := serve(fstest.MapFS{
		"index.html": {Data: []byte(`<link href="./favicon.svg"><script src="./assets/a.js"></script>`)}, "index.html.gz": {Data: []byte("packed")},
		"assets/a.js": {Data: []byte("code")}, "favicon.svg": {Data: []byte("icon")},
	})
	for _, prefix := range []string{"", "/omen", "/a/b"} {
		for _, path := range []string{"/", "/hosts", "/hosts/", "/hosts/prom/node/web-1", "/hosts/prom%2Fnode/a%252Fb", "/nowhere/at/all", "/incidents/x?state=all"} {
			address := must.Get(url.Parse("http://example.org" + prefix + path))(t)
			page := get(t, http.StripPrefix(prefix, h), "GET", address.RequestURI())
			body := string(must.Get(io.ReadAll(page.Body))(t))
			parts := regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(body, -1)
			if len(parts) != 2 || page.Header.Get("Content-Encoding") != "" {
				t.Fatalf("%s: %s", address, body)
			}
			for i, want := range []string{"/favicon.svg", "/assets/a.js"} {
				if got := must.Get(address.Parse(parts[i][1]))(t); got.Path != prefix+want {
					t.Errorf("from %s %q is %s, want %s", address, parts[i][1], got.Path, prefix+want)
				}
			}
		}
	}
	tags := map[string]bool{}
	for _, path := range []string{"/", "/hosts/a", "/hosts/a/b"} {
		tags[get(t, h, "GET", path).Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("pages that differ share a tag: %v", tags)
	}
	if r := get(t, serve(fstest.MapFS{".keep": {}}), "GET", "/hosts/a/b"); !strings.Contains(string(must.Get(io.ReadAll(r.Body))(t)), `href="./../../api/v1/omen/status"`) {
		t.Error("a page that was not built does not find the API")
	}
}

// Nothing of the web UI is asked for from the root of the host: it may be below a
// prefix, which src/root.ts knows.
func TestTheUIAsksBelowItsRoot(t *testing.T) {
	fromRoot := regexp.MustCompile("(fetch|EventSource|open|assign|replace)\\([\"`']/[^/]|<(a|img|form)\\b[^>]*\\b(href|src|action)=[{\"`']+/|location\\.href = ")
	files := 0
	must.OK(t, filepath.WalkDir("ui/src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".test.ts") || !strings.HasSuffix(path, ".ts") && !strings.HasSuffix(path, ".tsx") {
			return err
		}
		files++
		for n, line := range strings.Split(string(must.Get(os.ReadFile(path))(t)), "\n") {
			if fromRoot.MatchString(line) {
				t.Errorf("%s:%d: begins at the host's root: put root of src/root.ts before it, or use wouter's Link: %s", path, n+1, line)
			}
		}
		return nil
	}))
	if files < 20 {
		t.Errorf("found %d files: the walk is broken", files)
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
