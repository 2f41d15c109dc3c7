package mute

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
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
// without matchers. Floating times and whole days are read in zone; whole days
// last from midnight to midnight, whatever the clocks do. An occurrence that
// was moved is an exception of its series and a window of its own.
//
// An event that cannot be followed exactly (RDATE, a rule that [ParseRule]
// refuses, an unknown time zone), and one that takes nobody's time (cancelled,
// free), is left: a window at the wrong time hides real trouble. Only a text
// that is no complete calendar, or too large, is [omen.ErrInvalid].
func ParseCalendar(text []byte, name string, zone *time.Location) (windows []Window, left []Omitted, err error) {
	all, err := readComponents(text)
	if err != nil {
		return nil, nil, fmt.Errorf("calendar %s: %w: %w", name, err, omen.ErrInvalid)
	}
	k := icsCalendar{name: name, floating: zone, zones: map[string]*component{}, moved: map[string][]icsTime{}, split: map[string]bool{}}
	var events []*component
	for _, c := range all {
		switch c.name {
		case "VTIMEZONE":
			k.zones[c.value("TZID")] = c
		case "VEVENT":
			events = append(events, c)
			k.replaces(c)
		}
	}
	seen := map[string]bool{}
	for n, c := range events {
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
	name     string
	floating *time.Location
	zones    map[string]*component // VTIMEZONEs by TZID
	moved    map[string][]icsTime  // by UID: occurrences that are cancelled or events of their own
	split    map[string]bool       // UIDs of series that change from some occurrence on
}

// icsTime is a wall-clock time, held in UTC, of a zone.
type icsTime struct {
	wall time.Time
	zone *time.Location
	date bool // a whole day
}

func (t icsTime) instant() time.Time { return schedule{zone: t.zone}.instant(t.wall) }

// as is the same time by the clock of another time, which gives a whole day its
// time of day.
func (t icsTime) as(other icsTime) time.Time {
	switch {
	case t.date:
		return t.wall.Add(other.wall.Sub(other.wall.Truncate(24 * time.Hour)))
	case t.zone.String() == other.zone.String():
		return t.wall
	}
	return wallOf(t.instant().In(other.zone))
}

func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
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
	k.split[uid] = k.split[uid] || strings.EqualFold(parameter(p, "RANGE"), "THISANDFUTURE")
	if t, err := k.time(p, p.Value); err == nil {
		k.moved[uid] = append(k.moved[uid], t)
	}
}

// window is an event as the n-th window.
func (k *icsCalendar) window(c *component, n int) (w Window, err error) {
	uid, series := c.value("UID"), c.first("RECURRENCE-ID") == nil
	switch {
	case c.bad != nil:
		return w, c.bad
	case strings.EqualFold(c.value("STATUS"), "CANCELLED") && !series:
		return w, errMoved
	case strings.EqualFold(c.value("STATUS"), "CANCELLED"):
		return w, errors.New("it is cancelled")
	case strings.EqualFold(c.value("TRANSP"), "TRANSPARENT"):
		return w, errors.New("it is marked as free time (TRANSP:TRANSPARENT)")
	case k.split[uid]:
		return w, errors.New("RECURRENCE-ID with RANGE=THISANDFUTURE is not supported")
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
		Name: cmp.Or(strings.TrimSpace(c.value("SUMMARY")), strings.TrimSpace(id), "calendar"), Zone: start.zone.String(),
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
	for _, except := range w.Except {
		at, err := time.Parse(localLayout, except)
		if err != nil || s.begins(at) {
			continue
		}
		left = append(left, Omitted{UID: c.value("UID"), Summary: c.value("SUMMARY"),
			Why: fmt.Sprintf("an exception at %s meets no occurrence: nothing is taken out", except)})
	}
	return left
}

// length is how long an event lasts, and whether by the local clock: so do
// whole days, however they are written.
func (k *icsCalendar) length(c *component, start icsTime) (length time.Duration, nominal bool, err error) {
	switch d, end := c.first("DURATION"), c.first("DTEND"); {
	case d != nil:
		length, nominal, err = parseICSDuration(d.Value)
	case end != nil:
		until, err := k.time(end, end.Value)
		if err != nil {
			return 0, false, err
		}
		length = until.instant().Sub(start.instant())
		midnight := func(t icsTime) bool { return t.wall.Equal(t.wall.Truncate(24 * time.Hour)) }
		if start.zone.String() == until.zone.String() && midnight(start) && midnight(until) {
			length, nominal = until.wall.Sub(start.wall), true
		}
	case start.date:
		length, nominal = 24*time.Hour, true
	}
	if err == nil && length <= 0 {
		err = errors.New("it takes no time")
	}
	return length, nominal, err
}

// time reads one value of a property.
func (k *icsCalendar) time(p *property, value string) (t icsTime, err error) {
	t.zone = k.floating
	if id := parameter(p, "TZID"); id != "" {
		if t.zone, err = k.zoneNamed(id); err != nil {
			return t, err
		}
	}
	value = strings.TrimSpace(value)
	if strings.EqualFold(parameter(p, "VALUE"), "DATE") || len(value) == 8 {
		t.date = true
		if t.wall, err = time.Parse("20060102", value); err != nil {
			return t, fmt.Errorf("%s %q is no date", p.IANAToken, clip(value))
		}
		return t, nil
	}
	if local, ok := strings.CutSuffix(value, "Z"); ok {
		value, t.zone = local, time.UTC
	}
	if t.wall, err = time.Parse("20060102T150405", value); err != nil {
		return t, fmt.Errorf("%s %q is no time", p.IANAToken, clip(value))
	}
	return t, nil
}

// zoneNamed finds the zone of a TZID: by its name, else by what the calendar's
// VTIMEZONE says of it.
func (k *icsCalendar) zoneNamed(id string) (*time.Location, error) {
	zone, err := zoneNamed(id)
	c := k.zones[id]
	if err == nil || c == nil {
		return zone, err
	}
	if zone, err := zoneNamed(c.value("X-LIC-LOCATION")); err == nil {
		return zone, nil
	}
	if len(c.parts) != 1 {
		return nil, fmt.Errorf("%w, and its VTIMEZONE has rules of its own", err)
	}
	return fixedZone(c.parts[0].value("TZOFFSETTO"))
}

var icsDuration = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?$`)

// parseICSDuration reads a duration such as P1DT2H30M or P2W; days and weeks
// are those of the local clock.
func parseICSDuration(text string) (total time.Duration, nominal bool, err error) {
	part := icsDuration.FindStringSubmatch(strings.TrimSpace(text))
	if part == nil {
		return 0, false, fmt.Errorf("DURATION %q is no duration", clip(text))
	}
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(part[i+1]) // digits, or nothing
		total += time.Duration(n) * unit
	}
	return total, part[1] != "" || part[2] != "", nil
}
