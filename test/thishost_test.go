//go:build e2e

package test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// A fresh Omen on this machine, without anything else: within four minutes it
// has a model; under load an incident opens, is explained, told to everybody,
// and closes when the load has ended. It runs by itself: what other tests do
// to this machine would be an anomaly too.
func TestThisHost(t *testing.T) {
	stress := binary(t, "stress-ng")
	alertmanager, _ := exec.LookPath("prometheus-alertmanager")
	w := newWorld(t)
	if alertmanager != "" {
		w.startAlertmanager(t, alertmanager)
	}
	file := write(t, t.TempDir(), "omen.yml", "local: {instance: this-host}\n"+w.config())
	o := serve(t, t.TempDir(), "--config.file="+file)
	began := time.Now()
	if page, err := get(o.url + "/"); err != nil || !strings.Contains(page, "<html") {
		t.Errorf("the page: %v\n%s", err, tail(page, 200))
	}
	until(t, 4*time.Minute, "this host has a model and a finite score", o.scored("this-host"))
	if hosts, err := o.hosts(); err != nil || len(hosts) != 1 || hosts[0].Grade != "provisional" {
		t.Errorf("hosts %+v, %v: want one with a provisional model", hosts, err)
	}
	t.Logf("first score %s after the start", time.Since(began).Round(time.Second))
	until(t, 5*time.Minute, "this host is normal", func() error {
		open, err := o.incidents("state=active")
		if err == nil && len(open) > 0 {
			err = fmt.Errorf("still open from before the load: %v", open[0].Causes)
		}
		return err
	})

	load := start(t, stress, "--cpu", "2", "--io", "4", "--vm", "2", "--fork", "4", "--timeout", "120s")
	loaded := time.Now()
	id := ""
	until(t, time.Minute, "an incident that people are told of", func() error {
		open, err := o.incidents("state=active")
		if err != nil {
			return err
		}
		for _, in := range open {
			if in.Kind == "host" && in.Suppressed == "" {
				id = in.ID
				checkOpening(t, in, loaded)
				return nil
			}
		}
		return fmt.Errorf("active: %+v", open)
	})
	w.told(t, "this-host", "firing", 90*time.Second)
	if err := load.wait(t, 3*time.Minute); err != nil {
		t.Fatalf("stress-ng: %v\n%s", err, load.out.String())
	}
	t.Run("browser", func(t *testing.T) { browse(t, o, true) })
	until(t, 6*time.Minute, "the incident closes after the load", func() error {
		open, err := o.incidents("state=active")
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(open, func(in incident) bool { return in.ID == id }); i >= 0 {
			return fmt.Errorf("still %s, score %v", open[i].State, open[i].Causes)
		}
		return nil
	})
	w.told(t, "this-host", "resolved", time.Minute)
	deliveries(t, o, "this-host")
}

// checkOpening checks when an incident opened, by Omen's own clock, and what
// it blames.
func checkOpening(t *testing.T, in incident, loaded time.Time) {
	t.Helper()
	opened := in.OpenedAt
	for _, c := range in.Changes { // one of before the load may have been taken up again
		if (c.Kind == "opened" || c.Kind == "reopened") && c.At.After(loaded) {
			opened = c.At
		}
	}
	took := opened.Sub(loaded)
	t.Logf("opened %s after the load began (%s): %v", took.Round(100*time.Millisecond), in.Reason, in.Causes)
	if took > 30*time.Second {
		t.Errorf("opened %s after the load began, want within 30 s", took)
	}
	related := []string{"cpu_", "load_", "procs", "context_", "forks", "pressure_", "memory_", "swap_", "page_", "major_", "disk_"}
	for i, c := range in.Causes[:min(3, len(in.Causes))] {
		if !slices.ContainsFunc(related, func(prefix string) bool { return strings.HasPrefix(c.Feature, prefix) }) {
			t.Errorf("cause %d is %s: the load is on processors, disk and memory", i+1, c.Text)
		}
	}
	if len(in.Causes) == 0 {
		t.Error("the incident names no cause")
	}
}
