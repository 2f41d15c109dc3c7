package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/omenhq/omen"
)

// Role is what somebody may do; each may do what those before it may. Which a
// route needs at least stands in the table of routes.
type Role string

// RoleRead sees everything. RoleOperate also acts: on incidents, silences,
// windows, events, verdicts and actions, and may stop all actions. RoleAdmin also
// changes how Omen works: reloads, lets playbooks act again.
const (
	RoleRead    Role = "read"
	RoleOperate Role = "operate"
	RoleAdmin   Role = "admin"
)

// allRoles are all roles, the least first.
func allRoles() []Role { return []Role{RoleRead, RoleOperate, RoleAdmin} }

// Includes reports whether a role may do what another may. One that is not
// among the roles may nothing, and nobody may what only it may.
func (r Role) Includes(least Role) bool {
	has, wants := slices.Index(allRoles(), r), slices.Index(allRoles(), least)
	return has >= 0 && wants >= 0 && has >= wants
}

// Caller is who sends a request.
type Caller struct {
	User string // empty: nobody has signed in
	Role Role
}

// signedIn and calling are the context keys of a user's name and of the [Caller].
type (
	signedIn struct{}
	calling  struct{}
)

// SignedIn is a request with the user whom the server around the API has
// checked; others have none, whatever they say in their headers.
func SignedIn(r *http.Request, user string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), signedIn{}, user))
}

// called is a request with who sends it.
func (a *API) called(r *http.Request) *http.Request {
	user, _ := r.Context().Value(signedIn{}).(string)
	return r.WithContext(context.WithValue(r.Context(), calling{}, a.access.Caller(r, user)))
}

// caller is who sends a request.
func caller(r *http.Request) Caller {
	c, _ := r.Context().Value(calling{}).(Caller)
	return c
}

// author is who a request is attributed to.
func author(r *http.Request, given string) string {
	if user := caller(r).User; user != "" {
		return user
	}
	if given != "" {
		return given
	}
	return "web"
}

// errForbidden is for somebody who may not do what was asked.
var errForbidden = errors.New("not allowed")

// needs is the least role that may ask for a route. What only reads is for
// everybody who may ask at all; a route that changes something and does not say
// for whom it is, is for admins.
func (r route) needs() Role {
	switch {
	case r.least != "":
		return r.least
	case r.method == http.MethodGet:
		return RoleRead
	}
	return RoleAdmin
}

// permits reports somebody whose role is not enough for a route.
func (r route) permits(req *http.Request) error {
	c := caller(req)
	if r.public || c.Role.Includes(r.needs()) {
		return nil
	}
	who := c.User
	if who == "" {
		who = "an unauthenticated client"
	}
	return omen.WithHint(fmt.Errorf("%s %s needs the role %s, and %s has the role %s: %w", r.method, r.path, r.needs(), who, c.Role, errForbidden),
		"web.roles in the configuration says who has which role; GET "+base+"/me says who one is")
}

// Me is who asks, and what that allows.
type Me struct {
	User     string `json:"user" doc:"whose password Omen has checked, or whom a trusted proxy named; empty: nobody has signed in"`
	Role     Role   `json:"role" doc:"each may do what those before it may"`
	Approver bool   `json:"approver" doc:"is among remedy.approvers, who alone decide on actions"`
}

func (a *API) getMe(r *http.Request) (any, error) {
	c := caller(r)
	return Me{c.User, c.Role, a.remedy != nil && a.remedy.Entitles(person(r))}, nil
}
