package reply

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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/store"
)

// operator keeps the verdicts that buttons gave.
type operator struct {
	mu  sync.Mutex
	all []string
	err error
}

func (s *operator) Judge(_ context.Context, incident string, v omen.Verdict, who string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.all = append(s.all, incident+" "+string(v)+" "+who)
	return nil
}

func (s *operator) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

func options(t testing.TB, db *store.DB, external string) Options {
	t.Helper()
	u := must.Get(url.Parse(external))(t)
	return Options{Store: db, Key: NewKey(db), External: u, Expire: time.Hour}
}

func newButtons(t testing.TB, db *store.DB, s *operator) *Buttons {
	t.Helper()
	b := New(options(t, db, "https://omen.example"), s)
	must.Get(b.Key.Get(t.Context()))(t)
	return b
}

func TestTokensCountOnce(t *testing.T) {
	db, s := messagetest.Store(t), &operator{}
	b := newButtons(t, db, s)
	token, ok := b.token("20261123T120000Z-1f3a", "n", messagetest.Noon)
	if !ok || len(token) > 64 {
		t.Fatalf("token %q of %d bytes: Telegram takes 64", token, len(token))
	}
	s.err = errors.New("disk full")
	if _, err := b.redeem(t.Context(), token, "ada", messagetest.Noon); err == nil {
		t.Fatal("not recorded, yet redeemed")
	}
	s.err = nil
	p, err := b.redeem(t.Context(), token, "ada", messagetest.Noon)
	if err != nil || p.verdict != omen.NotAProblem {
		t.Fatalf("%v, %v", p, err)
	}
	// Replayed, also to another life of Omen.
	for _, again := range []*Buttons{b, newButtons(t, db, s)} {
		if _, err := again.redeem(t.Context(), token, "eve", messagetest.Noon); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("replayed: %v", err)
		}
	}
	if got := s.got(); !slices.Equal(got, []string{"20261123T120000Z-1f3a not_a_problem ada"}) {
		t.Errorf("verdicts %v", got)
	}
}

// Below a path prefix the links lead below it.
func TestLinksKeepThePathOfTheExternalURL(t *testing.T) {
	b := New(options(t, messagetest.Store(t), "https://omen.example/ops/omen"), &operator{})
	must.Get(b.Key.Get(t.Context()))(t)
	m := messagetest.About(messagetest.Opened())
	b.AddTo(&m, true)
	if len(m.Replies) != 3 {
		t.Fatalf("%d links, want one for each verdict", len(m.Replies))
	}
	for _, r := range m.Replies {
		if !strings.HasPrefix(r.Link, "https://omen.example/ops/omen/feedback?t=") {
			t.Errorf("%s leads to %s", r.Label, r.Link)
		}
	}
}

func TestForgedAndOldTokens(t *testing.T) {
	db, s := messagetest.Store(t), &operator{}
	b, other := newButtons(t, db, s), newButtons(t, messagetest.Store(t), s)
	good, _ := b.token("a.b", "r", messagetest.Noon)
	foreign, _ := other.token("a.b", "r", messagetest.Noon)
	parts := strings.Split(good, ".")
	mac := parts[len(parts)-1]
	for name, token := range map[string]string{
		"empty": "", "another key": foreign, "another verdict": "n" + good[1:], "another incident": strings.Replace(good, "a.b", "a.c", 1),
		"later end": "r.a.b.zzzzzzz." + mac, "no signature": strings.TrimSuffix(good, mac), "cut": good[:len(good)-1],
		"no end": "r." + mac, "unknown verdict": func() string { x, _ := b.token("a", "x", messagetest.Noon); return x }(),
	} {
		if _, err := b.redeem(t.Context(), token, "eve", messagetest.Noon); !errors.Is(err, omen.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.redeem(t.Context(), good, "eve", messagetest.Noon.Add(time.Hour)); !errors.Is(err, errTooOld) {
		t.Errorf("old: %v", err)
	}
	if len(s.got()) != 0 {
		t.Errorf("verdicts %v", s.got())
	}
	if _, err := b.redeem(t.Context(), good, "ada", messagetest.Noon.Add(time.Hour-time.Second)); err != nil {
		t.Errorf("a good token: %v", err)
	}
}

// The page behind a link asks first, records once, and never reflects what it
// was sent as markup.
func TestCallbackPage(t *testing.T) {
	s := &operator{}
	b := newButtons(t, messagetest.Store(t), s)
	m := messagetest.About(messagetest.Opened())
	m.At = time.Now()
	b.AddTo(&m, true)
	if len(m.Replies) != 3 || m.Replies[1].Label != "Not a problem" || string(m.Alerts[0].Annotations["feedback_not_a_problem"]) != m.Replies[1].Link ||
		strings.Count(string(m.Alerts[0].Annotations["feedback_links"]), "\n") != 2 {
		t.Fatalf("replies %+v, annotations %v", m.Replies, m.Alerts[0].Annotations)
	}
	query, found := strings.CutPrefix(m.Replies[1].Link, "https://omen.example/feedback?t=")
	if !found {
		t.Fatalf("link %q", m.Replies[1].Link)
	}
	page := httptest.NewServer(b.Page(messagetest.Log(t)))
	defer page.Close()
	get := func(q string) (int, string) {
		resp, err := http.Get(page.URL + "/feedback?t=" + q)
		return read(t, resp, err)
	}
	post := func(token, who string) (int, string) {
		resp, err := http.PostForm(page.URL+"/feedback", url.Values{"t": {token}, "who": {who}})
		return read(t, resp, err)
	}
	if code, body := get(query); code != 200 || !strings.Contains(body, "Incident a: Not a problem?") || len(s.got()) != 0 {
		t.Errorf("asking: %d %s; verdicts %v", code, body, s.got())
	}
	token := m.Replies[1].Token
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
	body := must.Get(io.ReadAll(resp.Body))(t)
	return resp.StatusCode, string(body)
}

func TestPageIsOffByDefault(t *testing.T) {
	w := httptest.NewRecorder()
	(*Buttons)(nil).Page(messagetest.Log(t)).ServeHTTP(w, httptest.NewRequest("POST", CallbackPath, strings.NewReader("t=x")))
	if w.Code != http.StatusNotFound {
		t.Errorf("answers %d", w.Code)
	}
}

// bot is a chat in which buttons are pressed once, and which fails first.
type bot struct {
	presses []message.Press
	asked   []int64
	answers []string
	edits   []string
	done    context.CancelFunc
}

func (b *bot) Presses(ctx context.Context, from int64) ([]message.Press, int64, error) {
	switch b.asked = append(b.asked, from); len(b.asked) {
	case 1:
		return nil, 0, message.Refusal{Err: errors.New("limited"), After: time.Minute}
	case 2:
		return b.presses, 5, nil
	}
	b.done()
	return nil, from, ctx.Err()
}

func (b *bot) Edit(_ context.Context, m message.Shown, note string) error {
	b.edits = append(b.edits, fmt.Sprintf("%d: %s: %v", m.ID, note, m.Buttons))
	return nil
}

func (b *bot) Answer(_ context.Context, press, text string) error {
	b.answers = append(b.answers, press+" "+text)
	return nil
}

// A pressed button counts from a chat that is notified; forged or again it does
// not. A chat that limits us is asked again when it allows.
func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &operator{}
		b := newButtons(t, messagetest.Store(t), s)
		token, _ := b.token("a", "r", time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		chat := &bot{done: cancel, presses: []message.Press{
			{ID: "1", Token: token, Name: "eve"}, {ID: "2", Token: "n" + token[1:], Name: "ada", Known: true},
			{ID: "3", Token: token, Name: "ada", Known: true}, {ID: "4", Token: token, Name: "ada", Known: true},
			{ID: "5", Token: "y.a1.x.y", Name: "ada", Known: true},
		}}
		begun := time.Now()
		must.OK(t, Poll(ctx, b, nil, chat, message.Trouble{}, messagetest.Log(t)))
		want := []string{"1 This button is not valid here.", "2 This button is not valid here.", "3 Recorded: real", "4 This was already recorded.", "5 This button is not valid here."}
		if !slices.Equal(chat.answers, want) || !slices.Equal(s.got(), []string{"a real ada (Telegram)"}) || len(chat.edits) > 0 {
			t.Errorf("answers %q, verdicts %q", chat.answers, s.got())
		}
		if !slices.Equal(chat.asked, []int64{0, 0, 5}) || time.Since(begun) != time.Minute {
			t.Errorf("asked from %d within %s", chat.asked, time.Since(begun))
		}
	})
}

// deaf is a chat that nobody hears until it is told.
type deaf struct {
	bot
	heard atomic.Bool
}

func (d *deaf) Presses(ctx context.Context, from int64) ([]message.Press, int64, error) {
	if !d.heard.Load() {
		return nil, from, message.Refusal{Err: errors.New("Conflict: can't use getUpdates method while webhook is active"), Permanent: true}
	}
	omen.Sleep(ctx, 50*time.Second)
	return nil, from, nil
}

// troubles are the open ones.
type troubles struct{ sync.Map }

func (b *troubles) Report(_ context.Context, key string, _ omen.Severity, summary string) error {
	b.Store(key, summary)
	return nil
}

func (b *troubles) Resolve(_ context.Context, key string) error {
	b.Delete(key)
	return nil
}

// That nobody hears what people press, such as while another program reads it, is
// trouble of Omen's own within two minutes, and over once it is heard.
func TestButtonsThatAreNotHeardAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open, chat, key := &troubles{}, &deaf{}, message.ButtonsKey("oncall/telegram")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- Poll(ctx, nil, nil, chat, message.Trouble{To: open, Key: key}, messagetest.Log(t))
		}()
		look := func(after time.Duration) string {
			time.Sleep(after)
			synctest.Wait()
			said, _ := open.Load(key)
			text, _ := said.(string)
			return text
		}
		if said := look(50 * time.Second); said != "" {
			t.Errorf("at once: %q", said)
		}
		if said := look(70 * time.Second); !strings.Contains(said, "webhook is active") {
			t.Errorf("after two minutes: %q", said)
		}
		chat.heard.Store(true)
		if said := look(2 * time.Minute); said != "" {
			t.Errorf("once it is heard: %q", said)
		}
		cancel()
		must.OK(t, <-done)
	})
}

// A key that is damaged is no key, and how to fix it is said.
func TestADamagedKeySaysWhatMendsIt(t *testing.T) {
	for _, damaged := range []any{[]byte("short"), "no base64"} {
		db := messagetest.Store(t)
		must.OK(t, db.PutSetting(t.Context(), settingKey, damaged))
		key, err := NewKey(db).Get(t.Context())
		if hint := omen.Hint(err); key != nil || !errors.Is(err, omen.ErrCorrupt) || !strings.Contains(hint, "omen restore") || !strings.Contains(hint, "id = '"+settingKey+"' in "+db.Path()) {
			t.Errorf("%v: key %v, %v, hint %q", damaged, key, err, hint)
		}
	}
}
