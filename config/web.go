package config

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Web says who may ask for the web UI and the API, and for what; where they are
// served, and who must sign in, is said by flags.
type Web struct {
	AllowedHosts []string          `yaml:"allowed_hosts,flow,omitempty"` // names of Omen beside those that it knows; *.example.org: all below
	Roles        map[string]string `yaml:"roles,omitempty"`              // of users: read, operate or admin
	DefaultRole  string            `yaml:"default_role,omitempty"`       // of everybody else; empty: read where roles are given, else admin
	Proxy        Proxy             `yaml:"proxy,omitempty"`
}

// Proxy is what signs people in before Omen.
type Proxy struct {
	Trusted    []string `yaml:"trusted,flow,omitempty"` // addresses and networks: 10.1.2.3, 10.1.0.0/16
	UserHeader string   `yaml:"user_header,omitempty"`  // default X-Forwarded-User
	RoleHeader string   `yaml:"role_header,omitempty"`  // empty: the user's role is that of roles
}

// Networks are the addresses of the proxies that are trusted.
func (p Proxy) Networks() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range p.Trusted {
		if n, err := network(text); err == nil { // Parse has refused others
			all = append(all, n)
		}
	}
	return all
}

// network is an address, or a network.
func network(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	n, err := netip.ParsePrefix(text)
	return n.Masked(), err
}

// fill sets every default.
func (c *Web) fill() {
	if len(c.Proxy.Trusted) > 0 && c.Proxy.UserHeader == "" {
		c.Proxy.UserHeader = "X-Forwarded-User"
	}
}

// roles are the names of package api's roles. A test of package app compares.
var roles = []string{"read", "operate", "admin"}

var (
	hostForm   = regexp.MustCompile(`^(\*\.)?[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*$`)
	headerForm = regexp.MustCompile(`^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$`)
)

func (c *Web) check(w *walker) {
	for i, name := range c.AllowedHosts {
		if !hostForm.MatchString(name) {
			w.at(fmt.Sprintf("web.allowed_hosts[%d]", i), "%q is not a host name: write it without http:// and port, such as omen.example.org or *.example.org", name)
		}
	}
	for _, user := range slices.Sorted(maps.Keys(c.Roles)) {
		if user == "" {
			w.at("web.roles", "has a user without a name: default_role is that of everybody who is not named")
		}
		w.checkRole("web.roles."+user, c.Roles[user])
	}
	if c.DefaultRole != "" {
		w.checkRole("web.default_role", c.DefaultRole)
	}
	c.Proxy.check(w)
}

func (w *walker) checkRole(key, role string) {
	if !slices.Contains(roles, role) {
		w.at(key, "%q is not a role: write read, operate or admin", role)
	}
}

func (p Proxy) check(w *walker) {
	for i, text := range p.Trusted {
		key := fmt.Sprintf("web.proxy.trusted[%d]", i)
		switch n, err := network(text); {
		case err != nil:
			w.at(key, "%q is not an address: write one such as 10.1.2.3, or a network such as 10.1.0.0/16", text)
		case n.Bits() == 0:
			w.at(key, "%q is every address: any client could name itself as any user; write the proxy's", text)
		}
	}
	for _, header := range [][2]string{{"web.proxy.user_header", p.UserHeader}, {"web.proxy.role_header", p.RoleHeader}} {
		switch key, name := header[0], header[1]; {
		case name == "":
		case len(p.Trusted) == 0:
			w.at(key, "is taken from proxies only that are named in web.proxy.trusted: name them there")
		case !headerForm.MatchString(name) || slices.Contains([]string{"host", "authorization", "cookie"}, strings.ToLower(name)):
			w.at(key, "%q cannot be the header of a name: write one such as X-Forwarded-User", name)
		}
	}
}
