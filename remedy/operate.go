package remedy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Person is somebody whom the layer that a request came through has proven: a user
// of the web configuration file, or a Telegram account. The zero Person is nobody.
type Person struct {
	User     string
	Telegram int64
	Name     string // of a Telegram account, for people
}

// String is how the ledger names a person.
func (p Person) String() string {
	if p.User != "" {
		return p.User
	}
	if p.Telegram != 0 {
		return fmt.Sprintf("%s (telegram %d)", p.Name, p.Telegram)
	}
	return ""
}

// May reports somebody who may not approve actions, as [omen.ErrDenied].
func (a Approvers) May(p Person) error {
	switch {
	case p.User != "" && slices.Contains(a.Users, p.User), p.User == "" && p.Telegram != 0 && slices.Contains(a.Telegram, p.Telegram):
		return nil
	case p == Person{}:
		return omen.WithHint(fmt.Errorf("nobody has signed in: %w", omen.ErrDenied), "actions need somebody who is proven: name users in the file of --web.config.file (basic_auth_users), and those who may act under remedy.approvers.users")
	}
	return omen.WithHint(fmt.Errorf("%s is not among the approvers: %w", p, omen.ErrDenied), "remedy.approvers in the configuration names who may act")
}

// Entitles reports whether a person may decide on actions.
func (l *Loop) Entitles(who Person) bool { return l.o.Policy.Approvers.May(who) == nil }

// allow is an action and the person's right to decide on it. Who has none is in the
// audit.
func (l *Loop) allow(ctx context.Context, id string, who Person, what string) (a omen.Action, err error) {
	if a, err = l.o.Store.Action(ctx, id); err != nil {
		return a, err
	}
	return a, l.entitled(ctx, who, what, id)
}

// entitled reports somebody who may not act, and keeps who tried.
func (l *Loop) entitled(ctx context.Context, who Person, what, subject string) error {
	err := l.o.Policy.Approvers.May(who)
	if err != nil && who.String() != "" {
		err = errors.Join(err, l.denied(ctx, who, what, subject))
	}
	return err
}

// deniedEvery is how often the same attempt of somebody who may not act is written:
// who presses on must not fill the audit. Those between are counted, and their number
// is written after it.
const deniedEvery = time.Hour

// attempt is one that was written, or could not be, and how often it was tried since.
type attempt struct {
	at    time.Time
	again int
}

func (l *Loop) denied(ctx context.Context, who Person, what, subject string) error {
	now, key := time.Now(), [3]string{who.String(), what, subject}
	if err := l.writeDenied(ctx, now, false); err != nil {
		return err
	}
	l.trying.Lock()
	defer l.trying.Unlock()
	if before, tried := l.tried[key]; tried {
		before.again++
		l.tried[key] = before
		return nil
	}
	if l.o.Store.AuditKeyThere(ctx) != nil { // a row of it would break the audit for good: who may do nothing must not be able to do that
		l.o.Log.Warn("attempt of somebody who may not act is written when the key of the audit is back", "source", key[0], "kind", what)
		l.tried[key] = attempt{at: now, again: 1}
		return nil
	}
	err := l.o.Store.Record(ctx, omen.Audit{At: now, By: key[0], Action: "action.not_allowed", Subject: subject, Detail: what})
	if err == nil {
		l.tried[key] = attempt{at: now}
	}
	return err
}

// writeDenied writes how often attempts were made again that were written deniedEvery
// ago, or all of them, and forgets them. What cannot be written is kept for the next
// pass, and all while the audit's key is not there.
func (l *Loop) writeDenied(ctx context.Context, now time.Time, all bool) error {
	l.trying.Lock()
	defer l.trying.Unlock()
	if len(l.tried) == 0 || l.o.Store.AuditKeyThere(ctx) != nil {
		return nil
	}
	for key, a := range l.tried {
		if !all && now.Sub(a.at).Abs() < deniedEvery {
			continue
		}
		if a.again > 0 {
			detail := fmt.Sprintf("%s, %s more since %s", key[1], omen.Plural(a.again, "time", "times"), a.at.UTC().Format(time.RFC3339))
			if err := l.o.Store.Record(ctx, omen.Audit{At: now, By: key[0], Action: "action.not_allowed", Subject: key[2], Detail: detail}); err != nil {
				return fmt.Errorf("write how often %s tried what they may not: %w", key[0], err)
			}
		}
		delete(l.tried, key)
	}
	return nil
}

// Approve lets an action that waits be carried out: every guard is asked once more
// before it is. One that does not wait any more is [omen.ErrConflict]. Why is kept with
// it, here and of every other decision; it may be empty.
func (l *Loop) Approve(ctx context.Context, id string, who Person, why string) (omen.Action, error) {
	a, err := l.allow(ctx, id, who, "approve")
	if err != nil {
		return a, err
	}
	if a.State == omen.ActionWaiting && !time.Now().Before(a.Expires) {
		return a, omen.WithHint(fmt.Errorf("approve action %s: it expired at %s: %w", id, a.Expires.Format(time.RFC3339), omen.ErrConflict), "ask for it again on the incident")
	}
	return l.decide(ctx, a, omen.ActionApproved, who, "approved by "+who.String(), why)
}

// Decline ends an action that waits.
func (l *Loop) Decline(ctx context.Context, id string, who Person, why string) (omen.Action, error) {
	a, err := l.allow(ctx, id, who, "decline")
	if err != nil {
		return a, err
	}
	return l.decide(ctx, a, omen.ActionDeclined, who, "declined by "+who.String(), why)
}

// maxReason bounds a person's reason, in bytes: the journal carries it with each change.
const maxReason = 8 << 10

// reason is a person's reason as it is kept.
func reason(why string) (string, error) {
	if len(why) > maxReason {
		return "", fmt.Errorf("the reason has %d bytes, more than %d: %w", len(why), maxReason, omen.ErrInvalid)
	}
	return strings.TrimSpace(why), nil
}

// decide makes a person's step durable: what became of the action, and why in the
// person's words. That somebody was first is a conflict that names who.
func (l *Loop) decide(ctx context.Context, a omen.Action, to omen.ActionState, who Person, what, why string) (omen.Action, error) {
	why, err := reason(why)
	if err != nil {
		return a, err
	}
	from := a.State
	if !slices.Contains(from.Next(), to) {
		by := ""
		if a.By != "" {
			by = " by " + a.By
		}
		return a, fmt.Errorf("action %s: it is already %s%s: %w", a.ID, a.State, by, omen.ErrConflict)
	}
	a.By, a.Said = who.String(), why
	if why != "" {
		what += ": " + why
	}
	now := time.Now()
	if to == omen.ActionApproved {
		a.Expires = now.UTC() // it has to be started soon after
	}
	if err := a.Step(to, now, what); err != nil {
		return a, err
	}
	return a, l.act(ctx, from, a, who.String())
}

// Settle is what a person says of an action that nobody else can tell of.
func (l *Loop) Settle(ctx context.Context, id string, who Person, happened bool, why string) (omen.Action, error) {
	a, err := l.allow(ctx, id, who, "resolve")
	if err != nil {
		return a, err
	}
	if a.State != omen.ActionStuck && a.State != omen.ActionUnknown {
		return a, fmt.Errorf("resolve action %s: it is %s, and nobody has to: %w", id, a.State, omen.ErrConflict)
	}
	if happened {
		return l.decide(ctx, a, omen.ActionDone, who, who.String()+" says that it happened", why)
	}
	return l.decide(ctx, a, omen.ActionFailed, who, who.String()+" says that it did not happen", why)
}

// CanUndo reports whether an action can be taken back now, as far as that is known
// before it is tried: by its row, and by who carries out its playbook.
func (l *Loop) CanUndo(a omen.Action) bool {
	h := l.o.Hands[a.Playbook]
	l.mu.Lock()
	tried := l.final[a.ID]
	l.mu.Unlock()
	if h == nil || tried || !CanUndo(a) {
		return false
	}
	u, knows := h.(undoer)
	return !knows || u.Undoes()
}

// Undo takes an action's effect back. It is asked for once at a time, and goes on
// when who asked for it does not wait.
func (l *Loop) Undo(ctx context.Context, id string, who Person, why string) (omen.Action, error) {
	why, err := reason(why)
	if err != nil {
		return omen.Action{}, err
	}
	select {
	case l.undoing <- struct{}{}:
		defer func() { <-l.undoing }()
	case <-ctx.Done():
		return omen.Action{}, fmt.Errorf("undo action %s: another undo is under way: %w: %w", id, omen.ErrUnavailable, ctx.Err())
	}
	ctx = context.WithoutCancel(ctx)
	a, err := l.allow(ctx, id, who, "undo")
	if err != nil {
		return a, err
	}
	if !slices.Contains(a.State.Next(), omen.ActionUndone) {
		return a, fmt.Errorf("undo action %s: it is %s: %w", id, a.State, omen.ErrConflict)
	}
	h, err := l.hand(a.Playbook)
	if err != nil {
		return a, err
	}
	if !l.CanUndo(a) {
		return a, fmt.Errorf("undo action %s: what %s did cannot be taken back: %w", id, a.Does, errors.ErrUnsupported)
	}
	c, err := l.Controls(ctx)
	if err != nil {
		return a, err
	}
	if c.Paused != nil {
		return a, fmt.Errorf("undo action %s: actions are paused %s: %w", id, c.Paused.text(), omen.ErrConflict)
	}
	if _, err := l.Verify(ctx); err != nil {
		return a, fmt.Errorf("undo action %s: %w", id, err)
	}
	if why := l.Health().distrust(); why != "" { // what is taken back may never have been done
		return a, omen.WithHint(fmt.Errorf("undo action %s: %s: %w", id, why, omen.ErrConflict), "see what was changed with: omen actions verify")
	}
	detail := a.Target.ID()
	if why != "" {
		detail += ": " + why
	}
	if err := l.o.Store.Record(ctx, omen.Audit{At: time.Now(), By: who.String(), Action: "action.undo", Subject: a.ID, Detail: detail}); err != nil {
		return a, err
	}
	within, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	if err := h.Undo(within, a); err != nil {
		switch {
		case errors.Is(err, errors.ErrUnsupported): // nobody has to try again
			l.mu.Lock()
			l.final[a.ID] = true
			l.mu.Unlock()
		case errors.Is(err, ErrRefused), errors.Is(err, ErrChanged):
			err = fmt.Errorf("%w: %w", omen.ErrConflict, err)
		}
		return a, fmt.Errorf("undo action %s: %w", id, err)
	}
	return l.undone(ctx, a, who, why)
}

// undone keeps that an action was taken back, whatever it has come to meanwhile.
func (l *Loop) undone(ctx context.Context, a omen.Action, who Person, why string) (omen.Action, error) {
	for {
		out, err := l.decide(ctx, a, omen.ActionUndone, who, "undone by "+who.String(), why)
		if !errors.Is(err, omen.ErrConflict) {
			return out, err
		}
		now, unread := l.o.Store.Action(ctx, a.ID)
		if unread != nil || now.State == a.State {
			return out, errors.Join(err, unread)
		}
		a = now
	}
}

// Ask is a run that a person asks for: the same guards, of which some can be
// overridden by name.
func (l *Loop) Ask(ctx context.Context, incident, playbook string, override []string, why string, who Person) (omen.Action, error) {
	why, err := reason(why)
	if err != nil {
		return omen.Action{}, err
	}
	if _, err := l.o.Store.Incident(ctx, incident); err != nil { // before the audit: what is not there is no subject of it
		return omen.Action{}, err
	}
	if err := l.entitled(ctx, who, "act", incident); err != nil {
		return omen.Action{}, err
	}
	f, err := l.facts(ctx, time.Now())
	if err != nil {
		return omen.Action{}, err
	}
	d, err := l.o.Policy.Ask(f, incident, playbook, who.String(), override)
	if err != nil {
		return omen.Action{}, err
	}
	if d.Action.State != omen.ActionRefused {
		target, looked := l.resolve(ctx, d.Action)
		if looked != nil && !final(looked) {
			return omen.Action{}, looked
		}
		d = l.o.Policy.Check(f, d.Action, target, looked)
	}
	if d.Action.State == omen.ActionRefused {
		hint := "nobody can override this guard"
		if slices.Contains(overridable(), d.Action.Guard) {
			hint = "it can be overridden: override " + d.Action.Guard
		}
		return d.Action, omen.WithHint(fmt.Errorf("playbook %s on incident %s: %s: %s: %w", playbook, incident, d.Action.Guard, d.Action.Why, omen.ErrConflict), hint)
	}
	if d.Action.Said = why; why != "" {
		d.Action.Why += ": " + why
	}
	return d.Action, l.write(ctx, &f, d.Action, who.String())
}
