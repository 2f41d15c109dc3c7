package remedy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
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
		err = errors.Join(err, l.o.Store.Record(ctx, omen.Audit{At: time.Now(), By: who.String(), Action: "action.not_allowed", Subject: subject, Detail: what}))
	}
	return err
}

// Approve lets an action that waits be carried out: every guard is asked once more
// before it is. One that does not wait any more is [omen.ErrConflict].
func (l *Loop) Approve(ctx context.Context, id string, who Person) (omen.Action, error) {
	a, err := l.allow(ctx, id, who, "approve")
	if err != nil {
		return a, err
	}
	if a.State == omen.ActionWaiting && !time.Now().Before(a.Expires) {
		return a, omen.WithHint(fmt.Errorf("approve action %s: it expired at %s: %w", id, a.Expires.Format(time.RFC3339), omen.ErrConflict), "ask for it again on the incident")
	}
	return l.decide(ctx, a, omen.ActionApproved, who, "approved by "+who.String())
}

// Decline ends an action that waits.
func (l *Loop) Decline(ctx context.Context, id string, who Person, why string) (omen.Action, error) {
	a, err := l.allow(ctx, id, who, "decline")
	if err != nil {
		return a, err
	}
	if why != "" {
		why = ": " + why
	}
	return l.decide(ctx, a, omen.ActionDeclined, who, "declined by "+who.String()+why)
}

// decide makes a person's step durable. That somebody was first is a conflict that
// names who.
func (l *Loop) decide(ctx context.Context, a omen.Action, to omen.ActionState, who Person, why string) (omen.Action, error) {
	from := a.State
	if !slices.Contains(from.Next(), to) {
		by := ""
		if a.By != "" {
			by = " by " + a.By
		}
		return a, fmt.Errorf("action %s: it is already %s%s: %w", a.ID, a.State, by, omen.ErrConflict)
	}
	a.By = who.String()
	now := time.Now()
	if to == omen.ActionApproved {
		a.Expires = now.UTC() // it has to be started soon after
	}
	if err := a.Step(to, now, why); err != nil {
		return a, err
	}
	return a, l.o.World.Act(ctx, from, a, who.String())
}

// Settle is what a person says of an action that nobody else can tell of.
func (l *Loop) Settle(ctx context.Context, id string, who Person, happened bool) (omen.Action, error) {
	a, err := l.allow(ctx, id, who, "resolve")
	if err != nil {
		return a, err
	}
	if a.State != omen.ActionStuck && a.State != omen.ActionUnknown {
		return a, fmt.Errorf("resolve action %s: it is %s, and nobody has to: %w", id, a.State, omen.ErrConflict)
	}
	if happened {
		return l.decide(ctx, a, omen.ActionDone, who, who.String()+" says that it happened")
	}
	return l.decide(ctx, a, omen.ActionFailed, who, who.String()+" says that it did not happen")
}

// Undo takes an action's effect back. It is asked for once at a time, and goes on
// when who asked for it does not wait.
func (l *Loop) Undo(ctx context.Context, id string, who Person) (omen.Action, error) {
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
	c, err := l.Controls(ctx)
	if err != nil {
		return a, err
	}
	if c.Paused != nil {
		return a, fmt.Errorf("undo action %s: actions are paused %s: %w", id, c.Paused.text(), omen.ErrConflict)
	}
	if err := l.o.Store.Record(ctx, omen.Audit{At: time.Now(), By: who.String(), Action: "action.undo", Subject: a.ID, Detail: a.Target.ID()}); err != nil {
		return a, err
	}
	within, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	if err := h.Undo(within, a); err != nil {
		if errors.Is(err, ErrRefused) || errors.Is(err, ErrChanged) {
			err = fmt.Errorf("%w: %w", omen.ErrConflict, err)
		}
		return a, fmt.Errorf("undo action %s: %w", id, err)
	}
	return l.undone(ctx, a, who)
}

// undone keeps that an action was taken back, whatever it has come to meanwhile.
func (l *Loop) undone(ctx context.Context, a omen.Action, who Person) (omen.Action, error) {
	for {
		out, err := l.decide(ctx, a, omen.ActionUndone, who, "undone by "+who.String())
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
		return d.Action, omen.WithHint(fmt.Errorf("playbook %s on incident %s: %s: %s: %w", playbook, incident, d.Action.Guard, d.Action.Why, omen.ErrConflict),
			"a guard can be overridden by its name, if it is not one of those that never can")
	}
	if why != "" {
		d.Action.Why = why
	}
	return d.Action, l.write(ctx, &f, d.Action, who.String())
}

// Switch lets a person who may act change a switch.
func (l *Loop) Switch(ctx context.Context, who Person, f func(by string) error) error {
	if err := l.entitled(ctx, who, "switch", "remedy"); err != nil {
		return err
	}
	return f(who.String())
}

// Ceiling is how far any playbook may go, and why nothing is started; empty: it may be.
func (l *Loop) Ceiling(ctx context.Context) (mode omen.ActionMode, paused string, err error) {
	c, err := l.Controls(ctx)
	paused, _, _ = c.facts()
	return modes[reach(l.o.Policy.Mode)], paused, err
}

// Names are those of all playbooks.
func (l *Loop) Names() (names []string) {
	for _, p := range l.o.Policy.Playbooks {
		names = append(names, p.Name)
	}
	return names
}

// Plan is what every playbook would do about an incident now, with what each guard
// says. Nothing is changed.
func (l *Loop) Plan(ctx context.Context, incident string) ([]Decision, error) {
	if _, err := l.o.Store.Incident(ctx, incident); err != nil {
		return nil, err
	}
	f, err := l.facts(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	all := l.o.Policy.Plan(f)
	return slices.DeleteFunc(all, func(d Decision) bool { return d.Action.Incident != incident }), nil
}

// Standing is a playbook as it stands now.
type Standing struct {
	Playbook Playbook
	Mode     omen.ActionMode // what it may do, under the ceiling of all
	Disabled string          // why it is off; empty: it is on
	Today    int             // how many of its actions were started within a day
	PerDay   int
	Effect   Effect
}

// Standings are all playbooks as they stand now.
func (l *Loop) Standings(ctx context.Context) ([]Standing, error) {
	c, err := l.Controls(ctx)
	if err != nil {
		return nil, err
	}
	_, disabled, enabled := c.facts()
	now := time.Now()
	rows, past, err := l.past(ctx, now)
	if err != nil {
		return nil, err
	}
	var all []Standing
	for _, p := range l.o.Policy.Playbooks {
		s := Standing{Playbook: p, Mode: l.o.Policy.Effective(p.Name), Disabled: disabled[p.Name], PerDay: cmp.Or(p.Limits.PerDay, perDay)}
		for _, a := range rows {
			if a.Playbook == p.Name && !a.Started.IsZero() && now.Sub(a.Started) < 24*time.Hour {
				s.Today++
			}
		}
		s.Effect = p.Effect(rows, past, enabled[p.Name], now)
		all = append(all, s)
	}
	return all, nil
}

// Tried is what a playbook would be done to on one host, and whether it could be.
type Tried struct {
	Playbook string
	Host     omen.Host
	Target   omen.Target
	Text     string // what would be done
	Err      string // why it could not be, such as a missing right; empty: it could
	Hint     string
}

// Try looks for the target of every playbook on every host that its matchers name,
// and has the other side check what would be done. Nothing is changed.
func (l *Loop) Try(ctx context.Context) ([]Tried, error) {
	f, err := l.facts(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	var all []Tried
	for _, p := range l.o.Policy.Playbooks {
		for _, host := range p.hosts(f) {
			all = append(all, l.try(ctx, p, host, f.At))
		}
	}
	return all, nil
}

func (l *Loop) try(ctx context.Context, p Playbook, host omen.Host, at time.Time) Tried {
	a := omen.Action{
		ID: omen.ActionID("check", p.Name, 1), Incident: "check", Playbook: p.Name, Attempt: 1, Host: host,
		Does: p.Does.Name, Mode: omen.ModeSuggest, State: omen.ActionSuggested, At: at,
	}
	t := Tried{Playbook: p.Name, Host: host}
	target, err := l.resolve(ctx, a)
	if err == nil {
		a.Target, t.Target = target, target
		within, cancel := context.WithTimeout(ctx, callWithin)
		defer cancel()
		t.Text, err = l.o.Hands[p.Name].DryRun(within, a)
	}
	if err != nil {
		t.Err, t.Hint = err.Error(), omen.Hint(err)
	}
	return t
}

// hosts are those whose incidents a playbook may answer, as far as its matchers are
// about hosts.
func (b Playbook) hosts(f Facts) (all []omen.Host) {
	holds, err := mute.Compile(slices.DeleteFunc(slices.Clone(b.Match), func(m mute.Matcher) bool { return !m.OfHost() }))
	if err != nil {
		return nil
	}
	for h, live := range f.Hosts {
		if holds(mute.HostValue(h, live.Labels)) {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(x, y omen.Host) int { return strings.Compare(x.ID(), y.ID()) })
	return all
}
