package messagetest

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

var ourLink = regexp.MustCompile(`\[Open the incident\]\(https://omen\.example/incidents/\w+\)`)

// CheckMarkdown accepts no live bracket, code or mention but our own link.
func CheckMarkdown(t testing.TB, text string) {
	t.Helper()
	text = ourLink.ReplaceAllString(text, "")
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case strings.IndexByte("[]<>`|#~", text[i]) >= 0:
			t.Fatalf("markdown: bare %q at %d in %q", text[i], i, text)
		}
		if i < len(text) && text[i] == '@' && !strings.HasPrefix(text[i+1:], "\u2060") {
			t.Fatalf("markdown: a mention in %q", text)
		}
	}
}

// CheckHTML reads text as markup: well-formed, and of the allowed elements only
// (nil: any without script), with links to us alone.
func CheckHTML(t testing.TB, text string, allowed map[string]bool) {
	t.Helper()
	text = strings.ReplaceAll(text, "<!DOCTYPE html>", "")
	d := xml.NewDecoder(strings.NewReader("<x>" + text + "</x>"))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("html: %v in %q", err, text)
		}
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local == "x" {
			continue
		}
		if e.Name.Local == "script" || allowed != nil && !allowed[e.Name.Local] {
			t.Fatalf("html: element %s in %q", e.Name.Local, text)
		}
		for _, a := range e.Attr {
			if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "https://omen.example") || strings.HasPrefix(a.Name.Local, "on") {
				t.Fatalf("html: attribute %s=%q", a.Name.Local, a.Value)
			}
		}
	}
}
