package incident

import (
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

// call has Run carry out a request between two ticks, and waits for it.
func (d *Desk) call(ctx context.Context, f func(context.Context) error) error {
	a := ask{done: make(chan error, 1), carryOut: func(run context.Context) error {
		if err := ctx.Err(); err != nil {
			return err // who asked has gone
		}
		return f(run)
	}}
	select {
	case d.asks <- a:
		return <-a.done
	case <-ctx.Done():
		return fmt.Errorf("ask incident desk: %w: %w", omen.ErrUnavailable, ctx.Err())
	}
}

// change is call for what changes the rules, which it reads again.
func (d *Desk) change(ctx context.Context, store func(context.Context) error) error {
	return d.call(ctx, func(ctx context.Context) error {
		if err := store(ctx); err != nil {
			return err
		}
		return d.reload(ctx)
	})
}

// Do carries out what an operator asks, and returns the change that records
// it once it is durable. Errors: [omen.ErrInvalid], [omen.ErrNotFound],
// [omen.ErrConflict] where the incident's state does not allow it or where a
// verdict would have hidden confirmed incidents (see Command.Force), and the
// store's.
func (d *Desk) Do(ctx context.Context, c Command) (change omen.Change, err error) {
	if err := c.Validate(); err != nil {
		return change, err
	}
	err = d.call(ctx, func(ctx context.Context) error {
		in, err := d.find(ctx, c.Incident)
		if err != nil {
			return err
		}
		now := time.Now()
		changes, err := d.tracker.Prepare(in, c, now)
		if err != nil {
			return err
		}
		if c.Action == Judge {
			err = d.remember(ctx, c, changes, now)
		} else {
			err = d.o.Store.Append(ctx, changes...)
		}
		if err != nil {
			return err
		}
		d.tracker.Commit(changes)
		d.stored(len(changes))
		change = changes[0]
		if c.Action == CloseNow { // what is held is known nowhere else
			if err := d.note(ctx); err != nil {
				d.o.Log.Warn("last tick cannot be noted", "err", err)
			}
		}
		return nil
	})
	return change, err
}

// find is an incident as it is now, whether open or long closed.
func (d *Desk) find(ctx context.Context, id string) (omen.Incident, error) {
	if in, ok := d.tracker.Incident(id); ok {
		return in, nil
	}
	return d.o.Store.Incident(ctx, id)
}

// remember stores a verdict together with the patterns that follow from it,
// and takes back those of the verdict before.
func (d *Desk) remember(ctx context.Context, c Command, changes []omen.Change, now time.Time) error {
	patterns, err := d.withdraw(ctx, func(p feedback.Pattern) bool { return p.Incident == c.Incident }, c.By, now)
	if err != nil {
		return err
	}
	if !c.NoEffect && c.Verdict != omen.NoVerdict {
		preview, err := d.preview(ctx, changes[0].Incident, c, now)
		if err != nil {
			return err
		}
		for _, v := range preview {
			if len(v.Lost) > 0 && !c.Force {
				return omen.WithHint(fmt.Errorf("judge incident %s: its pattern would have hidden %d confirmed incidents, such as %s: %w",
					c.Incident, len(v.Lost), v.Lost[0].ID, omen.ErrConflict), "look at the preview, and force the verdict if it is right")
			}
			patterns = append(patterns, v.Pattern)
		}
	}
	audit := omen.Audit{At: now, By: c.By, Action: "incident.verdict", Subject: c.Incident, Detail: string(c.Verdict)}
	if err := d.o.Store.AppendFeedback(ctx, patterns, audit, changes...); err != nil {
		return err
	}
	return d.reload(ctx)
}

// withdraw is the patterns in force that are chosen, taken back.
func (d *Desk) withdraw(ctx context.Context, chosen func(feedback.Pattern) bool, by string, now time.Time) (back []feedback.Pattern, err error) {
	all, err := d.o.Store.Patterns(ctx)
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
// the last 90 days nobody would have been told of. A fleet incident makes one
// pattern per member.
func (d *Desk) Preview(ctx context.Context, c Command) (all []feedback.Preview, err error) {
	if c.Verdict == omen.NoVerdict {
		return nil, fmt.Errorf("preview verdict on incident %s: no verdict: %w", c.Incident, omen.ErrInvalid)
	}
	err = d.call(ctx, func(ctx context.Context) error {
		in, err := d.find(ctx, c.Incident)
		if err != nil {
			return err
		}
		all, err = d.preview(ctx, in, c, time.Now())
		return err
	})
	return all, err
}

func (d *Desk) preview(ctx context.Context, in omen.Incident, c Command, now time.Time) ([]feedback.Preview, error) {
	of := []omen.Incident{in}
	if in.Kind == omen.FleetIncident {
		var err error
		if of, err = d.o.Store.Incidents(ctx, store.Filter{Fleet: in.ID}); err != nil {
			return nil, err
		}
	}
	back := store.Filter{From: now.Add(-previewBack), Kinds: []omen.IncidentKind{omen.HostIncident, omen.FleetIncident}}
	if in.Kind == omen.HostIncident && !c.Role {
		back.Host = in.Host // nobody else can be covered
	}
	past, err := d.o.Store.Incidents(ctx, back)
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
			role = d.role(one.Host)
		}
		p := feedback.PatternOf(one, c.Verdict, d.o.Zone, role, c.By, now)
		if len(p.Causes) == 0 {
			continue // nothing to recognise its like by
		}
		p.Incident = c.Incident
		all = append(all, feedback.PreviewOf(p, past, d.role))
	}
	return all, nil
}

func (d *Desk) role(h omen.Host) string {
	if d.o.Labels == nil {
		return ""
	}
	return d.o.Labels(h)[d.o.Role]
}

// Revert takes a pattern of feedback back. The verdict itself stays.
func (d *Desk) Revert(ctx context.Context, pattern, by string) error {
	if by == "" {
		return fmt.Errorf("revert pattern %s: nobody asks: %w", pattern, omen.ErrInvalid)
	}
	return d.call(ctx, func(ctx context.Context) error {
		now := time.Now()
		back, err := d.withdraw(ctx, func(p feedback.Pattern) bool { return p.ID == pattern }, by, now)
		if err != nil {
			return err
		}
		if len(back) == 0 {
			if _, err := d.o.Store.Pattern(ctx, pattern); err != nil {
				return err
			}
			return fmt.Errorf("revert pattern %s: it was taken back before: %w", pattern, omen.ErrConflict)
		}
		audit := omen.Audit{At: now, By: by, Action: "pattern.revert", Subject: pattern}
		return errors.Join(d.o.Store.AppendFeedback(ctx, back, audit), d.reload(ctx))
	})
}

// Watch says which sources are watched from now on; app calls it at start and
// after a reload. What is open of any other source is closed as gone.
func (d *Desk) Watch(ctx context.Context, sources []string) error {
	return d.call(ctx, func(ctx context.Context) error {
		d.store(ctx, d.tracker.Watch(sources, time.Now()))
		return nil
	})
}

// newName is a name for what operators make: short enough to type.
func newName(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:12]) }

// Silence stores a silence, new (without an ID) or changed, and returns it with
// its ID. Open incidents that it matches are suppressed from now on.
func (d *Desk) Silence(ctx context.Context, s mute.Silence) (mute.Silence, error) {
	now := time.Now().UTC()
	action := "silence.change"
	if s.ID == "" {
		s.ID, s.Created, action = newName("s"), now, "silence.create"
	}
	if s.From.IsZero() {
		s.From = now
	}
	err := d.change(ctx, func(ctx context.Context) error {
		return d.o.Store.PutSilence(ctx, s, omen.Audit{At: now, By: s.By, Action: action, Subject: s.ID, Detail: s.Reason})
	})
	return s, err
}

// EndSilence ends a silence now; one that has ended is [omen.ErrConflict].
func (d *Desk) EndSilence(ctx context.Context, id, by string) error {
	return d.change(ctx, func(ctx context.Context) error {
		s, err := d.o.Store.Silence(ctx, id)
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
		return d.o.Store.PutSilence(ctx, s, omen.Audit{At: now, By: by, Action: "silence.end", Subject: id})
	})
}

// Window stores a maintenance window, new (without an ID) or changed, and
// returns it with its ID.
func (d *Desk) Window(ctx context.Context, w mute.Window) (mute.Window, error) {
	now := time.Now().UTC()
	action := "window.change"
	if w.ID == "" {
		w.ID, w.Created, action = newName("w"), now, "window.create"
	}
	err := d.change(ctx, func(ctx context.Context) error {
		return d.o.Store.PutWindow(ctx, w, omen.Audit{At: now, By: w.By, Action: action, Subject: w.ID, Detail: w.Name})
	})
	return w, err
}

// DeleteWindow removes a maintenance window.
func (d *Desk) DeleteWindow(ctx context.Context, id, by string) error {
	return d.change(ctx, func(ctx context.Context) error {
		return d.o.Store.DeleteWindow(ctx, id, omen.Audit{At: time.Now(), By: by, Action: "window.delete", Subject: id})
	})
}

// Calendar replaces the windows of a calendar by the events of an iCalendar
// file, and returns them and what was left out; see [mute.ParseCalendar]. A
// text that is no calendar is an error and changes nothing.
func (d *Desk) Calendar(ctx context.Context, name string, ics []byte, match []mute.Matcher, effect mute.Effect, by string) ([]mute.Window, []mute.Omitted, error) {
	now := time.Now().UTC()
	windows, left, err := mute.ParseCalendar(ics, name, d.o.Zone)
	if err != nil {
		return nil, nil, err
	}
	for i := range windows {
		windows[i].Match, windows[i].Effect, windows[i].By, windows[i].Created = match, effect, by, now
	}
	err = d.change(ctx, func(ctx context.Context) error {
		audit := omen.Audit{At: now, By: by, Action: "calendar.replace", Subject: name, Detail: fmt.Sprintf("%d windows, %d events left out", len(windows), len(left))}
		return d.o.Store.PutCalendar(ctx, name, windows, audit)
	})
	return windows, left, err
}

// Note stores that something happened to hosts, and opens its grace window.
func (d *Desk) Note(ctx context.Context, e mute.Event) (mute.Event, error) {
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
	return e, d.change(ctx, func(ctx context.Context) error {
		return d.o.Store.PutEvent(ctx, e)
	})
}
