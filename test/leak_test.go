//go:build e2e

package test

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

// asAnn runs a command that asks this Omen, signed in as ann.
func (o *omen) asAnn(t *testing.T, args ...string) (string, error) {
	t.Helper()
	args = append(args, "--url="+o.plain(), "--web.user=ann", "--web.password-file="+write(t, t.TempDir(), "password", "secret\n"))
	out, err := exec.Command(omenBinary(t), args...).CombinedOutput()
	return string(out), err
}

// approved lets an action that waits be carried out, by the command, as ann.
func (o *omen) approved(t *testing.T, id string) {
	t.Helper()
	if out, err := exec.Command(omenBinary(t), "actions", "approve", id, "--url="+o.plain()).CombinedOutput(); err == nil {
		t.Errorf("somebody approves who has not signed in:\n%s", out)
	}
	out, err := o.asAnn(t, "actions", "approve", id, "--why=it leaks")
	if err != nil || !strings.Contains(out, "approved") || !strings.Contains(out, "ann:") {
		t.Fatalf("approve: %v\n%s", err, out)
	}
}

// helped waits until an action has helped, checks that ann approved it and that it
// went straight there, and logs when.
func (o *omen) helped(t *testing.T, id string, began time.Time) {
	t.Helper()
	a := o.becomes(t, id, 10*time.Minute, "helped")
	if a.By != "ann" || a.Recovered == nil || *a.Recovered <= 0 {
		t.Fatalf("%+v", a)
	}
	var states []string
	for _, s := range a.Steps {
		t.Logf("%-9s %4.0f s after the leak began, by %s: %s", s.State, s.At.Sub(began).Seconds(), s.By, s.Why)
		states = append(states, s.State)
	}
	if want := []string{"waiting", "approved", "started", "done", "measuring", "helped"}; !slices.Equal(states, want) {
		t.Errorf("steps %v, want %v", states, want)
	}
	t.Logf("normal %.0f s after the action began", *a.Recovered)
}

// blames waits for an incident of a host whose leading cause is of memory, and of
// which people are notified.
func (o *omen) blames(t *testing.T, host string, began time.Time) (in incident) {
	t.Helper()
	until(t, 4*time.Minute, "an incident that blames memory", func() error {
		open, err := o.incidents("state=active&host=" + url.QueryEscape(host))
		if err != nil {
			return err
		}
		for _, in = range open {
			if in.Kind == "host" && in.Suppressed == "" && len(in.Causes) > 0 && strings.HasPrefix(in.Causes[0].Feature, "memory") {
				return nil
			}
		}
		return fmt.Errorf("active: %+v", open)
	})
	t.Logf("opened %.0f s after the leak began: %s", in.OpenedAt.Sub(began).Seconds(), in.Causes[0].Text)
	return in
}

// meminfo is this machine's memory, as its kernel says it.
func meminfo(t testing.TB) string {
	t.Helper()
	return string(must.Get(os.ReadFile("/proc/meminfo"))(t))
}

// memory is what a machine has, and which part of it is used, and used by programs,
// of its [meminfo].
func memory(info string) (total, used, anonymous float64) {
	kb := map[string]float64{}
	for line := range strings.Lines(info) {
		if name, rest, found := strings.Cut(line, ":"); found {
			kb[name] = number(strings.Fields(rest)[0])
		}
	}
	total = kb["MemTotal"]
	return 1024 * total, 1 - kb["MemAvailable"]/total, kb["AnonPages"] / total
}

// calm waits until Omen has a model of the memory of the machine that it runs on, and
// nothing is wrong with it.
func (o *omen) calm(t *testing.T) {
	t.Helper()
	until(t, 8*time.Minute, "a model of this machine's memory", o.scored("this-host"))
	until(t, 3*time.Minute, "this machine is normal", func() error {
		hosts, err := o.hosts()
		if err == nil && (len(hosts) != 1 || hosts[0].State != "normal" || hosts[0].Grade != "learning") {
			err = fmt.Errorf("hosts %+v", hosts)
		}
		if err != nil {
			return err
		}
		if open, err := o.incidents("state=active"); err != nil || len(open) > 0 {
			return fmt.Errorf("active: %+v, %w", open, err)
		}
		return nil
	})
}

// leaks is the part of the machine's memory that the shop leaks, a part of it a
// second. It stays outside of what the history knows, on a machine that does other
// things beside, and leaves room.
const (
	leaks    = 0.35
	leakStep = 0.01
)

// TestShop is the service that leaks, a part of [TestALeak]: once the file that
// OMEN_SHOP names is there. One that was there before it started it ignores.
func TestShop(t *testing.T) {
	trouble := os.Getenv("OMEN_SHOP")
	if trouble == "" {
		t.Skip("it is a part of TestALeak")
	}
	fmt.Println("the shop is open")
	_, before := os.Stat(trouble)
	total, _, _ := memory(meminfo(t))
	var kept [][]byte
	for range time.Tick(time.Second) {
		if _, err := os.Stat(trouble); before == nil || err != nil || float64(len(kept))*leakStep >= leaks {
			continue
		}
		b := make([]byte, int(total*leakStep))
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1 // only what was written to is memory
		}
		kept = append(kept, b)
	}
}

// memoryPast is an hour and a half of a machine's memory, around what is used now by
// its [meminfo], with what comes and goes on a machine that works: Omen itself, and a
// fiftieth of the memory for up to 40 s.
func memoryPast(info string, now time.Time) (past []line) {
	total, used, anonymous := memory(info)
	random, m := rand.New(rand.NewPCG(1, 2)), &machine{}
	var build [2]float64
	var lasts [2]int
	for at := now.Add(-90 * time.Minute); at.Before(now); at = at.Add(time.Second) {
		var sways [2]float64 // of what is used, and used by programs: on their own, as caches come and go
		for i := range sways {
			if lasts[i]--; lasts[i] < 0 {
				build[i] = 0
				if random.IntN(60) == 0 {
					build[i], lasts[i] = 0.02*random.Float64(), 10+random.IntN(30)
				}
			}
			sways[i] = 0.01 + 0.02*m.wave(at.Sub(epoch).Seconds(), float64(i)) + build[i] + 0.002*random.NormFloat64()
			sways[i] *= min(1, now.Sub(at).Minutes()/5) // it ends where the machine is
		}
		for name, v := range map[string]float64{"MemTotal": total, "MemAvailable": total * (1 - used - sways[0]), "AnonPages": total * max(0, anonymous+sways[1])} {
			past = append(past, line{metric{family: "node_memory_" + name + "_bytes", labels: `instance="this-host",job="node"`, value: v}, at})
		}
	}
	return past
}

// leakConfig is for a machine of which Omen has a [memoryPast].
const leakConfig = `
local: {instance: this-host, profiles: [memory]}
profiles:
- name: memory
  features:
  - {name: memory_used, group: memory, unit: ratio, direction: up, deviation: 0.05, scale: 0.1, expr: 'max by ($by) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)'}
  - {name: memory_anonymous, group: memory, unit: ratio, direction: up, deviation: 0.05, scale: 0.1, expr: 'max by ($by) (node_memory_AnonPages_bytes / node_memory_MemTotal_bytes)'}
incidents: {close_after: 30s, reopen_within: 1m}
route: {receiver: hook, group_wait: 1s, group_interval: 1s}
remedy:
  mode: automatic
  approvers: {users: [ann]}
  playbooks:
  - {name: restart-shop, match: ['source="local"'], causes_all: [memory_used], learning: true, after: 10s, mode: approve, do: {systemd_restart: {unit: shop.service}}}
`

// A service of this machine leaks, as a unit of a real systemd: the incident blames
// memory, the playbook asks, nothing happens until ann approves by the command, the
// unit is restarted once, and Omen says that it helped, and after how long.
func TestALeak(t *testing.T) {
	program := omenBinary(t)
	binary(t, "promtool")
	trouble := filepath.Join(t.TempDir(), "trouble")
	b := boot(t, []string{"shop.service"}, map[string]string{
		"shop.service": fmt.Sprintf("[Service]\nEnvironment=OMEN_SHOP=%s\nExecStart=%s -test.run=^TestShop$$ -test.timeout=0\n", trouble, must.Get(os.Executable())(t)),
	})
	opened := func() int { return strings.Count(b.said(), "the shop is open") }
	until(t, 30*time.Second, "the shop is open", func() error {
		if opened() != 1 {
			return errors.New(b.said())
		}
		return nil
	})

	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.bus)
	storage := t.TempDir()
	must.OK(t, os.Mkdir(filepath.Join(storage, "metrics"), 0o750))
	backfill(t, filepath.Join(storage, "metrics"), memoryPast(meminfo(t), time.Now()))
	hook := messagetest.NewServer(t, "ok", nil)
	o := serveAnn(t, storage, leakConfig+"receivers: [{name: hook, webhook_configs: [{url: '"+hook.URL+"'}]}]\n", "--storage.new")
	o.calm(t)

	must.OK(t, os.WriteFile(trouble, nil, 0o600))
	in, a := o.restartsShop(t, opened)
	notifiedOf(t, hook, in.ID)
	o.stop()
	for _, args := range [][]string{{"show", a.ID}, {"verify"}} {
		out, err := exec.Command(program, append(append([]string{"actions"}, args...), "--storage.path="+storage)...).CombinedOutput()
		t.Logf("omen actions %s:\n%s", args[0], out)
		if err != nil {
			t.Errorf("omen actions %s: %v", args[0], err)
		}
	}
}

// restartsShop is the way from a shop that begins to leak to one that was restarted
// once: the incident blames memory, the action waits until ann approves it, and Omen
// says that it helped. opened is how often the shop has begun.
func (o *omen) restartsShop(t *testing.T, opened func() int) (in incident, a act) {
	t.Helper()
	began := time.Now()
	in = o.blames(t, "this-host", began)
	a = o.waits(t, in.ID)
	if n := opened(); n != 1 {
		t.Errorf("nobody approved, and the shop opened %d times", n)
	}
	o.approved(t, a.ID)
	until(t, time.Minute, "systemd has restarted the shop", func() error {
		if n := opened(); n != 2 {
			return fmt.Errorf("it opened %d times", n)
		}
		return nil
	})
	o.helped(t, a.ID, began)
	if n := opened(); n != 2 {
		t.Errorf("the shop opened %d times", n)
	}
	return in, a
}

// notifiedOf checks that people were notified of an incident and of what was done.
func notifiedOf(t *testing.T, hook *messagetest.Server, incident string) {
	t.Helper()
	until(t, time.Minute, "people are notified of what was done", func() error {
		var all []string
		for _, r := range hook.Got() {
			all = append(all, string(r.Body))
		}
		if text := strings.Join(all, "\n"); !strings.Contains(text, incident) || !strings.Contains(text, "restart-shop") {
			return fmt.Errorf("heard %s", text)
		}
		return nil
	})
}
