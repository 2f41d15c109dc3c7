package reply

import (
	"context"
	"crypto/hmac"
	"fmt"
	"strconv"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// opened is what a token says whose signature holds.
type opened struct {
	letter, subject string
	ends            time.Time
	mac             string
}

// seal makes a token of a letter and a subject, which are signed together with
// when it ends and with what it is for: one for another purpose is forged. It is
// at most 64 bytes, which is what Telegram takes, for subjects of up to 38; ok is
// false without a key.
func (o Options) seal(purpose, letter, subject string, now time.Time) (token string, ok bool) {
	key := o.Key.have()
	if key == nil {
		return "", false
	}
	body := letter + "." + subject + "." + strconv.FormatInt(now.Add(o.Expire).Unix(), 36)
	return body + "." + sign(key, purpose, body), true
}

// open checks a token's form, signature and end: [omen.ErrDenied]. Of one that is
// too old it says what the token was.
func (o Options) open(ctx context.Context, purpose, token string, now time.Time) (t opened, err error) {
	key, err := o.Key.Get(ctx)
	if err != nil {
		return t, err
	}
	last := strings.LastIndexByte(token, '.')
	if last < 0 || !hmac.Equal([]byte(token[last+1:]), []byte(sign(key, purpose, token[:last]))) {
		return t, errForged
	}
	letter, rest, _ := strings.Cut(token[:last], ".")
	cut := strings.LastIndexByte(rest, '.')
	if cut < 0 {
		return t, errForged
	}
	ends, err := strconv.ParseInt(rest[cut+1:], 36, 64)
	if err != nil {
		return t, errForged
	}
	t = opened{letter, rest[:cut], time.Unix(ends, 0), token[last+1:]}
	if !now.Before(t.ends) {
		return t, errTooOld
	}
	return t, nil
}

var (
	errTooOld = fmt.Errorf("this button has expired: %w", omen.ErrDenied)
	errUsed   = fmt.Errorf("this was already recorded: %w", omen.ErrConflict)
	errForged = fmt.Errorf("token is not from this Omen: %w", omen.ErrDenied)
)
