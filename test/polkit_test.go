//go:build e2e

package test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	root "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/remedy/systemd"
)

// polkitd is where Debian has it.
const polkitd = "/usr/lib/polkit-1/polkitd"

// TestAskedAsOmen is what the user omen asks of systemd, a part of [TestPolkitRule].
func TestAskedAsOmen(t *testing.T) {
	if os.Getenv("OMEN_ASKS") == "" {
		t.Skip("it is a part of TestPolkitRule")
	}
	bus := systemd.System()
	for _, step := range []remedy.Step{
		{Name: remedy.DoUnit, With: map[string]string{"unit": "shop.service"}},
		{Name: remedy.DoUnit, With: map[string]string{"unit": "other.service"}},
		{Name: remedy.DoUnit, With: map[string]string{"unit": "asks.service"}},
		{Name: remedy.DoScript, With: map[string]string{"name": "clean"}},
	} {
		of := step.With["unit"] + step.With["name"]
		done := func() error {
			h, err := bus.Hand(step)
			if err != nil {
				return err
			}
			a := local(of)
			if a.Target, err = h.Resolve(t.Context(), a); err != nil {
				return err
			}
			_, err = h.Do(t.Context(), a)
			return err
		}()
		switch {
		case done == nil:
			fmt.Println(of, "was done")
		case errors.Is(done, root.ErrDenied) && errors.Is(done, remedy.ErrRefused):
			fmt.Println(of, "was denied:", root.Hint(done))
		default:
			fmt.Println(of, "failed:", done)
		}
	}
	fmt.Println("that is all")
}

// The rule of deploy/systemd, in a real polkit beside a real systemd, lets the user
// omen restart the units that it names and start scripts of root's, and nothing else.
func TestPolkitRule(t *testing.T) {
	if _, err := os.Stat(polkitd); err != nil {
		t.Skipf("polkitd is not installed (.ci/run installs it): %v", err)
	}
	dir := readable(t)
	program := filepath.Join(dir, "asks")
	must.OK(t, os.WriteFile(program, must.Get(os.ReadFile(must.Get(os.Executable())(t)))(t), 0o755))
	must.OK(t, os.Mkdir(filepath.Join(dir, "rules.d"), 0o755))
	rule := must.Get(os.ReadFile("../deploy/systemd/omen.rules"))(t)
	must.OK(t, os.WriteFile(filepath.Join(dir, "rules.d", "50-omen.rules"), rule, 0o644))
	for _, name := range []string{"passwd", "group"} {
		text := string(must.Get(os.ReadFile("/etc/" + name))(t))
		if !strings.Contains("\n"+text, "\nomen:") {
			text += map[string]string{"passwd": "omen:x:64321:64321::/nonexistent:/usr/sbin/nologin\n", "group": "omen:x:64321:\n"}[name]
		}
		must.OK(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	b := boot(t, []string{"shop.service", "other.service", "asks.service"}, map[string]string{
		"shop.service":               "[Service]\nExecStart=sleep infinity\n",
		"other.service":              "[Service]\nExecStart=sleep infinity\n",
		"polkit.service":             "After=dbus.service\n[Service]\nType=dbus\nBusName=org.freedesktop.PolicyKit1\nExecStart=" + polkitd + " --no-debug\n",
		"omen-action-clean@.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=60\nExecStart=sh -c 'echo cleaned for %i'\n",
		"asks.service": "Requires=polkit.service\nAfter=polkit.service shop.service other.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\n" +
			"User=omen\nEnvironment=OMEN_ASKS=1\nExecStart=" + program + " -test.run=^TestAskedAsOmen$$\n",
	}, filepath.Join(dir, "rules.d")+":/etc/polkit-1/rules.d", filepath.Join(dir, "passwd")+":/etc/passwd", filepath.Join(dir, "group")+":/etc/group")
	until(t, time.Minute, "the user omen has asked for everything", func() error {
		if said := b.said(); !strings.Contains(said, "that is all") {
			return errors.New(said)
		}
		return nil
	})
	said := b.said()
	for _, want := range []string{
		"shop.service was done\n", "other.service was denied: polkit decides", "asks.service failed: systemd_restart: unit: asks.service is the unit that Omen itself runs in", "clean was done\n", "cleaned for " + local("clean").ID + "\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("want %q of\n%s", want, said)
		}
	}
}
