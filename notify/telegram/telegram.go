package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	amnotify "github.com/prometheus/alertmanager/notify"
	amtelegram "github.com/prometheus/alertmanager/notify/telegram"
	"github.com/prometheus/alertmanager/template"
	promconfig "github.com/prometheus/common/config"
)

// telegram sends through the Telegram Bot API, configured as Alertmanager's
// telegram_configs.
type telegram struct {
	conf     *amtelegram.TelegramConfig
	tmpl     *template.Template
	receiver string
	bot      bot
	buttons  *buttons // nil: none
	log      *slog.Logger
}

func newTelegram(c *amtelegram.TelegramConfig, t *template.Template, receiver string, b *buttons, log *slog.Logger) (*telegram, error) {
	client, err := promconfig.NewClientFromConfig(*c.HTTPConfig, "telegram")
	if err != nil {
		return nil, err
	}
	return &telegram{c, t, receiver, bot{strings.TrimRight(c.APIUrl.String(), "/"), string(c.BotToken), c.BotTokenFile, client}, b, log}, nil
}

// maxTelegram is how long a message may be, in UTF-16 code units after its
// markup is read (Bot API, sendMessage).
const maxTelegram = 4096

// maxCaption is the same for a picture's caption (Bot API, sendPhoto).
const maxCaption = 1024

type telegramMessage struct {
	ChatID      int64             `json:"chat_id"`
	Thread      int               `json:"message_thread_id,omitempty"`
	Text        string            `json:"text"`
	ParseMode   string            `json:"parse_mode,omitempty"`
	Silent      bool              `json:"disable_notification,omitempty"`
	NoPreview   map[string]bool   `json:"link_preview_options"`
	ReplyMarkup *telegramKeyboard `json:"reply_markup,omitempty"`
}

type telegramKeyboard struct {
	Rows [][]telegramButton `json:"inline_keyboard"`
}

type telegramButton struct {
	Text string `json:"text"`
	Data string `json:"callback_data"`
}

// Send implements [Sender]. A message that Telegram cannot read, which a
// configuration's template can cause, goes out once more as plain text.
func (t *telegram) Send(ctx context.Context, m Message) error {
	chat, err := t.chat()
	if err != nil {
		return err
	}
	text, err := t.render(ctx, m, t.conf.ParseMode, t.conf.Message)
	if err != nil {
		return refusal{error: fmt.Errorf("render message: %w", err), permanent: true}
	}
	out := telegramMessage{
		ChatID: chat, Thread: t.conf.MessageThreadID, Text: text, ParseMode: t.conf.ParseMode,
		Silent: t.conf.DisableNotifications, NoPreview: map[string]bool{"is_disabled": true},
	}
	if t.buttons != nil && m.Incident != nil {
		out.ReplyMarkup = t.buttons.keyboard(*m.Incident, m.At)
	}
	if m.Picture != nil && len(utf16.Encode([]rune(text))) <= maxCaption {
		err := t.bot.photo(ctx, out, m.Picture, m.At)
		if err == nil || retryAfter(err) > 0 || !permanent(err) {
			return err
		}
		t.log.Warn("telegram does not take the picture, sending text", "err", err)
	}
	if len(utf16.Encode([]rune(text))) <= maxTelegram {
		err = t.bot.call(ctx, "sendMessage", out, nil, m.At)
		if err == nil || !strings.Contains(err.Error(), "parse entities") {
			return err
		}
		t.log.Warn("telegram cannot read the message's markup, sending plain text", "err", err)
	}
	out.ParseMode = ""
	if out.Text, err = t.render(ctx, m, "", amtelegram.DefaultTelegramConfig.Message); err != nil {
		return refusal{error: fmt.Errorf("render message: %w", err), permanent: true}
	}
	out.Text, _ = amnotify.TruncateInRunes(out.Text, maxTelegram/2) // every rune has two units at most
	return t.bot.call(ctx, "sendMessage", out, nil, m.At)
}

// render writes the message in the given mode; the default template of another
// mode than HTML is the one for that mode.
func (t *telegram) render(ctx context.Context, m Message, mode, text string) (string, error) {
	escape, variant := escapeNone, ""
	switch mode {
	case "MarkdownV2":
		escape, variant = escapeMarkdownV2, ".markdownv2"
	case "Markdown":
		escape, variant = escapeMarkdownV1, ".markdown"
	case "":
		variant = ".plain"
	}
	if text == amtelegram.DefaultTelegramConfig.Message {
		text = `{{ template "telegram.default.message` + variant + `" . }}`
	}
	data := amnotify.GetTemplateData(notifyContext(ctx, t.receiver, m, escape), t.tmpl, escaped(m.Alerts, escape), t.log)
	var err error
	if mode == "HTML" {
		text, err = t.tmpl.ExecuteHTMLString(text, data)
	} else {
		text, err = t.tmpl.ExecuteTextString(text, data)
	}
	return strings.TrimSpace(text), err
}

func (t *telegram) chat() (int64, error) {
	if t.conf.ChatIDFile == "" {
		return t.conf.ChatID, nil
	}
	text, err := os.ReadFile(t.conf.ChatIDFile)
	if err != nil {
		return 0, fmt.Errorf("read chat_id_file: %w", err)
	}
	chat, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, refusal{error: errors.New("chat_id_file does not hold a number"), permanent: true}
	}
	return chat, nil
}

// bot calls methods of the Telegram Bot API.
type bot struct {
	api, token, tokenFile string
	client                *http.Client
}

// secret is the bot's token.
func (b bot) secret() (string, error) {
	if b.tokenFile == "" {
		return b.token, nil
	}
	text, err := os.ReadFile(b.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read bot_token_file: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// call makes one call; its result goes into result unless that is nil. Errors
// never show the token, and carry what Telegram says of retrying.
func (b bot) call(ctx context.Context, method string, params, result any, now time.Time) error {
	body, err := json.Marshal(params)
	if err != nil {
		return refusal{error: fmt.Errorf("encode %s: %w", method, err), permanent: true}
	}
	return b.post(ctx, method, "application/json", body, result, now)
}

// photo sends a message as a picture's caption.
func (b bot) photo(ctx context.Context, m telegramMessage, png []byte, now time.Time) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	fields := map[string]string{
		"chat_id": strconv.FormatInt(m.ChatID, 10), "caption": m.Text, "parse_mode": m.ParseMode,
		"disable_notification": strconv.FormatBool(m.Silent),
	}
	if m.Thread != 0 {
		fields["message_thread_id"] = strconv.Itoa(m.Thread)
	}
	if m.ReplyMarkup != nil {
		keys, err := json.Marshal(m.ReplyMarkup)
		if err != nil {
			return fmt.Errorf("encode buttons: %w", err)
		}
		fields["reply_markup"] = string(keys)
	}
	for name, value := range fields {
		if value == "" {
			continue
		}
		if err := form.WriteField(name, value); err != nil {
			return fmt.Errorf("encode picture: %w", err)
		}
	}
	file, err := form.CreateFormFile("photo", "incident.png")
	if err != nil {
		return fmt.Errorf("encode picture: %w", err)
	}
	if _, err := file.Write(png); err != nil {
		return fmt.Errorf("encode picture: %w", err)
	}
	if err := form.Close(); err != nil {
		return fmt.Errorf("encode picture: %w", err)
	}
	return b.post(ctx, "sendPhoto", form.FormDataContentType(), body.Bytes(), nil, now)
}

// post sends one request and judges the answer.
func (b bot) post(ctx context.Context, method, kind string, body []byte, result any, now time.Time) (err error) {
	token, err := b.secret()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.api+"/bot"+token+"/"+method, bytes.NewReader(body))
	if err != nil {
		return refusal{error: errors.New("bad telegram api_url or bot token"), permanent: true}
	}
	req.Header.Set("Content-Type", kind)
	resp, err := b.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return withoutURL(err)
	}
	var answer struct {
		OK          bool            `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        int             `json:"error_code"`
		Description string          `json:"description"`
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
		} `json:"parameters"`
	}
	if json.Unmarshal(text, &answer) != nil {
		if err := refused(resp, text, now); err != nil {
			return err
		}
		return errors.New("answer is not Telegram's")
	}
	if answer.OK {
		if result == nil {
			return nil
		}
		return json.Unmarshal(answer.Result, result)
	}
	r := refusal{error: fmt.Errorf("telegram says %d: %s", answer.Code, oneLine(answer.Description))}
	if wait := answer.Parameters.RetryAfter; wait > 0 {
		r.after = time.Duration(min(wait, maxRetryAfter.Seconds()) * float64(time.Second))
		return r
	}
	r.permanent = answer.Code/100 == 4 && answer.Code != http.StatusTooManyRequests
	if answer.Code == http.StatusTooManyRequests {
		r.after = quietAfter429
	}
	return r
}
