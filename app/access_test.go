package app

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/internal/must"
)

// users is a web configuration file: ann, with the password "secret".
const users = "basic_auth_users: {ann: $2a$04$RQQWOqrLFO1LE2TOBoR11./1Mi6ZoCdGouBmXRhWmAhNaAa31Orp2}\n"

// as sends a request with a user, a Host and a JSON body where they are given.
func (a *omenAt) as(method, path, user, host, body string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.address+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, "secret")
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // the test's own certificate
	answer, err := client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// certificate is the lines of a web configuration file for TLS.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key := must.Get(x509.MarshalPKCS8PrivateKey(pair.PrivateKey))(t)
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
}

// With passwords, probes and the links in messages need none, everything else
// does, and who acts is who signed in.
func TestPasswordsOverTLS(t *testing.T) {
	dir := t.TempDir()
	file, web := filepath.Join(dir, "omen.yml"), filepath.Join(dir, "web.yml")
	write(t, file, "external_url: https://omen.example.org\nlocal: {instance: this-one}\nnotify: {buttons: {links: true}}\n")
	write(t, web, users+certificate(t, dir))
	a := start(t, Options{ConfigFile: file, WebConfigFile: web, StoragePath: filepath.Join(dir, "data")})
	if !strings.HasPrefix(a.address, "https://") {
		t.Errorf("the address is %s, want https", a.address)
	}
	const event = `{"kind":"note","title":"x","by":"mallory","match":[{"name":"host","value":"x","isRegex":false,"isEqual":true}]}`
	for _, c := range []struct {
		method, path, user, body string
		status                   int
		want                     string
	}{
		{"GET", "/-/healthy", "", "", 200, "alive"},
		{"HEAD", "/-/healthy", "", "", 200, ""},
		{"GET", "/api/v1/omen/incidents/i1/graph.png?sig=forged", "", "", 403, "only links in messages"},
		{"GET", "/feedback?t=forged", "", "", 403, "not valid"},
		{"GET", "/feedback/../api/v1/omen/status", "", "", 401, ""},
		{"GET", "/-/healthy/../../api/v1/omen/status", "", "", 401, ""},
		{"POST", "/-/healthy", "", "", 401, ""},
		{"GET", "/api/v1/omen/incidents/i1", "", "", 401, ""},
		{"GET", "/api/v1/omen/status", "", "", 401, ""},
		{"GET", "/api/v1/omen/status", "eve", "", 401, ""},
		{"GET", "/metrics", "", "", 401, ""},
		{"POST", "/-/reload", "", "", 401, ""},
		{"GET", "/", "", "", 401, ""},
		{"GET", "/metrics", "ann", "", 200, "omen_build_info"},
		{"POST", "/api/v1/omen/events", "ann", event, 201, `"by":"ann"`},
	} {
		status, body := a.as(c.method, c.path, c.user, "", c.body)
		if status == http.StatusMovedPermanently && c.status == 401 {
			continue // to the clean path, which asks
		}
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s as %q: %d %s, want %d with %q", c.method, c.path, c.user, status, body, c.status, c.want)
		}
	}
	if status, body := a.as("GET", "/api/v1/omen/status", "ann", "omen.example.org", ""); status != 200 || !strings.Contains(body, `"unauthenticated":false`) {
		t.Errorf("by the external URL's name: %d %s", status, body)
	}
}

// A name in Authorization is nobody's where nobody checks it.
func TestUncheckedNames(t *testing.T) {
	a := start(t, Options{StoragePath: t.TempDir()})
	const event = `{"kind":"note","title":"x","match":[{"name":"host","value":"x","isRegex":false,"isEqual":true}]}`
	if status, body := a.as("POST", "/api/v1/omen/events", "ann", "", event); status != 201 || !strings.Contains(body, `"by":"web"`) {
		t.Errorf("%d %s, want the author web", status, body)
	}
	// The attack: a page at evil.example, whose name points to 127.0.0.1.
	const silence = `{"match":[{"name":"host","value":".*","isRegex":true,"isEqual":true}],"until":"2099-01-01T00:00:00Z","reason":"x"}`
	if status, body := a.as("POST", "/api/v1/omen/silences", "", "evil.example:9909", silence); status != 421 || !strings.Contains(body, "allowed_hosts") {
		t.Errorf("DNS rebinding: %d %s, want 421 that says what to set", status, body)
	}
	if status, body := a.as("GET", "/api/v1/query?query=count_over_time(vector(1)%5B1d:2ms%5D)", "", "", ""); status != 400 {
		t.Errorf("a query of 43 million steps: %d %s", status, body)
	}
}

// Omen does not answer other machines without a password unless it is allowed
// to, and says so everywhere.
func TestExposed(t *testing.T) {
	dir := t.TempDir()
	web, tlsOnly := filepath.Join(dir, "web.yml"), filepath.Join(dir, "headers.yml")
	write(t, web, users)
	write(t, tlsOnly, "http_server_config: {headers: {X-Frame-Options: deny}}\n")
	for _, o := range []Options{
		{ListenAddress: "0.0.0.0:0"}, {ListenAddress: ":0"}, {ListenAddress: "[::]:0"}, {ListenAddress: "0.0.0.0:0", WebConfigFile: tlsOnly},
	} {
		o.StoragePath = filepath.Join(dir, "data")
		err := Run(t.Context(), o)
		if !errors.Is(err, omen.ErrInvalid) || !strings.Contains(omen.Hint(err), "--web.allow-unauthenticated") || !strings.Contains(omen.Hint(err), "--web.config.file") {
			t.Errorf("%s with %q starts: %v (hint %q)", o.ListenAddress, o.WebConfigFile, err, omen.Hint(err))
		}
		if _, err := os.Stat(o.StoragePath); err == nil {
			t.Errorf("%s: opened its storage before it refused", o.ListenAddress)
		}
	}
	log := &locked{}
	a := start(t, Options{ListenAddress: "0.0.0.0:0", AllowUnauthenticated: true, StoragePath: filepath.Join(dir, "open"), Log: slog.New(slog.NewTextHandler(log, nil))})
	a.eventually("/api/v1/omen/status", `"unauthenticated":true,"unauthenticated_role":"admin"`)
	if out := a.out.String(); !strings.Contains(out, "no authentication") {
		t.Errorf("what is printed at start does not say it:\n%s", out)
	}
	if !strings.Contains(log.String(), "no authentication") {
		t.Errorf("the log does not say it:\n%s", log)
	}
	must.OK(t, a.stop())
	// With passwords it starts; when they are taken out of the file, it does not
	// go on without.
	a = start(t, Options{ListenAddress: "0.0.0.0:0", WebConfigFile: web, StoragePath: filepath.Join(dir, "closed")})
	if status, body := a.as("GET", "/api/v1/omen/status", "ann", "", ""); status != 200 || !strings.Contains(body, `"unauthenticated":false`) {
		t.Errorf("with a password: %d %s", status, body)
	}
	write(t, web, "basic_auth_users: {}\n")
	if status, body := a.as("GET", "/api/v1/omen/status", "", "", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "basic_auth_users") {
		t.Errorf("after the passwords were taken out of the file: %d %s", status, body)
	}
}

func TestNames(t *testing.T) {
	c := must.Get(config.Parse([]byte("external_url: https://Omen.example.org:8443/omen\nweb: {allowed_hosts: [monitor, '*.Corp.example']}\n")))(t)
	p := &process{o: Options{ListenAddress: "listen.example:9909"}}
	n := p.names(c)
	n.machine, n.resolved = "web-1", func() string { return "web-1.rack.example" }
	for name, want := range map[string]bool{
		"localhost": true, "omen.example.org": true, "listen.example": true, "monitor": true, "a.corp.example": true, "a.b.corp.example": true,
		"web-1.rack.example": true, "web-1.evil.example": false, "corp.example": false, "evilcorp.example": false,
		"evil.example": false, "omen.example.org.evil.example": false, "": false,
	} {
		if n.Named(name) != want {
			t.Errorf("%q is Omen's: %t, want %t", name, !want, want)
		}
	}
	if own, err := os.Hostname(); err == nil && !p.names(c).Named(strings.ToLower(own)) {
		t.Errorf("this machine's own name %q is not known", own)
	}
	if got := origin(c.ExternalURL); got != "https://Omen.example.org:8443" {
		t.Errorf("origin %q", got)
	}
}

// piped is a connection that knows whether it is closed.
type piped struct {
	net.Conn
	closed bool
}

func (p *piped) Close() error { p.closed = true; return nil }

// Idle connections go before new ones have to wait.
func TestIdleConnectionsGoFirst(t *testing.T) {
	c := newConnections(10)
	var all []*piped
	for i := range 10 {
		one := &piped{}
		all = append(all, one)
		c.changed(one, http.StateNew)
		c.changed(one, http.StateActive)
		if i < 4 {
			c.changed(one, http.StateIdle)
		}
	}
	for i, one := range all {
		if one.closed != (i < 4) {
			t.Errorf("connection %d closed: %t", i, one.closed)
		}
	}
	for _, one := range all[:4] {
		c.changed(one, http.StateClosed)
	}
	c.changed(all[5], http.StateIdle)
	if all[5].closed {
		t.Error("an idle connection is closed although there is room")
	}
}

// More connections than the server takes wait, and are answered once others end.
func TestConnectionsAreCapped(t *testing.T) {
	a := start(t, Options{StoragePath: t.TempDir()})
	var open []net.Conn
	for range maxConnections {
		c, err := net.Dial("tcp", strings.TrimPrefix(a.address, "http://"))
		if err != nil {
			t.Skipf("this machine gives no %d connections: %v", maxConnections, err)
		}
		defer c.Close()
		open = append(open, c)
	}
	answered := make(chan int, 1)
	go func() {
		status, _ := a.ask("GET", "/-/healthy")
		answered <- status
	}()
	select {
	case <-answered:
		t.Errorf("answered with %d connections open", len(open))
	case <-time.After(200 * time.Millisecond):
	}
	for _, c := range open[:10] {
		_ = c.Close()
	}
	if status := <-answered; status != 200 {
		t.Errorf("after some ended: %d", status)
	}
}

func TestCgroupMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, tt := range map[string]struct {
		root fstest.MapFS
		want int64
	}{
		"none":      {fstest.MapFS{}, 0},
		"unlimited": {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n")}, 0},
		"container": {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("536870912\n")}, 512 << 20},
		"service, its slice has less": {fstest.MapFS{
			"proc/self/cgroup": file("0::/system.slice/omen.service\n"), "sys/fs/cgroup/system.slice/omen.service/memory.max": file("max\n"),
			"sys/fs/cgroup/system.slice/memory.max": file("1073741824\n"),
		}, 1 << 30},
		"version 1": {fstest.MapFS{
			"proc/self/cgroup": file("4:cpu,cpuacct:/x\n3:memory:/docker/1\n0::/x\n"),
			"sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": file("268435456\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          file("9223372036854771712\n"),
		}, 256 << 20},
		"version 1 in a container": {fstest.MapFS{
			"proc/self/cgroup": file("3:memory:/docker/1\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("268435456\n"),
		}, 256 << 20},
	} {
		got, limited := cgroupMemory(tt.root)
		if got != tt.want || limited != (tt.want > 0) {
			t.Errorf("%s: %d (%t), want %d", name, got, limited, tt.want)
		}
	}
}

func TestWrongPasswordsAreLoggedAndCounted(t *testing.T) {
	dir := t.TempDir()
	web := filepath.Join(dir, "web.yml")
	write(t, web, users)
	log := &locked{}
	a := start(t, Options{WebConfigFile: web, StoragePath: filepath.Join(dir, "data"), Log: slog.New(slog.NewTextHandler(log, nil))})
	try := func(user, password string, want int) {
		t.Helper()
		r := must.Get(http.NewRequestWithContext(t.Context(), "GET", a.address+"/api/v1/omen/status", nil))(t)
		if user != "" {
			r.SetBasicAuth(user, password)
		}
		answer := must.Get(http.DefaultClient.Do(r))(t)
		must.OK(t, answer.Body.Close())
		if answer.StatusCode != want {
			t.Errorf("as %q: %d, want %d", user, answer.StatusCode, want)
		}
	}
	try("", "", 401) // a browser's first request
	try("ann", "secret", 200)
	if strings.Contains(log.String(), "wrong user or password") {
		t.Errorf("said without one:\n%s", log)
	}
	for range 3 {
		try("ann", "guess", 401)
	}
	try("hunter2", "ann", 401)
	if got := log.String(); strings.Count(got, "wrong user or password") != 1 || !strings.Contains(got, "not the password of ann") || !strings.Contains(got, "addr=127.0.0.1:") {
		t.Errorf("logged, want one line with user and address:\n%s", got)
	}
	_, metrics := a.as("GET", "/metrics", "ann", "", "")
	if !strings.Contains(metrics, "omen_http_wrong_passwords_total 4") {
		t.Error("not counted")
	}
	f := newRefusals(slog.New(slog.NewTextHandler(log, nil)))
	r := must.Get(http.NewRequestWithContext(t.Context(), "GET", "/", nil))(t)
	r.SetBasicAuth("hunter2", "ann")
	for _, after := range []time.Duration{0, time.Second, 2 * time.Second, sayRefusals} {
		f.note(r, nil, time.Time{}.Add(time.Hour+after))
	}
	if got := log.String(); !strings.Contains(got, "count=3") || strings.Contains(got, "hunter2") {
		t.Errorf("logged, want the number after a minute and nobody's name that is no user's:\n%s", got)
	}
}
