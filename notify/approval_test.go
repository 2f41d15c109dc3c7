package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// chatServer is Telegram's server: what Omen calls comes out of calls, and what
// people press goes into presses.
type chatServer struct {
	*messagetest.Server
	calls   chan call
	presses chan string
	updates int
}

// call is one call of a bot's method.
type call struct {
	method string
	Text   string `json:"text"`
	Chat   int64  `json:"chat_id"`
	ID     int64  `json:"message_id"`
	Marks  []any  `json:"entities"`
	Keys   *struct {
		Rows [][]struct{ Text, Data string } `json:"inline_keyboard"`
	} `json:"reply_markup"`
}

func newChatServer(t *testing.T) *chatServer {
	s := &chatServer{calls: make(chan call, 100), presses: make(chan string, 100)}
	s.Server = messagetest.NewServer(t, `{"ok":true,"result":{"message_id":7,"chat":{"id":-42}}}`, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		method := strings.TrimPrefix(r.URL.Path, "/bot123:secret/")
		if method == "getUpdates" {
			select {
			case press := <-s.presses:
				_, _ = fmt.Fprintf(w, `{"ok":true,"result":[%s]}`, press)
			case <-r.Context().Done():
			}
			return true
		}
		body, err := io.ReadAll(r.Body)
		c := call{method: method}
		if err == nil {
			err = json.Unmarshal([]byte(strings.ReplaceAll(string(body), "callback_data", "data")), &c)
		}
		if err != nil {
			t.Error(err)
		}
		s.calls <- c
		return false
	})
	return s
}

// next is the next call, which is of the method.
func (s *chatServer) next(t *testing.T, method string) call {
	t.Helper()
	select {
	case c := <-s.calls:
		if c.method != method {
			t.Fatalf("called %s %+v, want %s", c.method, c, method)
		}
		return c
	case <-time.After(20 * time.Second):
		t.Fatalf("%s is not called", method)
	}
	return call{}
}

// press presses a button of the message and says what is answered.
func (s *chatServer) press(t *testing.T, account, chat int64, name, data string, m call) string {
	t.Helper()
	keys := must.Get(json.Marshal(m.Keys))(t)
	s.updates++
	s.presses <- fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"q","data":%q,"from":{"id":%d,"username":%q},"message":{"message_id":7,"chat":{"id":%d},
		"text":"head and text","entities":[{"type":"bold","offset":0,"length":4}],"reply_markup":%s}}}`,
		s.updates, data, account, name, chat, strings.NewReplacer(`"Text":`, `"text":`, `"Data":`, `"callback_data":`).Replace(string(keys)))
	return s.next(t, "answerCallbackQuery").Text
}

// deciding is what a loop that only decides needs of the world.
type deciding struct {
	remedy.World
	manager *incident.Manager
}

func (d deciding) Act(ctx context.Context, from omen.ActionState, a omen.Action, by string) error {
	_, err := d.manager.Do(ctx, incident.Command{Incident: a.Incident, Action: incident.Act, By: by, Do: &a, From: from})
	return err
}

// inTelegram decides for Telegram's accounts, as the application has it.
type inTelegram struct{ loop *remedy.Loop }

func (d inTelegram) Approve(ctx context.Context, id string, account int64, name string) (omen.Action, error) {
	return d.loop.Approve(ctx, id, remedy.Person{Telegram: account, Name: name}, "")
}

func (d inTelegram) Decline(ctx context.Context, id string, account int64, name string) (omen.Action, error) {
	return d.loop.Decline(ctx, id, remedy.Person{Telegram: account, Name: name}, "")
}

// asked is an action that waits, and the message in Telegram that says so.
type asked struct {
	*chatServer
	db      *store.DB
	world   deciding
	action  omen.Action
	message call
}

const (
	accountAnn = 12345
	accountBob = 777
)

func ask(t *testing.T) asked {
	t.Helper()
	s := asked{chatServer: newChatServer(t), db: openStore(t)}
	now := time.Now().UTC()
	appendAll(t, s.db, step("i1", "web-1", 1, omen.ChangeOpened, now))
	s.world.manager = incident.NewManager(incident.Options{Store: s.db})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.world.manager.Run(ctx) }()
	t.Cleanup(func() { cancel(); must.OK(t, <-ended) })

	s.action = omen.Action{
		ID: omen.ActionID("i1", "restart", 1), Incident: "i1", Playbook: "restart", Attempt: 1, Group: "g", Does: "systemd_restart",
		Host: omen.Host{Source: "local", Profile: "node", Name: "web-1"}, Target: omen.Target{Kind: "unit", Name: "shop.service"},
		Mode: omen.ModeApprove, At: now, Expires: now.Add(15 * time.Minute),
	}
	must.OK(t, s.step(t, omen.ActionWaiting))
	loop := remedy.NewLoop(remedy.Options{Policy: remedy.Policy{Approvers: remedy.Approvers{Telegram: []int64{accountAnn, accountBob}}}, Store: s.db, World: s.world})
	start(t, newRelay(t, s.db, yamlOf(`
		|receivers:
		|- name: r
		|  telegram_configs: [{api_url: %q, bot_token: "123:secret", chat_id: -42}]
	`, s.URL), func(o *Options) { o.Approver = inTelegram{loop} }))
	s.message = s.next(t, "sendMessage")
	keys := s.message.Keys
	if keys == nil || len(keys.Rows) != 2 || keys.Rows[0][0].Text != "Approve" || keys.Rows[1][0].Text != "Decline" || len(keys.Rows[0][0].Data) > 64 ||
		!strings.Contains(s.message.Text, "Action waits for approval until") || !strings.Contains(s.message.Text, "systemd restart of unit shop.service") {
		t.Fatalf("the message %+v", s.message)
	}
	return s
}

// step makes a step of the action that nobody in Telegram made.
func (s *asked) step(t *testing.T, to omen.ActionState) error {
	from := s.action.State
	must.OK(t, s.action.Step(to, time.Now(), "because"))
	return s.world.Act(t.Context(), from, s.action, "omen")
}

func (s *asked) stored(t *testing.T) omen.Action {
	t.Helper()
	return must.Get(s.db.Action(t.Context(), s.action.ID))(t)
}

// edited is the message as it is after a press.
func (s *asked) edited(t *testing.T, note string) {
	t.Helper()
	got := s.next(t, "editMessageText")
	if got.Chat != -42 || got.ID != 7 || got.Keys != nil || len(got.Marks) != 1 || !strings.HasPrefix(got.Text, "head and text\n\n") || !strings.Contains(got.Text, note) {
		t.Errorf("the message becomes %+v, want %q below it", got, note)
	}
}

// A person on the list approves by the button, whatever name another account has; the
// message says who did, and who comes second hears of it.
func TestApprovedInTelegram(t *testing.T) {
	s := ask(t)
	approve := s.message.Keys.Rows[0][0].Data
	if text := s.press(t, 8, -42, "ann", approve, s.message); !strings.HasPrefix(text, "Not allowed") || s.stored(t).State != omen.ActionWaiting {
		t.Errorf("another account of the same name: %q, it is %s", text, s.stored(t).State)
	}
	rows := must.Get(s.db.Audit(t.Context(), s.action.ID, 0))(t)
	if !slices.ContainsFunc(rows, func(a omen.Audit) bool { return a.Action == "action.not_allowed" && a.By == "@ann (telegram 8)" }) {
		t.Errorf("who may not is not in the audit: %+v", rows)
	}
	if text := s.press(t, accountAnn, 1, "ann", approve, s.message); text != "This button is not valid here." || s.stored(t).State != omen.ActionWaiting {
		t.Errorf("in another chat: %q, it is %s", text, s.stored(t).State)
	}
	if text := s.press(t, accountAnn, -42, "ann", "d"+approve[1:], s.message); text != "This button is not valid here." || s.stored(t).State != omen.ActionWaiting {
		t.Errorf("forged: %q, it is %s", text, s.stored(t).State)
	}
	const by = "approved by @ann (telegram 12345)"
	if text := s.press(t, accountAnn, -42, "ann", approve, s.message); !strings.Contains(text, by) {
		t.Errorf("approved: %q", text)
	}
	s.edited(t, "Playbook restart: "+by)
	if a := s.stored(t); a.State != omen.ActionApproved || a.By != "@ann (telegram 12345)" {
		t.Errorf("it is %+v", a)
	}
	for _, again := range s.message.Keys.Rows {
		if text := s.press(t, accountBob, -42, "bob", again[0].Data, s.message); !strings.Contains(text, by) {
			t.Errorf("%s after it was approved: %q", again[0].Text, text)
		}
		s.edited(t, by)
	}
	if a := s.stored(t); a.State != omen.ActionApproved || a.By != "@ann (telegram 12345)" {
		t.Errorf("it is %+v", a)
	}
}

func TestDeclinedInTelegram(t *testing.T) {
	s := ask(t)
	const by = "declined by @bob (telegram 777)"
	if text := s.press(t, accountBob, -42, "bob", s.message.Keys.Rows[1][0].Data, s.message); !strings.Contains(text, by) {
		t.Errorf("declined: %q", text)
	}
	s.edited(t, "Playbook restart: "+by)
	if text := s.press(t, accountAnn, -42, "ann", s.message.Keys.Rows[0][0].Data, s.message); !strings.Contains(text, by) {
		t.Errorf("approved after it was declined: %q", text)
	}
	s.edited(t, by)
	if a := s.stored(t); a.State != omen.ActionDeclined || a.By != "@bob (telegram 777)" {
		t.Errorf("it is %+v", a)
	}
}

// What expired answers with that, and is not carried out.
func TestExpiredInTelegram(t *testing.T) {
	s := ask(t)
	must.OK(t, s.step(t, omen.ActionExpired))
	expired := "expired at " + s.action.Expires.Format("15:04") + " UTC"
	if text := s.press(t, accountAnn, -42, "ann", s.message.Keys.Rows[0][0].Data, s.message); !strings.Contains(text, expired) {
		t.Errorf("answered %q", text)
	}
	s.edited(t, expired)
	if a := s.stored(t); a.State != omen.ActionExpired {
		t.Errorf("it is %+v", a)
	}
}
