package systemd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	manager "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// alone takes what is acted on for this process: of all Omens of the machine one at a
// time acts on a unit, or runs a script, whatever users they run as. The kernel lets it
// go when the process ends. The name is an abstract socket's, which needs no file and
// no right; nobody answers there.
func (b Bus) alone(ctx context.Context, what string) (release func() error, err error) {
	sum := sha256.Sum256([]byte(b.Address + " " + what)) // a name has 107 bytes, a unit's may have 255
	l, err := new(net.ListenConfig).Listen(ctx, "unix", "@omen.dev/action/"+hex.EncodeToString(sum[:]))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, refused("another Omen of this machine acts on %s now", what)
	case err != nil:
		return nil, fmt.Errorf("keep other Omens of this machine off %s: %w: %w", what, remedy.ErrRefused, err)
	}
	return l.Close, nil
}

// restartedAt is when somebody last restarted a unit: a person, or an Omen, this or
// another one. Zero: its last start was its first one, or systemd's own (Restart=).
func (u unit) restartedAt() time.Time {
	if u.active != "active" || u.automatic || u.exited.IsZero() || u.entered.Before(u.exited) {
		return time.Time{}
	}
	return u.entered
}

// askedAtOnce bounds the units that systemd is asked for at a time.
const askedAtOnce = 16

// runOf is the action of which a unit is the run.
func runOf(prefix, unit string) string {
	return strings.TrimSuffix(strings.TrimPrefix(unit, prefix), ".service")
}

// lastRun is the instance of a script's template that began last, and when: scripts
// remain after their exit. Empty: none is known.
func lastRun(ctx context.Context, c *manager.Conn, template, but string) (id string, at time.Time, err error) {
	prefix := strings.TrimSuffix(template, ".service")
	all, err := c.ListUnitsByPatternsContext(ctx, nil, []string{prefix + "*.service"})
	if err != nil {
		return "", at, fmt.Errorf("list the runs of %s: %w: %w", template, omen.ErrUnavailable, err)
	}
	began := make([]time.Time, len(all))
	asking, within := errgroup.WithContext(ctx)
	asking.SetLimit(askedAtOnce)
	for i, one := range all {
		if one.Name == but || !actionID.MatchString(runOf(prefix, one.Name)) {
			continue
		}
		asking.Go(func() error {
			u, err := read(within, c, one.Name)
			began[i] = u.began
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return "", at, err
	}
	for i, when := range began {
		if when.After(at) {
			id, at = runOf(prefix, all[i].Name), when
		}
	}
	return id, at, nil
}
