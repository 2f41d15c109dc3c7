//go:build e2e

package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// TestGuest obeys inside of the machine of [TestInDebian], a part of it: root there
// runs what it is sent, within five minutes.
func TestGuest(t *testing.T) {
	address := os.Getenv("OMEN_GUEST")
	if address == "" {
		t.Skip("it is a part of TestInDebian")
	}
	server := &http.Server{Addr: address, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within, cancel := context.WithTimeout(r.Context(), 5*time.Minute)
		defer cancel()
		c := exec.CommandContext(within, "sh", "-e")
		c.Dir, c.Stdin = "/payload", r.Body
		out, err := c.CombinedOutput()
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			out = fmt.Appendf(out, "\n%v", err)
		}
		_, _ = w.Write(out) // who asked sees that the answer is cut
	})}
	must.OK(t, server.ListenAndServe())
}

// debian is a machine of its own, booted from an image that nobody writes to: Debian,
// whose first process is systemd.
type debian struct {
	*process
	omen, guest string // where here Omen's port of there is, and who obeys
}

// bootDebian boots the machine of test/vm/build.sh with a folder at /payload, which
// this program is put into, and waits until it obeys. From there this machine is
// 10.0.2.2.
func bootDebian(t *testing.T, payload string) *debian {
	t.Helper()
	image := os.Getenv("OMEN_VM")
	if image == "" {
		t.Skip("OMEN_VM is not set: `make vm` makes the machine, and runs this")
	}
	qemu := binary(t, "qemu-system-x86_64")
	copied(t, must.Get(os.Executable())(t), filepath.Join(payload, "test"))
	disk := filepath.Join(t.TempDir(), "payload.img")
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", payload, disk, "1G").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
	accel := "tcg,thread=multi" // any machine can; OMEN_VM_ACCEL=kvm is quicker, where that works
	if other := os.Getenv("OMEN_VM_ACCEL"); other != "" {
		accel = other
	}
	m := &debian{omen: freeAddress(t), guest: freeAddress(t)}
	m.process = start(t, qemu, "-accel", accel, "-cpu", "qemu64,svm=off", "-smp", "2", "-m", "6144", // so much that Omen itself is little of it
		"-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", filepath.Join(image, "kernel"), "-initrd", filepath.Join(image, "initrd"),
		"-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 psi=1 systemd.show_status=false systemd.mask=serial-getty@ttyS0.service",
		"-drive", "file="+filepath.Join(image, "root.img")+",format=raw,if=virtio,snapshot=on",
		"-drive", "file="+disk+",format=raw,if=virtio,readonly=on",
		"-netdev", "user,id=n,hostfwd=tcp:"+m.omen+"-:9900,hostfwd=tcp:"+m.guest+"-:9001", "-device", "virtio-net-pci,netdev=n,romfile=")
	until(t, 6*time.Minute, "Debian has booted", func() error {
		select {
		case <-m.done:
			t.Fatalf("it ended: %v", m.err)
		default:
		}
		_, err := m.within(5*time.Second, "test -d /run/systemd/system") // what is sent before it listens is lost
		return err
	})
	t.Cleanup(func() {
		if t.Failed() {
			out, err := m.ask("journalctl --no-pager -n 150; systemctl --no-pager --failed")
			t.Logf("the machine's journal, %v:\n%s", err, out)
		}
	})
	return m
}

// copied copies a file, as a program.
func copied(t *testing.T, from, to string) {
	t.Helper()
	must.OK(t, os.MkdirAll(filepath.Dir(to), 0o755))
	must.OK(t, os.WriteFile(to, must.Get(os.ReadFile(from))(t), 0o755))
}

// ask has the machine's root run a script in /payload.
func (m *debian) ask(script string) (string, error) { return m.within(6*time.Minute, script) }

// within is ask of what may not take longer.
func (m *debian) within(limit time.Duration, script string) (string, error) {
	r, err := (&http.Client{Timeout: limit}).Post("http://"+m.guest, "text/plain", strings.NewReader(script))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	out, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, tail(string(out), 2000))
	}
	return strings.TrimSpace(string(out)), err
}

// run is ask of what has to succeed.
func (m *debian) run(t *testing.T, script string) string {
	t.Helper()
	out, err := m.ask(script)
	if err != nil {
		t.Fatalf("in the machine: %s: %v", tail(script, 300), err)
	}
	return out
}

// has puts a folder of here there.
func (m *debian) has(t *testing.T, dir, there string) {
	t.Helper()
	var packed bytes.Buffer
	tar := exec.Command("tar", "-C", dir, "-cz", ".")
	tar.Stdout = &packed
	must.OK(t, tar.Run())
	m.run(t, fmt.Sprintf("mkdir -p %[1]s\nbase64 -d <<'END' | tar -C %[1]s -xz\n%[2]s\nEND\n", there, base64.StdEncoding.EncodeToString(packed.Bytes())))
}

// installs are the commands by which a file of deploy says that it is installed.
func installs(t *testing.T, file string) string {
	t.Helper()
	var all []string
	for line := range strings.Lines(string(must.Get(os.ReadFile(file))(t))) {
		if command := strings.TrimLeft(line, "#/ "); strings.HasPrefix(command, "install ") || strings.HasPrefix(command, "systemd-sysusers ") || strings.HasPrefix(command, "systemctl daemon-reload") {
			all = append(all, command)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s does not say how it is installed", file)
	}
	return strings.Join(all, "")
}

// vmUnits are the machine's own services: a shop that leaks, one that systemd gives up
// on, and one that the rule of deploy does not name. The last file is what people
// change of Omen's unit, so that others than this machine reach it.
var vmUnits = map[string]string{
	"shop.service":  "[Service]\nEnvironment=OMEN_SHOP=/run/trouble\nExecStart=/payload/test -test.run=^TestShop$$ -test.timeout=0\nStandardOutput=append:/run/said\n",
	"frail.service": "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nRestart=on-failure\nExecStart=false\n",
	"other.service": "[Service]\nExecStart=sleep infinity\n",
	"omen.service.d/web.conf": "[Service]\nExecStart=\nExecStart=/usr/local/bin/omen serve --storage.path=${STATE_DIRECTORY} --config.file=/etc/omen/omen.yml " +
		"--web.config.file=/etc/omen/web.yml --web.listen-address=:9900 --storage.new\n",
}

// Omen as deploy installs it, in a real Debian whose first process is systemd: by the
// commands that its files name, as a user of its own that has no rights but those of
// the rule for polkit. The shop leaks, the incident blames memory, ann approves by the
// command, the shop is restarted once, and it helped. Beside it a playbook that may
// act by itself is refused by a guard, since systemd has given its unit up.
func TestInDebian(t *testing.T) {
	program := omenBinary(t)
	binary(t, "promtool")
	hook := messagetest.NewServer(t, "ok", nil)
	heard := must.Get(url.Parse(hook.URL))(t)
	payload := t.TempDir()
	copied(t, program, filepath.Join(payload, "bin", "omen"))
	for _, name := range []string{"omen.service", "omen.rules"} {
		copied(t, filepath.Join("../deploy/systemd", name), filepath.Join(payload, "deploy/systemd", name))
	}
	for name, text := range vmUnits {
		must.OK(t, os.MkdirAll(filepath.Join(payload, "units", filepath.Dir(name)), 0o755))
		write(t, filepath.Join(payload, "units"), name, text)
	}
	write(t, payload, "web.yml", passwords)
	write(t, payload, "omen.yml", leakConfig+
		"  - {name: restart-frail, match: ['source=\"local\"'], learning: true, after: 10s, mode: automatic, do: {systemd_restart: {unit: frail.service}}}\n"+
		"receivers: [{name: hook, webhook_configs: [{url: 'http://10.0.2.2:"+heard.Port()+"'}]}]\n")
	m := bootDebian(t, payload)
	if first := m.run(t, "cat /proc/1/comm"); first != "systemd" {
		t.Fatalf("the first process is %s", first)
	}
	t.Log(m.run(t, "systemd-detect-virt || true; systemctl --version | head -n 1; uname -r"))

	m.run(t, "cp -r units/. /etc/systemd/system/\nsystemctl daemon-reload\nsystemctl start shop other polkit\nsystemctl start frail || true")
	past := t.TempDir()
	backfill(t, past, memoryPast(m.run(t, "cat /proc/meminfo"), time.Now()))
	m.has(t, past, "/var/lib/omen/metrics")
	service := installs(t, "../deploy/systemd/omen.service")
	user, _, _ := strings.Cut(service, "\n")
	m.run(t, user+"\ninstall -D -m 640 -g omen web.yml /etc/omen/web.yml\n"+installs(t, "../deploy/systemd/omen.rules")+service)
	o := &omen{process: m.process, url: "http://ann:secret@" + m.omen}
	until(t, 3*time.Minute, "omen answers", answers(o.plain()+"/-/healthy"))
	if text, err := m.ask("setpriv --reuid=nobody --clear-groups cat /etc/omen/omen.yml"); err == nil {
		t.Errorf("anybody can read Omen's configuration:\n%s", text)
	}
	if user := m.run(t, "ps -o user= -p $(systemctl show -P MainPID omen)"); user != "omen" {
		t.Errorf("Omen runs as %s", user)
	}
	o.calm(t)

	opened := func() int { return strings.Count(m.run(t, "cat /run/said"), "the shop is open") }
	frail := m.run(t, "systemctl show -P InvocationID frail")
	m.run(t, "touch /run/trouble")
	in, _ := o.restartsShop(t, opened)
	o.refusedByItself(t, in.ID, "restart-frail", "target", "gave up")
	if now := m.run(t, "systemctl show -P InvocationID frail"); now != frail {
		t.Errorf("what systemd gave up on was started: invocation %s, then %s", frail, now)
	}
	notifiedOf(t, hook, in.ID)

	// Nobody but root restarts what the rule does not name, Omen's user neither.
	before := m.run(t, "systemctl show -P InvocationID other")
	said, err := m.ask("systemd-run -q --wait --pipe -p DynamicUser=yes -p User=omen systemctl --no-ask-password restart other 2>&1")
	if err == nil || !strings.Contains(err.Error(), "authentication") && !strings.Contains(err.Error(), "denied") {
		t.Errorf("omen restarts other.service: %v\n%s", err, said)
	}
	if after := m.run(t, "systemctl show -P InvocationID other"); after != before {
		t.Error("omen has restarted other.service")
	}
	if n := m.run(t, "systemctl show -P NRestarts omen"); n != "0" {
		t.Errorf("Omen ended, and was started again %s times", n)
	}
	t.Log(m.run(t, "systemctl stop omen\n/usr/local/bin/omen actions list --storage.path=/var/lib/omen\n/usr/local/bin/omen actions verify --storage.path=/var/lib/omen"))
}

// refusedByItself waits until a guard has refused what a playbook wanted to do about an
// incident, and checks that it did nothing else.
func (o *omen) refusedByItself(t *testing.T, incident, playbook, guard, why string) {
	t.Helper()
	until(t, time.Minute, "guard "+guard+" refuses playbook "+playbook, func() error {
		var all struct {
			Actions []act `json:"actions"`
		}
		if err := getJSON(o.url+"/api/v1/omen/actions?incident="+url.QueryEscape(incident)+"&playbook="+playbook, &all); err != nil {
			return err
		}
		if slices.ContainsFunc(all.Actions, func(a act) bool { return a.State != "refused" }) {
			t.Fatalf("it was not only refused: %+v", all.Actions)
		}
		if !slices.ContainsFunc(all.Actions, func(a act) bool { return a.Guard == guard && strings.Contains(a.Why, why) }) {
			return fmt.Errorf("actions %+v", all.Actions)
		}
		return nil
	})
}
