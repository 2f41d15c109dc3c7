//go:build e2e

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// people are three users with one password, and what they may do: one incident of
// a source opens by itself, and one playbook waits for incidents that do not come.
const (
	password = "secret"
	people   = "local: {enabled: true}\nsources: [{name: gone, url: 'http://127.0.0.1:1', step: 1s}]\nincidents: {source_down: 1s}\n" +
		"remedy: {mode: approve, approvers: {users: [ada]}, playbooks: [{name: tidy, mode: approve, match: ['host=\"nobody\"'], do: {webhook: {url: 'http://127.0.0.1:1/'}}}]}\n"
	roles = "web:\n  roles: {ada: admin, olaf: operate}\n" // wall has none: it reads
)

// Three people use the web UI with the passwords that Omen checks, below the prefix
// that the path of --web.external-url is.
func TestRolesBelowAPrefix(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	const hash = "$2a$04$RQQWOqrLFO1LE2TOBoR11./1Mi6ZoCdGouBmXRhWmAhNaAa31Orp2" // of password
	web := write(t, dir, "web.yml", fmt.Sprintf("basic_auth_users: {ada: %[1]s, olaf: %[1]s, wall: %[1]s}\n", hash))
	o := serveBelow(t, filepath.Join(dir, "data"), address, "/ops/omen",
		"--config.file="+write(t, dir, "omen.yml", people+roles), "--web.config.file="+web, "--web.external-url=http://"+address+"/ops/omen/")
	opened(t, o.url)
	drive(t, o.url, "e2e/roles.mjs", "OMEN_PASSWORD="+password)
}

// The same where a proxy signs people in and takes its own prefix away: Omen knows
// who they are by the proxy's header, and nobody else can say so.
func TestRolesByAProxy(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	omenAt := must.Get(url.Parse("http://" + address))(t)
	proxy := httptest.NewServer(signsIn("/behind/omen", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(omenAt) }}))
	t.Cleanup(proxy.Close)
	file := write(t, dir, "omen.yml", people+roles+"  proxy: {trusted: [127.0.0.1], user_header: X-Omen-User}\nexternal_url: "+proxy.URL+"/behind/omen\n")
	o := serveAt(t, filepath.Join(dir, "data"), address, "--config.file="+file)
	opened(t, proxy.URL+"/behind/omen")
	drive(t, proxy.URL+"/behind/omen", "e2e/roles.mjs", "OMEN_PASSWORD="+password)
	var me struct{ User, Role string }
	must.OK(t, getJSON(o.url+"/api/v1/omen/me", &me)) // past the proxy: nobody, who reads
	if me.User != "" || me.Role != "read" {
		t.Errorf("without the proxy one is %+v", me)
	}
}

// signsIn asks for a user and the password, takes a prefix away and hands over to
// next who it is.
func signsIn(prefix string, next http.Handler) http.Handler {
	return http.StripPrefix(prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if pass != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="proxy"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Del("Authorization")
		r.Header.Set("X-Omen-User", user) // what the client says there is gone
		next.ServeHTTP(w, r)
	}))
}

// opened waits until the source's incident is open, as somebody who only reads.
func opened(t *testing.T, base string) {
	t.Helper()
	until(t, time.Minute, "the source's incident opens", func() error {
		r := must.Get(http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/omen/incidents?state=active&kind=source", http.NoBody))(t)
		r.SetBasicAuth("wall", password)
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var page struct{ Incidents []incident }
		if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
			return fmt.Errorf("status %d: %w", answer.StatusCode, err)
		}
		if len(page.Incidents) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
}
