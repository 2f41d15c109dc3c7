package message

import (
	"bytes"
	"embed"
	"errors"
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
		"oneLine": OneLine,
	}
}

// inlined is the URL of a chart that comes with the mail (RFC 2392). It holds
// characters of an identifier only.
func inlined(id any) string {
	name, domain, _ := strings.Cut(fmt.Sprint(id), "@")
	return "cid:" + Identifier(name) + "@" + Identifier(domain)
}

// Templates are Alertmanager's default templates, ours over them, and the
// configuration's over both. A file that is named without a pattern must
// exist.
func Templates(files []string, external *url.URL) (*template.Template, error) {
	t, _, err := parsed(files, external)
	return t, err
}

// Restored are [Templates] in which those that are built in are as they are
// built in, whatever the configuration made of them: for when a template of the
// configuration fails.
func Restored(files []string, external *url.URL) (*template.Template, error) {
	t, all, err := parsed(files, external)
	if err != nil {
		return nil, err
	}
	_, builtIn, err := parsed(nil, external)
	if err != nil {
		return nil, err
	}
	for _, one := range builtIn.text.Templates() {
		if one.Tree != nil {
			_, err = all.text.AddParseTree(one.Name(), one.Tree)
			if _, failed := all.html.AddParseTree(one.Name(), one.Tree.Copy()); err != nil || failed != nil {
				return nil, fmt.Errorf("read built-in templates: %w", errors.Join(err, failed))
			}
		}
	}
	return t, nil
}

// set is what a template.Template keeps to itself.
type set struct {
	text *tmpltext.Template
	html *tmplhtml.Template
}

func parsed(files []string, external *url.URL) (t *template.Template, all set, err error) {
	t, err = template.FromGlobs(nil, func(text *tmpltext.Template, html *tmplhtml.Template) {
		all = set{text, html}
		text.Funcs(templateFuncs())
		html.Funcs(templateFuncs())
		text.Funcs(map[string]any{"inlined": inlined})
		html.Funcs(map[string]any{"inlined": func(id any) tmplhtml.URL { return tmplhtml.URL(inlined(id)) }}) //nolint:gosec // an identifier's characters only
	})
	if err != nil {
		return nil, all, fmt.Errorf("read built-in templates: %w", err)
	}
	t.ExternalURL = external
	for _, name := range []string{"templates/default.tmpl", "templates/email.tmpl"} {
		text, err := ownTemplates.ReadFile(name)
		if err != nil {
			return nil, all, fmt.Errorf("read built-in templates: %w", err)
		}
		if err := t.Parse(bytes.NewReader(text)); err != nil {
			return nil, all, fmt.Errorf("read built-in templates: %w", err)
		}
	}
	for _, f := range files {
		if !strings.ContainsAny(f, "*?[") {
			if _, err := os.Stat(f); err != nil {
				return nil, all, fmt.Errorf("read template: %w", err)
			}
		}
		if err := t.FromGlob(f); err != nil {
			return nil, all, fmt.Errorf("read template %s: %w", f, err)
		}
	}
	return t, all, nil
}

// Identifier is s with the characters that an RFC 5322 identifier takes on
// either side without quotes, and that need no escape in a URL.
func Identifier(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '.'
	}, s), ".")
}
