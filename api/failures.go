package api

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// mediaProblem is what errors are, after RFC 9457: the members error and hint are
// Omen's own.
const mediaProblem = "application/problem+json"

// failures say what the statuses of errors mean, for the document.
var failures = map[int]string{
	http.StatusBadRequest:            "the request is wrong; the error names the field",
	http.StatusUnauthorized:          "no password, or a wrong one, where the web configuration file has users",
	http.StatusForbidden:             "not allowed to who asks, or sent by another site's page",
	http.StatusNotFound:              "there is none of this name or id",
	http.StatusRequestTimeout:        "the body takes too long",
	http.StatusConflict:              "the state does not allow it, or several have the name",
	http.StatusRequestEntityTooLarge: "the body is too large",
	http.StatusUnsupportedMediaType:  "the body is not JSON",
	http.StatusMisdirectedRequest:    "the request's host name is none of Omen's",
	http.StatusNotImplemented:        "not available in this Omen",
	http.StatusServiceUnavailable:    "not yet: try again later",
	http.StatusInsufficientStorage:   "the disk is full",
}

// stores and steers are how a change fails that is stored, and one that the state
// of things must allow.
var (
	stores = []int{http.StatusServiceUnavailable, http.StatusInsufficientStorage}
	steers = append([]int{http.StatusConflict}, stores...)
	acts   = append([]int{http.StatusNotImplemented}, steers...)
)

// otherFailures are those of a route that do not follow from its form.
var otherFailures = map[string][]int{
	"GET " + base + "/hosts/{host}/features":           {http.StatusNotImplemented, http.StatusServiceUnavailable},
	"GET " + base + "/hosts/{host}/group":              {http.StatusNotImplemented, http.StatusServiceUnavailable},
	"GET " + base + "/heat":                            {http.StatusNotImplemented, http.StatusServiceUnavailable},
	"GET " + base + "/config":                          {http.StatusNotImplemented},
	"GET " + base + "/receivers":                       {http.StatusNotImplemented},
	"POST " + base + "/receivers/{name}/test":          {http.StatusConflict, http.StatusNotImplemented},
	"GET " + base + "/trust/weeks":                     {http.StatusNotImplemented},
	"GET " + base + "/budget":                          {http.StatusNotImplemented},
	"POST " + base + "/budget/replay":                  {http.StatusConflict, http.StatusNotImplemented},
	"DELETE " + base + "/budget/replay":                {http.StatusNotImplemented},
	"GET " + base + "/incidents":                       {http.StatusNotFound}, // before=
	"GET " + base + "/incidents/{id}/members":          {http.StatusServiceUnavailable},
	"POST " + base + "/incidents/{id}/verdict/preview": {http.StatusConflict, http.StatusServiceUnavailable},
	"GET " + base + "/incidents/{id}/graph.png":        {http.StatusForbidden, http.StatusNotImplemented, http.StatusServiceUnavailable},
	"GET " + base + "/incidents/{id}/plan":             {http.StatusNotImplemented},
	"POST " + base + "/incidents/{id}/act":             acts,
	"GET " + base + "/stream":                          {http.StatusServiceUnavailable},
	"GET /predict":                                     {http.StatusBadRequest, http.StatusServiceUnavailable},
	"POST /predict":                                    {http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented, http.StatusServiceUnavailable},
	"GET /-/ready":                                     {http.StatusServiceUnavailable},
	"POST /-/reload":                                   {http.StatusBadRequest, http.StatusServiceUnavailable},
	"PUT /-/reload":                                    {http.StatusBadRequest, http.StatusServiceUnavailable},
	"POST " + base + "/silences":                       stores,
	"PUT " + base + "/silences/{id}":                   stores,
	"DELETE " + base + "/silences/{id}":                steers,
	"POST " + base + "/windows":                        append([]int{http.StatusNotFound}, steers...),
	"DELETE " + base + "/windows/{id}":                 stores,
	"PUT " + base + "/calendars/{name}":                stores,
	"POST " + base + "/events":                         stores,
	"POST /api/annotations":                            stores,
	"POST " + base + "/patterns/{id}/revert":           steers,
	"POST " + base + "/actions/{id}/approve":           acts,
	"POST " + base + "/actions/{id}/decline":           acts,
	"POST " + base + "/actions/{id}/undo":              acts,
	"POST " + base + "/actions/{id}/resolve":           acts,
	"GET " + base + "/playbooks":                       {http.StatusNotImplemented},
	"POST " + base + "/playbooks/{name}/disable":       acts,
	"POST " + base + "/playbooks/{name}/enable":        acts,
	"POST " + base + "/remedy/check":                   {http.StatusNotImplemented},
	"POST " + base + "/remedy/pause":                   acts,
	"POST " + base + "/remedy/resume":                  acts,
}

// fails are the statuses of a route's errors, in order; 500 may come of each, and
// is our own fault.
func (r route) fails() []int {
	all := slices.Clone(otherFailures[r.method+" "+r.path])
	if !r.public {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest)
	}
	if r.body != nil {
		all = append(all, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if r.handle != nil && strings.HasPrefix(r.path, base) {
		all = append(all, http.StatusBadRequest) // a parameter that it has not
	}
	named := func(p param) bool { return p.name == "host" || p.name == "instance" }
	switch {
	case strings.Contains(r.path, "{host}"), slices.ContainsFunc(r.query, named):
		all = append(all, http.StatusNotFound, http.StatusConflict)
	case strings.Contains(r.path, "{") && r.path != base+"/calendars/{name}": // a calendar is made by its name
		all = append(all, http.StatusNotFound)
	}
	if strings.HasPrefix(r.path, base+"/incidents/{id}/") && r.method == http.MethodPost && otherFailures[r.method+" "+r.path] == nil {
		all = append(all, steers...) // what operators do
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// responses describes what a route answers.
func (s schemas) responses(r route, success object) object {
	out := object{strconv.Itoa(r.success()): success, "default": object{"$ref": "#/components/responses/error"}}
	for _, status := range r.fails() {
		code := strconv.Itoa(status)
		out[code] = object{"$ref": "#/components/responses/" + code}
		if r.answerMedia == mediaText {
			out[code] = object{"description": failures[status], "content": object{mediaText: object{"schema": object{"type": "string"}}}}
		}
	}
	return out
}

// errors are the answers of errors that routes refer to.
func (s schemas) errors() object {
	problem := func(text string) object {
		return object{"description": text, "content": object{mediaProblem: object{"schema": s.of(reflect.TypeFor[Error]())}}}
	}
	out := object{"error": problem("another error, with a hint how to resolve it where there is one")}
	for status, text := range failures {
		out[strconv.Itoa(status)] = problem(text)
	}
	// asked for by the server around the API, which knows no JSON
	out["401"] = object{
		"description": failures[http.StatusUnauthorized], "headers": object{"WWW-Authenticate": object{"schema": object{"type": "string"}}},
		"content": object{mediaText: object{"schema": object{"type": "string"}}},
	}
	return out
}
