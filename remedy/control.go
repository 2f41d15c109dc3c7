package remedy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// Control is what people, or Omen, have switched off, and since when.
type Control struct {
	By  string    `json:"by"`
	Why string    `json:"why"`
	At  time.Time `json:"at"`
}

// Controls are the durable switches: they survive a restart, and a configuration.
type Controls struct {
	Paused   *Control             `json:"paused,omitempty"` // nil: nothing is
	Disabled map[string]Control   `json:"disabled"`         // by playbook
	Enabled  map[string]time.Time `json:"enabled"`          // by playbook: when a person last switched it on
}

// settingControls is where the store keeps the switches.
const settingControls = "remedy.controls"

// Controls are the switches as they are. One that cannot be read is an error: what
// forbids something is not taken for its absence.
func (l *Loop) Controls(ctx context.Context) (c Controls, err error) {
	return ReadControls(ctx, l.o.Store)
}

// ReadControls reads the switches that a store holds.
func ReadControls(ctx context.Context, db *store.DB) (c Controls, err error) {
	if _, err = db.Setting(ctx, settingControls, &c); err != nil {
		return c, fmt.Errorf("read what is switched off: %w", err)
	}
	return c, nil
}

// facts are the switches as a plan wants them.
func (c Controls) facts() (paused string, disabled map[string]string, enabled map[string]time.Time) {
	if c.Paused != nil {
		paused = c.Paused.text()
	}
	disabled = map[string]string{}
	for name, d := range c.Disabled {
		disabled[name] = d.text()
	}
	return paused, disabled, c.Enabled
}

func (c Control) text() string {
	text := "by " + c.By
	if c.Why != "" {
		text += ": " + c.Why
	}
	return text
}

// change makes another setting of the switches durable, with its audit row.
func (l *Loop) change(ctx context.Context, by, action, subject, why string, f func(c *Controls, now Control) error) error {
	if by == "" {
		return fmt.Errorf("%s %s: no author: %w", action, subject, omen.ErrInvalid)
	}
	l.switching.Lock()
	defer l.switching.Unlock()
	c, err := l.Controls(ctx)
	if err != nil {
		return err
	}
	now := Control{By: by, Why: why, At: time.Now().UTC()}
	c.Disabled, c.Enabled = maps.Clone(c.Disabled), maps.Clone(c.Enabled)
	if c.Disabled == nil {
		c.Disabled = map[string]Control{}
	}
	if c.Enabled == nil {
		c.Enabled = map[string]time.Time{}
	}
	if err := f(&c, now); err != nil {
		return err
	}
	return l.o.Store.PutSettingAudited(ctx, settingControls, c, omen.Audit{At: now.At, By: by, Action: action, Subject: subject, Detail: why})
}

// Pause is the kill switch: until [Loop.Resume] nothing is started.
func (l *Loop) Pause(ctx context.Context, by, why string) error {
	return l.change(ctx, by, "remedy.pause", "remedy", why, func(c *Controls, now Control) error {
		if c.Paused != nil {
			return fmt.Errorf("pause actions: already paused %s: %w", c.Paused.text(), omen.ErrConflict)
		}
		c.Paused = &now
		return nil
	})
}

// Resume ends a pause.
func (l *Loop) Resume(ctx context.Context, by, why string) error {
	return l.change(ctx, by, "remedy.resume", "remedy", why, func(c *Controls, _ Control) error {
		if c.Paused == nil {
			return fmt.Errorf("resume actions: they are not paused: %w", omen.ErrConflict)
		}
		c.Paused = nil
		return nil
	})
}

// Disable switches a playbook off until a person enables it.
func (l *Loop) Disable(ctx context.Context, playbook, by, why string) error {
	if _, ok := l.o.Policy.Playbook(playbook); !ok {
		return fmt.Errorf("playbook %s: %w", playbook, omen.ErrNotFound)
	}
	return l.change(ctx, by, "playbook.disable", playbook, why, func(c *Controls, now Control) error {
		if d, off := c.Disabled[playbook]; off {
			return fmt.Errorf("disable playbook %s: already disabled %s: %w", playbook, d.text(), omen.ErrConflict)
		}
		c.Disabled[playbook] = now
		return nil
	})
}

// Enable switches a playbook on again, where it is off or has given up a target. What it
// did before no longer counts against it.
func (l *Loop) Enable(ctx context.Context, playbook, by, why string) error {
	return l.change(ctx, by, "playbook.enable", playbook, why, func(c *Controls, now Control) error {
		if _, off := c.Disabled[playbook]; !off {
			spent, err := l.givenUp(ctx, now.At, c.Enabled)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(spent, func(g GivenUp) bool { return g.Playbook == playbook }) {
				return fmt.Errorf("enable playbook %s: it is not disabled: %w", playbook, omen.ErrConflict)
			}
		}
		delete(c.Disabled, playbook)
		c.Enabled[playbook] = now.At
		return nil
	})
}

// givenUp are the targets that playbooks have given up, by the ledger.
func (l *Loop) givenUp(ctx context.Context, at time.Time, enabled map[string]time.Time) ([]GivenUp, error) {
	rows, err := l.o.Store.Actions(ctx, store.ActionFilter{Since: at.Add(-lookBack), ToPlan: true})
	return l.o.Policy.GivenUp(Facts{At: at, Actions: rows, Enabled: enabled}), err
}
