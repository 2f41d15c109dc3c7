package notify

import (
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
)

// Values of labels come from whoever can name a host, so each is made harmless
// for the channel's markup before any template sees it: a configuration's own
// templates are then as safe as ours. Channels whose templates are Go's HTML
// templates (mail, Telegram in HTML mode) escape by themselves; JSON takes
// anything.

// escapeNone is for channels without markup of their own: only control
// characters go.
func escapeNone(s string) string { return printable(s) }

// escapeSlack follows Slack's "escaping text": the three characters that begin
// its markup, such as <!channel>. An @ is kept from becoming a mention where
// link_names is on.
func escapeSlack(s string) string {
	return slackEscaper.Replace(printable(s))
}

var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@\u2060")

// escapeMarkdownV2 follows the Telegram Bot API, "MarkdownV2 style": a
// backslash before each character with a meaning. It holds inside link targets
// too, where any character may be escaped.
func escapeMarkdownV2(s string) string {
	return backslashed(printable(s), "_*[]()~`>#+-=|{}.!\\")
}

// escapeMarkdownV1 is for Telegram's legacy Markdown, which knows four special
// characters and no way to write a backslash.
func escapeMarkdownV1(s string) string {
	return backslashed(printable(s), "_*`[")
}

// escapeMarkdown is for Discord, Mattermost, Rocket.Chat, Teams and Webex: the
// characters of Markdown, mentions and HTML. An underscore within a word stays:
// CommonMark gives it no meaning there, and titles would show the backslash.
func escapeMarkdown(s string) string {
	runes := []rune(printable(s))
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

func backslashed(s, special string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// printable replaces control characters, and those that reorder or hide text,
// with spaces; line feeds stay, because causes are a line each.
func printable(s string) string {
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

// oneLine is s fit for a header or a title.
func oneLine(s string) string {
	return strings.Join(strings.Fields(printable(s)), " ")
}

// manyLines are the annotations in which a line feed is ours.
var manyLines = map[model.LabelName]bool{"causes": true, "description": true, "feedback_links": true}

// escaped are copies of alerts whose values are safe for a channel. Links are
// ours alone and only lose what no URL has.
func escaped(alerts []*alert.Alert, escape func(string) string) []*alert.Alert {
	out := make([]*alert.Alert, len(alerts))
	for i, a := range alerts {
		c := *a
		c.Labels = escapedSet(a.Labels, escape)
		c.Annotations = escapedSet(a.Annotations, escape)
		out[i] = &c
	}
	return out
}

func escapedSet(set model.LabelSet, escape func(string) string) model.LabelSet {
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
