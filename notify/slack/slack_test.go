package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/store"
)

func newSender(t testing.TB, config string, db *store.DB) *Sender {
	t.Helper()
	return must.Get(New(messagetest.Receiver(t, "slack_configs: [%s]", config).SlackConfigs[0], messagetest.Renderer(t), "r/slack[0]", db))(t)
}

func suite(config, ok string) messagetest.Suite {
	return messagetest.Suite{
		New: func(t testing.TB, url string) message.Sender { return newSender(t, fmt.Sprintf(config, url), nil) },
		Read: func(t testing.TB, r messagetest.Request) messagetest.Taken {
			a := messagetest.Decode[request](t, r.Body).Attachments[0]
			return messagetest.Taken{Text: a.Title + "\n" + a.Text, Markup: a.Title + "\n" + a.Text, Size: utf8.RuneCountInString(a.Text)}
		},
		Markup: checkMarkup, OK: ok, Limit: maxText,
	}
}

var webhook = suite("{api_url: '%s', channel: '#ops'}", "ok")

func TestWebhook(t *testing.T) { webhook.Run(t) }

func TestToken(t *testing.T) {
	suite("{app_token: x, app_url: '%s/api/chat.postMessage', channel: '#ops'}", `{"ok":true,"channel":"C1","ts":"17.1"}`).Run(t)
}

func FuzzNames(f *testing.F) { messagetest.Fuzz(f, webhook) }

// checkMarkup accepts no markup that begins with < but our own links.
func checkMarkup(t testing.TB, text string) {
	t.Helper()
	for rest := text; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			return
		}
		if rest = rest[i+1:]; !strings.HasPrefix(rest, "https://omen.example/incidents/") {
			t.Fatalf("slack: markup %q in %q", rest, text)
		}
	}
}

// A webhook's message names the chart that Slack fetches, and has the buttons
// as links: of an action, to the page where people sign in.
func TestWebhookChartAndButtons(t *testing.T) {
	hook := messagetest.NewServer(t, "ok", nil)
	m := messagetest.Charted(t, messagetest.Opened())
	m.ChartURL = "https://omen.example/graph.png"
	m.Replies = []message.Reply{{Label: "Real", Link: "https://omen.example/feedback?t=x"}, {Label: "Approve", Token: "y.a.x"}}
	m.Waiting = []omen.Action{{ID: "a"}}
	must.OK(t, newSender(t, "{api_url: '"+hook.URL+"'}", nil).Send(t.Context(), m))
	a := messagetest.Decode[request](t, hook.Got()[0].Body).Attachments[0]
	if a.ImageURL != m.ChartURL || len(a.Actions) != 2 || a.Actions[1].Type != "button" || a.Actions[1].URL != m.Replies[0].Link || a.Actions[1].Text != "Real" ||
		a.Actions[0].URL != "https://omen.example/incidents/a" || a.Actions[0].Text != "Approve or decline" {
		t.Errorf("sent %s", hook.Got()[0].Body)
	}
	if a.Color != "warning" || a.TitleLink != "https://omen.example/incidents/a" || !strings.Contains(a.Text, "\nEnough to clear the alert: disk_write") {
		t.Errorf("sent %s", hook.Got()[0].Body)
	}
}

// webAPI is Slack's Web API as far as Omen uses it. fail answers a method with
// an error of Slack's.
type webAPI struct {
	*messagetest.Server
	fail map[string]string
}

func newWebAPI(t testing.TB, fail map[string]string) *webAPI {
	a := &webAPI{fail: fail}
	a.Server = messagetest.NewServer(t, "", func(n int, w http.ResponseWriter, r *http.Request) bool {
		method := strings.TrimPrefix(r.URL.Path, "/api/")
		answer := map[string]any{"ok": true, "channel": "C1", "ts": fmt.Sprintf("17.%d", n)}
		switch {
		case a.fail[method] != "":
			answer = map[string]any{"ok": false, "error": a.fail[method]}
		case method == "files.getUploadURLExternal":
			answer = map[string]any{"ok": true, "upload_url": a.URL + "/upload/x", "file_id": "F1"}
		case strings.HasPrefix(r.URL.Path, "/upload"):
			_, _ = w.Write([]byte("OK - 7"))
			return true
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(answer)
		return true
	})
	return a
}

func (a *webAPI) config() string {
	return fmt.Sprintf(`{app_token: xoxb-secret, app_url: "%s/api/chat.postMessage", channel: "#ops"}`, a.URL)
}

func (a *webAPI) paths() (all []string) {
	for _, r := range a.Got() {
		all = append(all, strings.TrimPrefix(r.Path, "/api/"))
	}
	return all
}

// With a token the chart is uploaded into the message's thread, and the
// token goes to the API alone.
func TestChartWithAToken(t *testing.T) {
	api := newWebAPI(t, nil)
	must.OK(t, newSender(t, api.config(), nil).Send(t.Context(), messagetest.Charted(t, messagetest.Opened())))
	if want := []string{"chat.postMessage", "files.getUploadURLExternal", "/upload/x", "files.completeUploadExternal"}; !slices.Equal(api.paths(), want) {
		t.Fatalf("called %q, want %q", api.paths(), want)
	}
	got := api.Got()
	for i, r := range got {
		if want := map[bool]string{true: "Bearer xoxb-secret"}[i != 2]; r.Header.Get("Authorization") != want {
			t.Errorf("%s with authorization %q, want %q", r.Path, r.Header.Get("Authorization"), want)
		}
	}
	asked, err := url.ParseQuery(string(got[1].Body))
	if err != nil || asked.Get("filename") != "incident.png" || asked.Get("length") != fmt.Sprint(len(got[2].Body)) || !strings.HasPrefix(string(got[2].Body), messagetest.PNG) {
		t.Errorf("asked for %v, %v, uploaded %d bytes", asked, err, len(got[2].Body))
	}
	var done struct {
		Files   []struct{ ID string }
		Channel string `json:"channel_id"`
		Thread  string `json:"thread_ts"`
	}
	if err := json.Unmarshal(got[3].Body, &done); err != nil || done.Channel != "C1" || done.Thread != "17.1" || done.Files[0].ID != "F1" {
		t.Errorf("completed with %s: %v", got[3].Body, err)
	}
	if said := messagetest.Decode[request](t, got[0].Body); said.Channel != "#ops" || !strings.Contains(said.Attachments[0].Text, "disk_write") {
		t.Errorf("said %s", got[0].Body)
	}
}

// The message counts, whatever becomes of its chart.
func TestMessageDoesNotFailForItsChart(t *testing.T) {
	for _, method := range []string{"files.getUploadURLExternal", "files.completeUploadExternal"} {
		api := newWebAPI(t, map[string]string{method: "missing_scope"})
		if err := newSender(t, api.config(), nil).Send(t.Context(), messagetest.Charted(t, messagetest.Opened())); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// What the Web API answers decides whether a message is tried again.
func TestRefusals(t *testing.T) {
	for code, c := range map[string]struct {
		permanent bool
		after     time.Duration
	}{
		"channel_not_found": {true, 0}, "invalid_auth": {true, 0}, "internal_error": {false, 0}, "ratelimited": {false, message.DefaultRetryAfter},
	} {
		err := newSender(t, newWebAPI(t, map[string]string{"chat.postMessage": code}).config(), nil).Send(t.Context(), messagetest.About(messagetest.Opened()))
		if err == nil || message.Permanent(err) != c.permanent || message.RetryAfter(err) != c.after || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v: permanent %v, after %s", code, err, message.Permanent(err), message.RetryAfter(err))
		}
	}
	hook := messagetest.NewServer(t, "no_text", nil)
	if err := newSender(t, "{api_url: '"+hook.URL+"'}", nil).Send(t.Context(), messagetest.About(messagetest.Opened())); !message.Permanent(err) {
		t.Errorf("a webhook's no: %v", err)
	}
}

// With update_message an incident's changes change its message; where Slack
// cannot, another is sent. What is remembered outlives a restart.
func TestUpdatesItsMessage(t *testing.T) {
	api := newWebAPI(t, map[string]string{})
	db := messagetest.Store(t)
	send := func(c omen.Change) {
		t.Helper()
		s := newSender(t, api.config(), db)
		s.conf.UpdateMessage = true // Alertmanager's check wants Slack's own URL
		must.OK(t, s.Send(t.Context(), messagetest.About(c)))
	}
	send(messagetest.Step("a", "web-1", 1, omen.ChangeOpened, messagetest.Noon))
	send(messagetest.Step("b", "web-2", 1, omen.ChangeOpened, messagetest.Noon))
	send(messagetest.Step("a", "web-1", 2, omen.ChangeEscalated, messagetest.Noon))
	api.fail["chat.update"] = "message_not_found"
	send(messagetest.Step("a", "web-1", 3, omen.ChangeEscalated, messagetest.Noon))
	if want := []string{"chat.postMessage", "chat.postMessage", "chat.update", "chat.update", "chat.postMessage"}; !slices.Equal(api.paths(), want) {
		t.Fatalf("called %q, want %q", api.paths(), want)
	}
	var changed struct{ Channel, TS string }
	if err := json.Unmarshal(api.Got()[2].Body, &changed); err != nil || changed.Channel != "C1" || changed.TS != "17.1" {
		t.Errorf("changed %+v, %v", changed, err)
	}
}

// Of what is remembered of messages a damaged row is as though there were none: another
// message is sent, and remembered.
func TestADamagedMemoryIsMadeAnew(t *testing.T) {
	api := newWebAPI(t, map[string]string{})
	db := messagetest.Store(t)
	s := newSender(t, api.config(), db)
	s.conf.UpdateMessage = true
	log := &bytes.Buffer{}
	s.kept.log = slog.New(slog.NewTextHandler(log, nil))
	must.OK(t, db.PutSetting(t.Context(), s.kept.setting, "no places"))
	for n := 1; n <= 2; n++ {
		must.OK(t, s.Send(t.Context(), messagetest.About(messagetest.Step("a", "web-1", n, omen.ChangeEscalated, messagetest.Noon))))
	}
	if want := []string{"chat.postMessage", "chat.update"}; !slices.Equal(api.paths(), want) || log.Len() > 0 {
		t.Errorf("called %q, want %q; said %s", api.paths(), want, log)
	}
}
