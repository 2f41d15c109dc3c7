package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/remedy"
)

// loadRemedy reads what may be done about incidents, and who does it.
func (l *loaded) loadRemedy() error {
	c := l.conf.Remedy
	p := remedy.Policy{
		Mode:      omen.ActionMode(c.Mode),
		Approvers: remedy.Approvers{Users: c.Approvers.Users, Telegram: c.Approvers.Telegram},
		PerHour:   limit(c.Budget.FleetPerHour),
	}
	var wrong []error
	if names := c.QuietHours; len(names) > 0 && l.settings != nil {
		hours, err := l.settings.Hours(names)
		if err != nil {
			wrong = append(wrong, at(l.conf, "remedy.quiet_hours", err))
		} else {
			p.Quiet = hours
		}
	}
	l.hands = map[string]remedy.Hand{}
	for i, b := range c.Playbooks {
		key := fmt.Sprintf("remedy.playbooks[%d]", i)
		match, err := l.matchers(key, b.Match)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if err := l.causes(key, b); err != nil {
			wrong = append(wrong, err)
			continue
		}
		p.Playbooks = append(p.Playbooks, playbook(b, match, hysteresis(l.conf)))
		one := p
		one.Playbooks = p.Playbooks[len(p.Playbooks)-1:]
		if err := one.Validate(); err != nil {
			wrong = append(wrong, at(l.conf, key, err))
			continue
		}
		off := one.Effective(b.Name) == omen.ModeOff // then it is only replayed, and may need what is not there yet
		hand, err := l.hand(b, p.Playbooks[len(p.Playbooks)-1].Does)
		if err != nil && (off || l.checking) && !errors.Is(err, omen.ErrInvalid) {
			if !off {
				l.notes = append(l.notes, at(l.conf, key+".do."+p.Playbooks[len(p.Playbooks)-1].Does.Name, fmt.Errorf("where Omen runs this has to be: %w", err)))
			}
			continue
		}
		if err != nil {
			wrong = append(wrong, at(l.conf, key+".do."+p.Playbooks[len(p.Playbooks)-1].Does.Name, err))
			continue
		}
		l.hands[b.Name] = hand
	}
	l.policy = p
	if l.settings != nil && asks(p) && len(p.Approvers.Users) == 0 && !l.settings.InTelegram() {
		wrong = append(wrong, at(l.conf, "remedy.approvers.telegram", omen.WithHint(
			fmt.Errorf("nobody could approve, since no receiver has telegram_configs: %w", omen.ErrInvalid), "add a receiver, or name remedy.approvers.users")))
	}
	return errors.Join(wrong...)
}

// causes reports a cause that no profile has as a feature: the playbook would answer
// nothing. Those of forecasts are not known beforehand.
func (l *loaded) causes(key string, b config.Playbook) error {
	if slices.Contains(b.Kinds, string(omen.ForecastIncident)) || l.profiles == nil {
		return nil
	}
	for i, name := range b.CausesAll {
		if !slices.ContainsFunc(slices.Collect(maps.Values(l.profiles)), func(s *feature.Schema) bool { return s.Index(name) >= 0 }) {
			return at(l.conf, fmt.Sprintf("%s.causes_all[%d]", key, i), omen.WithHint(
				fmt.Errorf("no profile has a feature %s: %w", name, omen.ErrInvalid), "write one that an incident names, such as memory_used"))
		}
	}
	return nil
}

// playbook is a configured playbook; h closes and reopens its incidents.
func playbook(b config.Playbook, match []mute.Matcher, h incident.Hysteresis) remedy.Playbook {
	step, with := b.Do.Step()
	p := remedy.Playbook{
		Name: b.Name, Mode: omen.ActionMode(b.Mode), Match: match, Causes: b.CausesAll, MinSeverity: omen.Severity(b.MinSeverity),
		After: time.Duration(b.After), Real: b.VerdictHistory.Real, Learning: b.Learning, Acknowledged: b.WhenAcknowledged,
		Does: remedy.Step{Name: step, With: with}, Group: b.Group, ApproveIn: time.Duration(b.ApproveWithin),
		EffectIn: time.Duration(b.EffectWithin), Holdout: b.Holdout,
		Limits: remedy.Limits{
			PerDay: limit(b.Limits.PerDay), TargetPerDay: limit(b.Limits.TargetPerDay), MinHealthy: limit(b.Limits.MinHealthy),
		},
	}
	if d := b.Limits.Cooldown; d != nil {
		p.Limits.Cooldown = time.Duration(*d)
	}
	p.Closing = remedy.Closing{Samples: h.Close.Samples, For: h.Close.For, Reopen: h.Reopen}
	for _, k := range b.Kinds {
		p.Kinds = append(p.Kinds, omen.IncidentKind(k))
	}
	return p
}

// limit is a configured limit; 0: the default.
func limit(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// world is what the remedy loop needs of a generation.
type world struct{ g *generation }

var _ remedy.World = world{}

// Act makes a step of an action durable: the incident manager numbers its changes.
func (w world) Act(ctx context.Context, from omen.ActionState, a omen.Action, by string) error {
	_, err := w.g.manager.Do(ctx, incident.Command{Incident: a.Incident, Action: incident.Act, By: by, Do: &a, From: from})
	return err
}

// Note opens the grace of what an action restarts.
func (w world) Note(ctx context.Context, e mute.Event) error { return w.g.Note(ctx, e) }

// Report says what people have to know of actions.
func (w world) Report(ctx context.Context, key string, severity omen.Severity, summary string) error {
	return w.g.manager.Report(ctx, key, severity, summary)
}

// Resolve says that a trouble is over.
func (w world) Resolve(ctx context.Context, key string) error { return w.g.manager.Resolve(ctx, key) }

// Scores is a host's stored scores.
func (w world) Scores(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
	return w.g.Scores(ctx, h, from, to)
}

// pressed decides on actions for people who press a button in Telegram, by the
// number of the account that Telegram has proven.
type pressed struct{ g *generation }

// approverOf is nobody where nobody in Telegram may decide, or nothing is asked:
// then no bot is asked for pressed buttons.
func approverOf(g *generation) notify.Approver {
	if p := g.loaded.policy; !asks(p) || len(p.Approvers.Telegram) == 0 {
		return nil
	}
	return pressed{g}
}

// asks reports whether a playbook asks people before it acts.
func asks(p remedy.Policy) bool {
	return slices.ContainsFunc(p.Playbooks, func(b remedy.Playbook) bool { return p.Effective(b.Name) == omen.ModeApprove })
}

// Approve is the button Approve.
func (p pressed) Approve(ctx context.Context, action string, account int64, name string) (omen.Action, error) {
	return p.g.remedy.Approve(ctx, action, remedy.Person{Telegram: account, Name: name}, "")
}

// Decline is the button Decline.
func (p pressed) Decline(ctx context.Context, action string, account int64, name string) (omen.Action, error) {
	return p.g.remedy.Decline(ctx, action, remedy.Person{Telegram: account, Name: name}, "")
}
