package message_test

import (
	"strings"
	"testing"

	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// Whatever text a configuration's template has, it is an error or a message:
// never a panic, never a hang.
func FuzzTemplates(f *testing.F) {
	for _, seed := range []string{
		"{{ range .Alerts }}{{ .Labels.x.y }}{{ end }}", `{{ template "telegram.default.message" . }}`, "{{ lines 3 }}", "{{ index .Alerts 9 }}",
		`{{ reReplaceAll "(" "" "x" }}`, `{{ .Alerts | toJson }}`, "{{ end }}", `{{ define "x" }}{{ end }}`, "{{ nil }}", `{{ lines (index .Alerts 0).Annotations.causes }}`,
	} {
		f.Add(seed)
	}
	r := messagetest.Renderer(f)
	data := r.Data(f.Context(), messagetest.About(messagetest.Opened()), message.Plain)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "range") && len(text) > 200 || strings.Contains(text, "template") && strings.Contains(text, "define") {
			return // loops and recursion that an operator may write
		}
		_, _ = r.Templates.ExecuteTextString(text, data)
		_, _ = r.Templates.ExecuteHTMLString(text, data)
	})
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"a\tb\x00c": "a b c", "a\u202eb": "a b", "a\nb": "a\nb", "\xff": "\uFFFD"} {
		if got := message.Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
	if got := message.OneLine(" a\r\n b  c "); got != "a b c" {
		t.Errorf("OneLine gives %q", got)
	}
}
