// Package reply is what comes back from a message: verdicts, by buttons in chats
// and by links, decisions on actions, by buttons in chats alone, and charts that
// channels fetch. All of it is signed with the store's [Key]. Its key types are
// [Buttons] and [Approvals].
//
// What a verdict does is up to its [Operator]. A link is a capability: this
// package authenticates links, not people, and no link decides on an action. Who
// may is up to the [Approver], by the account that the chat's server has proven.
package reply

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// Operator records what somebody says of an incident.
type Operator interface {
	Judge(ctx context.Context, incident string, verdict omen.Verdict, by string) error
}

// Options are what buttons and charts are made of.
type Options struct {
	Store    *store.DB
	Key      *Key
	External *url.URL      // where people reach Omen
	Expire   time.Duration // how long a button and a link to a chart are good
}

// CallbackPath is where the application serves [Buttons.Page], below the
// external URL: links in Slack messages and mails lead there.
const CallbackPath = "/feedback"

// verdicts are the buttons of a message. The letter stands for the verdict in
// a token; changing it breaks the buttons of messages already sent.
var verdicts = []struct {
	letter, label string
	annotation    model.LabelName
	verdict       omen.Verdict
}{
	{"r", "Real", "feedback_real", omen.Real},
	{"n", "Not a problem", "feedback_not_a_problem", omen.NotAProblem},
	{"e", "Expected at this time", "feedback_expected", omen.Expected},
}

// Buttons makes and redeems callback tokens. A token names an incident, a
// verdict and when it ends, and is authenticated with HMAC-SHA256 (RFC 2104)
// under a key that never leaves the store. It can be redeemed once. A nil
// *Buttons makes none.
type Buttons struct {
	Options
	operator Operator
	mu       sync.Mutex // held while a token is redeemed, so that one is never redeemed twice
}

// New makes the buttons whose verdicts an operator records.
func New(o Options, operator Operator) *Buttons { return &Buttons{Options: o, operator: operator} }

const settingUsed = "notify.feedback_used"

// token is one for an incident and a verdict's letter.
func (b *Buttons) token(incident, letter string, now time.Time) (token string, ok bool) {
	return b.seal(feedbackPurpose, letter, incident, now)
}

const feedbackPurpose = "omen feedback v1"

// parsed is a verdict's token whose signature holds.
type parsed struct {
	incident, label string
	verdict         omen.Verdict
	ends            time.Time
	mac             string
}

// parse checks a token as open does, and that a verdict is all that it says.
func (b *Buttons) parse(ctx context.Context, token string, now time.Time) (p parsed, err error) {
	t, err := b.open(ctx, feedbackPurpose, token, now)
	if err != nil {
		return p, err
	}
	for _, v := range verdicts {
		if v.letter == t.letter {
			return parsed{t.subject, v.label, v.verdict, t.ends, t.mac}, nil
		}
	}
	return p, errForged
}

// redeem records a token's verdict, once. If recording fails the token stays
// good.
func (b *Buttons) redeem(ctx context.Context, token, who string, now time.Time) (parsed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.parse(ctx, token, now)
	if err != nil {
		return p, err
	}
	used := map[string]int64{}
	if _, err := b.Store.Setting(ctx, settingUsed, &used); err != nil {
		return p, fmt.Errorf("read redeemed tokens: %w", err)
	}
	if _, again := used[p.mac]; again {
		return p, errUsed
	}
	if err := b.operator.Judge(ctx, p.incident, p.verdict, who); err != nil {
		return p, fmt.Errorf("record verdict on %s: %w", p.incident, err)
	}
	for mac, ends := range used {
		if ends <= now.Unix() {
			delete(used, mac)
		}
	}
	used[p.mac] = p.ends.Unix()
	if err := b.Store.PutSetting(ctx, settingUsed, used); err != nil {
		return p, fmt.Errorf("store redeemed tokens: %w", err)
	}
	return p, nil
}

// AddTo gives a message about one incident its buttons; links also become
// annotations of its alert, for templates that show them.
func (b *Buttons) AddTo(m *message.Message, links bool) {
	if b == nil || m.Incident == nil {
		return
	}
	var lines []string
	for _, v := range verdicts {
		token, ok := b.token(m.Incident.ID, v.letter, m.At)
		if !ok {
			return
		}
		link := b.External.JoinPath(CallbackPath)
		link.RawQuery = url.Values{"t": {token}}.Encode()
		m.Replies = append(m.Replies, message.Reply{Label: v.label, Token: token, Link: link.String()})
		if links {
			m.Alerts[0].Annotations[v.annotation] = model.LabelValue(link.String())
			lines = append(lines, v.label+": "+link.String())
		}
	}
	if links {
		m.Alerts[0].Annotations["feedback_links"] = model.LabelValue(strings.Join(lines, "\n"))
	}
}
