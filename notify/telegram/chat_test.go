package telegram

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// board is where a test's troubles are reported: the open ones by key.
type board map[string]string

func (b board) Report(_ context.Context, key string, severity omen.Severity, summary string) error {
	b[key] = string(severity) + " " + summary
	return nil
}

func (b board) Resolve(_ context.Context, key string) error {
	delete(b, key)
	return nil
}

// groups answers as Telegram does for a chat that became a supergroup, and for
// a topic that is gone.
func groups(t *testing.T) *messagetest.Server {
	return messagetest.NewServer(t, taken, func(_ int, w http.ResponseWriter, r *http.Request) bool {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body := string(text)
		switch {
		case strings.Contains(body, "-4242"):
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",
				"parameters":{"migrate_to_chat_id":-1001234567890}}`))
		case strings.Contains(body, `"message_thread_id":7`), strings.Contains(body, "name=\"message_thread_id\"\r\n\r\n7"):
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}`))
		default:
			return false
		}
		return true
	})
}

// A message to a group that became a supergroup arrives, once, and the next one
// goes straight there, also after a restart; Omen says which number to set.
func TestAGroupBecomesASupergroup(t *testing.T) {
	for name, m := range map[string]message.Message{
		"text": messagetest.About(messagetest.Opened()), "chart": messagetest.Charted(t, messagetest.Opened()),
	} {
		t.Run(name, func(t *testing.T) {
			tg, open, db := groups(t), board{}, messagetest.Store(t)
			o := Options{Name: "oncall/telegram", Store: db, Troubles: open}
			s := newSenderWith(t, tg.URL, ", chat_id: -4242", o)
			if err := s.Settle(t.Context()); err != nil || len(open) != 0 {
				t.Fatalf("before: %v, %v", open, err)
			}
			for range 2 {
				if err := s.Send(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			again := newSenderWith(t, tg.URL, ", chat_id: -4242", o)
			clear(open)
			if err := again.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if said := open["receiver/oncall/telegram/chat"]; !strings.HasPrefix(said, "info ") || !strings.Contains(said, "set chat_id: -1001234567890 in place of -4242") {
				t.Errorf("says %q", said)
			}
			if err := again.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			var to []string
			for _, r := range tg.Got() {
				for _, chat := range []string{"-4242", "-1001234567890"} {
					if strings.Contains(string(r.Body), chat) {
						to = append(to, chat)
					}
				}
			}
			if fmt.Sprint(to) != "[-4242 -1001234567890 -1001234567890 -1001234567890]" {
				t.Errorf("sent to %v", to)
			}
			if b := Bots([]*Sender{again}); !b[0].notifies(t.Context(), -1001234567890) || b[0].notifies(t.Context(), -4242) {
				t.Error("a button pressed in the supergroup does not count")
			}
			fixed := newSenderWith(t, tg.URL, ", chat_id: -1001234567890", o)
			if err := fixed.Settle(t.Context()); err != nil || len(open) != 0 {
				t.Errorf("after the configuration was changed: %v, %v", open, err)
			}
		})
	}
}

// A message to a topic that is gone goes to the chat, and Omen says so until
// the topic is there again.
func TestATopicIsGone(t *testing.T) {
	tg, open := groups(t), board{}
	o := Options{Name: "oncall/telegram", Troubles: open}
	if err := newSenderWith(t, tg.URL, ", message_thread_id: 7", o).Send(t.Context(), messagetest.About(messagetest.Opened())); err != nil {
		t.Fatal(err)
	}
	got := tg.Got()
	if last := messagetest.Decode[outgoing](t, got[len(got)-1].Body); len(got) != 2 || last.Thread != 0 || last.ChatID != -42 {
		t.Errorf("%d requests, the last %+v", len(got), last)
	}
	if said := open["receiver/oncall/telegram/chat"]; !strings.HasPrefix(said, "warning ") || !strings.Contains(said, "message_thread_id") {
		t.Errorf("says %q", said)
	}
	if err := newSenderWith(t, tg.URL, ", message_thread_id: 8", o).Send(t.Context(), messagetest.About(messagetest.Opened())); err != nil || len(open) != 0 {
		t.Errorf("a topic that is there: %v, %v", open, err)
	}
	// Both at once.
	if err := newSenderWith(t, tg.URL, ", chat_id: -4242, message_thread_id: 7", o).Send(t.Context(), messagetest.About(messagetest.Opened())); err != nil {
		t.Error(err)
	}
}

// A chat that is not known, since the file that names it is gone, is said at the
// start, and is over once it is there.
func TestAChatThatIsNotKnownIsSaidAtTheStart(t *testing.T) {
	tg, open := groups(t), board{}
	file := filepath.Join(t.TempDir(), "chat")
	s := newSenderWith(t, tg.URL, ", chat_id: 0, chat_id_file: "+file, Options{Name: "oncall/telegram", Troubles: open})
	for text, want := range map[string]string{"": "chat_id_file", "x": "does not hold a number", "-42": ""} {
		if text != "" {
			must.OK(t, os.WriteFile(file, []byte(text), 0o600))
		}
		if err := s.Settle(t.Context()); err != nil {
			t.Error(err)
		}
		if said := open["receiver/oncall/telegram/chat"]; (said != "") != (want != "") || !strings.Contains(said, want) {
			t.Errorf("with %q in the file it says %q, want %q", text, said, want)
		}
		_ = os.Remove(file)
	}
}
