package app

import (
	"context"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
)

// names are what Omen is called, and who may ask it; it implements [api.Access]. IP addresses need
// no place here: the API takes them all.
type names struct {
	people
	process  *process
	exact    []string
	below    []string // such as .example.org: all names that end so
	machine  string   // this machine's name without its domain
	resolved func() string
}

var _ api.Access = (*names)(nil)

// names are those of a configuration, of the flags and of this machine.
func (p *process) names(c *config.Config) *names {
	n := &names{people: peopleOf(c.Web), process: p, exact: []string{"localhost"}}
	add := func(name string) {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if rest, all := strings.CutPrefix(name, "*."); all {
			n.below = append(n.below, "."+rest)
		} else if name != "" {
			n.exact = append(n.exact, name)
		}
	}
	for _, name := range c.Web.AllowedHosts {
		add(name)
	}
	if u, err := url.Parse(p.said(c)); err == nil {
		add(u.Hostname())
	}
	if host, _, err := net.SplitHostPort(p.o.ListenAddress); err == nil {
		add(host)
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		add(name)
		n.machine, _, _ = strings.Cut(strings.ToLower(name), ".")
		add(n.machine)
		n.resolved = sync.OnceValue(func() string { return canonical(name) })
	}
	return n
}

// canonical is a host's full name as the resolver knows it, or "".
func canonical(host string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	name, err := net.DefaultResolver.LookupCNAME(ctx, host)
	if err != nil {
		return "" // then it has none
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// Named implements [api.Access]. The resolver is asked once, and only where the
// answer may be name.
func (n *names) Named(name string) bool {
	if slices.Contains(n.exact, name) || slices.ContainsFunc(n.below, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return true
	}
	return n.machine != "" && strings.HasPrefix(name, n.machine+".") && n.resolved() == name
}

// Unauthenticated implements [api.Access].
func (n *names) Unauthenticated() api.Role {
	if !n.process.exposed || n.process.web.authenticates() {
		return ""
	}
	return n.others
}

// origin is the scheme and host of an address, such as https://omen.example.org.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
