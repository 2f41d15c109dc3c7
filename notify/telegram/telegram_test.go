package telegram

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

const taken = `{"ok":true,"result":{"message_id":7,"chat":{"id":-42}}}`

func newSender(t testing.TB, url, extra string) *Sender {
	t.Helper()
	return newSenderWith(t, url, extra, Options{Name: "r/telegram"})
}

func newSenderWith(t testing.TB, url, extra string, o Options) *Sender {
	t.Helper()
	if !strings.Contains(extra, "chat_id") {
		extra += ", chat_id: -42"
	}
	r := messagetest.Receiver(t, `telegram_configs: [{api_url: %q, bot_token: "123:secret" %s}]`, url, extra)
	s, err := New(r.TelegramConfigs[0], messagetest.Renderer(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func suite(mode string, markup func(testing.TB, string)) messagetest.Suite {
	return messagetest.Suite{
		New: func(t testing.TB, url string) message.Sender { return newSender(t, url, `, parse_mode: "`+mode+`"`) },
		Read: func(t testing.TB, r messagetest.Request) messagetest.Taken {
			m := messagetest.Decode[outgoing](t, r.Body)
			if m.ParseMode == "" {
				return messagetest.Taken{Text: m.Text}
			}
			return messagetest.Taken{Text: m.Text, Markup: m.Text}
		},
		Markup: markup, OK: taken, Limit: maxText,
	}
}

var (
	inHTML = suite("HTML", func(t testing.TB, text string) {
		messagetest.CheckHTML(t, text, map[string]bool{"b": true, "i": true, "a": true})
	})
	inMarkdownV2 = suite("MarkdownV2", checkMarkdownV2)
)

func TestHTML(t *testing.T)       { inHTML.Run(t) }
func TestMarkdownV2(t *testing.T) { inMarkdownV2.Run(t) }
func TestMarkdown(t *testing.T)   { suite("Markdown", nil).Run(t) }
func TestPlain(t *testing.T)      { suite("", nil).Run(t) }

func FuzzNames(f *testing.F) { messagetest.Fuzz(f, inHTML, inMarkdownV2) }

// checkMarkdownV2 reads text by the Bot API's rules: outside our own entities
// (one pair of * for each alert, one link) each special character has its
// backslash.
func checkMarkdownV2(t testing.TB, text string) {
	t.Helper()
	stars := 0
	for i := 0; i < len(text); i++ {
		if rest, ours := strings.CutPrefix(text[i:], "[Open the incident](https://omen\\.example/incidents/"); ours {
			i = len(text) - len(rest) + strings.IndexByte(rest, ')') + 1
			if i == len(text) {
				break
			}
		}
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
	if stars%2 != 0 || stars > 2 && !strings.Contains(text, " more: ") {
		t.Fatalf("markdownv2: %d bare stars in %q", stars, text)
	}
}

// What Telegram says of waiting is obeyed, and its refusals are told apart.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer    string
		code      int
		permanent bool
		after     time.Duration
	}{
		"flood":   {`{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`, 429, false, 17 * time.Second},
		"blocked": {`{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked"}`, 403, true, 0},
		"endless": {`{"ok":false,"error_code":429,"parameters":{"retry_after":1e12}}`, 429, false, message.MaxRetryAfter},
	} {
		t.Run(name, func(t *testing.T) {
			tg := messagetest.NewServer(t, "", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(c.code)
				_, _ = w.Write([]byte(c.answer))
				return true
			})
			err := newSender(t, tg.URL, "").Send(t.Context(), messagetest.About(messagetest.Opened()))
			if err == nil || message.Permanent(err) != c.permanent || message.RetryAfter(err) != c.after {
				t.Errorf("%v: permanent %v, after %s", err, message.Permanent(err), message.RetryAfter(err))
			}
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("the bot's token shows in %v", err)
			}
		})
	}
	err := newSender(t, "http://127.0.0.1:1", "").Send(t.Context(), messagetest.About(messagetest.Opened()))
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the bot's token shows in %v", err)
	}
}

// A template of the configuration that Telegram cannot read does not cost the
// message.
func TestFallsBackToPlainText(t *testing.T) {
	tg := messagetest.NewServer(t, taken, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag"}`))
		}
		return n == 1
	})
	must.OK(t, newSender(t, tg.URL, `, message: "<blink>{{ .Status }}"`).Send(t.Context(), messagetest.About(messagetest.Opened())))
	got := tg.Got()
	if m := messagetest.Decode[outgoing](t, got[1].Body); len(got) != 2 || m.ParseMode != "" || !strings.Contains(m.Text, "WARNING: web-1") {
		t.Errorf("fallback %s", got[1].Body)
	}
}

// The chart carries the message as its caption, and the buttons; where Telegram
// does not take it, the text goes alone.
func TestChart(t *testing.T) {
	for want, refuse := range map[string]bool{"sendPhoto": false, "sendPhoto sendMessage": true} {
		tg := messagetest.NewServer(t, taken, func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if refuse && strings.HasSuffix(r.URL.Path, "/sendPhoto") {
				w.WriteHeader(400)
				_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}`))
				return true
			}
			return false
		})
		m := messagetest.Charted(t, messagetest.Opened())
		m.Replies = []message.Reply{{Label: "Real", Token: "r.a"}}
		must.OK(t, newSender(t, tg.URL, "").Send(t.Context(), m))
		var paths []string
		for _, r := range tg.Got() {
			paths = append(paths, strings.TrimPrefix(r.Path, "/bot123:secret/"))
		}
		if got := strings.Join(paths, " "); got != want {
			t.Fatalf("called %q, want %q", got, want)
		}
		_, params, err := mime.ParseMediaType(tg.Got()[0].Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		form := must.Get(multipart.NewReader(bytes.NewReader(tg.Got()[0].Body), params["boundary"]).ReadForm(1 << 20))(t)
		if !strings.Contains(form.Value["caption"][0], "WARNING: web-1") || form.Value["chat_id"][0] != "-42" || len(form.File["photo"]) != 1 ||
			form.Value["reply_markup"][0] != `{"inline_keyboard":[[{"text":"Real","callback_data":"r.a"}]]}` {
			t.Errorf("form %v", form.Value)
		}
	}
}

// A token that is too long for a button costs the buttons, not the message.
func TestTokensThatAreTooLong(t *testing.T) {
	if k := keyboardOf([]message.Reply{{Label: "Real", Token: strings.Repeat("x", maxToken+1)}}); k != nil {
		t.Errorf("%+v", k)
	}
}

// Two receivers of one bot are polled once, and a press counts in their chats.
func TestBots(t *testing.T) {
	tg := messagetest.NewServer(t, `{"ok":true,"result":[
		{"update_id":7,"callback_query":{"id":"q","data":"x","from":{"id":12345,"username":"a\nda"},"message":{"message_id":3,"chat":{"id":-42},
			"text":"t","entities":[{"type":"bold"}],"reply_markup":{"inline_keyboard":[[{"text":"Real","callback_data":"x"}]]}}}},
		{"update_id":9,"callback_query":{"id":"r","data":"y","from":{"first_name":"Eve"},"message":{"chat":{"id":1},"caption":"c"}}},{"update_id":8}]}`, nil)
	bots := Bots([]*Sender{newSender(t, tg.URL, ""), newSender(t, tg.URL, ""), newSender(t, tg.URL+"/other", "")})
	if len(bots) != 2 || len(bots[0].senders) != 2 {
		t.Fatalf("%d bots", len(bots))
	}
	got, next, err := bots[0].Presses(t.Context(), 3)
	want := []message.Press{
		{ID: "q", Token: "x", Account: 12345, Name: "@a da", Known: true, Message: message.Shown{
			Chat: -42, ID: 3, Text: "t", Marks: []map[string]any{{"type": "bold"}}, Buttons: []message.Reply{{Label: "Real", Token: "x"}},
		}},
		{ID: "r", Token: "y", Name: "Eve", Message: message.Shown{Chat: 1, Text: "c", Picture: true}},
	}
	if err != nil || next != 10 || fmt.Sprint(got) != fmt.Sprint(want) || !strings.Contains(string(tg.Got()[0].Body), `"offset":3`) {
		t.Errorf("%+v, next %d, %v", got, next, err)
	}
}

// A message is changed where it is: its text and markup stay as far as there is room,
// the note is below, and what buttons it has is said.
func TestEdit(t *testing.T) {
	bold, late := map[string]any{"type": "bold", "offset": 0., "length": 4.}, map[string]any{"type": "code", "offset": 4090., "length": 6.}
	verdict := []message.Reply{{Label: "Real", Token: "r.a"}}
	type edited struct {
		Method     string
		Text       string           `json:"text"`
		Caption    string           `json:"caption"`
		Marks      []map[string]any `json:"entities"`
		UnderChart []map[string]any `json:"caption_entities"`
		Keyboard   *keyboard        `json:"reply_markup"`
	}
	long := strings.Repeat("😀", maxText/2)
	for name, c := range map[string]struct {
		m    message.Shown
		want edited
	}{
		"text":       {message.Shown{Text: "head", Marks: []map[string]any{bold}, Buttons: verdict}, edited{Method: "editMessageText", Text: "head\n\ndone", Marks: []map[string]any{bold}}},
		"chart":      {message.Shown{Text: "head", Marks: []map[string]any{bold}, Picture: true}, edited{Method: "editMessageCaption", Caption: "head\n\ndone", UnderChart: []map[string]any{bold}}},
		"no room":    {message.Shown{Text: long, Marks: []map[string]any{bold, late}}, edited{Method: "editMessageText", Text: long[:len(long)-12] + "\n\ndone", Marks: []map[string]any{bold}}},
		"not known":  {message.Shown{Buttons: verdict}, edited{Method: "editMessageReplyMarkup"}},
		"no buttons": {message.Shown{}, edited{Method: "editMessageReplyMarkup"}},
	} {
		tg := messagetest.NewServer(t, taken, nil)
		c.m.Chat, c.m.ID = -42, 7
		must.OK(t, Bots([]*Sender{newSender(t, tg.URL, "")})[0].Edit(t.Context(), c.m, "done"))
		sent := tg.Got()[0]
		got := messagetest.Decode[edited](t, sent.Body)
		if k := got.Keyboard; (k != nil) != (len(c.m.Buttons) > 0) || k != nil && k.Rows[0][0] != (button{"Real", "r.a"}) {
			t.Errorf("%s: buttons %+v", name, k)
		}
		got.Keyboard, got.Method = nil, strings.TrimPrefix(sent.Path, "/bot123:secret/")
		if fmt.Sprint(got) != fmt.Sprint(c.want) || !strings.Contains(string(sent.Body), `"chat_id":-42`) || !strings.Contains(string(sent.Body), `"message_id":7`) {
			t.Errorf("%s: sent %.300s", name, sent.Body)
		}
	}
}

// Whatever a server that claims to be Telegram's answers, it is an error or
// presses, and no press comes from a chat that is not notified.
func FuzzUpdates(f *testing.F) {
	for _, body := range []string{
		`{"ok":true,"result":[{"update_id":7,"callback_query":{"id":"q","data":"x","from":{"username":"eve\r\n"},"message":{"chat":{"id":-42}}}}]}`,
		`{"ok":true,"result":[{"update_id":9223372036854775807,"callback_query":{}}]}`, `{"ok":true,"result":[{"update_id":-1,"callback_query":null}]}`,
		`{"ok":true,"result":{}}`, `{"ok":false,"error_code":429,"parameters":{"retry_after":1e99}}`, `{"ok":true`, "", "null", "[]", "\xff",
	} {
		f.Add(body)
	}
	var body string
	tg := messagetest.NewServer(f, "", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte(body))
		return true
	})
	b := Bots([]*Sender{newSender(f, tg.URL, "")})[0]
	f.Fuzz(func(t *testing.T, answer string) {
		body = answer
		presses, next, err := b.Presses(t.Context(), 5)
		if err != nil && (message.RetryAfter(err) < 0 || len(presses) > 0) || next < 5 {
			t.Errorf("%q: %v, wait %s, next %d", answer, presses, message.RetryAfter(err), next)
		}
		for _, p := range presses {
			if p.Known && !strings.Contains(answer, "42") || strings.ContainsAny(p.By(), "\r\n") {
				t.Errorf("%q: %+v", answer, p)
			}
		}
	})
}
