package mute

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// maxExcept bounds the exceptions of one event.
const maxExcept = 1000

// Omitted is an event of a calendar that became no window, or an exception of one
// that meets nothing.
type Omitted struct {
	UID     string
	Summary string
	Why     string // for people
}

// ParseCalendar reads the events of an iCalendar file (RFC 5545) as windows
// without matchers. Floating times and whole days are read in zone; where that is
// nil, in the zone that the calendar names for all of it (X-WR-TIMEZONE), and
// where it names none, in otherwise. Whole days last from midnight to midnight, whatever the clocks do. An
// occurrence that was moved is an exception of its series and a window of its own.
//
// An event that cannot be followed exactly (RDATE, a rule that [readRule]
// refuses, an unknown time zone), one that takes nobody's time (cancelled,
// free), one that a later revision replaces, and what is no event is left: a
// window at the wrong time hides real trouble. Only a text that is no complete
// calendar, or too large, is [omen.ErrInvalid].
func ParseCalendar(text []byte, name string, zone, otherwise *time.Location) (windows []Window, left []Omitted, err error) {
	all, err := readComponents(text)
	if err != nil {
		return nil, nil, fmt.Errorf("calendar %s: %w: %w", name, err, omen.ErrInvalid)
	}
	k := icsCalendar{name: name, floating: zone, otherwise: otherwise, zones: map[string]*component{}, moved: map[string][]icsTime{}, split: map[string]bool{}, newest: map[revision]int{}}
	var events []*component
	for _, c := range all {
		switch c.name {
		case "VTIMEZONE":
			k.zones[c.value("TZID")] = c
		case "VEVENT":
			events = append(events, c)
			k.event = c
			k.replaces(c)
			r := revisionOf(c)
			k.newest[r] = max(k.newest[r], c.sequence())
		default:
			left = append(left, Omitted{UID: c.value("UID"), Summary: c.value("SUMMARY"), Why: clip(c.name) + " is no event (VEVENT)"})
		}
	}
	seen := map[string]bool{}
	for n, c := range events {
		k.event = c
		w, err := k.window(c, len(windows))
		if err == nil {
			err = w.Validate()
		}
		switch {
		case errors.Is(err, errMoved):
		case err != nil:
			left = append(left, Omitted{UID: c.value("UID"), Summary: c.value("SUMMARY"), Why: err.Error()})
		default:
			if seen[w.ID] { // one UID for two events
				w.ID += "-" + strconv.Itoa(n)
			}
			seen[w.ID] = true
			windows = append(windows, w)
			left = append(left, k.unmet(c, w)...)
		}
	}
	return windows, left, nil
}

// icsCalendar is what the events of a calendar need of one another.
type icsCalendar struct {
	name      string
	floating  *time.Location        // nil: as the calendar says
	otherwise *time.Location        // where it says nothing
	event     *component            // whose times are read
	zones     map[string]*component // VTIMEZONEs by TZID
	moved     map[string][]icsTime  // by UID: occurrences that are cancelled or events of their own
	split     map[string]bool       // UIDs of series that change from some occurrence on
	newest    map[revision]int      // the highest SEQUENCE
}

// revision is what an event may be a later revision of: a series, or one
// occurrence of it.
type revision struct{ uid, occurrence string }

func revisionOf(c *component) revision { return revision{c.value("UID"), c.value("RECURRENCE-ID")} }

// sequence is the number of an event's revision; 0 if there is none.
func (c *component) sequence() int {
	n, _ := strconv.Atoi(strings.TrimSpace(c.value("SEQUENCE")))
	return n
}

// errMoved is why an event is no window that cancels an occurrence of a series.
var errMoved = errors.New("it cancels an occurrence")

// replaces remembers which occurrence of a series an event stands for.
func (k *icsCalendar) replaces(c *component) {
	p := c.first("RECURRENCE-ID")
	if p == nil {
		return
	}
	uid := c.value("UID")
	k.split[uid] = k.split[uid] || parameter(p, "RANGE") != ""
	if t, err := k.time(p, p.Value); err == nil && uid != "" {
		k.moved[uid] = append(k.moved[uid], t)
	}
}

// window is an event as the n-th window.
func (k *icsCalendar) window(c *component, n int) (w Window, err error) {
	uid, of := c.value("UID"), c.first("RECURRENCE-ID")
	series := of == nil
	if !series {
		_, err = k.time(of, of.Value)
	}
	switch newest := k.newest[revisionOf(c)]; {
	case c.bad != nil:
		return w, c.bad
	case err != nil:
		return w, fmt.Errorf("which occurrence it changes is not known, that one takes place: %w", err)
	case !series && uid == "":
		return w, errors.New("it changes an occurrence of a series without UID: that one takes place")
	case uid != "" && c.sequence() < newest:
		return w, fmt.Errorf("a later revision replaces it (SEQUENCE:%d)", newest)
	case strings.EqualFold(c.value("STATUS"), "CANCELLED") && !series:
		return w, errMoved
	case strings.EqualFold(c.value("STATUS"), "CANCELLED"):
		return w, errors.New("it is cancelled")
	case strings.EqualFold(c.value("TRANSP"), "TRANSPARENT"):
		return w, errors.New("it is marked as free time (TRANSP:TRANSPARENT)")
	case k.split[uid]:
		return w, errors.New("RECURRENCE-ID with a RANGE is not supported")
	case len(c.properties["RRULE"]) > 1:
		return w, errors.New("a second RRULE is not supported")
	}
	for _, name := range []string{"RDATE", "EXRULE"} {
		if c.first(name) != nil {
			return w, fmt.Errorf("%s is not supported", name)
		}
	}
	begin := c.first("DTSTART")
	if begin == nil {
		return w, errors.New("it has no DTSTART")
	}
	start, err := k.time(begin, begin.Value)
	if err != nil {
		return w, err
	}
	id := cmp.Or(uid, strconv.Itoa(n))
	w = Window{
		ID:   "ics-" + omen.StableID("calendar", k.name+"\x00"+id, start.instant()),
		Name: cut(cmp.Or(strings.TrimSpace(c.value("SUMMARY")), strings.TrimSpace(id), "calendar"), maxName), Zone: start.zone.String(),
		Start: start.wall.Format(localLayout), Rule: c.value("RRULE"), Calendar: k.name,
		// so that it validates before its owner says what it is for
		Match: []Matcher{{Name: MatchHost, Value: ".*", IsRegex: true, IsEqual: true}},
	}
	if w.Duration, w.Nominal, err = k.length(c, start); err != nil {
		return w, err
	}
	if series {
		w.Except, err = k.exceptions(c, start)
	}
	return w, err
}

// exceptions are the occurrences of a series that do not take place, or not
// then.
func (k *icsCalendar) exceptions(c *component, start icsTime) (except []string, err error) {
	out := k.moved[c.value("UID")]
	out = out[:len(out):len(out)]
	for _, p := range c.properties["EXDATE"] {
		for one := range strings.SplitSeq(p.Value, ",") {
			t, err := k.time(p, one)
			if err != nil {
				return nil, err
			}
			if out = append(out, t); len(out) > maxExcept {
				return nil, fmt.Errorf("it has more than %d exceptions", maxExcept)
			}
		}
	}
	for _, t := range out {
		except = append(except, t.as(start).Format(localLayout))
	}
	return except, nil
}

// unmet are the exceptions of a series at which it has no occurrence: what they
// were meant to take out takes place.
func (k *icsCalendar) unmet(c *component, w Window) (left []Omitted) {
	without := w
	without.Except = nil
	s, err := without.schedule()
	if err != nil {
		return nil // Validate has said so
	}
	begins := s.begins
	if s.rule != nil && s.rule.option.Count > 0 { // counted from the first: once for all exceptions
		all := map[time.Time]bool{}
		for wall := range s.walls(s.first, time.Date(lastBeginning, 1, 1, 0, 0, 0, 0, time.UTC)) {
			all[wall] = true
		}
		begins = func(wall time.Time) bool { return all[wall] }
	}
	for _, except := range w.Except {
		at, err := time.Parse(localLayout, except)
		if err != nil || begins(at) {
			continue
		}
		left = append(left, Omitted{UID: c.value("UID"), Summary: c.value("SUMMARY"),
			Why: fmt.Sprintf("an exception at %s meets no occurrence: nothing is taken out", except)})
	}
	return left
}
