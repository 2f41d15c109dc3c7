package reply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// approver keeps the decisions that buttons made.
type approver struct {
	all []string
	err error
}

func (a *approver) decide(what, id string, account int64, name string) (omen.Action, error) {
	a.all = append(a.all, fmt.Sprintf("%s %s %d %s", what, id, account, name))
	return omen.Action{ID: id, Playbook: "restart", State: omen.ActionApproved, By: name}, a.err
}

func (a *approver) Approve(_ context.Context, id string, account int64, name string) (omen.Action, error) {
	return a.decide("approve", id, account, name)
}

func (a *approver) Decline(_ context.Context, id string, account int64, name string) (omen.Action, error) {
	return a.decide("decline", id, account, name)
}

// asking is a message about an incident for which an action waits.
func asking(ids ...string) message.Message {
	c := messagetest.Opened()
	m := messagetest.About(c)
	m.At = time.Now()
	var all []omen.Action
	for _, id := range ids {
		all = append(all, omen.Action{ID: id, Incident: c.Incident.ID, Playbook: "book-" + id, Does: "systemd_restart", State: omen.ActionWaiting, Expires: m.At.Add(time.Minute)})
	}
	m.Wait(all)
	return m
}

// A message asks for each action that waits, names each, and its tokens fit into
// Telegram's buttons.
func TestButtonsOfActions(t *testing.T) {
	b := newButtons(t, messagetest.Store(t), &operator{})
	asks := NewApprovals(b.Options, &approver{})
	for _, ids := range [][]string{nil, {"a0123456789ab"}, {"a0123456789ab", "a123456789abc"}} {
		m := asking(ids...)
		asks.AddTo(&m)
		var got, want []string
		for _, r := range m.Replies {
			got = append(got, r.Label)
			if len(r.Token) > 64 || r.Link != "" {
				t.Errorf("%+v: Telegram takes 64 bytes, and no link decides", r)
			}
		}
		for _, id := range ids {
			which := ""
			if len(ids) > 1 {
				which = " book-" + id
			}
			want = append(want, "Approve"+which, "Decline"+which)
			for _, name := range []string{"action", "description"} {
				if said := string(m.Alerts[0].Annotations[model.LabelName(name)]); strings.Count(said, "omen actions approve "+id) != 1 {
					t.Errorf("%s is %q", name, said)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("buttons %q, want %q", got, want)
		}
		(*Approvals)(nil).AddTo(&m)
		if len(m.Replies) != len(want) {
			t.Error("buttons of nobody")
		}
	}
}

// A link decides on no action: not one that was sent, not one with the token of a
// button in it, and no token of a link is a button's.
func TestNoLinkApproves(t *testing.T) {
	s, who := &operator{}, &approver{}
	b := newButtons(t, messagetest.Store(t), s)
	asks := NewApprovals(b.Options, who)
	m := asking("a0123456789ab")
	asks.AddTo(&m)
	b.AddTo(&m, true)
	page := httptest.NewServer(b.Page(messagetest.Log(t)))
	defer page.Close()
	var fromButtons, fromLinks []string
	for _, r := range m.Replies {
		if r.Link == "" {
			fromButtons = append(fromButtons, r.Token)
			continue
		}
		link := must.Get(url.Parse(r.Link))(t)
		fromLinks = append(fromLinks, link.Query().Get("t"))
	}
	if len(fromButtons) != 2 || len(fromLinks) != 3 {
		t.Fatalf("replies %+v", m.Replies)
	}
	for name, text := range m.Alerts[0].Annotations {
		for _, token := range fromButtons {
			if strings.Contains(string(text), token) {
				t.Errorf("annotation %s has the button's token", name)
			}
		}
	}
	forged, _ := b.token("a0123456789ab", letterApprove, m.At) // what a link's key could sign at most
	for _, token := range append(fromButtons, forged, "r"+fromButtons[0][1:]) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			var resp *http.Response
			var err error
			if method == http.MethodGet {
				resp, err = http.Get(page.URL + "/feedback?t=" + url.QueryEscape(token))
			} else {
				resp, err = http.PostForm(page.URL+"/feedback", url.Values{"t": {token}, "who": {"ann"}})
			}
			if code, body := read(t, resp, err); code != http.StatusForbidden {
				t.Errorf("%s %s: %d %s", method, token, code, body)
			}
		}
	}
	press := func(token string) string {
		text, done := asks.press(t.Context(), message.Press{Token: token, Account: 12345, Name: "@ann", Known: true}, m.At, messagetest.Log(t))
		return text + done
	}
	for _, token := range append(fromLinks, forged, letterApprove+fromLinks[0][1:]) {
		if text := press(token); text != notValid {
			t.Errorf("pressed %s: %q", token, text)
		}
	}
	if len(who.all) > 0 || len(s.got()) > 0 {
		t.Fatalf("decisions %v, verdicts %v", who.all, s.got())
	}
	if text := press(fromButtons[0]); !strings.HasPrefix(text, "Playbook restart: approved by @ann;") || len(who.all) != 1 {
		t.Errorf("the button itself: %q, %v", text, who.all)
	}
}

// What is answered to who presses, and what the message says from then on: of an
// action that waits no more who decided, else nothing.
func TestPressesOfActions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		who := &approver{}
		b := newButtons(t, messagetest.Store(t), &operator{})
		asks := NewApprovals(b.Options, who)
		m := asking("a1", "a2")
		asks.AddTo(&m)
		b.AddTo(&m, false)
		press := func(from *Approvals, known bool, token string) (answer, edit string) {
			ctx, cancel := context.WithCancel(t.Context())
			chat := &bot{done: cancel, presses: []message.Press{{ID: "1", Token: token, Account: 12345, Name: "@ann", Known: known, Message: message.Shown{ID: 7, Text: "x", Buttons: m.Replies}}}}
			must.OK(t, Poll(ctx, b, from, chat, message.Trouble{}, messagetest.Log(t)))
			return strings.Join(chat.answers, ""), strings.Join(chat.edits, "")
		}
		const note = "Playbook restart: approved by @ann; every guard is asked once more before it is done"
		if text, edit := press(asks, true, m.Replies[0].Token); text != "1 "+note || !strings.HasPrefix(edit, "7: "+note) ||
			strings.Contains(edit, m.Replies[0].Token) || strings.Contains(edit, m.Replies[1].Token) || strings.Count(edit, "{") != 5 {
			t.Errorf("approved: %q, edited %q", text, edit)
		}
		denied, gone := fmt.Errorf("eve: %w", omen.ErrDenied), fmt.Errorf("action: %w", omen.ErrNotFound)
		for name, c := range map[string]struct {
			asks  *Approvals
			known bool
			token string
			err   error
			want  string
		}{
			"another chat":  {asks, false, m.Replies[0].Token, nil, notValid},
			"nobody asks":   {nil, true, m.Replies[0].Token, nil, notValid},
			"not allowed":   {asks, true, m.Replies[1].Token, denied, "Not allowed: your account 12345 is not among remedy.approvers.telegram."},
			"no such":       {asks, true, m.Replies[1].Token, gone, "There is no such action any more."},
			"conflict gone": {asks, true, m.Replies[1].Token, omen.ErrConflict, "There is no such action any more."},
			"store":         {asks, true, m.Replies[1].Token, errors.New("disk full"), "This could not be recorded. Please try again."},
		} {
			who.err = c.err
			if text, edit := press(c.asks, c.known, c.token); text != "1 "+c.want || edit != "" {
				t.Errorf("%s: %q, edited %q", name, text, edit)
			}
		}
		time.Sleep(b.Expire)
		if text, edit := press(asks, true, m.Replies[0].Token); !strings.Contains(text, "expired") || edit != "" {
			t.Errorf("old: %q, edited %q", text, edit)
		}
	})
}

// What became of an action is said with who decided, where somebody did.
func TestWhatBecameOfActions(t *testing.T) {
	at := time.Date(2026, 11, 29, 14, 0, 0, 0, time.UTC)
	for want, a := range map[string]omen.Action{
		"": {State: omen.ActionWaiting, Expires: at.Add(1)},
		"expired at 14:00 UTC, nobody approved it in time": {State: omen.ActionWaiting, Expires: at},
		"expired at 13:59 UTC, nobody approved it in time": {State: omen.ActionExpired, Expires: at.Add(-time.Minute)},
		"declined by ann":               {State: omen.ActionDeclined, By: "ann", Why: "declined by ann"},
		"refused: the incident is over": {State: omen.ActionRefused, Why: "the incident is over"},
		"expired: the incident is over": {State: omen.ActionExpired, Guard: "evidence", Why: "the incident is over"},
		"approved by ann, and refused by guard evidence: the host is well": {State: omen.ActionRefused, By: "ann", Guard: "evidence", Why: "the host is well"},
		"approved by ann: not helped":                                      {State: omen.ActionNotHelped, By: "ann"},
	} {
		if got := decided(a, at); got != want {
			t.Errorf("%s: %q, want %q", a.State, got, want)
		}
	}
}
