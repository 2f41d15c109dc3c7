package notify

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	omen "github.com/omenhq/omen"
)

// hostile are values that somebody who can name a host may use.
var hostile = []string{
	"<!channel>", "<!here|x>", "<@U123>", "@everyone @here @channel", "<http://evil|Open the incident>",
	"*bold* _it_ ~no~ `code`", "[click](http://evil)", "a](http://evil)", `\`, `\*`, "!", "(x)", "#1 + 1 = 2 - {y} | z.",
	"<b>x", "</b></a>", `"><script>alert(1)</script>`, "&amp; &lt;", "a\r\nBcc: eve@evil.example", "a\nb", "\x00\x07\u202egnp.exe",
	"\xff\xfe", strings.Repeat("x", 5000), "{{ .ExternalURL }}", "<https://omen.example/feedback?t=x|Real>", "```", "||spoiler||",
}

func FuzzMarkup(f *testing.F) {
	for _, h := range hostile {
		f.Add(h)
	}
	u := testView()
	tmpl, err := newTemplates(nil, u.external)
	if err != nil {
		f.Fatal(err)
	}
	render := func(t *testing.T, name, value string, escape func(string) string, html bool) string {
		c := step("a", value, 1, omen.ChangeOpened, noon)
		c.Incident.Causes[0].Feature = value
		c.Comment = value
		c.Incident.State, c.Incident.AckedBy = omen.Acknowledged, value
		m := messageOf(u, c)
		data := tmpl.Data("r", m.Group, nil, "", escaped(m.Alerts, escape)...)
		do := tmpl.ExecuteTextString
		if html {
			do = tmpl.ExecuteHTMLString
		}
		text, err := do(`{{ template "`+name+`" . }}`, data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return text
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 8000 || strings.TrimSpace(value) == "" {
			return
		}
		checkSlack(t, render(t, "slack.default.text", value, escapeSlack, false)+render(t, "slack.default.title", value, escapeSlack, false))
		checkMarkdownV2(t, render(t, "telegram.default.message.markdownv2", value, escapeMarkdownV2, false))
		checkHTML(t, render(t, "telegram.default.message", value, escapeNone, true), map[string]bool{"b": true, "i": true, "a": true})
		checkHTML(t, strings.ReplaceAll(render(t, "email.default.html", value, escapeNone, true), "<!DOCTYPE html>", ""), nil)
		checkMarkdown(t, render(t, "discord.default.message", value, escapeMarkdown, false))
	})
}

// checkSlack accepts no markup that begins with < but our own links.
func checkSlack(t *testing.T, text string) {
	t.Helper()
	for rest := text; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			return
		}
		if rest = rest[i+1:]; !strings.HasPrefix(rest, "https://omen.example/incidents/a|") {
			t.Fatalf("slack: markup %q in %q", rest, text)
		}
	}
}

// checkMarkdownV2 reads text by the Bot API's rules: outside our own entities
// (one pair of *, one link) each special character has its backslash.
func checkMarkdownV2(t *testing.T, text string) {
	t.Helper()
	text = strings.Replace(text, "[Open the incident](https://omen\\.example/incidents/a)", "", 1)
	stars := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			if i++; i == len(text) || text[i] < 1 || text[i] > 126 {
				t.Fatalf("markdownv2: a backslash escapes nothing in %q", text)
			}
		case text[i] == '*':
			stars++
		case strings.IndexByte("_[]()~`>#+-=|{}.!", text[i]) >= 0:
			t.Fatalf("markdownv2: bare %q at %d in %q", text[i], i, text)
		}
	}
	if stars != 2 {
		t.Fatalf("markdownv2: %d bare stars in %q", stars, text)
	}
}

// checkMarkdown accepts no live bracket, code or mention but our own link.
func checkMarkdown(t *testing.T, text string) {
	t.Helper()
	text = strings.Replace(text, "[Open the incident](https://omen.example/incidents/a)", "", 1)
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

// checkHTML reads text as markup: well-formed, and of the allowed elements
// only (nil: any without script), with links to us alone.
func checkHTML(t *testing.T, text string, allowed map[string]bool) {
	t.Helper()
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

// A host's name with a line break adds no header to a mail, and none to its
// body's MIME.
func TestMailHeadersTakeNoLineBreaks(t *testing.T) {
	smtp := newMailSink(t)
	for _, value := range hostile {
		err := sendOne(t, fmt.Sprintf(`receivers: [{name: r, email_configs: [{to: a@b.c, from: d@e.f, require_tls: false, smarthost: %q}]}]`, smtp.Addr().String()),
			func(c *omen.Change) { c.Incident.Host.Name = value })
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
	}
	for i, e := range smtp.got() {
		header, parts := e.parts(t)
		if header.Get("Bcc") != "" || len(e.to) != 1 || len(parts) != 2 {
			t.Errorf("%q: headers %v, to %v", hostile[i], header, e.to)
		}
		if s := e.subject(t); strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
			t.Errorf("%q: subject %q", hostile[i], s)
		}
	}
}

// Whatever text a configuration's template has, it is an error or a message:
// never a panic, never a hang.
func FuzzTemplates(f *testing.F) {
	for _, seed := range []string{
		"{{ range .Alerts }}{{ .Labels.x.y }}{{ end }}", `{{ template "telegram.default.message" . }}`, "{{ lines 3 }}", "{{ index .Alerts 9 }}",
		`{{ reReplaceAll "(" "" "x" }}`, `{{ .Alerts | toJson }}`, "{{ end }}", `{{ define "x" }}{{ end }}`, "{{ nil }}", `{{ lines (index .Alerts 0).Annotations.causes }}`,
	} {
		f.Add(seed)
	}
	u := testView()
	tmpl, err := newTemplates(nil, u.external)
	if err != nil {
		f.Fatal(err)
	}
	m := messageOf(u, step("a", "web-1", 1, omen.ChangeOpened, noon))
	data := tmpl.Data("r", m.Group, nil, "", m.Alerts...)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "range") && len(text) > 200 || strings.Contains(text, "template") && strings.Contains(text, "define") {
			return // loops and recursion that an operator may write
		}
		_, _ = tmpl.ExecuteTextString(text, data)
		_, _ = tmpl.ExecuteHTMLString(text, data)
	})
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"a\tb\x00c": "a b c", "a\u202eb": "a b", "a\nb": "a\nb", "\xff": "\uFFFD"} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got := oneLine(" a\r\n b  c "); got != "a b c" {
		t.Errorf("oneLine gives %q", got)
	}
}
