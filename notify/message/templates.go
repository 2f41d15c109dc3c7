package notify

import (
	"bytes"
	"embed"
	"fmt"
	tmplhtml "html/template"
	"net/url"
	"os"
	"strings"
	tmpltext "text/template"

	"github.com/prometheus/alertmanager/template"
)

//go:embed templates/*.tmpl
var ownTemplates embed.FS

// templateFuncs are what templates can do beside Alertmanager's functions.
func templateFuncs() map[string]any {
	return map[string]any{
		// lines is the lines of a text; none of an empty one.
		"lines": func(s any) []string {
			text, _ := s.(string)
			if text == "" {
				return nil
			}
			return strings.Split(text, "\n")
		},
		"oneLine": oneLine,
	}
}

// inlined is the URL of a picture that comes with the mail (RFC 2392). It holds
// characters of an identifier only.
func inlined(id any) string {
	name, domain, _ := strings.Cut(fmt.Sprint(id), "@")
	return "cid:" + identifier(name) + "@" + identifier(domain)
}

// newTemplates are Alertmanager's default templates, ours over them, and the
// configuration's over both. A file that is named without a pattern must
// exist.
func newTemplates(files []string, external *url.URL) (*template.Template, error) {
	t, err := template.FromGlobs(nil, func(text *tmpltext.Template, html *tmplhtml.Template) {
		text.Funcs(templateFuncs())
		html.Funcs(templateFuncs())
		text.Funcs(map[string]any{"inlined": inlined})
		html.Funcs(map[string]any{"inlined": func(id any) tmplhtml.URL { return tmplhtml.URL(inlined(id)) }}) //nolint:gosec // an identifier's characters only
	})
	if err != nil {
		return nil, fmt.Errorf("read built-in templates: %w", err)
	}
	t.ExternalURL = external
	for _, name := range []string{"templates/default.tmpl", "templates/email.tmpl"} {
		text, err := ownTemplates.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read built-in templates: %w", err)
		}
		if err := t.Parse(bytes.NewReader(text)); err != nil {
			return nil, fmt.Errorf("read built-in templates: %w", err)
		}
	}
	for _, f := range files {
		if !strings.ContainsAny(f, "*?[") {
			if _, err := os.Stat(f); err != nil {
				return nil, fmt.Errorf("read template: %w", err)
			}
		}
		if err := t.FromGlob(f); err != nil {
			return nil, fmt.Errorf("read template %s: %w", f, err)
		}
	}
	return t, nil
}
