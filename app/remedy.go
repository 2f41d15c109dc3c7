package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
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
	l.hands = map[string]remedy.Hand{}
	for i, b := range c.Playbooks {
		key := fmt.Sprintf("remedy.playbooks[%d]", i)
		match, err := l.matchers(key, b.Match)
		if err != nil {
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
		if err != nil && off && !errors.Is(err, omen.ErrInvalid) {
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
	return p.g.remedy.Approve(ctx, action, remedy.Person{Telegram: account, Name: name})
}

// Decline is the button Decline.
func (p pressed) Decline(ctx context.Context, action string, account int64, name string) (omen.Action, error) {
	return p.g.remedy.Decline(ctx, action, remedy.Person{Telegram: account, Name: name}, "")
}

// Look adds what is live to the facts of a plan.
func (w world) Look(ctx context.Context, f *remedy.Facts) error {
	g := w.g
	f.Hosts, f.Sources = map[omen.Host]remedy.Live{}, map[string]remedy.SourceState{}
	for _, one := range g.watches {
		for _, h := range one.Brief() {
			f.Hosts[h.Host] = remedy.Live{
				Labels: h.Labels, Score: h.Score.Value, Level: h.Score.Level, ScoredAt: h.Score.At, Step: one.step,
				Grade: h.Score.Grade, Silent: h.State == omen.HostSilent,
			}
		}
	}
	for _, s := range g.Sources() {
		f.Sources[s.Name] = remedy.SourceState{Up: s.State == omen.SourceUp, Why: s.Err}
	}
	f.Self, f.Own = self(), w.own(f.At)
	return w.said(ctx, f)
}

// own is why Omen itself is not to be trusted now; empty: it is.
func (w world) own(at time.Time) string {
	g := w.g
	if err := g.p.storage.problem(); err != nil {
		return err.Error()
	}
	h := g.manager.Health()
	switch until := g.relives(); {
	case h.Err != "":
		return "incidents cannot be stored: " + h.Err
	case !until.IsZero():
		return "the clock of Omen's machine was set back"
	case g.drops.since(h.Dropped, at):
		return "rounds of scores were dropped in the last ten minutes: incidents may be older than they look"
	}
	return ""
}

// dropped remembers when a counter last grew. The loop asks, and requests do.
type dropped struct {
	mu sync.Mutex
	n  uint64
	at time.Time
}

// since reports whether the counter grew within ten minutes.
func (d *dropped) since(n uint64, at time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > d.n {
		d.n, d.at = n, at
	}
	return !d.at.IsZero() && at.Sub(d.at).Abs() < 10*time.Minute
}

// said adds what people said of the open incidents: silences, windows, verdicts.
func (w world) said(ctx context.Context, f *remedy.Facts) (err error) {
	g := w.g
	db := g.p.db
	rules := mute.Rules{}
	if rules.Silences, err = db.Silences(ctx, f.At); err != nil {
		return err
	}
	if rules.Windows, err = db.Windows(ctx); err != nil {
		return err
	}
	if rules.Events, err = db.Events(ctx, f.At.Add(-24*time.Hour), f.At); err != nil {
		return err
	}
	patterns, err := db.Patterns(ctx)
	if err != nil {
		return err
	}
	muted, broken := rules.Compile()
	if len(broken) > 0 { // it may be what would have forbidden it
		return fmt.Errorf("a silence or window cannot be understood: %w", errors.Join(broken...))
	}
	f.Muted, f.Rejected, f.Verdicts = map[string]string{}, map[string]bool{}, map[string]int{}
	for i := range f.Incidents {
		in := &f.Incidents[i]
		if in.State == omen.Closed {
			continue
		}
		if why := muted.Reason(in, mute.Subjects(in, g.Labels), f.At); why != "" {
			f.Muted[in.ID] = remedy.MutedBy(why)
		} else if why := remedy.MutedBy(in.Suppressed); why != "" {
			f.Muted[in.ID] = why
		}
		role := g.manager.Role(in.Host)
		f.Rejected[in.ID] = in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected || in.Suppressed == omen.ReasonFeedback
		for _, p := range patterns {
			if p.InForce() && p.Verdict != omen.Real && p.Suppresses(in, role, f.At) {
				f.Rejected[in.ID] = true
			}
		}
		if err := w.called(ctx, f, *in); err != nil {
			return err
		}
	}
	return nil
}

// called adds how often people called the same real, where a playbook asks.
func (w world) called(ctx context.Context, f *remedy.Facts, in omen.Incident) error {
	if !slices.ContainsFunc(w.g.loaded.policy.Playbooks, func(p remedy.Playbook) bool { return p.Real > 0 }) {
		return nil
	}
	past, err := w.g.p.db.Incidents(ctx, store.Filter{Kinds: []omen.IncidentKind{in.Kind}, Verdicts: []omen.Verdict{omen.Real}, From: f.At.Add(-90 * 24 * time.Hour)})
	if err != nil {
		return err
	}
	f.Verdicts[in.ID] = remedy.CalledReal(in, past)
	return nil
}

// self is what Omen runs on, in the words of targets. It is never acted on.
func self() (all []string) {
	if name, err := os.Hostname(); err == nil {
		all = append(all, "node "+name)
		if ns := ownNamespace(); ns != "" {
			all = append(all, "namespace "+ns, "pod "+ns+"/"+name)
		}
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return all
	}
	for line := range strings.Lines(string(text)) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), "::")
		for _, part := range strings.Split(path, "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".slice") {
				all = append(all, "unit "+filepath.Base(part))
			}
		}
	}
	return all
}

// ownNamespace is the namespace of Omen's own pod; empty: it is in none.
func ownNamespace() string {
	text, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return "" // then it has none
	}
	return strings.TrimSpace(string(text))
}
