package message

import (
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
)

// Values of labels come from anybody who can name a host, so each is made harmless
// for the channel's markup before any template sees it: a configuration's own
// templates are then as safe as ours. Channels whose templates are Go's HTML
// templates (mail, Telegram in HTML mode) escape by themselves; JSON takes
// anything.

// Escape makes a value harmless for a channel. A channel's own markup is
// escaped in its package.
type Escape func(string) string

// Markdown is the [Escape] for Discord, Mattermost, Rocket.Chat, Teams and Webex: the
// characters of Markdown, mentions and HTML. An underscore within a word stays:
// CommonMark gives it no meaning there, and titles would show the backslash.
func Markdown(s string) string {
	runes := []rune(Plain(s))
	word := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	var b strings.Builder
	for i, r := range runes {
		switch {
		case r == '_' && word(i-1) && word(i+1):
		case strings.ContainsRune("\\`*_~|<>[]#", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		if r == '@' {
			b.WriteRune('\u2060') // so that no mention begins here
		}
	}
	return b.String()
}

// Plain is the [Escape] for channels without markup: control characters, and
// those that reorder or hide text, become spaces; line feeds stay, because
// causes are a line each.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// OneLine is s fit for a header or a title.
func OneLine(s string) string {
	return strings.Join(strings.Fields(Plain(s)), " ")
}

// manyLines are the annotations in which a line feed is ours.
var manyLines = map[model.LabelName]bool{"action": true, "causes": true, "description": true, "feedback_links": true}

// Escaped are copies of alerts whose values are safe for a channel. Links are
// ours alone and only lose what no URL has. A nil escape gives the alerts.
func Escaped(alerts []*alert.Alert, escape Escape) []*alert.Alert {
	if escape == nil {
		return alerts
	}
	out := make([]*alert.Alert, len(alerts))
	for i, a := range alerts {
		c := *a
		c.Labels = escapedSet(a.Labels, escape)
		c.Annotations = escapedSet(a.Annotations, escape)
		out[i] = &c
	}
	return out
}

func escapedSet(set model.LabelSet, escape Escape) model.LabelSet {
	if escape == nil {
		return set
	}
	out := make(model.LabelSet, len(set))
	for name, value := range set {
		text := string(value)
		if !manyLines[name] {
			text = strings.ReplaceAll(text, "\n", " ")
		}
		out[name] = model.LabelValue(escape(text))
	}
	return out
}
