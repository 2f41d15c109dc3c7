package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
)

// route is one entry of the API: the mux serves it and the document describes
// it. Either handle or raw is set.
type route struct {
	method, path string
	least        Role // that may ask for it; empty of what only reads: everybody
	summary      string
	query        []param
	body         any // a wire struct; nil: none
	answer       any // a wire struct
	created      bool
	answerMedia  string // of raw routes
	handle       func(*http.Request) (any, error)
	raw          http.HandlerFunc
	public       bool // says nothing worth a password, or the request carries a proof of its own
}

// knows refuses a query parameter that the route has not: a filter with a typo
// would let everything through. /predict takes what it always took.
func (r route) knows(req *http.Request) error {
	if !strings.HasPrefix(r.path, base) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(req.URL.Query())) {
		if !slices.ContainsFunc(r.query, func(p param) bool { return p.name == name }) {
			return omen.WithHint(fmt.Errorf("%s has no parameter %q: %w", r.path, name, omen.ErrInvalid), base+"/openapi.json lists those of all routes")
		}
	}
	return nil
}

// param is one query parameter.
type param struct{ name, doc string }

const (
	mediaEvents = "text/event-stream"
	mediaText   = "text/plain"
	base        = "/api/v1/omen"
)

func (r route) success() int {
	if r.created {
		return http.StatusCreated
	}
	return http.StatusOK
}

var (
	spanParams = []param{
		{"from", "RFC 3339 or seconds since 1970; default an hour before to"},
		{"to", "RFC 3339 or seconds since 1970; default now"},
	}
	pointParam = param{"points", "about how many points to answer with, the highest of each step; default 1000, at most 11000"}
)

// routes is the whole API but /metrics.
func (a *API) routes() []route {
	rs := append(a.readRoutes(), a.muteRoutes()...)
	rs = append(rs, a.graphRoutes()...)
	rs = append(append(append(rs, a.settingsRoutes()...), a.trustRoutes()...), a.budgetRoutes()...)
	rs = append(rs, a.actionRoutes()...)
	for _, act := range []struct {
		action  incident.Action
		summary string
	}{
		{incident.Acknowledge, "Acknowledge an incident"},
		{incident.Release, "Take an acknowledgement back"},
		{incident.Assign, "Assign an incident"},
		{incident.Comment, "Add a comment to an incident"},
		{incident.Link, "Add a link to an incident"},
		{incident.CloseNow, "Close an incident"},
		{incident.Judge, "Say whether an incident was real; Omen learns from it"},
	} {
		rs = append(rs, route{
			method: "POST", path: base + "/incidents/{id}/" + string(act.action), least: RoleOperate, summary: act.summary,
			body: Act{}, answer: IncidentDetail{}, handle: a.act(act.action),
		})
	}
	return rs
}

func (a *API) readRoutes() []route {
	return []route{
		{method: "GET", path: base + "/me", summary: "Who asks, and in which role", answer: Me{}, handle: a.getMe},
		{method: "GET", path: base + "/status", summary: "Version, health, and what is being trained", answer: Status{}, handle: a.getStatus},
		{method: "GET", path: base + "/sources", summary: "The sources and how they answer", answer: Sources{}, handle: a.getSources},
		{method: "GET", path: base + "/hosts", summary: "The hosts that Omen watches, those that need attention first", query: []param{
			{"state", "only hosts in this state: learning, normal, anomalous or silent"}, {"source", "only hosts of this source"},
			{"q", "only hosts whose id contains this"},
			{"match", "only hosts whose labels match, as PromQL writes it, such as cluster=\"eu\",team=~\"db|web\""}, {"sort", "attention (the default), score, name or model_age"},
			{"limit", "at most 1000; default 100"}, {"offset", "how many to leave out first"},
		}, answer: Hosts{}, handle: a.getHosts},
		{method: "GET", path: base + "/hosts/{host}", summary: "One host: score, features with what was expected, model", answer: HostDetail{}, handle: a.getHost},
		{method: "GET", path: base + "/hosts/{host}/score", summary: "A host's score over time", query: append(spanParams[:2:2], pointParam), answer: ScoreHistory{}, handle: a.getScore},
		{method: "GET", path: base + "/hosts/{host}/features", summary: "Some of a host's features over time, with what was expected then", query: append(spanParams[:2:2], pointParam, param{"feature", "a feature's name; may be given 16 times, or * for all; those that the host does not have are left out of the answer"}), answer: Features{}, handle: a.getFeatures},
		{method: "GET", path: base + "/hosts/{host}/group", summary: "How a host's features were on others like it: the median and the range from 10 to 90 % of those with the same value of a label", query: append(spanParams[:2:2], param{"label", "a label of the host, such as role or job, or source or profile"}), answer: Group{}, handle: a.getGroup},
		{method: "GET", path: base + "/hosts/{host}/explain", summary: "Why people were notified of a host at a moment, or why not", query: []param{{"at", "RFC 3339, or seconds since 1970; default now"}}, answer: Explanation{}, handle: a.getExplanation},
		{method: "GET", path: base + "/heat", summary: "The fleet's highest scores by time: rows of hosts or groups, in bytes", query: []param{
			{"last", "1h, 12h (the default), 24h or 7d: cells of 1, 5, 10 or 60 minutes"}, {"from", "RFC 3339 or seconds since 1970, instead of last: cells of 1, 5, 10, 60 or 360 minutes, at most 168"}, {"to", "RFC 3339 or seconds since 1970; default now"}, {"group", "a label, or source or profile: a row for each of its values; without it rows are hosts"},
			{"match", "only hosts whose labels match, as PromQL writes it"}, {"rows", "at most so many, 1 to 300, default 200: neighbours by name share a row where there are more"},
		}, answer: HeatMap{}, handle: a.getHeat},
		{method: "GET", path: base + "/forecasts", summary: "What has a limit and when it is full, the soonest first", query: []param{
			{"host", "only those of this host, by name or id"}, {"source", "only those of this source"}, {"resource", "only those of this limit, such as filesystem_space"},
			{"likely", "true: only what is full, or is to be within 7 days with 5 % or more"}, {"limit", "at most 10000; default 100"},
		}, answer: Forecasts{}, handle: a.getForecasts},
		{method: "GET", path: base + "/incidents", summary: "Incidents, the newest onset first", query: append(spanParams[:2:2],
			param{"state", "open, acknowledged, closed, or active for the first two; several with commas"}, param{"host", "only those of this host, by name or id"},
			param{"source", "only those of this source"}, param{"kind", "only those of these kinds: host, fleet, source, omen, forecast; several with commas"}, param{"fleet", "only those that are part of this fleet incident"}, param{"members", "true: also those that are part of a fleet incident"},
			param{"quiet", "false: without the suppressed ones"}, param{"sort", "since (the default), or weight: of those that are not closed those first that people are notified of, then by severity, then by peak and number of hosts, then forecasts by how near their end is; it has no next"}, param{"limit", "at most 500; default 50"}, param{"before", "next of the answer before"}, param{"points", "the scores of the first 20 that are open, in so many steps, at most 120; default 0: none"}), answer: Incidents{}, handle: a.getIncidents},
		{method: "GET", path: base + "/incidents/{id}", summary: "One incident with every change and every delivery", answer: IncidentDetail{}, handle: a.getIncident},
		{method: "POST", path: base + "/incidents/{id}/verdict/preview", least: RoleRead, summary: "What a verdict would change, without giving it", body: Act{}, answer: Previews{}, handle: a.preview},
		{method: "GET", path: base + "/incidents/{id}/members", summary: "The hosts of a fleet incident with their scores by time, the first to leave their normal first", query: append(spanParams[:2:2], param{"points", "into how many steps the span is cut; default 120, at most 500"}), answer: Members{}, handle: a.getMembers},
		{method: "GET", path: base + "/incidents/{id}/similar", summary: "Past incidents that are like one, with what people said of them", answer: SimilarIncidents{}, handle: a.getSimilar},
		{method: "GET", path: base + "/models", summary: "The models that serve, without their cards", query: []param{{"all", "true: also those that do not serve"}}, answer: Models{}, handle: a.getModels},
		{method: "GET", path: base + "/models/{host}", summary: "A host's stored models with their cards, the newest first", answer: Models{}, handle: a.getHostModels},
		{method: "GET", path: base + "/stream", summary: "Server-sent events: change for every change of an incident, beat every second, and with ?host= score and host", query: []param{{"host", "also send this host's scores, and what else moves of it"}}, answerMedia: mediaEvents, raw: a.stream},
		{method: "GET", path: base + "/openapi.json", summary: "This document", answerMedia: "application/json", raw: a.openapi},
		{method: "GET", path: "/predict", summary: "A host's latest score, with the keys of the system that Omen replaces", query: []param{{"instance", "a host's name, id or instance label; may be left out where there is one host"}}, answer: Prediction{}, handle: a.getPredict},
		{method: "POST", path: "/predict", least: RoleRead, summary: "The score of a given feature vector", body: Predict{}, answer: Prediction{}, handle: a.postPredict},
		{method: "GET", path: "/-/healthy", summary: "200 while the process is alive", answerMedia: mediaText, raw: a.healthy, public: true},
		{method: "GET", path: "/-/ready", summary: "200 once sources were started and models loaded, else 503", answerMedia: mediaText, raw: a.ready, public: true},
		{method: "POST", path: "/-/reload", least: RoleAdmin, summary: "Read the configuration again", answer: Done{}, handle: a.reload},
		{method: "PUT", path: "/-/reload", least: RoleAdmin, summary: "Read the configuration again", answer: Done{}, handle: a.reload},
	}
}

func (a *API) muteRoutes() []route {
	return []route{
		{method: "GET", path: base + "/silences", summary: "Silences that have not ended", query: []param{{"ended", "true: also those that have"}}, answer: Silences{}, handle: a.getSilences},
		{method: "POST", path: base + "/silences", least: RoleOperate, summary: "Suppress notifications of some incidents for a while", body: NewSilence{}, answer: Silence{}, created: true, handle: a.postSilence},
		{method: "GET", path: base + "/silences/{id}", summary: "One silence", answer: Silence{}, handle: a.getSilence},
		{method: "PUT", path: base + "/silences/{id}", least: RoleOperate, summary: "Change a silence", body: NewSilence{}, answer: Silence{}, handle: a.changeSilence},
		{method: "DELETE", path: base + "/silences/{id}", least: RoleOperate, summary: "End a silence now", query: []param{{"by", "who asks; with basic auth, the signed-in user always"}}, answer: Silence{}, handle: a.deleteSilence},
		{method: "POST", path: base + "/matches", least: RoleRead, summary: "What matchers match now: hosts and open incidents; nothing is changed", body: Match{}, answer: Matches{}, handle: a.postMatches},
		{method: "GET", path: base + "/windows", summary: "Maintenance windows, and how reading calendar files went", answer: Windows{}, handle: a.getWindows},
		{method: "POST", path: base + "/windows", least: RoleOperate, summary: "Make or change a maintenance window", body: Window{}, answer: Window{}, created: true, handle: a.postWindow},
		{method: "DELETE", path: base + "/windows/{id}", least: RoleOperate, summary: "Remove a maintenance window", query: []param{{"by", "who asks; with basic auth, the signed-in user always"}}, answer: Done{}, handle: a.deleteWindow},
		{method: "GET", path: base + "/occurrences", summary: "The calendar: silences, every occurrence of every window, and events, within a span", query: []param{
			{"from", "RFC 3339 or seconds since 1970; default a day ago"}, {"to", "RFC 3339 or seconds since 1970, at most 40 days after from; default 8 days after from"},
		}, answer: Occurrences{}, handle: a.getOccurrences},
		{method: "PUT", path: base + "/calendars/{name}", least: RoleOperate, summary: "Replace a calendar's windows by an iCalendar file's", body: NewCalendar{}, answer: ReadCalendar{}, handle: a.putCalendar},
		{method: "GET", path: base + "/events", summary: "What happened to hosts: boots, restarts, deploys, notes", query: append(spanParams[:2:2], param{"host", "only those of this host, by name or id"}, param{"kind", "only those of these kinds: boot, restart, deploy, note; several with commas"}), answer: Events{}, handle: a.getEvents},
		{method: "POST", path: base + "/events", least: RoleOperate, summary: "Say that something happened to hosts, such as a deploy", body: Event{}, answer: Event{}, created: true, handle: a.postEvent},
		{method: "POST", path: "/api/annotations", least: RoleOperate, summary: "The same, as a Grafana annotation", body: Annotation{}, answer: Annotated{}, handle: a.postAnnotation},
		{method: "GET", path: base + "/patterns", summary: "What Omen remembers of verdicts", answer: Patterns{}, handle: a.getPatterns},
		{method: "POST", path: base + "/patterns/{id}/revert", least: RoleOperate, summary: "Take a pattern back", body: Act{}, answer: Pattern{}, handle: a.revertPattern},
	}
}
