package reply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// Approver decides on actions for people, whom a chat's server has proven by the
// number of their account. Who may not is [omen.ErrDenied]; what does not wait any
// more, or must not be done now, is [omen.ErrConflict].
type Approver interface {
	Approve(ctx context.Context, action string, account int64, name string) (omen.Action, error)
	Decline(ctx context.Context, action string, account int64, name string) (omen.Action, error)
}

// Approvals are the buttons by which people decide on actions that wait for them.
// Their tokens are signed for this purpose alone and are nothing without the
// account that presses: no page takes them, and no link has one. A nil *Approvals
// makes and takes none.
type Approvals struct {
	Options
	approver Approver
}

// NewApprovals makes the buttons whose decisions an approver takes.
func NewApprovals(o Options, approver Approver) *Approvals { return &Approvals{o, approver} }

const approvalPurpose = "omen approval v1"

// The letters of tokens; changing them breaks the buttons of messages already sent.
const (
	letterApprove = "y"
	letterDecline = "d"
)

// AddTo gives a message two buttons for each action that waits.
func (a *Approvals) AddTo(m *message.Message) {
	if a == nil {
		return
	}
	for _, action := range m.Waiting {
		which := ""
		if len(m.Waiting) > 1 {
			which = " " + action.Playbook
		}
		approve, ok := a.seal(approvalPurpose, letterApprove, action.ID, m.At)
		decline, _ := a.seal(approvalPurpose, letterDecline, action.ID, m.At)
		if !ok {
			return
		}
		m.Replies = append(m.Replies, message.Reply{Label: "Approve" + which, Token: approve}, message.Reply{Label: "Decline" + which, Token: decline})
	}
}

// ours reports whether a token is one of an action; an empty ID: of any.
func ours(token, id string) bool {
	letter, rest, _ := strings.Cut(token, ".")
	return (letter == letterApprove || letter == letterDecline) && (id == "" || strings.HasPrefix(rest, id+"."))
}

// take takes a decision and answers who pressed. Once the action waits no more its
// message says who decided, and has none of its buttons.
func (a *Approvals) take(ctx context.Context, bot Bot, p message.Press, log *slog.Logger) {
	text, done := a.press(ctx, p, time.Now(), log)
	answer(ctx, bot, p, text, log)
	if done == "" {
		return
	}
	p.Message.Buttons = slices.DeleteFunc(slices.Clone(p.Message.Buttons), func(r message.Reply) bool { return ours(r.Token, done) })
	within, cancel := message.WithTimeout(ctx, message.SendTimeout)
	defer cancel()
	if err := bot.Edit(within, p.Message, text); err != nil && ctx.Err() == nil {
		log.Warn("message still has the buttons of an action that was decided on", "err", err)
	}
}

// press takes a decision and says what to answer. Done is the action that waits no
// more, now or since earlier; empty: none.
func (a *Approvals) press(ctx context.Context, p message.Press, now time.Time, log *slog.Logger) (text, done string) {
	if a == nil || !p.Known {
		return notValid, ""
	}
	t, err := a.open(ctx, approvalPurpose, p.Token, now)
	var action omen.Action
	switch {
	case err != nil:
	case t.letter == letterApprove:
		action, err = a.approver.Approve(ctx, t.subject, p.Account, p.Name)
	case t.letter == letterDecline:
		action, err = a.approver.Decline(ctx, t.subject, p.Account, p.Name)
	default:
		err = errForged
	}
	conflict := errors.Is(err, omen.ErrConflict)
	if conflict { // the approver's action may be what did not become of it
		stored, failed := a.Store.Action(ctx, t.subject)
		action = stored
		if failed != nil {
			err, conflict = failed, false
		}
	}
	switch {
	case err == nil, conflict:
	case errors.Is(err, errTooOld):
		return "This button has expired. Please use Omen's web UI.", ""
	case errors.Is(err, errForged):
		return notValid, ""
	case errors.Is(err, omen.ErrDenied):
		log.Warn("button of an action pressed by somebody who may not", "err", err)
		return fmt.Sprintf("Not allowed: your account %d is not among remedy.approvers.telegram.", p.Account), ""
	case errors.Is(err, omen.ErrNotFound):
		return "There is no such action any more.", ""
	default:
		log.Error("decision on an action not recorded", "err", err)
		return "This could not be recorded. Please try again.", ""
	}
	what := decided(action, now)
	if what == "" { // it waits, and cannot be approved now
		return "Not now: " + strings.TrimSuffix(fmt.Sprint(err), ": "+omen.ErrConflict.Error()), ""
	}
	return "Playbook " + action.Playbook + ": " + message.OneLine(what), action.ID
}

// decided says who decided on an action and what became of it; empty: it waits.
func decided(a omen.Action, now time.Time) string {
	switch a.State {
	case omen.ActionWaiting, omen.ActionExpired:
		if a.State == omen.ActionWaiting && now.Before(a.Expires) {
			return ""
		}
		if a.State == omen.ActionExpired && a.Guard != "" {
			return "expired: " + a.Why
		}
		return "expired at " + a.Expires.UTC().Format("15:04") + " UTC, nobody approved it in time"
	case omen.ActionDeclined:
		return a.Why
	case omen.ActionApproved:
		return "approved by " + a.By + "; every guard is asked once more before it is done"
	case omen.ActionRefused:
		if a.By == "" {
			return "refused: " + a.Why
		}
		return "approved by " + a.By + ", and refused by guard " + a.Guard + ": " + a.Why
	}
	return "approved by " + a.By + ": " + strings.ReplaceAll(string(a.State), "_", " ")
}
