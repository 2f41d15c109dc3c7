package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// in is an Access in which everybody has one role.
type in Role

func (in) Named(string) bool                            { return true }
func (in) Unauthenticated() Role                        { return "" }
func (i in) Caller(_ *http.Request, user string) Caller { return Caller{user, Role(i)} }

// as answers a request of a user in a role.
func (f *fixture) as(role Role) func(r *http.Request, user string) *httptest.ResponseRecorder {
	h := New(Options{Store: f.store, Manager: f.manager, Runtime: f, Access: in(role)}).Handler()
	return func(r *http.Request, user string) (w *httptest.ResponseRecorder) {
		if user != "" {
			r = SignedIn(r, user)
		}
		r.Header.Set("Content-Type", "application/json")
		w = httptest.NewRecorder()
		defer func() {
			v := recover()
			if err, _ := v.(error); v != nil && !errors.Is(err, http.ErrAbortHandler) { // that of an export nobody waits for
				panic(v)
			}
		}()
		h.ServeHTTP(w, r)
		return w
	}
}

// Each route that can change something says for whom it is, and is for nobody
// else; what only reads is for all.
func TestEveryRouteAsksForItsRole(t *testing.T) {
	f := newFixture(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel() // what is let in does nothing: nobody waits for its answer
	table := (&API{}).routes()
	for _, r := range table {
		switch {
		case r.method == http.MethodGet && r.least != "":
			t.Errorf("%s %s only reads, and says for whom it is", r.method, r.path)
		case r.method != http.MethodGet && r.least == "":
			t.Errorf("%s %s does not say which role may ask for it: set least in the table of routes", r.method, r.path)
		}
	}
	for _, role := range append(allRoles(), "", "root") {
		ask := f.as(role)
		for _, r := range table {
			w := ask(httptest.NewRequestWithContext(gone, r.method, pathParam.ReplaceAllString(r.path, "x"), strings.NewReader("{}")), "ann")
			refused := w.Code == http.StatusForbidden && strings.Contains(w.Body.String(), "needs the role")
			if may := r.public || role.Includes(r.needs()); refused == may {
				t.Errorf("%s %s as %q: refused %t (%d %s)", r.method, r.path, role, refused, w.Code, w.Body)
			}
		}
	}
}

// What a role is for: an on-call person needs no admin, a wall screen changes nothing.
func TestWhatRolesMay(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1")
	const silence = `{"match":[{"name":"host","value":"x","isRegex":false,"isEqual":true}],"until":"2099-01-01T00:00:00Z","reason":"x"}`
	for _, c := range []struct {
		method, path, body string
		least              Role
	}{
		{"GET", "/status", "", RoleRead},
		{"GET", "/audit/export", "", RoleRead},
		{"POST", "/matches", `{"match":[]}`, RoleRead},
		{"POST", "/incidents/i1/verdict/preview", `{"verdict":"real"}`, RoleRead},
		{"POST", "/incidents/i1/ack", "{}", RoleOperate},
		{"POST", "/incidents/i1/comment", `{"comment":"x"}`, RoleOperate},
		{"POST", "/silences", silence, RoleOperate},
		{"POST", "/remedy/pause", "{}", RoleOperate}, // an operator stops what acts, approver or not
		{"POST", "/playbooks/x/disable", "{}", RoleOperate},
		{"POST", "/remedy/resume", "{}", RoleAdmin},
		{"POST", "/playbooks/x/enable", "{}", RoleAdmin},
		{"POST", "/-/reload", "", RoleAdmin},
	} {
		path := c.path
		if !strings.HasPrefix(path, "/-/") {
			path = base + path
		}
		for _, role := range allRoles() {
			w := f.as(role)(httptest.NewRequestWithContext(t.Context(), c.method, path, strings.NewReader(c.body)), "ann")
			if got := w.Code != http.StatusForbidden; got != role.Includes(c.least) {
				t.Errorf("%s %s as %s: %d %s", c.method, path, role, w.Code, w.Body)
			}
		}
	}
}

// A refusal says what is needed and who one is, and where that is set.
func TestARefusalSaysWhatIsNeeded(t *testing.T) {
	f := newFixture(t)
	for user, want := range map[string]string{
		"wall": `{"error":"POST /-/reload needs the role admin, and wall has the role read: not allowed","hint":"web.roles .*/api/v1/omen/me .*"}`,
		"":     `{"error":"POST /-/reload needs the role admin, and an unauthenticated client has the role read: not allowed","hint":".*"}`,
	} {
		w := f.as(RoleRead)(httptest.NewRequestWithContext(t.Context(), "POST", "/-/reload", nil), user)
		if w.Code != http.StatusForbidden || !regexp.MustCompile("^"+want+"\n$").MatchString(w.Body.String()) {
			t.Errorf("%q: %d %s", user, w.Code, w.Body)
		}
	}
}

func TestWhoOneIs(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		role Role
		user string
		want string
	}{{RoleRead, "", `{"user":"","role":"read","approver":false}`}, {RoleOperate, "ann", `{"user":"ann","role":"operate","approver":false}`}} {
		w := f.as(c.role)(httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/omen/me", nil), c.user)
		if got := strings.TrimSpace(w.Body.String()); got != c.want {
			t.Errorf("%q in %s: %s, want %s", c.user, c.role, got, c.want)
		}
	}
	for user, approver := range map[string]string{"": "false", "eve": "false", "ann": "true"} {
		if _, body := ask(t, f, user, "GET", "/me", ""); !strings.Contains(body, `"approver":`+approver) {
			t.Errorf("%q is %s, want an approver: %s", user, body, approver)
		}
	}
	if m := read[Me](t, f, "/me"); m != (Me{"", RoleAdmin, false}) {
		t.Errorf("where no roles are configured everybody may everything: %+v", m)
	}
}

func TestRolesInclude(t *testing.T) {
	for _, c := range []struct {
		has, least Role
		want       bool
	}{
		{RoleAdmin, RoleAdmin, true}, {RoleAdmin, RoleRead, true}, {RoleOperate, RoleRead, true}, {RoleOperate, RoleAdmin, false},
		{RoleRead, RoleOperate, false}, {"", RoleRead, false}, {"root", RoleRead, false}, {RoleAdmin, "", false}, {"", "", false},
	} {
		if got := c.has.Includes(c.least); got != c.want {
			t.Errorf("%q includes %q: %t", c.has, c.least, got)
		}
	}
}
