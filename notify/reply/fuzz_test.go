package notify

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Whatever is posted to the feedback page, only a token that is ours, in time
// and not used before counts, and nothing that was sent comes back as markup.
func FuzzCallbackBody(f *testing.F) {
	db, s := openStore(f), &spoken{}
	r := newRelay(f, db, "receivers: [{name: r}]\nnotify: {buttons: {links: true}}\n", func(o *Options) { o.Feedback = s.say })
	if _, err := r.buttons.secret.get(f.Context()); err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	used, ok := r.buttons.token("a", "r", now)
	old, _ := r.buttons.token("a", "r", now.Add(-10*365*24*time.Hour))
	if _, err := r.buttons.redeem(f.Context(), used, "ada", now); err != nil || !ok {
		f.Fatal(err)
	}
	form := func(token, who string) string { return url.Values{"t": {token}, "who": {who}}.Encode() }
	for _, body := range []string{
		"", "t", "t=", form(used, "eve"), form(old, "eve"), form(used[:len(used)-1], "eve"), form("n"+used[1:], "eve"),
		form(used+"\x00", "a\r\nb"), form("<script>alert(1)</script>", "<b>"), form(used, strings.Repeat("x", 5000)),
		"t=%zz", "t=a;who=b", "who=a&who=b&t=" + old + "&t=" + used, strings.Repeat("a=b&", 3000), "\xff\xfe", `{"t":"` + used + `"}`,
	} {
		f.Add("POST", body)
		f.Add("GET", body)
	}
	f.Fuzz(func(t *testing.T, method, body string) {
		req := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: CallbackPath}, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: http.NoBody}
		if method == http.MethodGet {
			req.Method, req.URL.RawQuery = method, body
		} else {
			req = httptest.NewRequest(http.MethodPost, CallbackPath, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		r.Callback().ServeHTTP(w, req)
		switch w.Code {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusGone, http.StatusConflict:
		case http.StatusOK:
			if req.Method != http.MethodGet { // asking may answer for the token that is used
				t.Errorf("%q counts", body)
			}
		default:
			t.Errorf("%s %q: %d", req.Method, body, w.Code)
		}
		if page := strings.ToLower(w.Body.String()); strings.Contains(page, "<script") || strings.Contains(page, "<b>") {
			t.Errorf("%q comes back as markup: %s", body, page)
		}
		if got := s.got(); len(got) != 1 {
			t.Fatalf("verdicts %v, want the first alone", got)
		}
	})
}

// Whatever a server that claims to be Telegram's answers, only a token that is
// ours, from a chat that is told, counts.
func FuzzTelegramUpdates(f *testing.F) {
	db, s := openStore(f), &spoken{}
	b := newButtons(f, db, s)
	now := time.Now()
	used, _ := b.token("a", "r", now)
	fresh, _ := b.token("b", "r", now)
	if _, err := b.redeem(f.Context(), used, "ada", now); err != nil {
		f.Fatal(err)
	}
	update := func(chat int64, data string) string {
		text, err := json.Marshal(map[string]any{"ok": true, "result": []any{map[string]any{"update_id": 7, "callback_query": map[string]any{
			"id": "1", "data": data, "from": map[string]any{"username": "eve\r\n"}, "message": map[string]any{"chat": map[string]any{"id": chat}}}}}})
		if err != nil {
			f.Fatal(err)
		}
		return string(text)
	}
	for _, body := range []string{
		update(1, used), update(2, fresh), update(1, "n"+fresh[1:]), update(1, fresh[:20]), update(1, ""), update(1, strings.Repeat("x", 9000)),
		`{"ok":true,"result":[{"update_id":9223372036854775807,"callback_query":{}}]}`, `{"ok":true,"result":[{"update_id":-1,"callback_query":null}]}`,
		`{"ok":true,"result":{}}`, `{"ok":false,"error_code":429,"parameters":{"retry_after":1e99}}`, `{"ok":true`, "", "null", "[]", "\xff",
	} {
		f.Add(body)
	}
	var answer string
	bots := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/getUpdates") {
			_, _ = w.Write([]byte(answer))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true,"result":true}`))
	}))
	f.Cleanup(bots.Close)
	p := &poller{
		bot:   bot{api: bots.URL, token: "1:x", client: bots.Client()},
		chats: []func() (int64, error){func() (int64, error) { return 1, nil }}, buttons: b, log: testLog(f),
	}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, fresh) && body != update(2, fresh) {
			return // the fuzzer found out how to press the button
		}
		answer = body
		updates, err := p.poll(t.Context(), 0)
		if err != nil && retryAfter(err) < 0 {
			t.Errorf("%q: wait %s", body, retryAfter(err))
		}
		for _, u := range updates {
			if u.Callback != nil {
				p.answer(t.Context(), *u.Callback)
			}
		}
		if got := s.got(); len(got) != 1 {
			t.Fatalf("%q: verdicts %v, want the first alone", body, got)
		}
	})
}
