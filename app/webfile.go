package app

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

// webFile is the file of --web.config.file. exporter-toolkit reads it again for
// each request; so what Omen concludes from it follows the file, too.
type webFile struct {
	path string // empty: there is none

	mu   sync.Mutex
	read os.FileInfo // of when it was read; nil: not yet
	says webSettings
}

// webSettings is what of the file matters here.
type webSettings struct {
	TLS struct {
		ClientAuth string `yaml:"client_auth_type"`
	} `yaml:"tls_server_config"`
	Users map[string]string `yaml:"basic_auth_users"`
}

// settings are those of the file as it is now; none where it cannot be read.
func (f *webFile) settings() webSettings {
	if f.path == "" {
		return webSettings{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return webSettings{}
	}
	if f.read != nil && os.SameFile(info, f.read) && info.ModTime().Equal(f.read.ModTime()) && info.Size() == f.read.Size() {
		return f.says
	}
	text, err := os.ReadFile(f.path)
	var says webSettings
	if err != nil || yaml.Unmarshal(text, &says) != nil {
		return webSettings{}
	}
	f.says, f.read = says, info
	if time.Since(info.ModTime()) < 2*time.Second {
		f.read = nil // it may change once more within its time's resolution
	}
	return says
}

// authenticates reports whether everybody must sign in or show a certificate
// that is verified.
func (f *webFile) authenticates() bool {
	s := f.settings()
	return len(s.Users) > 0 || s.TLS.ClientAuth == "RequireAndVerifyClientCert"
}

// signedIn adds the user to a request that exporter-toolkit let through: it has
// checked the passwords of the users in the file.
func (f *webFile) signedIn(r *http.Request) *http.Request {
	if user, _, ok := r.BasicAuth(); ok {
		if _, known := f.settings().Users[user]; known {
			return api.SignedIn(r, user)
		}
	}
	return r
}

// outside answers what is not below the prefix that all is served below.
func outside(w http.ResponseWriter, r *http.Request, prefix string) {
	api.Refuse(w, http.StatusNotFound, r.Method+" "+r.URL.Path+": there is nothing here", "Omen is below "+prefix+"/, as --web.route-prefix or the path of --web.external-url says")
}

// loopback reports whether only this machine reaches an address.
func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// refuseExposed is the error of an Omen that would answer to other machines
// without asking who they are, unless that was allowed.
func (p *process) refuseExposed() error {
	if !p.exposed || p.web.authenticates() {
		return nil
	}
	if p.o.AllowUnauthenticated {
		p.log.Warn("no authentication: every client that reaches the web UI and the API has the role of web.default_role, admin unless roles are configured", "addr", p.address)
		return nil
	}
	return omen.WithHint(fmt.Errorf("listen on %s: %w: other machines could read everything and silence every incident, since there is no password", p.o.ListenAddress, omen.ErrInvalid),
		"give passwords (basic_auth_users) or require client certificates with --web.config.file, listen on 127.0.0.1 only, or say --web.allow-unauthenticated if something else lets in only those who may, such as a proxy or a firewall")
}

// unprotected answers everybody that Omen has lost its passwords: the file that
// had them at the start has none now.
func unprotected(w http.ResponseWriter) {
	api.Refuse(w, http.StatusServiceUnavailable, "the web configuration file names no users any more",
		"put basic_auth_users back into the file of --web.config.file, or start Omen with --web.allow-unauthenticated")
}
