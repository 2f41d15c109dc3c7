package api

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

type wireWindow struct {
	ID       string            `json:"id,omitempty" doc:"given by Omen; with an ID the window is changed"`
	Name     string            `json:"name"`
	Match    list[wireMatcher] `json:"match"`
	Zone     string            `json:"zone,omitempty" doc:"an IANA name such as Europe/Berlin; empty: UTC"`
	Start    string            `json:"start" doc:"the first beginning by the local clock: 2026-01-31T02:00:00"`
	Duration number            `json:"duration_seconds"`
	Rule     string            `json:"rule,omitempty" doc:"an RFC 5545 RRULE; empty: once"`
	Except   list[string]      `json:"except,omitempty" doc:"local beginnings that do not take place"`
	Calendar string            `json:"calendar,omitempty" doc:"the calendar it was read from"`
	Effect   mute.Effect       `json:"effect,omitempty"`
	By       string            `json:"by,omitempty"`
	Created  instant           `json:"created,omitempty"`
	Next     list[wireTime]    `json:"next,omitempty" doc:"given by Omen: the next three occurrences, the present one included"`
}

type wireTime struct {
	From instant `json:"from"`
	To   instant `json:"to"`
}

type wireWindows struct {
	Windows list[wireWindow]  `json:"windows"`
	Left    list[wireOmitted] `json:"left" doc:"the events that became no window"`
}

type wireOmitted struct {
	UID     string `json:"uid"`
	Summary string `json:"summary"`
	Why     string `json:"why"`
}

func toOmitted(o mute.Omitted) wireOmitted { return wireOmitted(o) }

// wireWindowList is all windows, and how reading calendar files went.
type wireWindowList struct {
	Windows   list[wireWindow]       `json:"windows"`
	Calendars list[wireCalendarFile] `json:"calendars" doc:"the calendar files that the configuration names"`
}

type wireCalendarFile struct {
	Name        string  `json:"name"`
	File        string  `json:"file"`
	ReadAt      instant `json:"read_at" doc:"when it was last read without an error"`
	FailedSince instant `json:"failed_since" doc:"null: it can be read"`
	Err         string  `json:"err" doc:"why it cannot be read; its windows stay as they were; empty: it can"`

	Left list[wireOmitted] `json:"left" doc:"the events that became no window when it was last read"`
}

func toCalendarFile(k Calendar) wireCalendarFile {
	out := wireCalendarFile{Name: k.Name, File: k.File, ReadAt: instant(k.ReadAt), FailedSince: instant(k.FailedSince), Left: each(k.Left, toOmitted)}
	if k.Err != nil {
		out.Err = k.Err.Error()
	}
	return out
}

func toWindow(w mute.Window) wireWindow {
	return wireWindow{
		ID: w.ID, Name: w.Name, Match: each(w.Match, toMatcher), Zone: w.Zone, Start: w.Start,
		Duration: number(w.Duration.Seconds()), Rule: w.Rule, Except: w.Except, Calendar: w.Calendar,
		Effect: w.Effect, By: w.By, Created: instant(w.Created), Next: next(w, time.Now()),
	}
}

// next are a window's next three occurrences, the present one included. Most
// recur within a week; what does not is looked for up to four years ahead.
func next(w mute.Window, now time.Time) list[wireTime] {
	const week = 7 * 24 * time.Hour
	var spans []omen.Span
	for ahead := 3 * week; len(spans) < 3 && ahead <= 200*week; ahead *= 4 {
		spans = w.Between(now, now.Add(ahead))
	}
	return each(spans[:min(3, len(spans))], func(s omen.Span) wireTime { return wireTime{instant(s.From), instant(s.To)} })
}

func (a *API) getWindows(r *http.Request) (any, error) {
	all, err := a.store.Windows(r.Context())
	out := wireWindowList{Windows: each(all, toWindow)}
	if a.live.Calendars != nil {
		out.Calendars = each(a.live.Calendars(), toCalendarFile)
	}
	return out, err
}

func (a *API) postWindow(r *http.Request) (any, error) {
	var in wireWindow
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	old, err := a.ownWindow(r, in.ID)
	if err != nil {
		return nil, err
	}
	w, err := a.desk.Window(r.Context(), mute.Window{
		ID: in.ID, Created: old.Created, Name: in.Name, Match: each(in.Match, fromMatcher), Zone: in.Zone, Start: in.Start,
		Duration: time.Duration(float64(in.Duration) * float64(time.Second)), Rule: in.Rule, Except: in.Except,
		Effect: in.Effect, By: author(r, in.By),
	})
	return toWindow(w), err
}

// ownWindow is the window of an ID that was made by hand; without an ID, an
// empty one.
func (a *API) ownWindow(r *http.Request, id string) (mute.Window, error) {
	if id == "" {
		return mute.Window{}, nil
	}
	all, err := a.store.Windows(r.Context())
	if err != nil {
		return mute.Window{}, err
	}
	i := slices.IndexFunc(all, func(w mute.Window) bool { return w.ID == id })
	switch {
	case i < 0:
		return mute.Window{}, omen.WithHint(fmt.Errorf("change window %q: %w", id, omen.ErrNotFound), "without an id a new window is made")
	case all[i].Calendar != "":
		return mute.Window{}, omen.WithHint(fmt.Errorf("change window %q of calendar %s: %w", id, all[i].Calendar, omen.ErrConflict), "change the calendar itself: what is read from it replaces its windows")
	}
	return all[i], nil
}

func (a *API) deleteWindow(r *http.Request) (any, error) {
	return wireDone{Done: true}, a.desk.DeleteWindow(r.Context(), r.PathValue("id"), author(r, r.URL.Query().Get("by")))
}

type wireCalendar struct {
	ICS    string            `json:"ics" doc:"an iCalendar file's text"`
	Match  list[wireMatcher] `json:"match"`
	Effect mute.Effect       `json:"effect,omitempty"`
	By     string            `json:"by,omitempty"`
}

func (a *API) putCalendar(r *http.Request) (any, error) {
	var in wireCalendar
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	all, left, err := a.desk.Calendar(r.Context(), r.PathValue("name"), []byte(in.ICS), each(in.Match, fromMatcher), in.Effect, author(r, in.By))
	return wireWindows{each(all, toWindow), each(left, toOmitted)}, err
}
