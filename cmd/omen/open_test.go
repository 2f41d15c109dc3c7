package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

// Without a directory the Omen at the default address is asked, if one answers, and
// it is said that it is; a directory that is named is meant.
func TestTheOmenAtTheDefaultAddressIsAsked(t *testing.T) {
	server := httptest.NewServer(api.New(api.Options{Store: must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)}).Handler())
	defer server.Close()
	t.Chdir(t.TempDir())
	list := func(dir, localhost string) (string, error) {
		var said bytes.Buffer
		c := incidentsListCmd{Limit: 1}
		c.Storage.Path = dir
		err := c.Run(&env{ctx: t.Context(), out: &said, errors: &said, localhost: localhost})
		return said.String(), err
	}
	if said, err := list(defaultStorage, server.URL); err != nil || said != "asking the running Omen at "+server.URL+": there is no Omen data in ./data\nno incident\n" {
		t.Errorf("%q, %v", said, err)
	}
	for _, c := range [][2]string{{defaultStorage, "http://127.0.0.1:1"}, {"elsewhere", server.URL}} {
		if said, err := list(c[0], c[1]); !errors.Is(err, omen.ErrNotFound) || !strings.Contains(omen.Hint(err), "--storage.path=DIR") || said != "" {
			t.Errorf("%s: %q, %v", c[0], said, err)
		}
	}
}

// An Omen that has users is asked as one of them, by every command that asks one; who
// has not signed in learns how.
func TestARunningOmenIsAskedAsAUser(t *testing.T) {
	dir := t.TempDir()
	db := must.Get(store.Open(t.Context(), filepath.Join(dir, "omen.db"), nil))(t)
	defer db.Close()
	open := api.New(api.Options{Store: db}).Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet { // a database alone can only be read
			http.Error(w, "no running Omen", http.StatusNotImplemented)
			return
		}
		open.ServeHTTP(w, r)
	}))
	defer server.Close()
	file := filepath.Join(dir, "password")
	must.OK(t, os.WriteFile(file, []byte("secret\n"), 0o600))
	for command, want := range map[string]string{
		"incidents list": "no incident", "incidents show nope": "not found", "incidents ack nope": "501", "models list": "no model",
		"actions list": "no action", "actions show nope": "not found", "actions verify": "the audit is what was written", "actions export": "",
		"forecast": "nothing with a limit was measured",
	} {
		var said bytes.Buffer
		args := append(strings.Fields(command), "--url="+server.URL)
		run(t.Context(), args, &said, &said)
		if !strings.Contains(said.String(), "401") || !strings.Contains(said.String(), "--web.user=NAME") {
			t.Errorf("%s, not signed in: %s", command, said.String())
		}
		said.Reset()
		run(t.Context(), append(args, "--web.user=ann", "--web.password-file="+file), &said, &said)
		if text := strings.ReplaceAll(said.String(), server.URL, ""); strings.Contains(text, "401") || !strings.Contains(text, want) { // its port may have these digits
			t.Errorf("%s, as ann: %s", command, said.String())
		}
	}
	t.Chdir(t.TempDir())
	var said bytes.Buffer
	c := incidentsListCmd{Limit: 1}
	c.Storage.Path = defaultStorage
	if err := c.Run(&env{ctx: t.Context(), out: &said, errors: &said, localhost: server.URL}); !errors.Is(err, omen.ErrDenied) {
		t.Errorf("at the default address: %v", err)
	}
}

// Without the audit's key nothing is known to be wrong, and nothing is called so: it is
// said whether none is there or another.
func TestVerifyWithoutAKey(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "omen.db.key")
	db := must.Get(store.Open(t.Context(), filepath.Join(dir, "omen.db"), nil))(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	must.OK(t, db.PutSilence(t.Context(), mute.Silence{ID: "q", Match: []mute.Matcher{{Name: "host", Value: "web-1", IsEqual: true}}, From: at, Until: at.Add(time.Hour), By: "ann", Reason: "work"},
		omen.Audit{At: at, By: "ann", Action: "silence.create", Subject: "q"}))
	must.OK(t, db.Close())
	for why, change := range map[string]func() error{
		"the key of the audit is not there: no file " + key:                    func() error { return os.Remove(key) },
		"the key in " + key + " is another than the one that signed the audit": func() error { return os.WriteFile(key, []byte(strings.Repeat("another", 5)), 0o600) },
	} {
		must.OK(t, change())
		var said bytes.Buffer
		code := run(t.Context(), []string{"actions", "verify", "--storage.path=" + dir}, &said, &said)
		if text := said.String(); code != 1 || strings.Contains(text, "corrupt") || !strings.Contains(text, why+", so that it cannot be said whether its 1 row is what was written") || !strings.Contains(text, "hint: put the key file back") {
			t.Errorf("%d: %s", code, text)
		}
	}
}

// What is stored reads the same from its directory and from an Omen that has it.
func TestBothWaysSayTheSame(t *testing.T) {
	dir, _, m, all := learned(t)
	db := must.Get(store.Open(t.Context(), app.DatabasePath(dir), nil))(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	must.OK(t, db.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, By: "tracker", Incident: omen.Incident{
		ID: "i1", Kind: omen.HostIncident, Host: all[0].Host, State: omen.Open, Severity: omen.Warning, Since: at, Peak: 4, ChangeNumber: 1,
		Causes: []omen.Cause{{Feature: "disk_write", Unit: omen.BytesPerSecond, Share: 0.7, Actual: 240e6, Lower: 8e6, Upper: 15e6}},
	}}))
	memory := omen.Outlook{Resource: omen.Resource{Host: all[0].Host, Name: "memory"}, Unit: omen.Bytes, Forecast: omen.Forecast{
		At: at, Used: 6e9, Limit: 8e9, Full: 3 * time.Hour, Early: 2 * time.Hour, Late: 5 * time.Hour, Rate: 2e5, Since: at.Add(-time.Hour)}}
	must.OK(t, db.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, By: "tracker", Incident: omen.Incident{
		ID: "i2", Kind: omen.ForecastIncident, Host: all[0].Host, State: omen.Open, Severity: omen.Warning, Since: at, ChangeNumber: 1,
		Summary: memory.Sentence(time.FixedZone("", 3*3600)), Forecast: &memory, // as people are notified of it
	}}))
	full := memory.String()
	if !strings.Contains(full, "since 11:00") {
		t.Fatal(full)
	}
	commands := map[string]string{ // what each must say, at least
		"incidents list --limit=2":     "since (UTC)",
		"incidents list --limit=1":     "2026-03-01 12:00  0.0   " + full,
		"incidents show i2":            ", open, since 2026-03-01 12:00 UTC\n  " + full,
		"incidents list":               "i1  web-1  open   warning   2026-03-01 12:00  4.0   disk_write 240 MB/s, expected 8–15 MB/s",
		"incidents show i1":            "  2026-03-01 12:00:00 UTC  opened       tracker",
		"models list":                  m.Info().ID,
		"models show web-1":            "a model of grade",
		"models show local/node/web-1": "a model of grade",
		"models show web-1 --json":     `"schema"`,
		"incidents show nope":          `incident nope: not found`,
		"models show nope":             "hint: see all with: omen models list",
	}
	say := func(command, where string) string {
		var b bytes.Buffer
		run(t.Context(), append(strings.Fields(command), where), &b, &b)
		return strings.NewReplacer(strings.TrimPrefix(where, "--url="), "X", strings.TrimPrefix(where, "--storage.path="), "X").Replace(b.String())
	}
	server := httptest.NewServer(api.New(api.Options{Store: db}).Handler())
	defer server.Close()
	remote := map[string]string{}
	for command := range commands {
		remote[command] = say(command, "--url="+server.URL)
	}
	must.OK(t, db.Close())
	for command, want := range commands {
		if got := say(command, "--storage.path="+dir); got != remote[command] || !strings.Contains(got, want) {
			t.Errorf("%s: from the directory\n%s\nfrom a running Omen\n%s\nwant %q", command, got, remote[command], want)
		}
	}
}
