// Package web is the web UI built from web/ui, embedded into the binary. Its key
// function is [Handler].
//
// It refuses to hold any state or data: the web UI asks the API of package api
// for everything, and shows by its address what is asked for.
package web

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
)

// dist is what `npm run build` in web/ui leaves; only its .keep is committed.
//
//go:embed all:dist
var dist embed.FS

// Handler serves the embedded user interface.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return serve(files)
}

// sections are the first parts of the addresses that the web UI knows, as in
// main.tsx.
var sections = []string{"", "hosts", "incidents", "silences", "windows", "events", "patterns", "models"}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Omen</title>
<body style="font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em">
<h1>Omen is running, its web UI was not built</h1>
<p>This binary was built without the web UI. Build it with <code>make build</code>
(it needs Node.js and npm), or use the API: <a href="/api/v1/omen/status">status</a>,
<a href="/api/v1/omen/hosts">hosts</a>, <a href="/api/v1/omen/openapi.json">all routes</a>,
<a href="/metrics">metrics</a>.</p></body></html>
`

// serve serves a built web UI from files. Hashed assets never change and are
// cached for good; index.html is asked for each time. An address of no section
// is answered by it too, with 404: people see where to go on.
func serve(files fs.FS) http.Handler {
	page, err := fs.ReadFile(files, "index.html")
	built := err == nil
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the web UI can only be read", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		if !built {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(notBuilt))
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if body, err := fs.ReadFile(files, name); err == nil && !strings.HasPrefix(path.Base(name), ".") {
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			w.Header().Set("Content-Type", contentType(name))
			_, _ = w.Write(body)
			return
		}
		section, _, _ := strings.Cut(name, "/")
		if section == "assets" { // of another version
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if !slices.Contains(sections, section) {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(page)
	})
}

func contentType(name string) string {
	switch path.Ext(name) { // tables of types differ between machines
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
