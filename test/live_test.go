//go:build e2e && live

package test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// told is what one alert of one message said.
type told struct {
	at                                  time.Time
	status, source, host, incident, top string // top: the first cause, or the summary where there is none
}

// ear is a receiver that keeps when it heard what.
type ear struct {
	*messagetest.Server
	at []time.Time
}

// heard are all alerts so far, in order.
func (e *ear) heard(t *testing.T) (all []told) {
	t.Helper()
	e.note()
	for i, r := range e.Got()[:len(e.at)] {
		for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
			top, _, _ := strings.Cut(a.Annotations["causes"], "\n")
			if top == "" {
				top = a.Annotations["summary"]
			}
			incident, _, _ := strings.Cut(a.Annotations["key"], ".")
			all = append(all, told{e.at[i], a.Status, a.Labels["source"], a.Labels["instance"], incident, top})
		}
	}
	return all
}

// pace is how long the live hour takes over each of its parts.
type pace struct{ learn, last, gap time.Duration }

// outcome is what became of one fault.
type outcome struct {
	seen, notified time.Duration // after it was set; below 0: never
	cause          string
	over           bool     // said to be over while it lasted
	others         []string // what else people were notified of meanwhile, or in the gap after it
}

// TestLiveHour is an hour of this machine's life, from a first start of `omen
// serve`: twelve unlike faults are really set, one after another, each to be
// notified within a minute, by a message of its own that names its own cause,
// and not to be called over while it lasts; and nothing else between. They begin
// once the host is known for an hour: before, people are notified only of what is
// violent in its own unit. It needs root, and a machine that does nothing else.
func TestLiveHour(t *testing.T) {
	omenBinary(t)
	if os.Getuid() != 0 {
		t.Skip("the faults need root")
	}
	p := pace{setting(t, "LIVE_LEARN", 65*time.Minute), setting(t, "LIVE_LAST", 2*time.Minute), setting(t, "LIVE_GAP", 90*time.Second)}
	ground := newGround(t)
	e := &ear{}
	e.Server = messagetest.NewServer(t, "ok", nil)
	hook := e.Server.URL
	conf := "local: {enabled: true, instance: this-host}\n" + ground.config() + "receivers: [{name: hook, webhook_configs: [{url: '" + hook + "'}]}]\n"
	o := serve(t, t.TempDir(), "--config.file="+write(t, t.TempDir(), "omen.yml", conf))
	began := time.Now()
	until(t, 6*time.Minute, "this host has a model and a finite score", o.scored("this-host"))
	e.passes(t, p.learn-time.Since(began))
	for _, m := range e.heard(t) {
		t.Logf("while it learned: %s %s: %s", m.status, m.host+m.source, m.top)
	}
	var rows []string
	for _, f := range ground.faults(o) {
		t.Run(f.name, func(t *testing.T) { rows = append(rows, f.name+"\t"+e.sees(t, o, f, p).row()) })
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tseen after\tnotified after\tcause\tover while lasting?\tnotified besides")
	fmt.Fprintln(w, strings.Join(rows, "\n"))
	must.OK(t, w.Flush())
	t.Logf("learned for %s, each fault lasts %s, %s between\n%s", p.learn, p.last, p.gap, table.String())
}

func (o outcome) row() string {
	after := func(d time.Duration) string {
		if d < 0 {
			return "never"
		}
		return d.Round(time.Second).String()
	}
	over := "no"
	if o.over {
		over = "YES"
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", after(o.seen), after(o.notified), o.cause, over, strings.Join(o.others, "; "))
}

// note notes when messages arrived that were not there before.
func (e *ear) note() {
	for now := time.Now(); len(e.at) < len(e.Got()); {
		e.at = append(e.at, now)
	}
}

// passes lets time pass, and notes when messages arrive.
func (e *ear) passes(t *testing.T, d time.Duration) {
	t.Helper()
	e.watch(t, d, func() {})
}

// watch lets time pass, looks ten times a second, and notes when messages arrive.
func (e *ear) watch(t *testing.T, d time.Duration, look func()) {
	t.Helper()
	end, tick := time.After(d), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		e.note()
		select {
		case <-end:
			return
		case <-tick.C:
			look()
		}
	}
}

// sees sets a fault, ends it, and says what was notified of it.
func (e *ear) sees(t *testing.T, o *omen, f fault, p pace) outcome {
	t.Helper()
	before := len(e.heard(t))
	result := outcome{seen: -1, notified: -1}
	set := time.Now()
	t.Logf("%s %s", set.UTC().Format(time.TimeOnly), f.name)
	end := f.set(t)
	looked := time.Now()
	e.watch(t, max(p.last, f.least), func() {
		if result.seen >= 0 || time.Since(looked) < time.Second {
			return
		}
		looked = time.Now()
		if high := f.seen(o); high {
			result.seen = time.Since(set)
		}
	})
	ended := time.Now()
	end()
	e.passes(t, p.gap)
	id := ""
	for _, m := range e.heard(t)[before:] {
		own := slices.ContainsFunc(f.causes, func(c string) bool { return strings.Contains(m.top, c) }) && (f.source == "" || m.source == f.source)
		switch {
		case m.status == "firing" && own && result.notified < 0 && m.at.Before(ended):
			result.notified, result.cause, id = m.at.Sub(set), m.top, m.incident
		case m.status == "resolved" && m.incident == id && m.at.Before(ended):
			result.over = true
		case m.status == "firing" && m.incident != id || m.status == "firing" && !own:
			result.others = append(result.others, fmt.Sprintf("%s after %s", m.top, m.at.Sub(set).Round(time.Second)))
		}
	}
	if result.notified < 0 || result.notified > time.Minute {
		t.Errorf("%s: notified after %s, want within a minute", f.name, result.notified)
	}
	if result.over {
		t.Errorf("%s: said to be over while it lasted", f.name)
	}
	if len(result.others) > 0 {
		t.Errorf("%s: people were notified besides of %v", f.name, result.others)
	}
	return result
}
