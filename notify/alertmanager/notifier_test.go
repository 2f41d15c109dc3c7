package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// channelsFor is a configuration of one receiver with every chat channel.
func channelsFor(telegram, slack string, smtp net.Addr) string {
	return yamlOf(`
		|global: {smtp_smarthost: %q, smtp_from: omen@omen.example, smtp_require_tls: false}
		|receivers:
		|- name: people
		|  telegram_configs: [{api_url: %q, bot_token: "123:secret", chat_id: -42}]
		|  slack_configs: [{api_url: "%s/services/T/B/X", channel: "#ops"}]
		|  email_configs: [{to: "ops@omen.example"}]
		|`, smtp.String(), telegram, slack)
}

const telegramOK = `{"ok":true,"result":{"message_id":7,"chat":{"id":-42}}}`

type slackMessage struct {
	Channel     string `json:"channel"`
	Username    string `json:"username"`
	Attachments []struct {
		Title, Text, Fallback, Color string
		TitleLink                    string `json:"title_link"`
		Actions                      []struct{ Type, Text, URL string }
	} `json:"attachments"`
}

func TestPeopleAreTold(t *testing.T) {
	db := openStore(t)
	tg, slack, smtp := newSink(t, telegramOK, nil), newSink(t, "ok", nil), newMailSink(t)
	start(t, newRelay(t, db, channelsFor(tg.URL, slack.URL, smtp.Addr())))
	eventually(t, 5*time.Second, "cursors", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 3 })
	for i, c := range []omen.Change{opened("a"), closed("a", 2)} {
		appendAll(t, db, c)
		for _, channel := range []string{"telegram", "slack", "email"} {
			eventually(t, 10*time.Second, channel, func() bool { return delivered(t, db, "a", "people/"+channel, i+1) })
		}
	}

	messages := tg.got()
	first := decode[telegramMessage](t, messages[0].body)
	if len(messages) != 2 || messages[0].path != "/bot123:secret/sendMessage" || first.ChatID != -42 || first.ParseMode != "HTML" {
		t.Errorf("telegram: %d messages, %s to %s", len(messages), messages[0].body, messages[0].path)
	}
	for _, part := range []string{
		"<b>WARNING: web-a</b>", "score 4.2", "• disk_write 240 MB/s, expected 8–15 MB/s", "• cpu_iowait 41 %", "\nEnough to clear the alert: disk_write\n",
		`<a href="https://omen.example/incidents/a">Open the incident</a>`, "Since ",
	} {
		if !strings.Contains(first.Text, part) {
			t.Errorf("telegram lacks %q: %s", part, first.Text)
		}
	}
	if end := decode[telegramMessage](t, messages[1].body).Text; strings.Contains(end, "Enough to") || !strings.Contains(end, "web-a is back to normal") || !strings.Contains(end, "Lasted ") || !strings.Contains(end, "peak score 6.1") {
		t.Errorf("telegram's end: %s", end)
	}

	said := decode[slackMessage](t, slack.got()[0].body)
	if said.Channel != "#ops" || said.Username != "Omen" || said.Attachments[0].Color != "warning" ||
		said.Attachments[0].TitleLink != "https://omen.example/incidents/a" ||
		!strings.Contains(said.Attachments[0].Title, "WARNING: web-a") || !strings.Contains(said.Attachments[0].Text, "• disk_write 240 MB/s") ||
		!strings.Contains(said.Attachments[0].Text, "\nEnough to clear the alert: disk_write") {
		t.Errorf("slack: %s", slack.got()[0].body)
	}
	if end := decode[slackMessage](t, slack.got()[1].body); end.Attachments[0].Color != "good" {
		t.Errorf("slack's end: %s", slack.got()[1].body)
	}

	mails := smtp.got()
	header, parts := mails[0].parts(t)
	if len(mails) != 2 || mails[0].subject(t) != "[FIRING] WARNING: web-a: disk_write 240 MB/s, expected 8–15 MB/s" {
		t.Errorf("%d mails, subject %q", len(mails), mails[0].subject(t))
	}
	if header.Get("Message-Id") != "<a.1.1@omen.example>" {
		t.Errorf("message-id %q is not the change's", header.Get("Message-Id"))
	}
	if !strings.Contains(parts["text/html"], "Enough to clear the alert: disk_write<") || !strings.Contains(parts["text/plain"], "Enough to clear the alert: disk_write") {
		t.Errorf("mail parts %v", parts)
	}
	if !strings.Contains(parts["text/html"], "<li>disk_write 240 MB/s") || !strings.Contains(parts["text/plain"], "- disk_write 240 MB/s") {
		t.Errorf("mail parts %v", parts)
	}
	later, _ := mails[1].parts(t)
	if later.Get("References") != header.Get("References") || header.Get("References") == "" {
		t.Errorf("the end is not in the beginning's thread: %q, %q", header.Get("References"), later.Get("References"))
	}
}

// What Telegram says of waiting is obeyed, and its refusals are told apart.
func TestTelegramRefusals(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		code         int
		permanent    bool
		after        time.Duration
	}{
		{"flood", `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`, 429, false, 17 * time.Second},
		{"blocked", `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked"}`, 403, true, 0},
		{"server", `{"ok":false,"error_code":500,"description":"Internal Server Error"}`, 500, false, 0},
		{"proxy", `<html>bad gateway</html>`, 502, false, 0},
		{"endless", `{"ok":false,"error_code":429,"parameters":{"retry_after":1e12}}`, 429, false, maxRetryAfter},
	} {
		t.Run(c.name, func(t *testing.T) {
			tg := newSink(t, "", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(c.code)
				_, _ = w.Write([]byte(c.answer))
				return true
			})
			err := sendOne(t, telegramConfig(tg.URL, ""))
			if err == nil || permanent(err) != c.permanent || retryAfter(err) != c.after {
				t.Errorf("%v: permanent %v, after %s", err, permanent(err), retryAfter(err))
			}
			if strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("the bot's token shows in %v", err)
			}
		})
	}
	if err := sendOne(t, telegramConfig("http://127.0.0.1:1", "")); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the bot's token shows in %v", err)
	}
}

func telegramConfig(url, extra string) string {
	return fmt.Sprintf(`receivers: [{name: r, telegram_configs: [{api_url: %q, bot_token: "123:secret", chat_id: -42 %s}]}]`, url, extra)
}

// sendOne sends an opened incident through the only channel of a
// configuration.
func sendOne(t testing.TB, text string, change ...func(*omen.Change)) error {
	t.Helper()
	r := newRelay(t, nil, text)
	c := step("a", "web-1", 1, omen.ChangeOpened, noon)
	for _, f := range change {
		f(&c)
	}
	return r.channels[0].sender.Send(t.Context(), messageOf(r.view, c))
}

func messageOf(v view, c omen.Change) Message {
	b := newBook(rules{lane: "r", view: v, resolved: true, storm: 5})
	b.take(c, noon)
	out, _, _ := b.next(noon.Add(time.Second))
	return b.message(out, noon.Add(time.Second))
}

// A template of the configuration that Telegram cannot read does not cost the
// message.
func TestTelegramFallsBackToPlainText(t *testing.T) {
	tg := newSink(t, telegramOK, func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag"}`))
		}
		return n == 1
	})
	if err := sendOne(t, telegramConfig(tg.URL, `, message: "<blink>{{ .Status }}"`)); err != nil {
		t.Fatal(err)
	}
	got := tg.got()
	if m := decode[telegramMessage](t, got[1].body); len(got) != 2 || m.ParseMode != "" || !strings.Contains(m.Text, "WARNING: web-1") {
		t.Errorf("fallback %s", got[1].body)
	}
}

func TestTelegramLongMessageIsCut(t *testing.T) {
	tg := newSink(t, telegramOK, nil)
	if err := sendOne(t, telegramConfig(tg.URL, ""), func(c *omen.Change) { c.Incident.Host.Name = strings.Repeat("ö", 5000) }); err != nil {
		t.Fatal(err)
	}
	if m := decode[telegramMessage](t, tg.got()[0].body); len([]rune(m.Text)) > maxTelegram || m.ParseMode != "" {
		t.Errorf("%d runes in mode %q", len([]rune(m.Text)), m.ParseMode)
	}
}

// A channel that hangs ends with its context, Telegram's and the mail's too,
// whose libraries would not.
func TestHangingChannelsEndWithTheirContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, text := range map[string]string{
		"telegram": telegramConfig("http://"+l.Addr().String(), ""),
		"slack":    fmt.Sprintf(`receivers: [{name: r, slack_configs: [{api_url: "http://%s", channel: x}]}]`, l.Addr()),
		"email":    fmt.Sprintf(`receivers: [{name: r, email_configs: [{to: a@b.c, from: d@e.f, smarthost: %q}]}]`, l.Addr().String()),
		"webhook":  fmt.Sprintf(`receivers: [{name: r, webhook_configs: [{url: "http://%s"}]}]`, l.Addr()),
	} {
		r := newRelay(t, nil, text)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		begun := time.Now()
		err := r.channels[0].sender.Send(ctx, messageOf(r.view, step("a", "h", 1, omen.ChangeOpened, noon)))
		cancel()
		if err == nil || permanent(err) || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: %v after %s", name, err, time.Since(begun))
		}
	}
}

// The other channels at least build, send to their URL and understand yes.
func TestOtherChannels(t *testing.T) {
	for kind, config := range otherChannels {
		t.Run(kind, func(t *testing.T) {
			ok := map[string]string{"msteams": "1", "rocketchat": `{"success":true}`}[kind]
			hook := newSink(t, ok, nil)
			if err := sendOne(t, fmt.Sprintf("receivers: [{name: r, %s_configs: [%s]}]", kind, fmt.Sprintf(config, hook.URL))); err != nil {
				t.Fatal(err)
			}
			var body any
			if got := hook.got(); len(got) != 1 || json.Unmarshal(got[0].body, &body) != nil || !strings.Contains(string(got[0].body), "disk_write") {
				t.Errorf("%d requests; %s", len(got), got[0].body)
			}
		})
	}
}

// otherChannels are configurations of channels that are sent through
// Alertmanager's notifiers, with a place for the server's URL.
var otherChannels = map[string]string{
	"pagerduty":  `{url: "%s/x", routing_key: k}`,
	"discord":    `{webhook_url: "%s/x"}`,
	"opsgenie":   `{api_url: "%s/x/", api_key: k}`,
	"msteams":    `{webhook_url: "%s/x"}`,
	"msteamsv2":  `{webhook_url: "%s/x"}`,
	"mattermost": `{webhook_url: "%s/x"}`,
	"victorops":  `{api_url: "%s/x/", api_key: k, routing_key: r}`,
	"webex":      `{api_url: "%s/x", room_id: r, http_config: {authorization: {credentials: c}}}`,
	"incidentio": `{url: "%s/x", alert_source_token: k}`,
	"rocketchat": `{api_url: "%s/", token: a, token_id: b, channel: c}`,
}

// A channel that limits us is left alone for as long as it says, also where
// Alertmanager's notifier does not tell how long that is.
func TestEveryChannelsRetryAfterIsObeyed(t *testing.T) {
	all := maps.Clone(otherChannels)
	all["slack"] = `{api_url: "%s", channel: x}`
	for kind, config := range all {
		t.Run(kind, func(t *testing.T) {
			for header, want := range map[string]time.Duration{"17": 17 * time.Second, "": quietAfter429} {
				hook := newSink(t, "", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
					if header != "" {
						w.Header().Set("Retry-After", header)
					}
					w.WriteHeader(http.StatusTooManyRequests)
					return true
				})
				err := sendOne(t, fmt.Sprintf("receivers: [{name: r, %s_configs: [%s]}]", kind, fmt.Sprintf(config, hook.URL)))
				if err == nil || permanent(err) || retryAfter(err) != want {
					t.Errorf("Retry-After %q: %v: permanent %v, after %s, want %s", header, err, permanent(err), retryAfter(err), want)
				}
			}
		})
	}
}
