// Package web is the web UI built from web/ui, embedded into the binary. Its key
// function is [Handler].
//
// It refuses to hold any state or data: the web UI asks the API of package api
// for everything, and shows by its address what is asked for.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/omenhq/omen/internal/accept"
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
var sections = []string{"", "hosts", "incidents", "compare", "actions", "quiet", "silences", "windows", "events", "patterns", "models", "settings"}

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Omen</title>
<body style="font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em">
<h1>Omen is running, its web UI was not built</h1>
<p>This binary was built without the web UI. Build it with <code>make build</code>
(it needs Node.js and npm), or use the API: <a href="./api/v1/omen/status">status</a>,
<a href="./api/v1/omen/hosts">hosts</a>, <a href="./api/v1/omen/openapi.json">all routes</a>,
<a href="./metrics">metrics</a>.</p></body></html>
`

// serve serves a built web UI from files. Hashed assets never change and are
// cached for good; index.html is asked for each time, and answered in full only
// if it changed. An address of no section is answered by it too, with 404:
// people see where to go on.
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
			_, _ = w.Write(seenFrom(r, []byte(notBuilt)))
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if body, err := fs.ReadFile(files, name); err == nil && !hidden(name) {
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			w.Header().Set("Content-Type", contentType(name))
			send(w, r, files, name, body, http.StatusOK)
			return
		}
		section, _, _ := strings.Cut(name, "/")
		if section == "assets" { // of another version
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		status := http.StatusOK
		if !slices.Contains(sections, section) {
			status = http.StatusNotFound
		}
		name = "index.html"
		body := seenFrom(r, page)
		if !bytes.Equal(body, page) {
			name = "" // the build has not packed it so
		}
		send(w, r, files, name, body, status)
	})
}

// Root is the relative way from a request's address to the root, such as ./ or
// ./../../: it holds below every path prefix, and nobody has to know which there
// is in the browser, or what a proxy took away.
func Root(r *http.Request) string {
	parts, depth := strings.Split(r.URL.EscapedPath(), "/"), 0
	for i := 1; i < len(parts)-1; i++ {
		switch parts[i] {
		case ".":
		case "..":
			depth = max(0, depth-1)
		default:
			depth++
		}
	}
	return "./" + strings.Repeat("../", depth)
}

// seenFrom is a page whose references, which the build made relative to the
// root, are relative to the request's address.
func seenFrom(r *http.Request, page []byte) []byte {
	return bytes.ReplaceAll(page, []byte(`="./`), []byte(`="`+Root(r)))
}

// codings are the content codings that the build leaves beside a file, by the
// file's ending, the smallest first.
var codings = []struct{ name, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// hidden reports whether a file is no address of its own.
func hidden(name string) bool {
	for _, c := range codings {
		if strings.HasSuffix(name, c.ending) {
			return true
		}
	}
	return strings.HasPrefix(path.Base(name), ".")
}

// send answers with a file, packed as the browser takes it if the build packed
// it, or says that the browser has it already. Without a name it is no file.
func send(w http.ResponseWriter, r *http.Request, files fs.FS, name string, body []byte, status int) {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:8])
	var offers []string
	for _, c := range codings {
		if _, err := fs.Stat(files, name+c.ending); err == nil && name != "" {
			offers = append(offers, c.name)
		}
	}
	if coding := accept.Encoding(r, offers...); coding != "" {
		ending := codings[slices.IndexFunc(codings, func(c struct{ name, ending string }) bool { return c.name == coding })].ending
		if packed, err := fs.ReadFile(files, name+ending); err == nil {
			body, tag = packed, tag+"-"+coding
			h.Set("Content-Encoding", coding)
		}
	}
	tag = `"` + tag + `"`
	h.Set("ETag", tag)
	if status == http.StatusOK && has(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// has reports whether a list of entity tags has one, by weak comparison.
func has(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
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
