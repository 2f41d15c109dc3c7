package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// spoken keeps the verdicts that buttons gave.
type spoken struct {
	mu  sync.Mutex
	all []string
	err error
}

func (s *spoken) say(_ context.Context, incident string, v omen.Verdict, who string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.all = append(s.all, incident+" "+string(v)+" "+who)
	return nil
}

func (s *spoken) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

func newButtons(t testing.TB, db *store.DB, s *spoken) *buttons {
	t.Helper()
	u, err := url.Parse("https://omen.example/sub")
	if err != nil {
		t.Fatal(err)
	}
	b := &buttons{store: db, external: u, expire: time.Hour, feedback: s.say, secret: &secretKey{store: db}}
	if _, err := b.secret.get(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTokensCountOnce(t *testing.T) {
	db, s := openStore(t), &spoken{}
	b := newButtons(t, db, s)
	token, ok := b.token("20261123T120000Z-1f3a", "n", noon)
	if !ok || len(token) > 64 {
		t.Fatalf("token %q of %d bytes: Telegram takes 64", token, len(token))
	}
	s.err = errors.New("disk full")
	if _, err := b.redeem(t.Context(), token, "ada", noon); err == nil {
		t.Fatal("not recorded, yet redeemed")
	}
	s.err = nil
	p, err := b.redeem(t.Context(), token, "ada", noon)
	if err != nil || p.verdict != omen.NotAProblem {
		t.Fatalf("%v, %v", p, err)
	}
	// Replayed, also to another life of Omen.
	for _, again := range []*buttons{b, newButtons(t, db, s)} {
		if _, err := again.redeem(t.Context(), token, "eve", noon); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("replayed: %v", err)
		}
	}
	if got := s.got(); !slices.Equal(got, []string{"20261123T120000Z-1f3a not_a_problem ada"}) {
		t.Errorf("verdicts %v", got)
	}
}

func TestForgedAndOldTokens(t *testing.T) {
	db, s := openStore(t), &spoken{}
	b, other := newButtons(t, db, s), newButtons(t, openStore(t), s)
	good, _ := b.token("a.b", "r", noon)
	foreign, _ := other.token("a.b", "r", noon)
	parts := strings.Split(good, ".")
	mac := parts[len(parts)-1]
	for name, token := range map[string]string{
		"empty": "", "another key": foreign, "another verdict": "n" + good[1:], "another incident": strings.Replace(good, "a.b", "a.c", 1),
		"later end": "r.a.b.zzzzzzz." + mac, "no signature": strings.TrimSuffix(good, mac), "cut": good[:len(good)-1],
		"no end": "r." + mac, "unknown verdict": func() string { x, _ := b.token("a", "x", noon); return x }(),
	} {
		if _, err := b.redeem(t.Context(), token, "eve", noon); !errors.Is(err, omen.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.redeem(t.Context(), good, "eve", noon.Add(time.Hour)); !errors.Is(err, errTooOld) {
		t.Errorf("old: %v", err)
	}
	if len(s.got()) != 0 {
		t.Errorf("verdicts %v", s.got())
	}
	if _, err := b.redeem(t.Context(), good, "ada", noon.Add(time.Hour-time.Second)); err != nil {
		t.Errorf("a good token: %v", err)
	}
}

func FuzzCallbackToken(f *testing.F) {
	db, s := openStore(f), &spoken{}
	b := newButtons(f, db, s)
	good, _ := b.token("a", "r", noon)
	for _, seed := range []string{"", ".", "..", "r.a.b.c", good[:len(good)-2] + "xx", "r.a.-1." + strings.Repeat("A", 16), good + "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if token == good {
			return
		}
		if _, err := b.redeem(context.Background(), token, "eve", noon); err == nil || len(s.got()) != 0 {
			t.Fatalf("token %q counts", token)
		}
	})
}

// The page behind a link asks first, records once, and never reflects what it
// was sent as markup.
func TestCallbackPage(t *testing.T) {
	db, s := openStore(t), &spoken{}
	slack := newSink(t, "ok", nil)
	r := newRelay(t, db, fmt.Sprintf("receivers: [{name: r, slack_configs: [{api_url: %q, channel: x}]}]\nnotify: {buttons: {links: true}}\n", slack.URL),
		func(o *Options) { o.Feedback = s.say })
	stop := start(t, r)
	eventually(t, 5*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })
	appendAll(t, db, opened("a"))
	eventually(t, 10*time.Second, "slack told", func() bool { return delivered(t, db, "a", "r/slack", 1) })
	stop()

	var links [][2]string // token as it is in the link, and label
	for _, action := range decode[slackMessage](t, slack.got()[0].body).Attachments[0].Actions {
		links = append(links, [2]string{strings.TrimPrefix(action.URL, "https://omen.example/feedback?t="), action.Text})
	}
	if len(links) != 3 || links[1][1] != "Not a problem" {
		t.Fatalf("links %v in %s", links, slack.got()[0].body)
	}
	page := httptest.NewServer(r.Callback())
	defer page.Close()
	get := func(q string) (int, string) {
		resp, err := http.Get(page.URL + "/feedback?t=" + q)
		return read(t, resp, err)
	}
	post := func(token, who string) (int, string) {
		resp, err := http.PostForm(page.URL+"/feedback", url.Values{"t": {token}, "who": {who}})
		return read(t, resp, err)
	}
	if code, body := get(links[1][0]); code != 200 || !strings.Contains(body, "Incident a: Not a problem?") || len(s.got()) != 0 {
		t.Errorf("asking: %d %s; verdicts %v", code, body, s.got())
	}
	token, err := url.QueryUnescape(links[1][0])
	if err != nil {
		t.Fatal(err)
	}
	if code, body := post(token, "ada\r\n<b>"); code != 200 || !strings.Contains(body, "Recorded") {
		t.Errorf("recording: %d %s", code, body)
	}
	if code, _ := post(token, "ada"); code != http.StatusConflict {
		t.Errorf("replayed: %d", code)
	}
	if code, body := get(url.QueryEscape(`"><script>alert(1)</script>`)); code != http.StatusForbidden || strings.Contains(body, "<script>") {
		t.Errorf("forged: %d %s", code, body)
	}
	if code, _ := post(strings.Repeat("x", 2*maxCallback), ""); code != http.StatusBadRequest {
		t.Errorf("huge form: %d", code)
	}
	if got := s.got(); !slices.Equal(got, []string{"a not_a_problem ada <b> (by link)"}) {
		t.Errorf("verdicts %v", got)
	}
}

func read(t *testing.T, resp *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestCallbackIsOffByDefault(t *testing.T) {
	r := newRelay(t, nil, "")
	w := httptest.NewRecorder()
	r.Callback().ServeHTTP(w, httptest.NewRequest("POST", CallbackPath, strings.NewReader("t=x")))
	if w.Code != http.StatusNotFound {
		t.Errorf("answers %d", w.Code)
	}
}

// A button in a Telegram message comes back through long polling: from the
// configured chat it counts, from another, forged or again it does not.
func TestTelegramButtons(t *testing.T) {
	db, s := openStore(t), &spoken{}
	updates := make(chan string, 10) // what getUpdates answers next
	tg := newSink(t, telegramOK, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/getUpdates") {
			return false
		}
		select {
		case u := <-updates:
			fmt.Fprintf(w, `{"ok":true,"result":[%s]}`, u)
		case <-r.Context().Done():
		}
		return true
	})
	r := newRelay(t, db, telegramConfig(tg.URL, "")+"\nnotify: {buttons: {telegram: true}}\n", func(o *Options) { o.Feedback = s.say })
	start(t, r)
	eventually(t, 5*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })
	appendAll(t, db, opened("a"))
	eventually(t, 10*time.Second, "telegram told", func() bool { return delivered(t, db, "a", "r/telegram", 1) })

	var message telegramMessage
	for _, r := range tg.got() {
		if strings.HasSuffix(r.path, "/sendMessage") {
			message = decode[telegramMessage](t, r.body)
		}
	}
	if message.ReplyMarkup == nil || len(message.ReplyMarkup.Rows) != 3 {
		t.Fatalf("no buttons: %+v", message)
	}
	press := func(id int, chat int, data string) {
		updates <- fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"q%d","data":%q,"from":{"id":1,"username":"ada"},"message":{"chat":{"id":%d}}}}`, id, id, data, chat)
	}
	answer := func(id int) (text string) {
		eventually(t, 5*time.Second, "answer", func() bool {
			for _, r := range tg.got() {
				if strings.HasSuffix(r.path, "/answerCallbackQuery") {
					a := decode[map[string]string](t, r.body)
					if a["callback_query_id"] == fmt.Sprintf("q%d", id) {
						text = a["text"]
						return true
					}
				}
			}
			return false
		})
		return text
	}
	data := message.ReplyMarkup.Rows[0][0].Data
	for i, c := range []struct {
		chat int
		data string
		want string
	}{
		{-43, data, "not valid"}, {-42, "n" + data[1:], "not valid"}, {-42, data, "Recorded: real"}, {-42, data, "already recorded"},
	} {
		press(i+1, c.chat, c.data)
		if got := answer(i + 1); !strings.Contains(got, c.want) {
			t.Errorf("press %d: %q, want %q", i+1, got, c.want)
		}
	}
	if got := s.got(); !slices.Equal(got, []string{"a real @ada (Telegram)"}) {
		t.Errorf("verdicts %v", got)
	}
	eventually(t, 5*time.Second, "updates confirmed", func() bool {
		return slices.ContainsFunc(tg.got(), func(r request) bool { return strings.Contains(string(r.body), `"offset":5`) })
	})
}
