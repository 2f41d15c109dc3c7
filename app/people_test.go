package app

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/internal/must"
)

// Who somebody is, and what one may do, by configuration, password and what a
// proxy says. The user whose password was checked is "ann" unless it is said.
func TestWhoMayDoWhat(t *testing.T) {
	const (
		none  = "{}"
		roles = "web: {roles: {ann: operate, root: admin}}"
		proxy = "web: {roles: {ann: operate, root: admin}, proxy: {trusted: [10.1.2.3, 'fd00::/64'], role_header: X-Role}}"
		bare  = "web: {proxy: {trusted: [10.0.0.0/8], user_header: X-User}}"
	)
	user := func(names ...string) []string { return append([]string{"X-Forwarded-User"}, names...) }
	for name, c := range map[string]struct {
		config, password, from string
		headers                [][]string
		want                   api.Caller
	}{
		"as ever":                   {none, "ann", "10.1.2.3:1", nil, api.Caller{User: "ann", Role: "admin"}},
		"as ever, nobody":           {none, "", "10.1.2.3:1", [][]string{user("eve")}, api.Caller{Role: "admin"}},
		"named":                     {roles, "ann", "10.1.2.3:1", nil, api.Caller{User: "ann", Role: "operate"}},
		"not named":                 {roles, "bob", "10.1.2.3:1", nil, api.Caller{User: "bob", Role: "read"}},
		"nobody":                    {roles, "", "127.0.0.1:1", nil, api.Caller{Role: "read"}},
		"others by default":         {"web: {roles: {ann: read}, default_role: operate}", "bob", "127.0.0.1:1", nil, api.Caller{User: "bob", Role: "operate"}},
		"only a default":            {"web: {default_role: read}", "ann", "127.0.0.1:1", nil, api.Caller{User: "ann", Role: "read"}},
		"no proxy is trusted":       {roles, "", "10.1.2.3:1", [][]string{user("root"), {"X-Role", "admin"}}, api.Caller{Role: "read"}},
		"by a proxy":                {proxy, "", "10.1.2.3:77", [][]string{user("root")}, api.Caller{User: "root", Role: "admin"}},
		"by a proxy over IPv6":      {proxy, "", "[fd00::5%eth0]:77", [][]string{user("ann")}, api.Caller{User: "ann", Role: "operate"}},
		"by a proxy, mapped":        {proxy, "", "[::ffff:10.1.2.3]:77", [][]string{user("ann")}, api.Caller{User: "ann", Role: "operate"}},
		"beside the proxy":          {proxy, "", "10.1.2.4:77", [][]string{user("root"), {"X-Role", "admin"}}, api.Caller{Role: "read"}},
		"a socket":                  {proxy, "", "@", [][]string{user("root")}, api.Caller{Role: "read"}},
		"with a role":               {proxy, "", "10.1.2.3:77", [][]string{user("bob"), {"X-Role", "Operate"}}, api.Caller{User: "bob", Role: "operate"}},
		"with less than the file":   {proxy, "", "10.1.2.3:77", [][]string{user("root"), {"X-Role", "read"}}, api.Caller{User: "root", Role: "read"}},
		"with a role of its own":    {proxy, "", "10.1.2.3:77", [][]string{user("ann"), {"X-Role", "viewer"}}, api.Caller{User: "ann", Role: "operate"}},
		"with two roles":            {proxy, "", "10.1.2.3:77", [][]string{user("bob"), {"X-Role", "read", "admin"}}, api.Caller{User: "bob", Role: "read"}},
		"a role and no user":        {proxy, "", "10.1.2.3:77", [][]string{{"X-Role", "admin"}}, api.Caller{Role: "read"}},
		"a role and an empty user":  {proxy, "root", "10.1.2.3:77", [][]string{user(""), {"X-Role", "admin"}}, api.Caller{Role: "read"}},
		"one more by the client":    {proxy, "root", "10.1.2.3:77", [][]string{user("root", "eve")}, api.Caller{Role: "read"}},
		"no name":                   {proxy, "root", "10.1.2.3:77", [][]string{user("a\tb")}, api.Caller{Role: "read"}},
		"not text":                  {proxy, "root", "10.1.2.3:77", [][]string{user("\xff")}, api.Caller{Role: "read"}},
		"endless":                   {proxy, "root", "10.1.2.3:77", [][]string{user(strings.Repeat("x", 201))}, api.Caller{Role: "read"}},
		"the proxy itself":          {proxy, "root", "10.1.2.3:77", nil, api.Caller{User: "root", Role: "admin"}},
		"instead of the password's": {proxy, "root", "10.1.2.3:77", [][]string{user("bob")}, api.Caller{User: "bob", Role: "read"}},
		"a proxy and no roles":      {bare, "", "10.9.9.9:77", [][]string{{"X-User", "bob"}}, api.Caller{User: "bob", Role: "admin"}},
		"another header":            {bare, "", "10.9.9.9:77", [][]string{user("bob")}, api.Caller{Role: "admin"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.from
		for _, h := range c.headers {
			for _, value := range h[1:] {
				r.Header.Add(h[0], value)
			}
		}
		conf := must.Get(config.Parse([]byte(c.config)))(t)
		if got := peopleOf(conf.Web).Caller(r, c.password); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// The roles that package config takes are those that package api has.
func TestRolesOfBothPackages(t *testing.T) {
	for _, role := range []api.Role{api.RoleRead, api.RoleOperate, api.RoleAdmin} {
		if _, err := config.Parse([]byte("web: {default_role: " + string(role) + "}\n")); err != nil {
			t.Errorf("config does not know the role %s: %v", role, err)
		}
	}
}

// The users of the web configuration file have the roles of the configuration, a
// reload changes them, and the links in messages ask for none.
func TestRolesOfUsers(t *testing.T) {
	dir := t.TempDir()
	file, web := filepath.Join(dir, "omen.yml"), filepath.Join(dir, "web.yml")
	hash := strings.TrimSuffix(users[strings.Index(users, "$"):], "}\n")
	write(t, web, "basic_auth_users: {ann: "+hash+", olaf: "+hash+", wall: "+hash+"}\n")
	write(t, file, "web: {roles: {ann: admin, olaf: operate, gone: admin}}\n")
	log := &locked{}
	a := start(t, Options{ConfigFile: file, WebConfigFile: web, StoragePath: filepath.Join(dir, "data"), Log: slog.New(slog.NewTextHandler(log, nil))})
	if out := log.String(); !strings.Contains(out, "web.roles names users who cannot sign in") || !strings.Contains(out, "why=gone") {
		t.Errorf("the log does not say that nobody can be gone:\n%s", out)
	}
	const (
		event = `{"kind":"note","title":"x","by":"mallory","match":[{"name":"host","value":"x","isRegex":false,"isEqual":true}]}`
		me    = "/api/v1/omen/me"
		post  = "/api/v1/omen/events"
	)
	type row struct {
		method, path, user, body string
		status                   int
		want                     string
	}
	check := func(rows []row) {
		t.Helper()
		for _, c := range rows {
			if status, body := a.as(c.method, c.path, c.user, "", c.body); status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%s %s as %q: %d %s, want %d with %q", c.method, c.path, c.user, status, body, c.status, c.want)
			}
		}
	}
	check([]row{
		{"GET", me, "ann", "", 200, `{"user":"ann","role":"admin",`},
		{"GET", me, "wall", "", 200, `{"user":"wall","role":"read",`},
		{"GET", me, "", "", 401, ""},
		{"GET", "/api/v1/omen/status", "wall", "", 200, ""},
		{"GET", "/metrics", "wall", "", 200, "omen_build_info"},
		{"POST", post, "wall", event, 403, "needs the role operate, and wall has the role read"},
		{"POST", post, "olaf", event, 201, `"by":"olaf"`},
		{"POST", "/-/reload", "olaf", "", 403, "needs the role admin, and olaf has the role operate"},
		{"GET", "/feedback?t=forged", "", "", 404, "links are off"},
		{"GET", "/-/healthy", "", "", 200, "alive"},
	})
	write(t, file, "web: {roles: {ann: admin, wall: operate}}\n")
	check([]row{
		{"POST", "/-/reload", "ann", "", 200, ""},
		{"POST", post, "wall", event, 201, `"by":"wall"`},
		{"POST", post, "olaf", event, 403, "olaf has the role read"},
	})
}
