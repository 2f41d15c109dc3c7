package email

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// picky is a mail server that answers the second recipient of a mail's first
// conversation, and the first one of every other, as it is set to.
func picky(t *testing.T) (smtp *messagetest.MailServer, answer *atomic.Pointer[string]) {
	var mails, named atomic.Int32
	answer = new(atomic.Pointer[string])
	return messagetest.NewMailServer(t, func(verb string) string {
		switch verb {
		case "MAIL":
			mails.Add(1)
			named.Store(0)
		case "RCPT":
			if n := named.Add(1); answer.Load() != nil && (n == 2 || mails.Load() > 1 && n == 1) {
				return *answer.Load()
			}
		}
		return ""
	}, nil), answer
}

// sent is the envelopes of the mails that a server took.
func sent(smtp *messagetest.MailServer) string {
	all := ""
	for _, m := range smtp.Got() {
		all += fmt.Sprint(m.To) + "; "
	}
	return strings.ReplaceAll(all, "TO:", "")
}

// Of several recipients one is refused: the others have the mail, once, and Omen
// says whom the server refuses until it takes mail for them.
func TestOneRefusedRecipientBlocksNobody(t *testing.T) {
	smtp, answer := picky(t)
	open, key := board{}, "receiver/oncall/email/recipient"
	s := senderTo(t, `"a@b.c, gone@b.c, d@b.c"`, smtp.Addr().String(), "")
	s.recipients = newRecipients(Options{Name: "oncall/email", Troubles: open})
	answer.Store(new("550 5.1.1 no such user"))
	must.OK(t, s.Send(t.Context(), messagetest.About(messagetest.Opened())))
	if got := sent(smtp); got != "[<a@b.c> <d@b.c>]; " {
		t.Errorf("sent to %s", got)
	}
	if got := open[key]; !strings.HasPrefix(got, "warning ") || !strings.Contains(got, "gone@b.c (550 \"5.1.1 no such user\")") {
		t.Errorf("trouble %q", got)
	}
	answer.Store(nil)
	must.OK(t, s.Send(t.Context(), messagetest.About(messagetest.Opened())))
	if got := sent(smtp); got != "[<a@b.c> <d@b.c>]; [<a@b.c> <gone@b.c> <d@b.c>]; " || len(open) != 0 {
		t.Errorf("sent to %s, open troubles %v", got, open)
	}
}

// A recipient who is to be tried later gets the mail then, alone; the server has
// a quarter of an hour to take it.
func TestARecipientWhoIsTriedLater(t *testing.T) {
	for name, c := range map[string]struct {
		lasts   time.Duration
		want    string
		trouble bool
	}{
		"greylisted": {5 * time.Minute, "[<a@b.c> <d@b.c>]; [<slow@b.c>]; ", false},
		"for ever":   {time.Hour, "[<a@b.c> <d@b.c>]; ", true},
	} {
		t.Run(name, func(t *testing.T) {
			smtp, answer := picky(t)
			open := board{}
			s := senderTo(t, `"a@b.c, slow@b.c, d@b.c"`, smtp.Addr().String(), "")
			s.recipients = newRecipients(Options{Name: "oncall/email", Troubles: open})
			m := messagetest.About(messagetest.Opened())
			answer.Store(new("450 4.2.0 greylisted"))
			var err error
			for since := time.Duration(0); since <= 20*time.Minute; since += time.Minute {
				if since >= c.lasts {
					answer.Store(nil)
				}
				if err = s.Send(t.Context(), m); err == nil {
					break
				}
				if message.Permanent(err) || !strings.Contains(err.Error(), "slow@b.c") || len(open) > 0 {
					t.Fatalf("after %s: %v, troubles %v", since, err, open)
				}
				m.At = m.At.Add(time.Minute)
			}
			if got := sent(smtp); err != nil || got != c.want || (len(open) > 0) != c.trouble {
				t.Errorf("%v, sent to %s, want %s; troubles %v, want some: %t", err, got, c.want, open, c.trouble)
			}
		})
	}
}

// A server that goes in the middle of the recipients has taken nothing.
func TestAServerThatGoesAmongRecipients(t *testing.T) {
	smtp, answer := picky(t)
	s := senderTo(t, `"a@b.c, b@b.c"`, smtp.Addr().String(), "")
	answer.Store(new("drop"))
	if err := s.Send(t.Context(), messagetest.About(messagetest.Opened())); err == nil || message.Permanent(err) || len(smtp.Got()) != 0 {
		t.Errorf("%v, mails %v", err, smtp.Got())
	}
	answer.Store(nil)
	must.OK(t, s.Send(t.Context(), messagetest.About(messagetest.Opened())))
	if got := sent(smtp); got != "[<a@b.c> <b@b.c>]; " {
		t.Errorf("sent to %s", got)
	}
}
