// Package telegram sends through the Telegram Bot API, configured as
// Alertmanager's telegram_configs. Its key type is [Sender]; a [Bot] hears the
// buttons below its messages. It judges no pressed button: package reply does.
package telegram

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	amtelegram "github.com/prometheus/alertmanager/notify/telegram"
	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen/notify/message"
)

// Sender is one entry of telegram_configs. Alertmanager's own notifier sends
// without a context, so that a server that hangs would hold its caller for
// good, and has no buttons.
type Sender struct {
	conf   *amtelegram.TelegramConfig
	render message.Renderer
	bot    bot
	chats  *chats
	log    *slog.Logger
}

// New makes a sender.
func New(c *amtelegram.TelegramConfig, r message.Renderer, o Options) (*Sender, error) {
	client, err := promconfig.NewClientFromConfig(*c.HTTPConfig, "telegram")
	if err != nil {
		return nil, err
	}
	return &Sender{
		conf: c, render: r, bot: bot{strings.TrimRight(c.APIUrl.String(), "/"), string(c.BotToken), c.BotTokenFile, client}, log: r.Log,
		chats: &chats{o: o, became: map[int64]int64{}, trouble: message.Trouble{To: o.Troubles, Key: message.ChatKey(o.Name)}},
	}, nil
}

// Name is the channel's, such as oncall/telegram.
func (s *Sender) Name() string { return s.chats.o.Name }

const (
	// maxText is how long a message may be, in UTF-16 code units after its
	// markup is read (Bot API, sendMessage), maxCaption a chart's caption
	// (sendPhoto), maxAnswer what is shown to who pressed a button
	// (answerCallbackQuery), and maxToken, in bytes, what a button carries
	// (InlineKeyboardButton).
	maxText    = 4096
	maxCaption = 1024
	maxAnswer  = 200
	maxToken   = 64
)

var noPreview = map[string]bool{"is_disabled": true}

type outgoing struct {
	ChatID      int64           `json:"chat_id"`
	Thread      int             `json:"message_thread_id,omitempty"`
	Text        string          `json:"text"`
	ParseMode   string          `json:"parse_mode,omitempty"`
	Silent      bool            `json:"disable_notification,omitempty"`
	NoPreview   map[string]bool `json:"link_preview_options"`
	ReplyMarkup *keyboard       `json:"reply_markup,omitempty"`
}

type keyboard struct {
	Rows [][]button `json:"inline_keyboard"`
}

type button struct {
	Text string `json:"text"`
	Data string `json:"callback_data"`
}

// Send implements [message.Sender]. A message that Telegram cannot read, which
// a configuration's template can cause, goes out once more as plain text.
func (s *Sender) Send(ctx context.Context, m message.Message) error {
	text, fits, err := s.fitting(ctx, m, s.conf.ParseMode, s.conf.Message)
	if err != nil {
		return message.Refuse("render message: %w", err)
	}
	out := outgoing{
		Thread: s.conf.MessageThreadID, Text: text, ParseMode: s.conf.ParseMode,
		Silent: s.conf.DisableNotifications, NoPreview: noPreview, ReplyMarkup: keyboardOf(m.Replies),
	}
	if m.Chart != nil && fits && units(text) <= maxCaption {
		err := s.deliver(ctx, out, func(ctx context.Context, out outgoing) error { return s.bot.photo(ctx, out, m.Chart) })
		if err == nil || message.RetryAfter(err) > 0 || !message.Permanent(err) {
			return err
		}
		s.log.Warn("telegram does not take the chart, sending text", "err", err)
	}
	if fits {
		err = s.deliver(ctx, out, s.bot.sendMessage)
		if err == nil || !strings.Contains(err.Error(), "parse entities") {
			return err
		}
		s.log.Warn("telegram cannot read the message's markup, sending plain text", "err", err)
	}
	out.ParseMode = ""
	if out.Text, _, err = s.fitting(ctx, m, "", amtelegram.DefaultTelegramConfig.Message); err != nil {
		return message.Refuse("render message: %w", err)
	}
	return s.deliver(ctx, out, s.bot.sendMessage)
}

// keyboardOf is the rows of buttons below a message; nil without buttons, and
// where a token would be too long for one.
func keyboardOf(replies []message.Reply) *keyboard {
	var k keyboard
	for _, r := range replies {
		if len(r.Token) > maxToken {
			return nil
		}
		if r.Token != "" {
			k.Rows = append(k.Rows, []button{{r.Label, r.Token}})
		}
	}
	if len(k.Rows) == 0 {
		return nil
	}
	return &k
}

// fitting is the message's text with as many of its alerts as there is room
// for, and the number of the others. If there is none for the first alone, its
// beginning is there, and fits is false: that cut may be within the markup.
func (s *Sender) fitting(ctx context.Context, m message.Message, mode, text string) (out string, fits bool, err error) {
	if out, err = s.written(ctx, m, mode, text); err != nil || units(out) <= maxText {
		return out, true, err
	}
	all, more := m.Alerts, ""
	write := func(n int) {
		m.Alerts, more = all[:n], ""
		if left := len(all) - n; left > 0 {
			more = s.escaped(mode, fmt.Sprintf("\n\n… and %d more: %s", left, s.render.Templates.ExternalURL.JoinPath("incidents")))
		}
		var failed error
		if out, failed = s.written(ctx, m, mode, text); failed != nil {
			err = failed
		}
	}
	n := sort.Search(len(all), func(i int) bool {
		write(i + 1)
		return units(out)+units(more) > maxText
	})
	write(max(1, n))
	return cut(out, maxText-units(more)) + more, n > 0, err
}

// units is a text's length as Telegram counts it.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

// cut is the beginning of s, of at most n units.
func cut(s string, n int) string {
	for i, r := range s {
		if n -= utf16.RuneLen(r); n < 0 {
			return s[:i]
		}
	}
	return s
}

// written is the message in the given mode; the default template of another
// mode than HTML is the one for that mode.
func (s *Sender) written(ctx context.Context, m message.Message, mode, text string) (string, error) {
	if text == amtelegram.DefaultTelegramConfig.Message {
		text = `{{ template "telegram.default.message` + map[string]string{"MarkdownV2": ".markdownv2", "Markdown": ".markdown", "": ".plain"}[mode] + `" . }}`
	}
	execute, escape := s.render.Templates.ExecuteTextString, func(v string) string { return s.escaped(mode, v) }
	if mode == "HTML" { // its templates escape by themselves
		execute, escape = s.render.Templates.ExecuteHTMLString, message.Plain
	}
	text, err := execute(text, s.render.Data(ctx, m, escape))
	return strings.TrimSpace(text), err
}

// escaped is text in which a mode finds no markup. MarkdownV2 (Bot API,
// "MarkdownV2 style") wants a backslash before each character with a meaning,
// which holds inside link targets too; legacy Markdown knows four special
// characters and no way to write a backslash.
func (s *Sender) escaped(mode, text string) string {
	text = message.Plain(text)
	switch mode {
	case "HTML":
		return html.EscapeString(text)
	case "MarkdownV2":
		return backslashed(text, "_*[]()~`>#+-=|{}.!\\")
	case "Markdown":
		return backslashed(text, "_*`[")
	}
	return text
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

// configured is the chat's number in the configuration.
func (s *Sender) configured() (int64, error) {
	if s.conf.ChatIDFile == "" {
		return s.conf.ChatID, nil
	}
	text, err := message.Secret("", s.conf.ChatIDFile)
	if err != nil {
		return 0, fmt.Errorf("chat_id_file: %w", err)
	}
	chat, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, message.Refuse("chat_id_file does not hold a number")
	}
	return chat, nil
}

// bot calls methods of the Telegram Bot API.
type bot struct {
	api, token, tokenFile string
	client                *http.Client
}
