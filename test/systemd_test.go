//go:build e2e

package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	root "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/remedy/systemd"
)

// booted is a real systemd, with a system bus of its own.
type booted struct {
	*process
	fs  string // its file system, as seen from here: /run is its own, the rest is this machine's
	bus string // the address of its bus
}

// bootScript makes the process that runs it the first one of a machine of its own,
// with this kernel and these files, and systemd of it. It can write to its own /run
// and to its own part of the tree of cgroups; to nothing else, so that this machine
// does not notice. What systemd says goes to the file log.
const bootScript = `set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$NAME"
echo 0 >"/sys/fs/cgroup/$NAME/cgroup.procs"
exec unshare --cgroup sh -ec '
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
if [ -e /dev/kmsg ]; then mount --bind "$DIR/log" /dev/kmsg; fi
if [ -e /dev/console ]; then mount --bind /dev/null /dev/console; fi
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/dbus /run/systemd/seats /run/systemd/sessions /run/systemd/machines /run/systemd/users
for b in $BINDS; do mount --bind "${b%:*}" "${b#*:}"; done
: >"/run/$NAME"
mount -o remount,bind,ro /
exec env container=omen SYSTEMD_UNIT_PATH="$DIR/units" SYSTEMD_GENERATOR_PATH="$DIR/none" SYSTEMD_ENVIRONMENT_GENERATOR_PATH="$DIR/none" \
systemd --system --unit=machine.target --log-target=kmsg --show-status=no'
`

// machineUnits are what a machine has beside the units of a test.
var machineUnits = map[string]string{
	"machine.target": "[Unit]\nDefaultDependencies=no\nWants=dbus.service %s\n",
	"dbus.socket":    "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
	"dbus.service": `[Unit]
DefaultDependencies=no
Requires=dbus.socket
After=dbus.socket
[Service]
Type=notify
NotifyAccess=main
StandardError=append:/run/said
ExecStart=dbus-daemon --config-file=%s --address=systemd: --nofork --nopidfile
`,
}

// boot boots a machine with these units, starts those that are wanted, and waits
// until the first is up. Each has what a service needs in this machine added. binds
// are files or folders that are elsewhere there, as FROM:TO.
func boot(t *testing.T, wanted []string, units map[string]string, binds ...string) *booted {
	t.Helper()
	first := wanted[0]
	binary(t, "systemd")
	binary(t, "dbus-daemon")
	if os.Getuid() != 0 {
		t.Skip("a machine of its own for systemd is made by root")
	}
	dir := readable(t)
	name := fmt.Sprintf("omen-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	must.OK(t, os.Mkdir(filepath.Join(dir, "units"), 0o755))
	log := write(t, dir, "log", "")
	conf := write(t, dir, "bus.conf", `<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>`)
	for unit, text := range machineUnits {
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, map[string]string{"machine.target": strings.Join(wanted, " "), "dbus.service": conf}[unit])
		}
		must.OK(t, os.WriteFile(filepath.Join(dir, "units", unit), []byte(text), 0o644))
	}
	for unit, text := range units {
		text = strings.Replace(text, "[Service]\n", "[Service]\nStandardOutput=append:/run/said\nStandardError=append:/run/said\n", 1)
		must.OK(t, os.WriteFile(filepath.Join(dir, "units", unit), []byte("[Unit]\nDefaultDependencies=no\n"+text), 0o644))
	}
	p := &process{name: "systemd", cmd: exec.Command("sh", "-c", bootScript), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "NAME="+name, "DIR="+dir, "BINDS="+strings.Join(binds, " "))
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS | syscall.CLONE_NEWNET,
	}
	if err := p.cmd.Start(); err != nil {
		t.Skipf("this machine lets nobody make another for systemd: %v", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	b := &booted{process: p, fs: fmt.Sprintf("/proc/%d/root", p.cmd.Process.Pid)}
	b.bus = "unix:path=" + b.fs + "/run/dbus/system_bus_socket"
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("systemd said %s\n%s\nits services said\n%s", p.out.String(), tail(b.read(log), 6000), tail(b.said(), 3000))
		}
		p.kill() // all others there die with the first
		undo := exec.Command("unshare", "--mount", "sh", "-ec",
			`mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit 0; if [ -d "/sys/fs/cgroup/$0" ]; then find "/sys/fs/cgroup/$0" -depth -type d -exec rmdir {} \;; fi`, name)
		if out, err := undo.CombinedOutput(); err != nil {
			t.Errorf("its cgroups are left: %v\n%s", err, out)
		}
	})
	hand := must.Get(systemd.Bus{Address: b.bus}.Hand(remedy.Step{Name: remedy.DoUnit, With: map[string]string{"unit": first}}))(t)
	until(t, time.Minute, "a real systemd has "+first, func() error {
		select {
		case <-p.done:
			if out := p.out.String(); strings.Contains(out, "ermission denied") || strings.Contains(out, "not permitted") {
				t.Skipf("this machine lets nobody make another for systemd: %s", out)
			}
			t.Fatalf("it ended: %v", p.err)
		default:
		}
		if _, err := os.Stat(b.fs + "/run/" + name); err != nil { // before, /run is this machine's
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		target, err := hand.Resolve(ctx, local(first))
		if err == nil && !strings.HasPrefix(target.Detail, "active") {
			err = fmt.Errorf("%s is %s", first, target.Detail)
		}
		return err
	})
	return b
}

// readable is a folder of the test's own that everybody on the machine can read.
func readable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must.OK(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

// local is an action on this machine.
func local(what string) root.Action {
	return root.Action{ID: root.ActionID(what, "test", 1), Host: root.Host{Source: "local", Profile: "node", Name: "here"}, Started: time.Now()}
}

// read is a file's text, or why there is none.
func (b *booted) read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// said is what the machine's services have said.
func (b *booted) said() string { return b.read(b.fs + "/run/said") }

// What remedy/systemd takes systemd to be, the real one is: a unit is restarted once
// and seen to be, one that does not come up again is in doubt and then left to
// people, and a script runs once for an action, however often it is started.
func TestRealSystemd(t *testing.T) {
	b := boot(t, []string{"shop.service", "crashes.service"}, map[string]string{
		"crashes.service": "StartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nRestart=on-failure\nExecStart=sh -c 'exit 1'\n",
		"shop.service":    "[Service]\nExecStart=sleep infinity\n",
		"frail.service": "StartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\n" +
			"ExecStartPre=sh -c 'test ! -e /run/broken'\nExecStart=sleep infinity\n",
		"omen-action-clean@.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=60\nExecStart=sh -c 'echo cleaned for %i'\n",
		"omen-action-fails@.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=60\nExecStart=sh -c 'exit 3'\n",
	})
	bus := systemd.Bus{Address: b.bus}
	of := func(does, key, name string) (remedy.Hand, root.Action) {
		t.Helper()
		h := must.Get(bus.Hand(remedy.Step{Name: does, With: map[string]string{key: name}}))(t)
		a := local(name)
		a.Target = must.Get(h.Resolve(t.Context(), a))(t)
		return h, a
	}
	happened := func(h remedy.Hand, a root.Action, want remedy.Answer) {
		t.Helper()
		if got := must.Get(h.Happened(t.Context(), a))(t); got != want {
			t.Errorf("%s happened: %v, want %v", a.Target.Name, got, want)
		}
	}

	h, a := of(remedy.DoUnit, "unit", "shop.service")
	happened(h, a, remedy.No)
	asked := time.Now()
	if receipt := must.Get(h.Do(t.Context(), a))(t); receipt == "" || receipt == a.Target.UID {
		t.Errorf("invocation %q before, %q after the restart", a.Target.UID, receipt)
	}
	t.Logf("systemd restarted %s in %s", a.Target.Name, time.Since(asked).Round(time.Millisecond))
	happened(h, a, remedy.Yes)
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrChanged) {
		t.Errorf("a second time: %v", err)
	}

	h, a = of(remedy.DoUnit, "unit", "frail.service")
	must.Get(h.Do(t.Context(), a))(t) // its first start
	h, a = of(remedy.DoUnit, "unit", "frail.service")
	must.OK(t, os.WriteFile(b.fs+"/run/broken", nil, 0o600))
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrUnknown) {
		t.Errorf("stopped, and does not start: %v", err)
	}
	happened(h, a, remedy.CannotTell)
	h, a = of(remedy.DoUnit, "unit", "frail.service")
	if _, err := h.Do(t.Context(), a); err == nil {
		t.Error("it started too often, and nobody says so")
	}
	h = must.Get(bus.Hand(remedy.Step{Name: remedy.DoUnit, With: map[string]string{"unit": "crashes.service"}}))(t)
	until(t, 30*time.Second, "what systemd gave up on is left to people", func() error {
		_, err := h.Resolve(t.Context(), local("crashes"))
		if !errors.Is(err, remedy.ErrRefused) || !strings.Contains(err.Error(), "gave up") {
			return fmt.Errorf("it may be restarted: %w", err)
		}
		return nil
	})

	h, a = of(remedy.DoScript, "name", "clean")
	happened(h, a, remedy.No)
	must.Get(h.Do(t.Context(), a))(t)
	happened(h, a, remedy.Yes)
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrUnknown) {
		t.Errorf("a script a second time: %v", err)
	}
	if n := strings.Count(b.said(), "cleaned for "+a.ID); n != 1 {
		t.Errorf("the script ran %d times:\n%s", n, b.said())
	}
	h, a = of(remedy.DoScript, "name", "fails")
	if _, err := h.Do(t.Context(), a); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("a script that fails: %v", err)
	}
	happened(h, a, remedy.No)
}
