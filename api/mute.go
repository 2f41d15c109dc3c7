package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// This file is what operators say of the time around incidents: silences,
// events and the feedback in force; windows.go has maintenance.

type Matcher struct {
	Name    string `json:"name" doc:"host, profile, source, kind, severity, cause, or a label of the host"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex" doc:"the value is a regular expression, anchored at both ends"`
	IsEqual bool   `json:"isEqual" doc:"false: the value must not match"`
}

type Silence struct {
	ID      string        `json:"id" doc:"given by Omen"`
	Match   List[Matcher] `json:"match" doc:"all must hold"`
	From    Instant       `json:"from" doc:"null: now"`
	Until   Instant       `json:"until" null:"never"`
	Effect  mute.Effect   `json:"effect" doc:"silence, exclude (also left out of training) or shift (learned as expected)"`
	By      string        `json:"by"`
	Reason  string        `json:"reason"`
	Created Instant       `json:"created"`
}

type Silences struct {
	Silences List[Silence] `json:"silences"`
}

type NewSilence struct {
	Match  List[Matcher] `json:"match" doc:"all must hold"`
	From   Instant       `json:"from,omitempty" doc:"null: now"`
	Until  Instant       `json:"until" null:"never"`
	Effect mute.Effect   `json:"effect,omitempty" doc:"silence (the default), exclude or shift"`
	By     string        `json:"by,omitempty"`
	Reason string        `json:"reason"`
}

func toMatcher(m mute.Matcher) Matcher   { return Matcher(m) }
func fromMatcher(m Matcher) mute.Matcher { return mute.Matcher(m) }

func toSilence(s mute.Silence) Silence {
	return Silence{
		ID: s.ID, Match: each(s.Match, toMatcher), From: Instant(s.From), Until: Instant(s.Until),
		Effect: s.Effect, By: s.By, Reason: s.Reason, Created: Instant(s.Created),
	}
}

func (a *API) getSilences(r *http.Request) (any, error) {
	at := time.Now()
	ended, err := boolParam(r.URL.Query().Get("ended"), "ended", false)
	if err != nil {
		return nil, err
	}
	if ended {
		at = time.Time{}
	}
	all, err := a.store.Silences(r.Context(), at)
	return Silences{each(all, toSilence)}, err
}

func (a *API) getSilence(r *http.Request) (any, error) {
	s, err := a.store.Silence(r.Context(), r.PathValue("id"))
	return toSilence(s), err
}

func (a *API) postSilence(r *http.Request) (any, error) {
	return a.putSilence(r, mute.Silence{From: time.Now()})
}

func (a *API) changeSilence(r *http.Request) (any, error) {
	old, err := a.store.Silence(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return a.putSilence(r, old)
}

// putSilence stores what the body says; the ID, when it was made and, where
// the body leaves it out, the beginning are those of old.
func (a *API) putSilence(r *http.Request, old mute.Silence) (any, error) {
	var in NewSilence
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if given := time.Time(in.From); !given.IsZero() {
		old.From = given
	}
	s, err := a.manager.Silence(r.Context(), mute.Silence{
		ID: old.ID, Match: each(in.Match, fromMatcher), From: old.From, Until: time.Time(in.Until),
		Effect: in.Effect, By: author(r, in.By), Reason: in.Reason, Created: old.Created,
	})
	return toSilence(s), err
}

func (a *API) deleteSilence(r *http.Request) (any, error) {
	id := r.PathValue("id")
	if err := a.manager.EndSilence(r.Context(), id, author(r, r.URL.Query().Get("by"))); err != nil {
		return nil, err
	}
	s, err := a.store.Silence(r.Context(), id)
	return toSilence(s), err
}

type Event struct {
	ID    string         `json:"id,omitempty" doc:"given by Omen unless set; the same ID twice is one event"`
	Kind  mute.EventKind `json:"kind" doc:"boot, restart, deploy or note"`
	At    Instant        `json:"at,omitempty" doc:"null: now"`
	Match List[Matcher]  `json:"match" doc:"which hosts"`
	Title string         `json:"title,omitempty"`
	Link  string         `json:"link,omitempty"`
	By    string         `json:"by,omitempty"`
	Grace Number         `json:"grace_seconds,omitempty" doc:"length of the grace period; 0: the kind's default"`
	Until Instant        `json:"until,omitempty" doc:"given by Omen: when its grace ends; null: it has none"`
}

type Events struct {
	Events List[Event] `json:"events" doc:"oldest first"`
}

func toEvent(e mute.Event) Event {
	out := Event{
		ID: e.ID, Kind: e.Kind, At: Instant(e.At), Match: each(e.Match, toMatcher), Title: e.Title,
		Link: e.Link, By: e.By, Grace: Number(e.Grace.Seconds()),
	}
	if until := e.Until(); until.After(e.At) {
		out.Until = Instant(until)
	}
	return out
}

func (a *API) getEvents(r *http.Request) (any, error) {
	from, to, err := spanOf(r)
	if err != nil {
		return nil, err
	}
	all, err := a.store.Events(r.Context(), from, to)
	if err != nil {
		return nil, err
	}
	var kinds []mute.EventKind
	for k := range strings.SplitSeq(r.URL.Query().Get("kind"), ",") {
		switch kind := mute.EventKind(k); kind {
		case "":
		case mute.EventBoot, mute.EventRestart, mute.EventDeploy, mute.EventNote:
			kinds = append(kinds, kind)
		default:
			return nil, fmt.Errorf("kind=%s: want boot, restart, deploy or note: %w", k, omen.ErrInvalid)
		}
	}
	if len(kinds) > 0 {
		all = slices.DeleteFunc(all, func(e mute.Event) bool { return !slices.Contains(kinds, e.Kind) })
	}
	if name := r.URL.Query().Get("host"); name != "" {
		h, err := a.hostParam(name)
		if err != nil {
			return nil, err
		}
		known, _ := a.live.Host(h)
		value := mute.HostValue(h, known.Labels)
		all = slices.DeleteFunc(all, func(e mute.Event) bool {
			holds, err := mute.Compile(e.Match)
			return err != nil || !holds(value)
		})
	}
	return Events{each(all, toEvent)}, nil
}

func (a *API) postEvent(r *http.Request) (any, error) {
	var in Event
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	e := mute.Event{
		ID: in.ID, Kind: in.Kind, At: time.Time(in.At), Match: each(in.Match, fromMatcher), Title: in.Title,
		Link: in.Link, By: author(r, in.By), Grace: time.Duration(float64(in.Grace) * float64(time.Second)),
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e, err := a.manager.Note(r.Context(), e)
	return toEvent(e), err
}

// Annotation is the body of Grafana's POST /api/annotations.
type Annotation struct {
	Time         int64        `json:"time,omitempty" doc:"milliseconds since 1970; 0: now"`
	TimeEnd      int64        `json:"timeEnd,omitempty" doc:"end of a region, and of the grace period"`
	Tags         List[string] `json:"tags" doc:"what it is: deploy, restart or boot, else a note, which is only drawn; and which hosts: job:shop, host:web-1"`
	Text         string       `json:"text,omitempty"`
	DashboardUID string       `json:"dashboardUID,omitempty" doc:"not used"`
	DashboardID  int64        `json:"dashboardId,omitempty" doc:"not used"`
	PanelID      int64        `json:"panelId,omitempty" doc:"not used"`
}

type Annotated struct {
	Message string `json:"message"`
	Event   string `json:"event" doc:"the event's ID"`
}

func (a *API) postAnnotation(r *http.Request) (any, error) {
	var in Annotation
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	e, err := mute.Annotation{Time: in.Time, TimeEnd: in.TimeEnd, Tags: in.Tags, Text: in.Text}.Event(author(r, "grafana"), time.Now())
	if err != nil {
		return nil, err
	}
	e, err = a.manager.Note(r.Context(), e)
	return Annotated{"Annotation added", e.ID}, err
}

type CauseSign struct {
	Feature string `json:"feature"`
	Up      bool   `json:"up"`
}

type Pattern struct {
	ID         string          `json:"id"`
	Verdict    omen.Verdict    `json:"verdict"`
	Incident   string          `json:"incident" doc:"the judged one"`
	Host       HostRef         `json:"host"`
	Role       string          `json:"role" doc:"not empty: it holds on every host of this role"`
	Causes     List[CauseSign] `json:"causes"`
	MaxPeak    Number          `json:"max_peak" doc:"incidents with a higher peak are not suppressed"`
	Limit      Number          `json:"limit" doc:"confirmed: the score from which similar samples count as anomalous"`
	Text       string          `json:"text" doc:"when it holds, for people"`
	By         string          `json:"by"`
	Created    Instant         `json:"created"`
	Reverted   string          `json:"reverted" doc:"who took it back; empty: in force"`
	RevertedAt Instant         `json:"reverted_at"`
}

type Patterns struct {
	Patterns List[Pattern] `json:"patterns"`
}

func toPattern(p feedback.Pattern) Pattern {
	text := "at any time"
	if p.FromTime != 0 || p.ToTime != 0 {
		zone := p.Zone
		if zone == "" {
			zone = "UTC"
		}
		text = fmt.Sprintf("%02d:%02d–%02d:%02d %s", p.FromTime/60, p.FromTime%60, p.ToTime/60, p.ToTime%60, zone)
	}
	return Pattern{
		ID: p.ID, Verdict: p.Verdict, Incident: p.Incident, Host: toRef(p.Host), Role: p.Role,
		Causes:  each(p.Causes, func(c feedback.CauseSign) CauseSign { return CauseSign(c) }),
		MaxPeak: Number(p.MaxPeak), Limit: Number(p.Limit), Text: text, By: p.By, Created: Instant(p.Created),
		Reverted: p.Reverted, RevertedAt: Instant(p.RevertedAt),
	}
}

func (a *API) getPatterns(r *http.Request) (any, error) {
	all, err := a.store.Patterns(r.Context())
	return Patterns{each(all, toPattern)}, err
}

func (a *API) revertPattern(r *http.Request) (any, error) {
	var in Act
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := a.manager.Revert(r.Context(), r.PathValue("id"), author(r, in.By)); err != nil {
		return nil, err
	}
	p, err := a.store.Pattern(r.Context(), r.PathValue("id"))
	return toPattern(p), err
}

type Done struct {
	Done bool `json:"done"`
}
