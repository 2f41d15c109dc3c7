package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen/mute"
)

// maxOccurrences bounds how many occurrences one answer lists: more than a page
// can draw so that people tell them apart.
const maxOccurrences = 2000

// OccurrenceKind is what is on a calendar: a silence, a maintenance window, or
// an event by its own kind.
type OccurrenceKind string

// The kinds of events are those of [mute.EventKind].
const (
	OccursSilence OccurrenceKind = "silence"
	OccursWindow  OccurrenceKind = "window"
)

var occurrenceKinds = []OccurrenceKind{
	OccursSilence, OccursWindow, OccurrenceKind(mute.EventBoot), OccurrenceKind(mute.EventRestart), OccurrenceKind(mute.EventDeploy), OccurrenceKind(mute.EventNote),
}

// Occurrence is one span on the calendar of what suppresses notifications.
type Occurrence struct {
	Kind     OccurrenceKind `json:"kind" doc:"silence, window, or an event's kind: boot, restart, deploy, note"`
	ID       string         `json:"id" doc:"of the silence, window or event; the occurrences of a window have the same"`
	Title    string         `json:"title" doc:"a silence's reason, a window's name, an event's title; may be empty"`
	From     Instant        `json:"from" null:"never"`
	To       Instant        `json:"to" null:"never" doc:"of an event when its grace ends: from, where it has none"`
	Match    List[Matcher]  `json:"match" doc:"which incidents; of an event which hosts"`
	Effect   mute.Effect    `json:"effect" doc:"of a silence or window; empty: silence"`
	By       string         `json:"by"`
	Calendar string         `json:"calendar" doc:"of a window the calendar it was read from; empty: none"`
	Link     string         `json:"link" doc:"of an event"`
}

// Occurrences is a calendar.
type Occurrences struct {
	From        Instant          `json:"from" null:"never"`
	To          Instant          `json:"to" null:"never"`
	Occurrences List[Occurrence] `json:"occurrences" doc:"those that overlap from…to, by their beginning"`
	LeftOut     int              `json:"left_out" doc:"how many more there are: at most 2000 are listed, silences and windows before events, of each the last to begin"`
}

// getOccurrences is everything that suppresses notifications within a span, each
// occurrence of every window by itself.
func (a *API) getOccurrences(r *http.Request) (any, error) {
	q, now := r.URL.Query(), time.Now()
	from, err := timeParam(q.Get("from"), "from", now.Add(-24*time.Hour))
	if err != nil {
		return nil, err
	}
	to, err := timeParam(q.Get("to"), "to", from.Add(8*24*time.Hour))
	if err != nil {
		return nil, err
	}
	if err := spanFits(from, to); err != nil {
		return nil, err
	}
	var rules mute.Rules
	if rules.Silences, err = a.store.Silences(r.Context(), from); err != nil {
		return nil, err
	}
	if rules.Windows, err = a.store.Windows(r.Context()); err != nil {
		return nil, err
	}
	if rules.Events, err = a.store.Events(r.Context(), from.Add(-mute.MaxGrace), to); err != nil {
		return nil, err
	}
	out := Occurrences{From: Instant(from), To: Instant(to)}
	out.Occurrences, out.LeftOut = bounded(occurrences(rules, from, to), maxOccurrences)
	return out, nil
}

// occurrences are those of rules that overlap from…to, in no order.
func occurrences(rules mute.Rules, from, to time.Time) (all []Occurrence) {
	for _, s := range rules.Silences {
		if s.From.Before(to) && s.Until.After(from) {
			all = append(all, Occurrence{
				Kind: OccursSilence, ID: s.ID, Title: s.Reason, From: Instant(s.From), To: Instant(s.Until),
				Match: each(s.Match, toMatcher), Effect: s.Effect, By: s.By,
			})
		}
	}
	for _, w := range rules.Windows {
		match := each(w.Match, toMatcher)
		for _, span := range w.Between(from, to) {
			all = append(all, Occurrence{
				Kind: OccursWindow, ID: w.ID, Title: w.Name, From: Instant(span.From), To: Instant(span.To),
				Match: match, Effect: w.Effect, By: w.By, Calendar: w.Calendar,
			})
		}
	}
	for _, e := range rules.Events {
		if e.At.Before(to) && (e.Until().After(from) || !e.At.Before(from)) {
			all = append(all, Occurrence{
				Kind: OccurrenceKind(e.Kind), ID: e.ID, Title: e.Title, From: Instant(e.At), To: Instant(e.Until()),
				Match: each(e.Match, toMatcher), By: e.By, Link: e.Link,
			})
		}
	}
	return all
}

// bounded are at most so many occurrences by their beginning, and how many are
// left out: events before silences and windows, which are what people plan, and the
// oldest of each first.
func bounded(all []Occurrence, most int) ([]Occurrence, int) {
	planned := func(o Occurrence) int {
		if o.Kind == OccursSilence || o.Kind == OccursWindow {
			return 1
		}
		return 0
	}
	begins := func(x, y Occurrence) int {
		return cmp.Or(time.Time(x.From).Compare(time.Time(y.From)), strings.Compare(string(x.Kind), string(y.Kind)), strings.Compare(x.ID, y.ID))
	}
	left := max(0, len(all)-most)
	if left > 0 {
		slices.SortFunc(all, func(x, y Occurrence) int { return cmp.Or(cmp.Compare(planned(x), planned(y)), begins(x, y)) })
		all = all[left:]
	}
	slices.SortFunc(all, begins)
	return all, left
}
