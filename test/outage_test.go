//go:build e2e

package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A real Alertmanager is down for five real minutes. Meanwhile one trouble
// ends, one begins, and one comes and goes. Back again, it hears of all: its
// receiver is notified of the end and of the beginning, and what came and went is
// on record as delivered.
func TestAlertmanagerIsDownForFiveMinutes(t *testing.T) {
	path := binary(t, "prometheus-alertmanager")
	omenBinary(t)
	t.Parallel()
	const outage = 5 * time.Minute
	sources := newSources(t, 4)
	stays, ends, begins, flits := sources[0], sources[1], sources[2], sources[3]
	begins.down.Store(false)
	flits.down.Store(false)

	behind := newHook(t, nil)
	amDir, amAddress := t.TempDir(), freeAddress(t)
	am := startAlertmanager(t, path, amDir, amAddress, "source", behind.URL)
	file := write(t, t.TempDir(), "omen.yml", sourcesConfig(sources)+"alertmanagers: [{url: 'http://"+amAddress+"'}]\n")
	o := serve(t, t.TempDir(), "--config.file="+file)
	until(t, time.Minute, "both troubles are told", behind.said(map[string]string{stays.name: "firing", ends.name: "firing"}))

	// Alertmanager notes whom it notified once the receiver has answered, and shows
	// that nowhere; stopped before, it would not know that it owes anybody an end.
	time.Sleep(2 * time.Second)
	am.stop()
	down := time.Now()
	ends.down.Store(false)
	begins.down.Store(true)
	flits.down.Store(true)
	until(t, time.Minute, "what begins is recorded", o.sourceIncidents(stays.name, begins.name, flits.name))
	flits.down.Store(false)
	until(t, time.Minute, "what ends is recorded", o.sourceIncidents(stays.name, begins.name))
	if _, err := http.Get("http://" + amAddress + "/-/ready"); err == nil {
		t.Fatal("alertmanager is not down")
	}
	select {
	case <-time.After(time.Until(down.Add(outage))): // the outage is what is tested
	case <-o.done:
		t.Fatal("omen ended")
	}
	before := len(behind.got())
	startAlertmanager(t, path, amDir, amAddress, "source", behind.URL)
	until(t, 3*time.Minute, "all that it missed is notified", behind.said(map[string]string{stays.name: "firing", ends.name: "resolved", begins.name: "firing"}))
	until(t, time.Minute, "every change is on record as delivered", func() error { return allDelivered(o, "alertmanager/"+amAddress) })
	for _, m := range behind.got()[before:] {
		if m.status[stays.name] != "" {
			t.Errorf("what went on all the time was told again: %v", m.status)
		}
	}
	t.Logf("down for %s; %d messages before, %d after", time.Since(down).Round(time.Second), before, len(behind.got())-before)
}

// allDelivered is nil if every change of every incident that notifies is on
// record as delivered to a receiver; that it was down is no message for it.
func allDelivered(o *omen, receiver string) error {
	all, err := o.incidents("limit=500")
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no incidents")
	}
	for _, in := range all {
		if in.Kind == "omen" {
			continue
		}
		for _, c := range in.Changes {
			if !toldKinds[c.Kind] {
				continue
			}
			found := false
			for _, d := range in.Deliveries {
				found = found || d.Key == c.Key && d.Receiver == receiver && d.Outcome == "delivered"
			}
			if !found {
				return fmt.Errorf("%s (%s of %s) is not on record as delivered to %s: %v", c.Key, c.Kind, in.Host.ID, receiver, in.Deliveries)
			}
		}
	}
	return nil
}

// toldKinds are the changes that a receiver always hears of.
var toldKinds = map[string]bool{"opened": true, "reopened": true, "escalated": true, "closed": true}

// Receivers that answer 500, ask for time, hang or hang up, webhooks and mail
// and Slack alike, delay no other, and get their message once they are well.
func TestBadReceiversDelayNoOther(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	sources := newSources(t, 1)
	sources[0].down.Store(false)
	const wait = 4 * time.Second
	first := func(bad http.HandlerFunc) http.HandlerFunc { // bad twice, then well
		n := 0
		return func(w http.ResponseWriter, r *http.Request) {
			if n++; n <= 2 {
				bad(w, r)
				return
			}
			_, _ = io.WriteString(w, "ok")
		}
	}
	limit := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", fmt.Sprint(wait.Seconds()))
		w.WriteHeader(http.StatusTooManyRequests)
	}
	hooks := map[string]*hook{
		"good":   newHook(t, nil),
		"broken": newHook(t, first(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })),
		"busy":   newHook(t, first(limit)),
		"slack":  newHook(t, first(limit)),
		"hangs":  newHook(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"closes": newHook(t, first(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half an answ"))
			panic(http.ErrAbortHandler)
		})),
	}
	conf := strings.Builder{}
	conf.WriteString(sourcesConfig(sources) + "receivers:\n")
	for _, name := range []string{"broken", "busy", "hangs", "closes", "good"} {
		fmt.Fprintf(&conf, "- {name: %s, webhook_configs: [{url: '%s'}]}\n", name, hooks[name].URL)
	}
	fmt.Fprintf(&conf, "- {name: slack, slack_configs: [{api_url: '%s', channel: x}]}\n", hooks["slack"].URL)
	fmt.Fprintf(&conf, "- {name: mute-mail, email_configs: [{to: a@b.c, from: d@e.f, smarthost: '%s', require_tls: false}]}\n", silentListener(t))
	o := serve(t, t.TempDir(), "--config.file="+write(t, t.TempDir(), "omen.yml", conf.String()))

	sources[0].down.Store(true)
	until(t, time.Minute, "the incident opens", o.sourceIncidents(sources[0].name))
	opened := time.Now()
	until(t, 10*time.Second, "the good receiver hears of it", hooks["good"].said(map[string]string{sources[0].name: "firing"}))
	if took := time.Since(opened); took > 5*time.Second {
		t.Errorf("the good receiver waited %s for the others", took)
	}
	sources[0].down.Store(false)
	until(t, time.Minute, "the good receiver hears of the end", hooks["good"].said(map[string]string{sources[0].name: "resolved"}))
	delivered := func(receiver string) func() error {
		return func() error {
			all, err := o.incidents("limit=10")
			if err != nil {
				return err
			}
			for _, d := range all[0].Deliveries {
				if d.Receiver == receiver && d.Outcome == "delivered" {
					return nil
				}
			}
			return fmt.Errorf("not on record: %v", all[0].Deliveries)
		}
	}
	for _, receiver := range []string{"broken/webhook", "busy/webhook", "closes/webhook", "slack/slack"} {
		until(t, time.Minute, receiver+" gets it in the end", delivered(receiver))
	}
	for _, receiver := range []string{"hangs/webhook", "mute-mail/email"} {
		if delivered(receiver)() == nil {
			t.Errorf("%s never answered and is on record as told", receiver)
		}
	}
	for _, name := range []string{"busy", "slack"} {
		if all := hooks[name].got(); len(all) < 2 || all[1].at.Sub(all[0].at) < wait {
			t.Errorf("%s asked for %s and got %v", name, wait, all)
		}
	}
	began := time.Now()
	o.stop()
	if took := time.Since(began); took > 10*time.Second || o.err != nil {
		t.Errorf("stopping took %s while receivers hang: %v", took, o.err)
	}
}
