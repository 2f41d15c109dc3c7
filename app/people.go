package app

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
)

// people are who may do what by a configuration, and what may say who somebody is.
type people struct {
	roles      map[string]api.Role // of users
	others     api.Role            // of everybody else
	proxies    []netip.Prefix      // whose headers count
	userHeader string
	roleHeader string // empty: proxies give no role
}

func peopleOf(c config.Web) people {
	p := people{
		roles: map[string]api.Role{}, others: api.RoleAdmin,
		proxies: c.Proxy.Networks(), userHeader: c.Proxy.UserHeader, roleHeader: c.Proxy.RoleHeader,
	}
	for user, role := range c.Roles {
		p.roles[user] = api.Role(role)
	}
	switch {
	case c.DefaultRole != "":
		p.others = api.Role(c.DefaultRole)
	case len(c.Roles) > 0 || c.Proxy.RoleHeader != "":
		p.others = api.RoleRead
	}
	return p
}

// longest is how many bytes the name of a user may have.
const longest = 200

// Caller implements [api.Access]. user is whose password was checked. What a
// trusted proxy sends as the user rules; a name that it cannot have meant, since
// it stands there twice or is none, is nobody's, and may only read: a client may
// have sent it beside the proxy's.
func (p people) Caller(r *http.Request, user string) api.Caller {
	role := api.Role("")
	if names := r.Header.Values(p.userHeader); len(names) > 0 && p.trusts(r.RemoteAddr) {
		if len(names) > 1 || !nameable(names[0]) {
			return api.Caller{Role: api.RoleRead}
		}
		if user = names[0]; user != "" {
			role = p.given(r)
		}
	}
	if role == "" {
		role = p.roles[user]
	}
	if role == "" {
		role = p.others
	}
	return api.Caller{User: user, Role: role}
}

// trusts reports whether an address, with its port, is a trusted proxy's.
func (p people) trusts(remote string) bool {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false // a socket has none
	}
	addr := from.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(p.proxies, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// given is the role that a proxy's header says; empty: none, or more than one word.
func (p people) given(r *http.Request) api.Role {
	if said := r.Header.Values(p.roleHeader); p.roleHeader != "" && len(said) == 1 {
		if role := api.Role(strings.ToLower(said[0])); role.Includes(api.RoleRead) {
			return role
		}
	}
	return ""
}

func nameable(user string) bool {
	return len(user) <= longest && utf8.ValidString(user) && !strings.ContainsFunc(user, unicode.IsControl)
}

// sayUnused warns of what a configuration says about the web UI and the API to no
// effect.
func (p *process) sayUnused(c *config.Config) {
	if c.ExternalURL != "" && p.place.external != "" && strings.TrimRight(c.ExternalURL, "/") != p.place.external {
		p.log.Warn("external_url of the configuration is not used: --web.external-url is given", "addr", p.place.external)
	}
	if len(c.Web.Proxy.Trusted) > 0 {
		return // it knows other users
	}
	users, nobody := p.web.settings().Users, []string{}
	for _, user := range slices.Sorted(maps.Keys(c.Web.Roles)) {
		if _, known := users[user]; !known {
			nobody = append(nobody, user)
		}
	}
	if len(nobody) > 0 {
		p.log.Warn("web.roles names users who cannot sign in: basic_auth_users of --web.config.file has not all of them", "path", p.web.path, "why", strings.Join(nobody, ", "))
	}
}
