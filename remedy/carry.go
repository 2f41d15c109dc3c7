package remedy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// draft writes a decision, with the target that it would be done to.
func (l *Loop) draft(ctx context.Context, f *Facts, d Decision) error {
	if d.Action.State != omen.ActionRefused {
		target, looked := l.resolve(ctx, d.Action)
		if looked != nil && !final(looked) {
			return fmt.Errorf("look for the target of playbook %s: %w", d.Action.Playbook, looked)
		}
		if d = l.o.Policy.Check(*f, d.Action, target, looked); !d.New {
			return nil
		}
	}
	return l.write(ctx, f, d.Action, byOmen)
}

// write makes a new action durable. Where another one of its group came first it is
// left out: it is planned again.
func (l *Loop) write(ctx context.Context, f *Facts, a omen.Action, by string) error {
	if len(a.State.Next()) == 0 {
		a.Ended = a.At
	}
	err := l.o.World.Act(ctx, "", a, by)
	if err == nil {
		f.Actions = append(f.Actions, a)
	}
	if errors.Is(err, omen.ErrConflict) && by == byOmen {
		return nil
	}
	return err
}

// final reports whether looking for a target again finds no other answer.
func final(err error) bool {
	return errors.Is(err, ErrRefused) || errors.Is(err, omen.ErrDenied) || errors.Is(err, omen.ErrNotFound) || errors.Is(err, omen.ErrInvalid)
}

// hand is who carries out a playbook.
func (l *Loop) hand(playbook string) (Hand, error) {
	h := l.o.Hands[playbook]
	if h == nil {
		return nil, omen.WithHint(fmt.Errorf("playbook %s: it is not in the configuration any more: %w", playbook, omen.ErrNotFound), "put it back, or settle its actions with: omen actions resolve")
	}
	return h, nil
}

func (l *Loop) resolve(ctx context.Context, a omen.Action) (t omen.Target, err error) {
	h, err := l.hand(a.Playbook)
	if err != nil {
		return t, err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return h.Resolve(ctx, a)
}

// carryOut carries an approved action out: it looks at everything once more, makes
// it durable that it starts, and calls once.
func (l *Loop) carryOut(ctx context.Context, a omen.Action) error {
	target, looked := l.resolve(ctx, a)
	if looked != nil && !final(looked) {
		return fmt.Errorf("action %s: look at its target: %w", a.ID, looked)
	}
	_, _ = l.Verify(ctx)               // who writes to the database can do so after the last look: what it finds is kept, and among the facts
	f, err := l.facts(ctx, time.Now()) // last: looking takes its time, and somebody may pause meanwhile
	if err != nil {
		return err
	}
	from := a.State
	d := l.o.Policy.Check(f, a, target, looked)
	if d.Action.State == omen.ActionRefused {
		a.Guard = d.Action.Guard
		return l.step(ctx, a, omen.ActionRefused, byOmen, d.Action.Why)
	}
	a.Target, a.Before = d.Action.Target, f.Hosts[a.Host].Score
	if err := a.Step(omen.ActionStarted, time.Now(), "every guard allows it"); err != nil {
		return err
	}
	l.o.Mark("before started")
	if err := l.o.World.Act(ctx, from, a, cmp.Or(a.By, byOmen)); err != nil {
		return fmt.Errorf("action %s starts: %w", a.ID, err)
	}
	l.o.Mark("after started")
	if p, ok := l.o.Policy.Playbook(a.Playbook); ok {
		if e, ok := Grace(a, p); ok {
			if err := l.o.World.Note(ctx, e); err != nil { // its own traces may open an incident; that harms nobody
				l.o.Log.Warn("grace after an action not stored", "incident", a.Incident, "err", err)
			}
		}
	}
	h, err := l.hand(a.Playbook)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.calls[a.ID] = nil
	l.mu.Unlock()
	if i := slices.IndexFunc(f.Incidents, func(in omen.Incident) bool { return in.ID == a.Incident }); i >= 0 {
		a.Why = cmp.Or(f.Incidents[i].Summary, a.Why) // what the other side hears: not that it may act, but what is wrong
	}
	l.calling.Go(func() {
		if err := l.call(ctx, h, a); err != nil && ctx.Err() == nil {
			l.o.Log.Error("what became of an action is not stored, trying again", "incident", a.Incident, "err", err)
		}
	})
	return nil
}

// call asks the hand, once, and stores what became of it.
func (l *Loop) call(ctx context.Context, h Hand, a omen.Action) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), doWithin)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(endWithin, cancel) })()
	receipt, err := h.Do(within, a)
	l.o.Mark("after call")
	a.Receipt = receipt // also of what is in doubt: by it the hand can ask on
	to, why := omen.ActionDone, "the other side took it"
	switch {
	case err == nil:
	case errors.Is(err, ErrRefused), errors.Is(err, ErrChanged):
		to, why, a.Err = omen.ActionFailed, "nothing happened: "+err.Error(), err.Error()
	default:
		to, why, a.Err = omen.ActionUnknown, "it may have happened, and is observed: "+err.Error(), err.Error()
	}
	r := result{from: a.State, a: a}
	if err := r.a.Step(to, time.Now(), why); err != nil {
		return err
	}
	l.mu.Lock()
	l.calls[a.ID] = &r
	l.mu.Unlock()
	return l.storeResult(ctx, r)
}

// storeResult makes durable what became of a call; what it cannot store it tries
// again at the next pass, and it tries a last time as the loop ends.
func (l *Loop) storeResult(ctx context.Context, r result) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
	}
	l.o.Mark("before result")
	if err := l.act(ctx, r.from, r.a, cmp.Or(r.a.By, byOmen)); err != nil {
		return fmt.Errorf("action %s becomes %s: %w", r.a.ID, r.a.State, err)
	}
	l.o.Mark("after result")
	l.mu.Lock()
	delete(l.calls, r.a.ID)
	l.mu.Unlock()
	return nil
}

// act makes a step of an action that was started durable. What did not happen upset
// nothing: the grace that was opened for it ends, or people would hear of nothing on its
// host meanwhile.
func (l *Loop) act(ctx context.Context, from omen.ActionState, a omen.Action, by string) error {
	if err := l.o.World.Act(ctx, from, a, by); err != nil {
		return err
	}
	p, _ := l.o.Policy.Playbook(a.Playbook)
	e, upsets := Grace(a, p)
	if a.State != omen.ActionFailed || !upsets {
		return nil
	}
	e.Kind, e.Grace, e.Title = mute.EventNote, 0, e.Title+": it did not happen"
	if err := l.o.World.Note(ctx, e); err != nil { // it ends by itself, minutes later
		l.o.Log.Warn("grace after an action that failed not ended", "incident", a.Incident, "err", err)
	}
	return nil
}
