package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// webAPI is Slack's Web API as far as Omen uses it. fail answers a method with
// an error of Slack's.
type webAPI struct {
	*sink
	fail map[string]string
}

func newWebAPI(t testing.TB, fail map[string]string) *webAPI {
	a := &webAPI{fail: fail}
	a.sink = newSink(t, "", func(n int, w http.ResponseWriter, r *http.Request) bool {
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

func (a *webAPI) config(extra string) string {
	return fmt.Sprintf(`receivers: [{name: r, slack_configs: [{app_token: xoxb-secret, app_url: "%s/api/chat.postMessage", channel: "#ops" %s}]}]`, a.URL, extra)
}

func (a *webAPI) paths() (all []string) {
	for _, r := range a.got() {
		all = append(all, strings.TrimPrefix(r.path, "/api/"))
	}
	return all
}

// With a token the picture is uploaded into the message's thread, and the
// token goes to the API alone.
func TestSlackPictureWithAToken(t *testing.T) {
	api := newWebAPI(t, nil)
	if err := sendPicture(t, api.config(""), step("a", "web-1", 1, omen.ChangeOpened, noon)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"chat.postMessage", "files.getUploadURLExternal", "/upload/x", "files.completeUploadExternal"}; !slices.Equal(api.paths(), want) {
		t.Fatalf("called %q, want %q", api.paths(), want)
	}
	got := api.got()
	for i, r := range got {
		if want := map[bool]string{true: "Bearer xoxb-secret"}[i != 2]; r.header.Get("Authorization") != want {
			t.Errorf("%s with authorization %q, want %q", r.path, r.header.Get("Authorization"), want)
		}
	}
	asked, err := url.ParseQuery(string(got[1].body))
	if err != nil || asked.Get("filename") != "incident.png" || asked.Get("length") != fmt.Sprint(len(got[2].body)) || !strings.HasPrefix(string(got[2].body), isPNG) {
		t.Errorf("asked for %v, %v, uploaded %d bytes", asked, err, len(got[2].body))
	}
	var done struct {
		Files   []struct{ ID string }
		Channel string `json:"channel_id"`
		Thread  string `json:"thread_ts"`
	}
	if err := json.Unmarshal(got[3].body, &done); err != nil || done.Channel != "C1" || done.Thread != "17.1" || done.Files[0].ID != "F1" {
		t.Errorf("completed with %s: %v", got[3].body, err)
	}
	if said := decode[slackMessage](t, got[0].body); said.Channel != "#ops" || !strings.Contains(said.Attachments[0].Text, "disk_write") {
		t.Errorf("said %s", got[0].body)
	}
}

// The message counts, whatever becomes of its picture.
func TestSlackMessageDoesNotFailForItsPicture(t *testing.T) {
	for _, method := range []string{"files.getUploadURLExternal", "files.completeUploadExternal"} {
		api := newWebAPI(t, map[string]string{method: "missing_scope"})
		if err := sendPicture(t, api.config(""), step("a", "web-1", 1, omen.ChangeOpened, noon)); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// What the Web API answers decides whether a message is tried again.
func TestSlackRefusals(t *testing.T) {
	for code, c := range map[string]struct {
		permanent bool
		after     time.Duration
	}{
		"channel_not_found": {true, 0}, "invalid_auth": {true, 0}, "internal_error": {false, 0}, "ratelimited": {false, quietAfter429},
	} {
		err := sendOne(t, newWebAPI(t, map[string]string{"chat.postMessage": code}).config(""))
		if err == nil || permanent(err) != c.permanent || retryAfter(err) != c.after || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v: permanent %v, after %s", code, err, permanent(err), retryAfter(err))
		}
	}
	hook := newSink(t, "no_text", nil)
	if err := sendOne(t, fmt.Sprintf(`receivers: [{name: r, slack_configs: [{api_url: %q}]}]`, hook.URL)); !permanent(err) {
		t.Errorf("a webhook's no: %v", err)
	}
}

// With update_message an incident's changes change its message; where Slack
// cannot, another is sent. What is remembered outlives a restart.
func TestSlackUpdatesItsMessage(t *testing.T) {
	api, db := newWebAPI(t, map[string]string{}), openStore(t)
	send := func(c omen.Change) {
		t.Helper()
		r := newRelay(t, db, api.config(""))
		s := r.channels[0].sender.(*slack)
		s.conf.UpdateMessage = true // Alertmanager's check wants Slack's own URL
		if err := s.Send(t.Context(), messageOf(r.view, c)); err != nil {
			t.Fatal(err)
		}
	}
	send(step("a", "web-1", 1, omen.ChangeOpened, noon))
	send(step("b", "web-2", 1, omen.ChangeOpened, noon))
	send(step("a", "web-1", 2, omen.ChangeEscalated, noon))
	api.fail["chat.update"] = "message_not_found"
	send(step("a", "web-1", 3, omen.ChangeEscalated, noon))
	if want := []string{"chat.postMessage", "chat.postMessage", "chat.update", "chat.update", "chat.postMessage"}; !slices.Equal(api.paths(), want) {
		t.Fatalf("called %q, want %q", api.paths(), want)
	}
	var changed struct{ Channel, TS string }
	if err := json.Unmarshal(api.got()[2].body, &changed); err != nil || changed.Channel != "C1" || changed.TS != "17.1" {
		t.Errorf("changed %+v, %v", changed, err)
	}
}

// update_message without the URL that it needs is an error, not a crash.
func TestSlackUpdateNeedsItsURL(t *testing.T) {
	text := `receivers: [{name: r, slack_configs: [{app_token: x, update_message: true}]}]`
	if _, err := Load([]byte(text), t.TempDir()); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(fmt.Sprint(err), "update_message") {
		t.Errorf("%v", err)
	}
}

// publicRelay has pictures, buttons and an address that Slack can reach.
func publicRelay(t testing.TB, db *store.DB, text, external string, public bool) *Relay {
	t.Helper()
	r := newRelay(t, db, text+"\nnotify: {buttons: {links: true}}\n", func(o *Options) {
		o.ExternalURL, o.Public = external, public
		o.Feedback = func(context.Context, string, omen.Verdict, string) error { return nil }
		o.Scores = func(_ context.Context, _ omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
			return []omen.ScorePoint{{At: from, Value: .5}, {At: to, Value: 3}}, nil
		}
	})
	if _, err := r.secret.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// A webhook's message names a picture that Slack fetches, only where Slack can
// fetch it; the link opens this incident's picture alone, and not for ever.
func TestSlackWebhookPicture(t *testing.T) {
	hook := newSink(t, "ok", nil)
	text := fmt.Sprintf(`receivers: [{name: r, slack_configs: [{api_url: %q}]}]`, hook.URL)
	now := time.Now().UTC()
	c := step("a", "web-1", 1, omen.ChangeOpened, now)
	image := func(external string, public bool) string {
		r := publicRelay(t, openStore(t), text, external, public)
		m := messageOf(r.view, c)
		m.Picture, m.At = []byte(isPNG), now
		if err := r.channels[0].sender.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := hook.got()
		var said struct {
			Attachments []struct {
				Image string `json:"image_url"`
			}
		}
		if err := json.Unmarshal(got[len(got)-1].body, &said); err != nil {
			t.Fatal(err)
		}
		return said.Attachments[0].Image
	}
	for external, public := range map[string]bool{
		"https://omen.example.org": false, "http://127.0.0.1:9909": true, "http://localhost": true, "http://omen:9909": true, "http://10.0.0.7": true, "http://[::1]:1": true,
	} {
		if link := image(external, public); link != "" {
			t.Errorf("%s, configured %v: Slack is sent to %s", external, public, link)
		}
	}
	if link := image("https://omen.example.org/sub", true); !strings.HasPrefix(link, "https://omen.example.org/sub/api/v1/omen/incidents/a/graph.png?sig=") {
		t.Errorf("link %q", link)
	}
}

func TestGraphLinks(t *testing.T) {
	db := openStore(t)
	now := time.Now().UTC()
	appendAll(t, db, step("a", "web-1", 1, omen.ChangeOpened, now), step("b", "web-2", 1, omen.ChangeOpened, now))
	r := publicRelay(t, db, "receivers: []", "https://omen.example.org", true)
	sigOf := func(incident string, at time.Time) string {
		u, err := url.Parse(r.graphs.link(incident, at))
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("sig")
	}
	good, other := sigOf("a", now), "A"
	if strings.HasSuffix(good, other) {
		other = "B"
	}
	if png, err := r.Graph(t.Context(), "a", good); err != nil || !strings.HasPrefix(string(png), isPNG) {
		t.Errorf("%d bytes, %v", len(png), err)
	}
	token, _ := (&buttons{expire: time.Hour, secret: r.secret}).token("a", "r", now)
	for what, c := range map[string]struct {
		incident, sig string
		kind          error
	}{
		"another incident": {"b", good, omen.ErrDenied}, "none": {"a", "", omen.ErrDenied}, "forged": {"a", good[:len(good)-1] + other, omen.ErrDenied},
		"cut": {"a", good[1:], omen.ErrDenied}, "a button's token": {"a", token, omen.ErrDenied}, "longer": {"a", "zz" + good, omen.ErrDenied},
		"over": {"a", sigOf("a", now.Add(-defaultExpire-time.Second)), omen.ErrDenied}, "unknown": {"none", sigOf("none", now), omen.ErrNotFound},
	} {
		if _, err := r.Graph(t.Context(), c.incident, c.sig); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", what, err, c.kind)
		}
	}
	r.graphs.drawing <- struct{}{}
	r.graphs.drawing <- struct{}{}
	if _, err := r.Graph(t.Context(), "a", good); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("while others are drawn: %v", err)
	}
}

// An incident's message has three buttons that lead to signed links; pressed
// and confirmed, each records its verdict. One of several incidents has none.
func TestSlackButtons(t *testing.T) {
	for kind, config := range map[string]func(url string) string{
		"webhook": func(u string) string { return fmt.Sprintf(`receivers: [{name: r, slack_configs: [{api_url: %q}]}]`, u) },
		"token": func(u string) string {
			return fmt.Sprintf(`receivers: [{name: r, slack_configs: [{app_token: x, app_url: "%s/chat.postMessage"}]}]`, u)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			hook := newSink(t, "ok", nil)
			if kind == "token" {
				hook.ok = `{"ok":true}`
			}
			db, s := openStore(t), &spoken{}
			r := newRelay(t, db, config(hook.URL)+"\nnotify: {buttons: {links: true}}\n", func(o *Options) { o.Feedback = s.say })
			start(t, r)
			eventually(t, 5*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })
			appendAll(t, db, opened("a"))
			eventually(t, 5*time.Second, "told", func() bool { return delivered(t, db, "a", "r/slack", 1) })
			var said struct {
				Attachments []struct {
					Actions []struct{ Type, Text, URL string }
				}
			}
			if err := json.Unmarshal(hook.got()[0].body, &said); err != nil || len(said.Attachments[0].Actions) != 3 {
				t.Fatalf("%v in %s", err, hook.got()[0].body)
			}
			for _, action := range said.Attachments[0].Actions {
				u, err := url.Parse(action.URL)
				if err != nil || action.Type != "button" || !strings.HasPrefix(action.URL, "https://omen.example/feedback?t=") {
					t.Fatalf("button %+v", action)
				}
				form := strings.NewReader(url.Values{"t": {u.Query().Get("t")}, "who": {"ada"}}.Encode())
				req := httptest.NewRequest(http.MethodPost, CallbackPath, form)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				r.Callback().ServeHTTP(w, req)
				if w.Code != 200 {
					t.Errorf("%s: %d", action.Text, w.Code)
				}
			}
			if want := []string{"a real ada (by link)", "a not_a_problem ada (by link)", "a expected_at_this_time ada (by link)"}; !slices.Equal(s.got(), want) {
				t.Errorf("recorded %q, want %q", s.got(), want)
			}
		})
	}
}
