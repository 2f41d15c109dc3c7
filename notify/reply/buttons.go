package notify

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Feedback records what somebody says of an incident: the application's hand
// for the buttons in messages.
type Feedback func(ctx context.Context, incident string, verdict omen.Verdict, who string) error

// CallbackPath is where the application serves [Relay.Callback], below the
// external URL: links in Slack messages and mails lead there.
const CallbackPath = "/feedback"

// verdicts are the buttons of a message. The letter stands for the verdict in
// a token; changing it breaks the buttons of messages already sent.
var verdicts = []struct {
	letter, label, annotation string
	verdict                   omen.Verdict
}{
	{"r", "Real", "feedback_real", omen.Real},
	{"n", "Not a problem", "feedback_not_a_problem", omen.NotAProblem},
	{"e", "Expected at this time", "feedback_expected", omen.Expected},
}

// buttons makes and redeems callback tokens. A token names an incident, a
// verdict and when it ends, and is authenticated with HMAC-SHA256 (RFC 2104)
// under a key that never leaves the store. It can be redeemed once.
type buttons struct {
	store    *store.DB
	external *url.URL
	expire   time.Duration
	feedback Feedback
	secret   *secretKey
	mu       sync.Mutex // held while a token is redeemed, so that one is never redeemed twice
}

const (
	settingKey  = "notify.feedback_key"
	settingUsed = "notify.feedback_used"
	macLen      = 12 // bytes: 96 bits
)

// token is at most 64 bytes for incident IDs of up to 38, which is what
// Telegram takes; ok is false without a key.
func (b *buttons) token(incident, letter string, now time.Time) (token string, ok bool) {
	key := b.secret.have()
	if key == nil {
		return "", false
	}
	body := letter + "." + incident + "." + strconv.FormatInt(now.Add(b.expire).Unix(), 36)
	return body + "." + sign(key, feedbackPurpose, body), true
}

const feedbackPurpose = "omen feedback v1"

// parsed is a token whose signature holds.
type parsed struct {
	incident, label string
	verdict         omen.Verdict
	ends            time.Time
	mac             string
}

// parse checks a token's form, signature and end: [omen.ErrDenied].
func (b *buttons) parse(ctx context.Context, token string, now time.Time) (p parsed, err error) {
	key, err := b.secret.get(ctx)
	if err != nil {
		return p, err
	}
	last := strings.LastIndexByte(token, '.')
	if last < 0 || !hmac.Equal([]byte(token[last+1:]), []byte(sign(key, feedbackPurpose, token[:last]))) {
		return p, fmt.Errorf("feedback token is not ours: %w", omen.ErrDenied)
	}
	p.mac = token[last+1:]
	letter, rest, _ := strings.Cut(token[:last], ".")
	cut := strings.LastIndexByte(rest, '.')
	if cut < 0 {
		return p, fmt.Errorf("feedback token is not ours: %w", omen.ErrDenied)
	}
	ends, err := strconv.ParseInt(rest[cut+1:], 36, 64)
	if err != nil {
		return p, fmt.Errorf("feedback token is not ours: %w", omen.ErrDenied)
	}
	p.incident, p.ends = rest[:cut], time.Unix(ends, 0)
	for _, v := range verdicts {
		if v.letter == letter {
			p.verdict, p.label = v.verdict, v.label
		}
	}
	if p.verdict == omen.NoVerdict {
		return p, fmt.Errorf("feedback token is not ours: %w", omen.ErrDenied)
	}
	if !now.Before(p.ends) {
		return p, errTooOld
	}
	return p, nil
}

var errTooOld = fmt.Errorf("this button is too old: %w", omen.ErrDenied)

// errUsed is an [omen.ErrConflict].
var errUsed = fmt.Errorf("this was already recorded: %w", omen.ErrConflict)

// redeem records a token's verdict, once. If recording fails the token stays
// good.
func (b *buttons) redeem(ctx context.Context, token, who string, now time.Time) (parsed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.parse(ctx, token, now)
	if err != nil {
		return p, err
	}
	used := map[string]int64{}
	if _, err := b.store.Setting(ctx, settingUsed, &used); err != nil {
		return p, fmt.Errorf("read redeemed tokens: %w", err)
	}
	if _, again := used[p.mac]; again {
		return p, errUsed
	}
	if b.feedback == nil {
		return p, errors.New("feedback is not taken here")
	}
	if err := b.feedback(ctx, p.incident, p.verdict, who); err != nil {
		return p, fmt.Errorf("record feedback on %s: %w", p.incident, err)
	}
	for mac, ends := range used {
		if ends <= now.Unix() {
			delete(used, mac)
		}
	}
	used[p.mac] = p.ends.Unix()
	if err := b.store.PutSetting(ctx, settingUsed, used); err != nil {
		return p, fmt.Errorf("store redeemed tokens: %w", err)
	}
	return p, nil
}

// keyboard is the row of buttons below a Telegram message; nil where a token
// would be too long for one.
func (b *buttons) keyboard(in omen.Incident, now time.Time) *telegramKeyboard {
	k := &telegramKeyboard{}
	for _, v := range verdicts {
		token, ok := b.token(in.ID, v.letter, now)
		if !ok || len(token) > 64 {
			return nil
		}
		k.Rows = append(k.Rows, []telegramButton{{Text: v.label, Data: token}})
	}
	return k
}

// annotate gives an alert the links that templates offer as buttons.
func (b *buttons) annotate(a *alert.Alert, in omen.Incident, now time.Time) {
	var lines []string
	for _, v := range verdicts {
		token, ok := b.token(in.ID, v.letter, now)
		if !ok {
			return
		}
		link := b.external.JoinPath(CallbackPath)
		link.RawQuery = url.Values{"t": {token}}.Encode()
		a.Annotations[model.LabelName(v.annotation)] = model.LabelValue(link.String())
		lines = append(lines, v.label+": "+link.String())
	}
	a.Annotations["feedback_links"] = model.LabelValue(strings.Join(lines, "\n"))
}
