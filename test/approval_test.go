//go:build e2e

package test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// passwords is a web configuration file: ann, with the password "secret".
const passwords = "basic_auth_users: {ann: $2a$04$RQQWOqrLFO1LE2TOBoR11./1Mi6ZoCdGouBmXRhWmAhNaAa31Orp2}\n"

// serveAnn is serve for somebody who has to sign in: its url has ann's password.
func serveAnn(t *testing.T, dir, conf string, flags ...string) *omen {
	t.Helper()
	o := serve(t, dir, append(flags, "--config.file="+write(t, t.TempDir(), "omen.yml", conf), "--web.config.file="+write(t, t.TempDir(), "web.yml", passwords))...)
	o.url = strings.Replace(o.url, "http://", "http://ann:secret@", 1)
	return o
}

// act is an action as the API shows it.
type act struct {
	ID        string   `json:"id"`
	State     string   `json:"state"`
	Why       string   `json:"why"`
	By        string   `json:"by"`
	Err       string   `json:"err"`
	Guard     string   `json:"guard"`
	Recovered *float64 `json:"recovered_seconds"`
	Steps     []struct {
		At    time.Time `json:"at"`
		By    string    `json:"by"`
		State string    `json:"state"`
		Why   string    `json:"why"`
	} `json:"steps"`
}

// waits waits for an action of an incident that waits for approval.
func (o *omen) waits(t *testing.T, incident string) (found act) {
	t.Helper()
	until(t, 2*time.Minute, "an action that waits for approval", func() error {
		var all struct {
			Actions []act `json:"actions"`
		}
		if err := getJSON(o.url+"/api/v1/omen/actions?incident="+url.QueryEscape(incident), &all); err != nil {
			return err
		}
		i := slices.IndexFunc(all.Actions, func(a act) bool { return a.State == "waiting" })
		if i < 0 {
			return fmt.Errorf("actions %+v", all.Actions)
		}
		found = all.Actions[i]
		return nil
	})
	return found
}

// becomes waits until an action is in one of some states; another end fails the test.
func (o *omen) becomes(t *testing.T, id string, within time.Duration, states ...string) (a act) {
	t.Helper()
	until(t, within, "the action is "+strings.Join(states, " or "), func() error {
		a = act{}
		if err := getJSON(o.url+"/api/v1/omen/actions/"+id, &a); err != nil {
			return err
		}
		if slices.Contains(states, a.State) {
			return nil
		}
		if !slices.Contains([]string{"waiting", "approved", "started", "done", "unknown", "measuring"}, a.State) {
			t.Fatalf("the action is %s: %s %s", a.State, a.Why, a.Err)
		}
		return errors.New(a.State + ": " + a.Why)
	})
	return a
}

// plain is where it answers, without anybody's password.
func (o *omen) plain() string { return strings.Replace(o.url, "ann:secret@", "", 1) }

// An action that waits, in a real browser on a running Omen: its incident's page
// shows what every guard says and the time that is left; a press of Approve has it
// done once, by a webhook that ends the trouble, and a page that is open elsewhere
// changes by the event stream alone.
func TestApprovalInABrowser(t *testing.T) {
	browser(t)
	omenBinary(t)
	t.Parallel()
	m := machines()[1]
	var calls atomic.Int64
	restarter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		m.well.Store(time.Now().UnixMilli())
		_, _ = fmt.Fprintf(w, `{"job":%q}`, r.Header.Get("Webhook-Id"))
	}))
	t.Cleanup(restarter.Close)
	base := startVictoria(t, []*machine{m})
	o := serveAnn(t, t.TempDir(), `
sources: [{name: victoria, url: '`+base+`', step: 10s}]
remedy:
  mode: approve
  approvers: {users: [ann]}
  playbooks:
  - {name: restart-web, match: ['source="victoria"'], learning: true, after: 10s, mode: approve, do: {webhook: {url: '`+restarter.URL+`/restart', receipt: /job}}}
`)
	until(t, 5*time.Minute, "a model of "+m.name, o.scored(m.name))
	flood(t, o, nil, m)
	open := must.Get(o.incidents("state=active&host=" + m.name))(t)
	i := slices.IndexFunc(open, func(in incident) bool { return in.Kind == "host" })
	if i < 0 {
		t.Fatalf("active: %+v, want an incident of the host", open)
	}
	a := o.waits(t, open[i].ID)

	drive(t, o.plain(), "e2e/approve.mjs", "OMEN_USER=ann", "OMEN_PASSWORD=secret", "OMEN_INCIDENT="+open[i].ID, "OMEN_ACTION="+a.ID)
	if a = o.becomes(t, a.ID, time.Minute, "measuring"); a.By != "ann" || calls.Load() != 1 {
		t.Errorf("called %d times: %+v", calls.Load(), a)
	}
}
