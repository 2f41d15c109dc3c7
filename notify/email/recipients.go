package email

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

const (
	// patience is how long a mail that others took is tried for a recipient whom
	// the server wants later: greylisting takes some minutes (RFC 6647).
	patience = 15 * time.Minute
	// maxPartial bounds the mails that are remembered because not all took them;
	// what is forgotten is sent to all again, with the same Message-ID.
	maxPartial = 100
	// maxRefused bounds the addresses that a trouble names.
	maxRefused = 5
)

// recipients knows, of one sender's mails, whom they still have to reach, and
// whose address the server refuses. It is safe for concurrent use.
type recipients struct {
	name string // of the channel

	mu      sync.Mutex
	partial map[string]*partial // by message key
	refused map[string]string   // by address, what the server says
	trouble message.Trouble
}

// partial is a mail that some of its recipients took.
type partial struct {
	since time.Time
	done  map[string]bool // they took it, or are refused for good
}

func newRecipients(o Options) *recipients {
	return &recipients{
		name: o.Name, partial: map[string]*partial{}, refused: map[string]string{},
		trouble: message.Trouble{To: o.Troubles, Key: message.RecipientKey(o.Name)},
	}
}

// left are those of a message's recipients who have yet to get it.
func (r *recipients) left(key string, to []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.partial[key]
	if p == nil {
		return to
	}
	return slices.DeleteFunc(slices.Clone(to), func(a string) bool { return p.done[a] })
}

// settle enters what the server said to each of a mail's recipients, at an
// instant: those it refused are named, all others have the mail. The error is for
// those who are to be tried again, or nobody having the mail.
func (r *recipients) settle(key string, to []string, refused map[string]error, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.partial[key]
	if p == nil && len(refused) == len(to) {
		return judge(joined(refused))
	}
	if p == nil {
		p = &partial{now, map[string]bool{}}
	}
	later := map[string]error{}
	for _, address := range to {
		err := refused[address]
		switch {
		case err == nil:
			delete(r.refused, address)
		case !permanent(err) && now.Sub(p.since) < patience:
			later[address] = err
			continue
		default:
			r.refused[address] = message.OneLine(err.Error())
		}
		p.done[address] = true
	}
	switch {
	case len(r.refused) > 0:
		r.trouble.Is(omen.Warning, r.summary())
	case len(later) == 0:
		r.trouble.Over()
	}
	delete(r.partial, key)
	if len(later) == 0 {
		return nil
	}
	if len(r.partial) >= maxPartial {
		clear(r.partial)
	}
	r.partial[key] = p
	return message.Refusal{Err: fmt.Errorf("the others have the mail: %w", joined(later))}
}

// summary names the refused addresses.
func (r *recipients) summary() string {
	var all []string
	for _, address := range slices.Sorted(maps.Keys(r.refused)) {
		if len(all) == maxRefused {
			all = append(all, fmt.Sprintf("and %d more", len(r.refused)-maxRefused))
			break
		}
		all = append(all, fmt.Sprintf("%s (%s)", strings.Trim(address, "<>"), r.refused[address]))
	}
	return fmt.Sprintf("receiver %s: the mail server refuses %s; the mails go to the others", r.name, strings.Join(all, ", "))
}

// say has what is the matter recorded; an error means that it is to be tried with
// the next mail.
func (r *recipients) say(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble.Say(ctx)
}

// transfer hands a mail to the server for those recipients that it takes, and is
// what it says of the others. With an error nobody has the mail.
func transfer(c *smtp.Client, msg *mail.Msg, to []string) (refused map[string]error, err error) {
	from, err := msg.GetSender(false)
	if err != nil {
		return nil, err
	}
	if err := c.Mail(from); err != nil {
		return nil, err
	}
	refused = map[string]error{}
	for _, address := range to {
		if err := c.Rcpt(address); err != nil {
			if !errors.As(err, new(*textproto.Error)) {
				return nil, err // the connection's
			}
			refused[address] = err
		}
	}
	if len(refused) == len(to) {
		return refused, nil
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	if _, err := msg.WriteTo(w); err != nil {
		return nil, err
	}
	return refused, w.Close() // which is the server's answer
}

// joined is what the server said of addresses; what may change comes first.
func joined(refused map[string]error) error {
	var now, later []error
	for _, address := range slices.Sorted(maps.Keys(refused)) {
		err := fmt.Errorf("%s: %w", address, refused[address])
		if permanent(refused[address]) {
			later = append(later, err)
		} else {
			now = append(now, err)
		}
	}
	return errors.Join(append(now, later...)...)
}
