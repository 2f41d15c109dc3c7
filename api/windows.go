package api

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

type Window struct {
	ID       string        `json:"id,omitempty" doc:"given by Omen; with an ID the window is changed"`
	Name     string        `json:"name"`
	Match    List[Matcher] `json:"match"`
	Zone     string        `json:"zone,omitempty" doc:"an IANA name such as Europe/Berlin; empty: UTC"`
	Start    string        `json:"start" doc:"the first beginning by the local clock: 2026-01-31T02:00:00"`
	Duration Number        `json:"duration_seconds" null:"never"`
	Rule     string        `json:"rule,omitempty" doc:"an RFC 5545 RRULE; empty: once"`
	Except   List[string]  `json:"except,omitempty" doc:"local beginnings that do not take place"`
	Calendar string        `json:"calendar,omitempty" doc:"the calendar it was read from"`
	Effect   mute.Effect   `json:"effect,omitempty"`
	By       string        `json:"by,omitempty"`
	Created  Instant       `json:"created,omitempty"`
	Next     List[Span]    `json:"next,omitempty" doc:"given by Omen: the next three occurrences, the present one included"`
}

type Span struct {
	From Instant `json:"from" null:"never"`
	To   Instant `json:"to" null:"never"`
}

// ReadCalendar is what became of an iCalendar file.
type ReadCalendar struct {
	Windows List[Window]  `json:"windows"`
	Left    List[Omitted] `json:"left" doc:"the events that became no window"`
}

type Omitted struct {
	UID     string `json:"uid"`
	Summary string `json:"summary"`
	Why     string `json:"why"`
}

func toOmitted(o mute.Omitted) Omitted { return Omitted(o) }

// Windows is all windows, and how reading calendar files went.
type Windows struct {
	Windows   List[Window]       `json:"windows"`
	Calendars List[CalendarFile] `json:"calendars" doc:"the calendar files that the configuration names"`
}

type CalendarFile struct {
	Name        string        `json:"name"`
	File        string        `json:"file"`
	ReadAt      Instant       `json:"read_at" doc:"when it was last read without an error"`
	FailedSince Instant       `json:"failed_since" doc:"null: it can be read"`
	Err         string        `json:"err" doc:"why it cannot be read; its windows are kept; empty: it can"`
	Left        List[Omitted] `json:"left" doc:"the events that became no window when it was last read, and exceptions that meet no occurrence"`
}

func toWindow(w mute.Window) Window {
	return Window{
		ID: w.ID, Name: w.Name, Match: each(w.Match, toMatcher), Zone: w.Zone, Start: w.Start,
		Duration: Number(w.Duration.Seconds()), Rule: w.Rule, Except: w.Except, Calendar: w.Calendar,
		Effect: w.Effect, By: w.By, Created: Instant(w.Created), Next: next(w, time.Now()),
	}
}

// next are a window's next three occurrences, the present one included. Most
// recur within a week; what does not is looked for up to four years ahead.
func next(w mute.Window, now time.Time) List[Span] {
	const week = 7 * 24 * time.Hour
	var spans []omen.Span
	for ahead := 3 * week; len(spans) < 3 && ahead <= 200*week; ahead *= 4 {
		spans = w.Between(now, now.Add(ahead))
	}
	return each(spans[:min(3, len(spans))], func(s omen.Span) Span { return Span{Instant(s.From), Instant(s.To)} })
}

func (a *API) getWindows(r *http.Request) (any, error) {
	all, err := a.store.Windows(r.Context())
	return Windows{Windows: each(all, toWindow), Calendars: a.live.Calendars()}, err
}

func (a *API) postWindow(r *http.Request) (any, error) {
	var in Window
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	old, err := a.ownWindow(r, in.ID)
	if err != nil {
		return nil, err
	}
	w, err := a.manager.Window(r.Context(), mute.Window{
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
	return Done{Done: true}, a.manager.DeleteWindow(r.Context(), r.PathValue("id"), author(r, r.URL.Query().Get("by")))
}

type NewCalendar struct {
	ICS    string        `json:"ics" doc:"an iCalendar file's text"`
	Match  List[Matcher] `json:"match"`
	Effect mute.Effect   `json:"effect,omitempty"`
	By     string        `json:"by,omitempty"`
}

func (a *API) putCalendar(r *http.Request) (any, error) {
	var in NewCalendar
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	all, left, err := a.manager.Calendar(r.Context(), r.PathValue("name"), []byte(in.ICS), each(in.Match, fromMatcher), in.Effect, author(r, in.By))
	return ReadCalendar{each(all, toWindow), each(left, toOmitted)}, err
}
