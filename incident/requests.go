package incident

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

// patience is how long a request waits for its answer.
const patience = 10 * time.Second

// request is what Run carries out between two ticks, or refuses with an error.
type request func(run context.Context, refused error)

// call has Run carry out a request between two ticks, and waits for its answer:
// until ctx or Run ends, or for [patience], and then says [omen.ErrUnavailable].
// A request whose caller has gone before Run takes it up is not carried out; what
// Run has begun it ends, whether anybody waits for it or not.
func call[T any](ctx context.Context, m *Manager, f func(context.Context) (T, error)) (value T, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var result T
	done := make(chan error, 1) // room for one: Run does not wait for who has gone
	carryOut := func(run context.Context, err error) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			result, err = f(run)
		}
		done <- err
	}
	select {
	case m.requests <- carryOut:
	case <-m.ended:
		return value, fmt.Errorf("ask incident manager: it has ended: %w", omen.ErrUnavailable)
	case <-ctx.Done():
		return value, fmt.Errorf("ask incident manager: %w: %w", omen.ErrUnavailable, ctx.Err())
	}
	select {
	case err := <-done:
		return result, err
	case <-ctx.Done():
		return value, fmt.Errorf("ask incident manager: no answer yet, it may still be done: %w: %w", omen.ErrUnavailable, ctx.Err())
	}
}

// change is [call] for what changes the rules, which are then read again.
func (m *Manager) change(ctx context.Context, f func(context.Context) error) error {
	_, err := call(ctx, m, func(run context.Context) (none struct{}, err error) {
		if err := f(run); err != nil {
			return none, err
		}
		return none, m.reload(run)
	})
	return err
}

// Do carries out what an operator asks, and returns the change that records
// it once it is durable. Errors: [omen.ErrInvalid], [omen.ErrNotFound],
// [omen.ErrConflict] where the incident's state does not allow it or where a
// verdict would have hidden confirmed incidents (see Command.Force), and the
// store's.
func (m *Manager) Do(ctx context.Context, c Command) (omen.Change, error) {
	if err := c.Validate(); err != nil {
		return omen.Change{}, err
	}
	return call(ctx, m, func(ctx context.Context) (change omen.Change, err error) {
		in, err := m.find(ctx, c.Incident)
		if err != nil {
			return change, err
		}
		now := time.Now()
		changes, err := m.tracker.Prepare(in, c, now)
		if err != nil {
			return change, err
		}
		switch c.Action {
		case Judge:
			err = m.remember(ctx, c, changes, now)
		case Act:
			audit := omen.Audit{At: now, By: c.By, Action: "action." + string(c.Do.State), Subject: c.Incident}
			err = m.o.Store.AppendAction(ctx, c.From, *c.Do, audit, changes...)
		default:
			err = m.o.Store.Append(ctx, changes...)
		}
		if err != nil {
			return change, err
		}
		m.tracker.Commit(changes)
		m.stored(changes...)
		switch {
		case c.Action == Judge && !c.NoEffect:
			m.judged(changes[0].Incident)
			m.retrain(changes[0].Incident)
		case c.Action == Acknowledge || c.Action == Release || c.Action == Act && c.Do.State == omen.ActionStarted:
			m.judged(changes[0].Incident)
		}
		if c.Action == CloseNow { // what is held is known nowhere else
			if err := m.note(ctx); err != nil {
				m.o.Log.Warn("last tick cannot be stored", "err", err)
			}
		}
		return changes[0], nil
	})
}

// retrain has the hosts of a judged incident trained soon: a verdict says what is
// normal on them, or is not.
func (m *Manager) retrain(in omen.Incident) {
	switch in.Kind {
	case omen.HostIncident:
		m.o.Hosts.Retrain(in.Host)
	case omen.FleetIncident:
		for _, h := range in.Members {
			m.o.Hosts.Retrain(h)
		}
	}
}

// judged has the hosts of an incident take up what people say of it.
func (m *Manager) judged(in omen.Incident) {
	switch in.Kind {
	case omen.HostIncident:
		m.o.Hosts.Judged(in)
	case omen.FleetIncident:
		for _, h := range in.Members {
			in.Host = h
			m.o.Hosts.Judged(in)
		}
	}
}

// find is an incident as it is now, whether open or long closed.
func (m *Manager) find(ctx context.Context, id string) (omen.Incident, error) {
	if in, ok := m.tracker.Incident(id); ok {
		return in, nil
	}
	return m.o.Store.Incident(ctx, id)
}

// remember stores a verdict together with the patterns that follow from it,
// and takes back those of the verdict before.
func (m *Manager) remember(ctx context.Context, c Command, changes []omen.Change, now time.Time) error {
	patterns, err := m.withdraw(ctx, func(p feedback.Pattern) bool { return p.Incident == c.Incident }, c.By, now)
	if err != nil {
		return err
	}
	if !c.NoEffect && c.Verdict != omen.NoVerdict {
		preview, err := m.preview(ctx, changes[0].Incident, c, now)
		if err != nil {
			return err
		}
		for _, v := range preview {
			if len(v.Lost) > 0 && !c.Force {
				return omen.WithHint(fmt.Errorf("judge incident %s: its pattern would have suppressed %d confirmed incidents, such as %s: %w",
					c.Incident, len(v.Lost), v.Lost[0].ID, omen.ErrConflict), "look at the preview, and force the verdict if it is right")
			}
			patterns = append(patterns, v.Pattern)
		}
	}
	audit := omen.Audit{At: now, By: c.By, Action: "incident.verdict", Subject: c.Incident, Detail: string(c.Verdict)}
	if err := m.o.Store.AppendFeedback(ctx, patterns, audit, changes...); err != nil {
		return err
	}
	return m.reload(ctx)
}

// withdraw is the patterns in force that are chosen, taken back.
func (m *Manager) withdraw(ctx context.Context, chosen func(feedback.Pattern) bool, by string, now time.Time) (back []feedback.Pattern, err error) {
	all, err := m.o.Store.Patterns(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.InForce() && chosen(p) {
			p.Reverted, p.RevertedAt = by, now.UTC()
			back = append(back, p)
		}
	}
	return back, nil
}

// previewBack is how far back a preview looks.
const previewBack = 90 * 24 * time.Hour

// Preview says what a verdict would make Omen remember, and which incidents of
// the last 90 days nobody would have been notified of. A fleet incident makes one
// pattern per member.
func (m *Manager) Preview(ctx context.Context, c Command) ([]feedback.Preview, error) {
	if c.Verdict == omen.NoVerdict {
		return nil, fmt.Errorf("preview verdict on incident %s: no verdict: %w", c.Incident, omen.ErrInvalid)
	}
	return call(ctx, m, func(ctx context.Context) ([]feedback.Preview, error) {
		in, err := m.find(ctx, c.Incident)
		if err != nil {
			return nil, err
		}
		return m.preview(ctx, in, c, time.Now())
	})
}

func (m *Manager) preview(ctx context.Context, in omen.Incident, c Command, now time.Time) ([]feedback.Preview, error) {
	of := []omen.Incident{in}
	if in.Kind == omen.FleetIncident {
		var err error
		if of, err = m.o.Store.Incidents(ctx, store.Filter{Fleet: in.ID}); err != nil {
			return nil, err
		}
	}
	back := store.Filter{From: now.Add(-previewBack), Kinds: []omen.IncidentKind{omen.HostIncident, omen.FleetIncident}}
	if in.Kind == omen.HostIncident && !c.Role {
		back.Host = in.Host // nobody else can be covered
	}
	past, err := m.o.Store.Incidents(ctx, back)
	if err != nil {
		return nil, err
	}
	all := []feedback.Preview{}
	for _, one := range of {
		if one.Kind != omen.HostIncident {
			continue // a dead source has no pattern
		}
		role := ""
		if c.Role {
			if role = m.Role(one.Host); role == "" {
				return nil, m.noRole(one.Host)
			}
		}
		p := feedback.PatternOf(one, c.Verdict, m.o.Zone, role, c.By, now)
		if len(p.Causes) == 0 {
			continue // nothing to recognise its like by
		}
		p.Incident = c.Incident
		all = append(all, feedback.PreviewOf(p, past, m.Role))
	}
	return all, nil
}

// Role is a host's role: the value of its role label; empty: it has none.
func (m *Manager) Role(h omen.Host) string { return roleOf(m.o.Hosts.Labels(h), m.o.Role) }

// noRole says that a host has no role, and what gives it one.
func (m *Manager) noRole(h omen.Host) error {
	label := cmp.Or(m.o.Role, roleLabels[0])
	hint := fmt.Sprintf("give the host a label %s (labels or labels_from of source %s in the configuration), or name another of its labels with role_label", label, h.Source)
	if h.Source == "" {
		hint = "a verdict on a role is about hosts"
	}
	return omen.WithHint(fmt.Errorf("role of host %s: it has no label %s: %w", h.Name, cmp.Or(m.o.Role, strings.Join(roleLabels, " or ")), omen.ErrInvalid), hint)
}

// Revert takes a pattern of feedback back. The verdict itself stays.
func (m *Manager) Revert(ctx context.Context, pattern, by string) error {
	if by == "" {
		return fmt.Errorf("revert pattern %s: no author: %w", pattern, omen.ErrInvalid)
	}
	return m.change(ctx, func(ctx context.Context) error {
		now := time.Now()
		back, err := m.withdraw(ctx, func(p feedback.Pattern) bool { return p.ID == pattern }, by, now)
		if err != nil {
			return err
		}
		if len(back) == 0 {
			if _, err := m.o.Store.Pattern(ctx, pattern); err != nil {
				return err
			}
			return fmt.Errorf("revert pattern %s: already taken back: %w", pattern, omen.ErrConflict)
		}
		return m.o.Store.AppendFeedback(ctx, back, omen.Audit{At: now, By: by, Action: "pattern.revert", Subject: pattern})
	})
}

// newName is a name for what operators make: short enough to type.
func newName(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:12]) }

// Silence stores a silence, new (without an ID) or changed, and returns it with
// its ID. Open incidents that it matches are suppressed from now on.
func (m *Manager) Silence(ctx context.Context, s mute.Silence) (mute.Silence, error) {
	if err := errors.Join(bounded("silence", "author", s.By, maxName), bounded("silence", "reason", s.Reason, maxText)); err != nil {
		return s, err
	}
	now := time.Now().UTC()
	action := "silence.change"
	if s.ID == "" {
		s.ID, s.Created, action = newName("s"), now, "silence.create"
	}
	if s.From.IsZero() {
		s.From = now
	}
	if err := s.Validate(); err != nil {
		return s, err
	}
	if err := s.NotOver(now); err != nil {
		return s, err
	}
	return s, m.change(ctx, func(ctx context.Context) error {
		return m.o.Store.PutSilence(ctx, s, omen.Audit{At: now, By: s.By, Action: action, Subject: s.ID, Detail: s.Reason})
	})
}

// maxName bounds the names that people give to windows and calendars, and their
// own, in bytes: they are in messages, lists and reasons. What was stored before
// holds on.
const maxName = 200

// bounded refuses a text that is too long.
func bounded(what, field, text string, most int) error {
	if len(text) <= most {
		return nil
	}
	return omen.WithHint(fmt.Errorf("%s: its %s has %d bytes: %w", what, field, len(text), omen.ErrInvalid), fmt.Sprintf("at most %d are kept", most))
}

// EndSilence ends a silence now; one that has ended is [omen.ErrConflict].
func (m *Manager) EndSilence(ctx context.Context, id, by string) error {
	return m.change(ctx, func(ctx context.Context) error {
		s, err := m.o.Store.Silence(ctx, id)
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		if !s.Until.After(now) {
			return fmt.Errorf("end silence %s: it ended at %s: %w", id, s.Until.Format(time.RFC3339), omen.ErrConflict)
		}
		s.Until = now
		if !s.From.Before(now) { // it had not begun
			s.From = now.Add(-time.Second)
		}
		return m.o.Store.PutSilence(ctx, s, omen.Audit{At: now, By: by, Action: "silence.end", Subject: id})
	})
}

// Window stores a maintenance window, new (without an ID) or changed, and
// returns it with its ID.
func (m *Manager) Window(ctx context.Context, w mute.Window) (mute.Window, error) {
	if err := errors.Join(bounded("window", "author", w.By, maxName), bounded("window", "name", w.Name, maxName)); err != nil {
		return w, err
	}
	now := time.Now().UTC()
	action := "window.change"
	if w.ID == "" {
		w.ID, w.Created, action = newName("w"), now, "window.create"
	}
	if err := w.Validate(); err != nil {
		return w, err
	}
	if err := w.NotOver(now); err != nil {
		return w, err
	}
	return w, m.change(ctx, func(ctx context.Context) error {
		return m.o.Store.PutWindow(ctx, w, omen.Audit{At: now, By: w.By, Action: action, Subject: w.ID, Detail: w.Name})
	})
}

// DeleteWindow removes a maintenance window.
func (m *Manager) DeleteWindow(ctx context.Context, id, by string) error {
	return m.change(ctx, func(ctx context.Context) error {
		return m.o.Store.DeleteWindow(ctx, id, omen.Audit{At: time.Now(), By: by, Action: "window.delete", Subject: id})
	})
}

// Calendar replaces the windows of a calendar by the events of an iCalendar
// file, and returns them and what was left out; see [mute.ParseCalendar]. A
// text that is no calendar is an error and changes nothing.
func (m *Manager) Calendar(ctx context.Context, name string, ics []byte, match []mute.Matcher, effect mute.Effect, by string) ([]mute.Window, []mute.Omitted, error) {
	if err := bounded("calendar", "name", name, maxName); err != nil {
		return nil, nil, err
	}
	now := time.Now().UTC()
	windows, left, err := mute.ParseCalendar(ics, name, nil, m.o.Zone)
	if err != nil {
		return nil, nil, err
	}
	for i := range windows {
		windows[i].Match, windows[i].Effect, windows[i].By, windows[i].Created = match, effect, by, now
	}
	err = m.change(ctx, func(ctx context.Context) error {
		audit := omen.Audit{At: now, By: by, Action: "calendar.replace", Subject: name, Detail: omen.Plural(len(windows), "window", "windows") + ", " + omen.Plural(len(left), "event", "events") + " left out"}
		return m.o.Store.PutCalendar(ctx, name, windows, audit)
	})
	return windows, left, err
}

// Note stores that something happened to hosts, and opens its grace window.
func (m *Manager) Note(ctx context.Context, e mute.Event) (mute.Event, error) {
	now := time.Now().UTC()
	if e.ID == "" {
		e.ID = newName("e")
	}
	if e.At.IsZero() {
		e.At = now
	}
	if err := e.Validate(); err != nil {
		return e, err
	}
	return e, m.change(ctx, func(ctx context.Context) error { return m.o.Store.PutEvent(ctx, e) })
}
