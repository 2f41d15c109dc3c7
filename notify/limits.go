package notify

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"unicode/utf8"

	amnotify "github.com/prometheus/alertmanager/notify"

	"github.com/omenhq/omen/notify/message"
)

// longText is the text of a kind of channel that grows with the number of
// incidents, and how much of it the channel takes.
type longText struct {
	field string // of the kind's configuration in Go
	limit int
	size  func(string) int
}

// longTexts are the limits that channels state: Discord's embeds 4,096
// characters, Webex 7,439 bytes, Microsoft Teams 28 kB of JSON with title and
// markup, Rocket.Chat 5,000 (Message_MaxAllowedSize), Mattermost 16,383,
// Opsgenie 15,000, VictorOps 20,480, Pushover 1,024, WeChat 2,048 bytes, Jira
// 32,767. Webhooks, PagerDuty and incident.io take structured alerts; mail takes
// any length; Telegram and Slack are in their packages.
var longTexts = map[string]longText{
	"discord":    {"Message", 4096, utf8.RuneCountInString},
	"webex":      {"Message", 7439, byteLen},
	"msteams":    {"Text", 26_000, jsonLen},
	"msteamsv2":  {"Text", 26_000, jsonLen},
	"rocketchat": {"Text", 5000, utf8.RuneCountInString},
	"mattermost": {"Text", 16_383, utf8.RuneCountInString},
	"opsgenie":   {"Description", 15_000, utf8.RuneCountInString},
	"victorops":  {"StateMessage", 20_480, utf8.RuneCountInString},
	"pushover":   {"Message", 1024, utf8.RuneCountInString},
	"wechat":     {"Message", 2048, byteLen},
	"jira":       {"Description.Template", 32_767, utf8.RuneCountInString},
}

func byteLen(s string) int { return len(s) }

func jsonLen(s string) int {
	text, err := json.Marshal(s)
	if err != nil {
		return len(s)
	}
	return len(text)
}

// counting is a kind's configuration whose long text ends with the number of
// incidents that it leaves out, and that text.
func counting[C amnotify.ResolvedSender](kind string, c C) (C, string) {
	long, is := longTexts[kind]
	if !is {
		return c, ""
	}
	out := reflect.New(reflect.TypeOf(c).Elem())
	out.Elem().Set(reflect.ValueOf(c).Elem())
	field := out.Elem()
	for name := range strings.SplitSeq(long.field, ".") {
		field = field.FieldByName(name)
	}
	if field.String() == "" {
		return c, "" // the configuration wants none
	}
	field.SetString(field.String() + message.OmittedText)
	return out.Interface().(C), field.String()
}

// fitted sends no more than a channel takes.
type fitted struct {
	message.Sender
	long   longText
	text   string
	render message.Renderer
	escape message.Escape
}

// Send implements [message.Sender]. A text that cannot be rendered is for the
// sender to judge.
func (f fitted) Send(ctx context.Context, m message.Message) error {
	fits := func(m message.Message) (bool, error) {
		text, err := f.render.Templates.ExecuteTextString(f.text, f.render.Data(ctx, m, f.escape))
		return f.long.size(text) <= f.long.limit, err
	}
	if shown, err := message.Fit(m, fits); err == nil {
		m = shown
	}
	return f.Sender.Send(ctx, m)
}
