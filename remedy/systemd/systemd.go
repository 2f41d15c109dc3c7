// Package systemd carries actions out on the machine that Omen runs on, by asking
// systemd over D-Bus: it restarts a unit ([Restart]), or starts a script that root
// installed as a template unit ([Script]). [Bus.Hand] gives the hand of a playbook.
//
// It runs no command of its own, kills no process, and resets nothing: a unit that
// systemd gave up on (start-limit-hit) is left to people. It never touches the unit
// that Omen runs in, nor those that the machine stands on. What it may do is
// polkit's to say (deploy/systemd/omen.rules).
package systemd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	manager "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/remedy"
)

// Times that a call may take. A unit may take its time to stop: systemd itself
// gives it 90 s by default, and as long to start.
const (
	askPatience = 10 * time.Second
	jobPatience = 4 * time.Minute
)

// Bus is where systemd is reached.
type Bus struct {
	Address string // of D-Bus; empty: the system bus
	own     string // the unit that this process runs in; empty: none
}

// System is the system bus of this machine.
func System() Bus {
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return Bus{} // no cgroups: no unit either
	}
	return Bus{own: unitOf(string(cgroup))}
}

// unitOf is the unit that a line of /proc/self/cgroup names: its last part that is
// the name of a service or scope.
func unitOf(cgroup string) (unit string) {
	for line := range strings.Lines(cgroup) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope") {
				unit = part
			}
		}
	}
	return unit
}

// steps are the names of what this package does, and the settings of each.
var steps = map[string]string{remedy.DoUnit: "unit", remedy.DoScript: "name"}

// Hand checks what a playbook does and gives the hand that does it.
func (b Bus) Hand(step remedy.Step) (remedy.Hand, error) {
	want, found := steps[step.Name]
	if !found {
		return nil, fmt.Errorf("%s is nothing that is done by systemd: there are %s: %w", step.Name, strings.Join(slices.Sorted(maps.Keys(steps)), ", "), omen.ErrInvalid)
	}
	for key := range step.With {
		if key != want {
			return nil, fmt.Errorf("%s: unknown key %s: known here is %s: %w", step.Name, key, want, omen.ErrInvalid)
		}
	}
	var hand remedy.Hand
	var err error
	if step.Name == remedy.DoScript {
		hand, err = NewScript(b, step.With[want])
	} else {
		hand, err = NewRestart(b, step.With[want])
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step.Name, err)
	}
	return hand, nil
}

// open connects; the caller closes.
func (b Bus) open(ctx context.Context) (*manager.Conn, error) {
	c, err := manager.NewConnection(func() (*dbus.Conn, error) {
		dial := dbus.SystemBusPrivate
		if b.Address != "" {
			dial = func(o ...dbus.ConnOption) (*dbus.Conn, error) { return dbus.Dial(b.Address, o...) }
		}
		c, err := dial(dbus.WithContext(ctx))
		if err != nil {
			return nil, err
		}
		err = c.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))})
		if err == nil {
			err = c.Hello()
		}
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return c, nil
	})
	if err != nil {
		err = fmt.Errorf("connect to systemd: %w: %w", omen.ErrUnavailable, err)
		return nil, omen.WithHint(err, "systemd is asked over the system bus: is dbus running, and may Omen's service use AF_UNIX sockets?")
	}
	return c, nil
}

// unit is what systemd says of one.
type unit struct {
	name       string
	load       string // "loaded", "not-found", "masked"
	active     string // "active", "inactive", "failed", "activating", "deactivating"
	invocation string // in hex; changes with each start
	entered    time.Time
	result     string    // "success", "exit-code", "start-limit-hit"
	restart    string    // Restart=: "no", "on-failure", "always"
	began      time.Time // its main process
	fragment   string
	kind       string    // Type=
	remains    bool      // RemainAfterExit=
	limited    bool      // TimeoutStartSec= is not infinity
	manual     bool      // people may start and stop it
	busy       bool      // a job of it is under way
	exited     time.Time // when it last left the state active
	automatic  bool      // its last start was systemd's own, by Restart=
}

// read asks for a unit's properties, and has systemd load it if it is not.
func read(ctx context.Context, c *manager.Conn, name string) (unit, error) {
	p, err := c.GetAllPropertiesContext(ctx, name)
	if err != nil {
		return unit{}, fmt.Errorf("read unit %s: %w: %w", name, omen.ErrUnavailable, err)
	}
	u := unit{name: name, manual: true}
	u.load, _ = p["LoadState"].(string)
	u.active, _ = p["ActiveState"].(string)
	u.result, _ = p["Result"].(string)
	u.fragment, _ = p["FragmentPath"].(string)
	u.kind, _ = p["Type"].(string)
	u.restart, _ = p["Restart"].(string)
	u.remains, _ = p["RemainAfterExit"].(bool)
	if id, ok := p["InvocationID"].([]byte); ok {
		u.invocation = hex.EncodeToString(id)
	}
	u.entered, u.began = instant(p["ActiveEnterTimestamp"]), instant(p["ExecMainStartTimestamp"])
	u.exited = instant(p["ActiveExitTimestamp"])
	if n, ok := p["NRestarts"].(uint32); ok { // counted from the last start that somebody asked for
		u.automatic = n > 0
	}
	if limit, ok := p["TimeoutStartUSec"].(uint64); ok {
		u.limited = limit != ^uint64(0)
	}
	for _, forbids := range []string{"RefuseManualStart", "RefuseManualStop"} {
		if no, ok := p[forbids].(bool); ok && no {
			u.manual = false
		}
	}
	if job, ok := p["Job"].([]any); ok && len(job) > 0 {
		id, _ := job[0].(uint32)
		u.busy = id != 0
	}
	return u, nil
}

// instant is a timestamp of systemd's: microseconds since 1970, 0 for never.
func instant(value any) time.Time {
	us, ok := value.(uint64)
	if !ok || us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(us)).UTC()
}

// job has systemd start or restart a unit and waits for the end of that job.
func job(ctx context.Context, call func(ctx context.Context, name, mode string, ch chan<- string) (int, error), name string) (result string, err error) {
	ended := make(chan string, 1) // one job, one result
	if _, err := call(ctx, name, "replace", ended); err != nil {
		return "", refusal(ctx, name, err)
	}
	select {
	case result := <-ended:
		return result, nil
	case <-ctx.Done():
		return "", fmt.Errorf("%s: its job has not ended: %w: %w", name, remedy.ErrUnknown, ctx.Err())
	}
}

// refusal says what an error of a call means: an answer of systemd's or polkit's is
// a no; no answer is no knowledge.
func refusal(ctx context.Context, name string, err error) error {
	var answer dbus.Error
	if !errors.As(err, &answer) || ctx.Err() != nil {
		return fmt.Errorf("%s: %w: %w", name, remedy.ErrUnknown, err)
	}
	switch last := answer.Name[strings.LastIndexByte(answer.Name, '.')+1:]; last {
	case "AccessDenied", "InteractiveAuthorizationRequired", "AuthFailed":
		err = fmt.Errorf("may not start or restart %s: %w: %w: %w", name, remedy.ErrRefused, omen.ErrDenied, err)
		return omen.WithHint(err, "polkit decides: install deploy/systemd/omen.rules with the names of your units")
	case "NoReply", "Timeout", "TimedOut", "Disconnected":
		return fmt.Errorf("%s: %w: %w", name, remedy.ErrUnknown, err)
	}
	return fmt.Errorf("%s: %w: %w", name, remedy.ErrRefused, err)
}

// here refuses incidents of other machines.
func here(h omen.Host) error {
	if h.Source != "local" {
		return omen.WithHint(refused("%s is not the machine that Omen runs on", h.Name), "match incidents with source=\"local\", or let that machine's own Omen act")
	}
	return nil
}

// touchable refuses units that are never touched.
func (b Bus) touchable(name string) error {
	if remedy.Machinery(name) {
		return remedy.Refusal{Guard: remedy.GuardSelf, Why: name + " is of the machine's own"}
	}
	if name == b.own {
		return remedy.Refusal{Guard: remedy.GuardSelf, Why: name + " is the unit that Omen itself runs in"}
	}
	return nil
}

func refused(format string, args ...any) error {
	return remedy.Refusal{Why: fmt.Sprintf(format, args...)}
}

// asking runs what only reads.
func (b Bus) asking(ctx context.Context, do func(context.Context, *manager.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	c, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(ctx, c)
}

// acting runs what starts something. What could not be asked did nothing.
func (b Bus) acting(ctx context.Context, do func(context.Context, *manager.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, jobPatience)
	defer cancel()
	c, err := b.open(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", remedy.ErrRefused, err)
	}
	defer c.Close()
	return do(ctx, c)
}
