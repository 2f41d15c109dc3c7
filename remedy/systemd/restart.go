package systemd

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	manager "github.com/coreos/go-systemd/v22/dbus"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// Restart is the hand that restarts one unit of this machine.
type Restart struct {
	bus  Bus
	unit string
}

// serviceName is a service's name as systemd.unit(5) allows it.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]+\.service$`)

// NewRestart checks the name of the unit.
func NewRestart(b Bus, unit string) (*Restart, error) {
	if !serviceName.MatchString(unit) {
		return nil, fmt.Errorf("unit: %q is no name of a service such as shop.service: %w", unit, omen.ErrInvalid)
	}
	if err := b.touchable(unit); err != nil {
		return nil, fmt.Errorf("unit: %w: %w", err, omen.ErrInvalid)
	}
	return &Restart{b, unit}, nil
}

// Resolve reads the unit; its invocation is the target's UID.
func (r *Restart) Resolve(ctx context.Context, a omen.Action) (t omen.Target, err error) {
	if err := here(a.Host); err != nil {
		return t, err
	}
	err = r.bus.asking(ctx, func(ctx context.Context, c *manager.Conn) error {
		u, err := read(ctx, c, r.unit)
		if err != nil {
			return err
		}
		t, err = r.target(u)
		return err
	})
	return t, err
}

func (r *Restart) target(u unit) (omen.Target, error) {
	switch {
	case u.load == "not-found":
		return omen.Target{}, fmt.Errorf("no unit is called %s: %w", u.name, omen.ErrNotFound)
	case u.load != "loaded":
		return omen.Target{}, refused("%s is %s", u.name, u.load)
	case !u.manual:
		return omen.Target{}, refused("%s is not to be started or stopped by hand", u.name)
	case u.gaveUp():
		return omen.Target{}, omen.WithHint(refused("systemd gave up on %s: it was started too often", u.name),
			"find out why it does not stay up; systemctl reset-failed is for people")
	case u.busy || u.active == "activating" || u.active == "deactivating" || u.active == "reloading":
		return omen.Target{}, refused("%s is %s: a job is under way", u.name, u.active)
	}
	t := omen.Target{Kind: "unit", Name: u.name, UID: u.invocation, Detail: u.active}
	if !u.entered.IsZero() {
		t.Version = u.entered.Format(time.RFC3339Nano)
		t.Detail += " since " + u.entered.Format(time.RFC3339)
	}
	t.MarkedAt = u.restartedAt()
	return t, nil
}

// startLimit is systemd's result of a unit that was started too often, where no
// start before it failed: else the result is that of the first that did.
const startLimit = "start-limit-hit"

// gaveUp reports whether systemd does not start the unit any more: one that it is to
// restart by itself stays failed only then.
func (u unit) gaveUp() bool {
	return u.result == startLimit || u.active == "failed" && u.restart != "" && u.restart != "no"
}

// DryRun says what would be asked; systemd has no trial.
func (r *Restart) DryRun(_ context.Context, a omen.Action) (string, error) {
	return fmt.Sprintf("would ask systemd to restart %s (%s); whether polkit allows it shows only then", a.Target.Name, a.Target.Detail), nil
}

// Do restarts the unit and waits until it is up again.
func (r *Restart) Do(ctx context.Context, a omen.Action) (receipt string, err error) {
	release, err := r.bus.alone(ctx, r.unit)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	err = r.bus.acting(ctx, func(ctx context.Context, c *manager.Conn) error {
		u, err := read(ctx, c, r.unit)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
		case u.invocation != a.Target.UID:
			return fmt.Errorf("%s was restarted by somebody else since: %w", r.unit, remedy.ErrChanged)
		}
		if _, err := r.target(u); err != nil {
			if !errors.Is(err, remedy.ErrRefused) {
				err = fmt.Errorf("%w: %w", remedy.ErrChanged, err)
			}
			return err
		}
		result, err := job(ctx, c.RestartUnitContext, r.unit)
		if err != nil {
			return err
		}
		after, err := read(ctx, c, r.unit)
		if err != nil {
			return fmt.Errorf("%w: %w", remedy.ErrUnknown, err)
		}
		receipt = after.invocation
		switch {
		case result == "timeout":
			return fmt.Errorf("restart of %s: systemd waited too long for it, it is %s: %w", r.unit, after.active, remedy.ErrUnknown)
		case result != "done" && (after.active != u.active || after.invocation != u.invocation):
			return fmt.Errorf("restart of %s %s: it was stopped, and is %s (%s): %w", r.unit, result, after.active, after.result, remedy.ErrUnknown)
		case result != "done":
			return refused("restart of %s %s: it is %s (%s)", r.unit, result, after.active, after.result)
		}
		return nil
	})
	return receipt, err
}

// Happened compares the unit's invocation with that of before.
func (r *Restart) Happened(ctx context.Context, a omen.Action) (answer remedy.Answer, err error) {
	err = r.bus.asking(ctx, func(ctx context.Context, c *manager.Conn) error {
		u, err := read(ctx, c, r.unit)
		if err != nil {
			return err
		}
		answer = restarted(u, a)
		return nil
	})
	return answer, err
}

// restarted says whether a unit was restarted for an action. One that is down, and
// was not started since, was perhaps stopped for it: nobody can tell.
func restarted(u unit, a omen.Action) remedy.Answer {
	switch {
	case u.load != "loaded", u.busy, u.active == "activating", u.active == "deactivating":
		return remedy.CannotTell
	case u.invocation != a.Target.UID && u.entered.After(a.Started):
		return remedy.Yes
	case u.active == "active":
		return remedy.No
	}
	return remedy.CannotTell
}

// Undo is not possible.
func (r *Restart) Undo(context.Context, omen.Action) error {
	return fmt.Errorf("a restart cannot be taken back: %w", errors.ErrUnsupported)
}
