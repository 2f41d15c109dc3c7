package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/omenhq/omen/notify/message"
)

// Bot is a bot whose buttons are heard by long polling, so that Omen needs no
// port that Telegram can reach.
type Bot struct {
	bot
	senders []*Sender // whose chats count
}

// Bots are the bots of some senders, each once.
func Bots(senders []*Sender) []*Bot {
	var all []*Bot
	for _, s := range senders {
		i := slices.IndexFunc(all, func(b *Bot) bool {
			return b.api == s.bot.api && b.token == s.bot.token && b.tokenFile == s.bot.tokenFile
		})
		if i < 0 {
			i, all = len(all), append(all, &Bot{bot: s.bot})
		}
		all[i].senders = append(all[i].senders, s)
	}
	return all
}

// Name is the channel under which the bot's trouble is reported: the first of its.
func (b *Bot) Name() string { return b.senders[0].Name() }

// pollWait is how long Telegram holds a request open; pollTimeout leaves it
// time to answer.
const (
	pollWait    = 50 * time.Second
	pollTimeout = pollWait + 15*time.Second
)

type update struct {
	ID       int64 `json:"update_id"`
	Callback *struct {
		ID   string `json:"id"`
		Data string `json:"data"`
		From struct {
			ID        int64  `json:"id"`
			Username  string `json:"username"`
			FirstName string `json:"first_name"`
		} `json:"from"`
		Message posted `json:"message"`
	} `json:"callback_query"`
}

// posted is a message as it comes with a pressed button; one that Telegram does not
// know any more has no text.
type posted struct {
	ID   int64 `json:"message_id"`
	Chat struct {
		ID int64 `json:"id"`
	} `json:"chat"`
	Text         string           `json:"text"`
	Marks        []map[string]any `json:"entities"`
	Caption      string           `json:"caption"`
	CaptionMarks []map[string]any `json:"caption_entities"`
	Keyboard     keyboard         `json:"reply_markup"`
}

func (p posted) shown() message.Shown {
	m := message.Shown{Chat: p.Chat.ID, ID: p.ID, Text: p.Text, Marks: p.Marks}
	if p.Caption != "" {
		m.Text, m.Marks, m.Picture = p.Caption, p.CaptionMarks, true
	}
	for _, row := range p.Keyboard.Rows {
		for _, b := range row {
			m.Buttons = append(m.Buttons, message.Reply{Label: b.Text, Token: b.Data})
		}
	}
	return m
}

// Presses waits for pressed buttons and says from where to ask next; asking
// from there confirms these.
func (b *Bot) Presses(ctx context.Context, from int64) (all []message.Press, next int64, err error) {
	ctx, cancel := message.WithTimeout(ctx, pollTimeout)
	defer cancel()
	var updates []update
	err = b.call(ctx, "getUpdates", map[string]any{
		"offset": from, "timeout": int(pollWait.Seconds()), "allowed_updates": []string{"callback_query"},
	}, &updates)
	if err != nil {
		return nil, from, err
	}
	for _, u := range updates {
		from = max(from, u.ID+1)
		if u.Callback == nil {
			continue
		}
		by := message.OneLine(u.Callback.From.FirstName)
		if name := u.Callback.From.Username; name != "" {
			by = "@" + message.OneLine(name)
		}
		all = append(all, message.Press{
			ID: u.Callback.ID, Token: u.Callback.Data, Account: u.Callback.From.ID, Name: by,
			Known: b.notifies(ctx, u.Callback.Message.Chat.ID), Message: u.Callback.Message.shown(),
		})
	}
	return all, from, nil
}

func (b *Bot) notifies(ctx context.Context, chat int64) bool {
	return slices.ContainsFunc(b.senders, func(s *Sender) bool {
		id, err := s.configured()
		if err == nil {
			id, err = s.chats.now(ctx, id)
		}
		return err == nil && id == chat
	})
}

// Answer shows a text to the person who pressed a button.
func (b *Bot) Answer(ctx context.Context, press, text string) error {
	return b.call(ctx, "answerCallbackQuery", map[string]any{"callback_query_id": press, "text": cut(text, maxAnswer)}, nil)
}

// Edit adds a note below a message that was sent, and gives it the buttons that it
// has now. Where there is no room for both, the message's end makes it.
func (b *Bot) Edit(ctx context.Context, m message.Shown, note string) error {
	params := map[string]any{"chat_id": m.Chat, "message_id": m.ID}
	if k := keyboardOf(m.Buttons); k != nil { // left out, a message loses its buttons
		params["reply_markup"] = k
	}
	if m.Text == "" {
		return b.call(ctx, "editMessageReplyMarkup", params, nil)
	}
	method, text, marks, limit := "editMessageText", "text", "entities", maxText
	if m.Picture {
		method, text, marks, limit = "editMessageCaption", "caption", "caption_entities", maxCaption
	} else {
		params["link_preview_options"] = noPreview
	}
	note = "\n\n" + cut(note, limit/2)
	head := cut(m.Text, limit-units(note))
	params[text] = head + note
	whole := slices.DeleteFunc(slices.Clone(m.Marks), func(mark map[string]any) bool {
		from, _ := mark["offset"].(float64)
		length, _ := mark["length"].(float64)
		return from+length > float64(units(head))
	})
	if len(whole) > 0 {
		params[marks] = whole
	}
	return b.call(ctx, method, params, nil)
}

// call makes one call; its result goes into result unless that is nil. Errors
// never show the token, and carry what Telegram says of retrying.
func (b bot) call(ctx context.Context, method string, params, result any) error {
	body, err := json.Marshal(params)
	if err != nil {
		return message.Refuse("encode %s: %w", method, err)
	}
	return b.post(ctx, method, "application/json", body, result)
}

func (b bot) sendMessage(ctx context.Context, m outgoing) error {
	return b.call(ctx, "sendMessage", m, nil)
}

// photo sends a message as a chart's caption.
func (b bot) photo(ctx context.Context, m outgoing, png []byte) error {
	fields := map[string]string{
		"chat_id": strconv.FormatInt(m.ChatID, 10), "caption": m.Text, "parse_mode": m.ParseMode,
		"disable_notification": strconv.FormatBool(m.Silent),
	}
	if m.Thread != 0 {
		fields["message_thread_id"] = strconv.Itoa(m.Thread)
	}
	var err error
	if m.ReplyMarkup != nil {
		var keys []byte
		keys, err = json.Marshal(m.ReplyMarkup)
		fields["reply_markup"] = string(keys)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if value != "" {
			err = errors.Join(err, form.WriteField(name, value))
		}
	}
	file, failed := form.CreateFormFile("photo", "incident.png")
	if err = errors.Join(err, failed); err == nil {
		_, err = file.Write(png)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return message.Refuse("encode chart: %w", err)
	}
	return b.post(ctx, "sendPhoto", form.FormDataContentType(), body.Bytes(), nil)
}

// post sends one request and judges the answer.
func (b bot) post(ctx context.Context, method, contentType string, body []byte, result any) error {
	token, err := message.Secret(b.token, b.tokenFile)
	if err != nil {
		return fmt.Errorf("bot_token_file: %w", err)
	}
	got, err := message.Post(ctx, b.client, b.api+"/bot"+token+"/"+method, contentType, body, nil)
	if err != nil {
		return err
	}
	var answer struct {
		OK          bool            `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        int             `json:"error_code"`
		Description string          `json:"description"`
		Parameters  struct {
			RetryAfter float64 `json:"retry_after"`
			MigrateTo  int64   `json:"migrate_to_chat_id"`
		} `json:"parameters"`
	}
	if json.Unmarshal(got.Body, &answer) != nil {
		if err := got.Judge(); err != nil {
			return err
		}
		return errors.New("the answer is not Telegram's")
	}
	if answer.OK {
		if result == nil {
			return nil
		}
		return json.Unmarshal(answer.Result, result)
	}
	r := message.Refusal{Err: fmt.Errorf("telegram answered %d: %s", answer.Code, message.OneLine(answer.Description)), After: message.Seconds(answer.Parameters.RetryAfter)}
	switch limited := answer.Code == http.StatusTooManyRequests; {
	case r.After > 0:
	case limited:
		r.After = message.DefaultRetryAfter
	default:
		r.Permanent = answer.Code/100 == 4
	}
	if to := answer.Parameters.MigrateTo; to != 0 {
		return movedError{to, r}
	}
	return r
}
