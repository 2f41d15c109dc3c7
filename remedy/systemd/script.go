package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	manager "github.com/coreos/go-systemd/v22/dbus"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// Script is the hand that runs a script of root's: the template unit
// omen-action-NAME@.service, with the action's ID as its instance. What it does,
// as whom, and within which bounds is written there and not in Omen's
// configuration. It is Type=oneshot with RemainAfterExit=yes, so that systemd itself
// starts it once for an ID.
type Script struct {
	bus  Bus
	name string
}

var scriptName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// NewScript checks the script's name.
func NewScript(b Bus, name string) (*Script, error) {
	if !scriptName.MatchString(name) {
		return nil, fmt.Errorf("%q: want lower-case letters, digits and hyphens: omen-action-NAME@.service is the unit that is started: %w", name, omen.ErrInvalid)
	}
	return &Script{b, name}, nil
}

// actionID is what an action's ID looks like; nothing else becomes part of a
// unit's name.
var actionID = regexp.MustCompile(`^a[0-9a-f]{12}$`)

func instanceOf(prefix, name, id string) (string, error) {
	if !actionID.MatchString(id) {
		return "", refused("%q is no ID of an action", id)
	}
	return prefix + name + "@" + id + ".service", nil
}

func (s *Script) unit(a omen.Action) (string, error) { return instanceOf("omen-action-", s.name, a.ID) }

func (s *Script) template() string { return "omen-action-" + s.name + "@.service" }

// Resolve checks that the template unit is there, root's, and bounded.
func (s *Script) Resolve(ctx context.Context, a omen.Action) (t omen.Target, err error) {
	name, err := s.unit(a)
	if err == nil {
		err = here(a.Host)
	}
	if err != nil {
		return t, err
	}
	err = s.bus.asking(ctx, func(ctx context.Context, c *manager.Conn) error {
		u, err := read(ctx, c, name)
		if err != nil {
			return err
		}
		t = omen.Target{Kind: "unit", Name: name, Detail: "by " + u.fragment}
		if err := sound(u, s.template()); err != nil {
			return err
		}
		t.Mark, t.MarkedAt, err = lastRun(ctx, c, s.template(), name)
		return err
	})
	return t, err
}

// sound refuses a template unit that would not keep what is promised of it.
func sound(u unit, template string) error {
	switch {
	case u.load == "not-found":
		err := fmt.Errorf("no unit is called %s: %w", template, omen.ErrNotFound)
		return omen.WithHint(err, "install one, owned by root, as deploy/systemd/omen-action-example@.service shows")
	case u.load != "loaded":
		return refused("%s is %s", template, u.load)
	case u.kind != "oneshot" || !u.remains:
		return omen.WithHint(refused("%s could run twice for one action", template), "it needs Type=oneshot and RemainAfterExit=yes")
	case !u.limited:
		return omen.WithHint(refused("%s may run for ever", template), "it needs TimeoutStartSec= (RuntimeMaxSec= has no effect on Type=oneshot)")
	}
	info, err := os.Stat(u.fragment)
	if err != nil {
		return refused("%s cannot be checked: %v", template, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid != 0 || info.Mode().Perm()&0o022 != 0 {
		return omen.WithHint(refused("%s is not root's alone", u.fragment), "chown root and chmod go-w it")
	}
	return nil
}

// DryRun says what would be started.
func (s *Script) DryRun(_ context.Context, a omen.Action) (string, error) {
	return fmt.Sprintf("would ask systemd to start %s (%s); whether polkit allows it shows only then", a.Target.Name, a.Target.Detail), nil
}

// Do starts the unit and waits for its end. A script that fails says that it did
// nothing.
func (s *Script) Do(ctx context.Context, a omen.Action) (receipt string, err error) {
	name, err := s.unit(a)
	if err != nil {
		return "", err
	}
	release, err := s.bus.alone(ctx, s.template())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	err = s.bus.asking(ctx, func(ctx context.Context, c *manager.Conn) error {
		id, at, err := lastRun(ctx, c, s.template(), name)
		if err == nil && at.After(a.Target.MarkedAt) {
			err = fmt.Errorf("action %s ran it since: %w", id, remedy.ErrChanged)
		}
		return err
	})
	if err != nil && !errors.Is(err, remedy.ErrChanged) { // nothing was started yet
		err = fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	}
	if err != nil {
		return "", err
	}
	return start(ctx, s.bus, name)
}

func start(ctx context.Context, b Bus, name string) (receipt string, err error) {
	err = b.acting(ctx, func(ctx context.Context, c *manager.Conn) error {
		before, err := read(ctx, c, name)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
		case before.load != "loaded":
			return fmt.Errorf("%s is %s: %w", name, before.load, remedy.ErrChanged)
		case before.active != "inactive":
			// Somebody started it for this very ID: starting it again would do nothing.
			return fmt.Errorf("%s is %s already: %w", name, before.active, remedy.ErrUnknown)
		}
		result, err := job(ctx, c.StartUnitContext, name)
		if err != nil {
			return err
		}
		after, err := read(ctx, c, name)
		if err != nil {
			return fmt.Errorf("%w: %w", remedy.ErrUnknown, err)
		}
		receipt = after.invocation
		if result != "done" {
			return refused("%s %s: %s", name, result, after.result)
		}
		return nil
	})
	return receipt, err
}

// Happened reads what the unit says of its run.
func (s *Script) Happened(ctx context.Context, a omen.Action) (answer remedy.Answer, err error) {
	name, err := s.unit(a)
	if err != nil {
		return remedy.CannotTell, err
	}
	err = s.bus.asking(ctx, func(ctx context.Context, c *manager.Conn) error {
		u, err := read(ctx, c, name)
		if err != nil {
			return err
		}
		booted, err := up(c)
		if err != nil {
			return err
		}
		switch {
		case u.load != "loaded", u.busy, u.active == "activating", u.active == "deactivating":
		case u.active == "active":
			answer = remedy.Yes
		case u.active == "failed", u.began.IsZero() && booted < a.Started.UnixMicro():
			answer = remedy.No
		}
		return nil // a machine that booted since has forgotten
	})
	return answer, err
}

// up is when systemd started, in microseconds since 1970: what was before it does
// not know.
func up(c *manager.Conn) (int64, error) {
	said, err := c.GetManagerProperty("UserspaceTimestamp")
	if err != nil {
		return 0, fmt.Errorf("read when systemd started: %w: %w", omen.ErrUnavailable, err)
	}
	us, err := strconv.ParseInt(strings.TrimPrefix(said, "@t "), 10, 64) // GVariant's notation of a 64-bit number
	if err != nil {
		return 0, fmt.Errorf("read when systemd started: it says %q: %w", said, omen.ErrUnavailable)
	}
	return us, nil
}

// Undo starts omen-undo-NAME@ID.service, where there is one.
func (s *Script) Undo(ctx context.Context, a omen.Action) error {
	name, err := instanceOf("omen-undo-", s.name, a.ID)
	if err != nil {
		return err
	}
	err = s.bus.asking(ctx, func(ctx context.Context, c *manager.Conn) error {
		u, err := read(ctx, c, name)
		if err != nil {
			return err
		}
		return sound(u, "omen-undo-"+s.name+"@.service")
	})
	if errors.Is(err, omen.ErrNotFound) {
		return fmt.Errorf("there is no omen-undo-%s@.service: %w", s.name, errors.ErrUnsupported)
	}
	if err != nil {
		return err
	}
	_, err = start(ctx, s.bus, name)
	return err
}
