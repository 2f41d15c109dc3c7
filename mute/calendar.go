package incident

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	omen "github.com/omenhq/omen"
)

// Bounds of a calendar; a larger one is refused.
const (
	maxCalendar = 4 << 20
	maxEvents   = 5000
)

const localLayout = "2006-01-02T15:04:05"

// ParseCalendar reads the events of an iCalendar file (RFC 5545) as windows
// without matchers. It understands DTSTART with TZID, in UTC, floating (read
// in zone) or as a whole day, DTEND or DURATION, RRULE as far as
// [omen.ParseRule] does, EXDATE, UID and SUMMARY. Cancelled and transparent
// events are left out. An event that it cannot follow exactly (RDATE,
// RECURRENCE-ID, another rule, an unknown time zone) is [omen.ErrInvalid] and
// names the line: a window at the wrong time hides real trouble.
func ParseCalendar(ics []byte, calendar string, zone *time.Location) ([]omen.Window, error) {
	fail := func(line int, err error) error {
		return fmt.Errorf("calendar %s, line %d: %w: %w", calendar, line, err, omen.ErrInvalid)
	}
	if len(ics) > maxCalendar || !utf8.Valid(ics) {
		return nil, fail(1, fmt.Errorf("not UTF-8, or over %d bytes", maxCalendar))
	}
	var windows []omen.Window
	var nested []string // the components that the line is in
	var event *icsEvent
	seen := false
	for n, line := range unfold(ics) {
		p, ok := parseProperty(line)
		switch {
		case !ok && strings.TrimSpace(line) == "":
			continue
		case !ok:
			return nil, fail(n, fmt.Errorf("%q is not NAME:VALUE", clip(line)))
		case p.name == "BEGIN":
			nested = append(nested, strings.ToUpper(p.value))
			seen = seen || nested[0] == "VCALENDAR"
			if strings.ToUpper(p.value) == "VEVENT" && len(nested) == 2 {
				event = &icsEvent{zone: zone}
			}
		case p.name == "END":
			if len(nested) == 0 || nested[len(nested)-1] != strings.ToUpper(p.value) {
				return nil, fail(n, fmt.Errorf("END:%s without its BEGIN", clip(p.value)))
			}
			nested = nested[:len(nested)-1]
			if event == nil || len(nested) != 1 {
				continue
			}
			w, skip, err := event.window(calendar, len(windows))
			if err != nil {
				return nil, fail(n, err)
			}
			if !skip {
				windows = append(windows, w)
			}
			if event = nil; len(windows) > maxEvents {
				return nil, fail(n, fmt.Errorf("more than %d events", maxEvents))
			}
		case event != nil && len(nested) == 2:
			if err := event.set(p); err != nil {
				return nil, fail(n, err)
			}
		}
	}
	if !seen || len(nested) != 0 {
		return nil, fail(1, fmt.Errorf("no complete VCALENDAR"))
	}
	return windows, nil
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// unfold yields the logical lines and the number of the physical line that
// each begins at: a line that begins with a blank continues the one before.
func unfold(ics []byte) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number, begun, line := 0, 0, ""
		for physical := range bytes.Lines(ics) {
			number++
			text := strings.TrimRight(string(physical), "\r\n")
			if begun > 0 && text != "" && (text[0] == ' ' || text[0] == '\t') {
				line += text[1:]
				continue
			}
			if begun > 0 && !yield(begun, line) {
				return
			}
			begun, line = number, text
		}
		if begun > 0 {
			yield(begun, line)
		}
	}
}

// property is one line: NAME;PARAM=VALUE:value.
type property struct {
	name, value string
	params      map[string]string
}

func parseProperty(line string) (property, bool) {
	quoted, colon := false, -1
	for i := 0; i < len(line) && colon < 0; i++ {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted:
			colon = i
		}
	}
	if colon < 1 {
		return property{}, false
	}
	parts := strings.Split(line[:colon], ";")
	p := property{name: strings.ToUpper(parts[0]), value: line[colon+1:], params: map[string]string{}}
	for _, one := range parts[1:] {
		k, v, _ := strings.Cut(one, "=")
		p.params[strings.ToUpper(k)] = strings.Trim(v, `"`)
	}
	return p, p.name != ""
}

// icsEvent is a VEVENT as far as it has been read.
type icsEvent struct {
	zone            *time.Location // of floating times
	uid, summary    string
	start, end      icsTime
	duration        time.Duration
	rule            string
	except          []icsTime
	hidden, hasDura bool
}

// icsTime is an instant with the zone that it was written in.
type icsTime struct {
	at   time.Time
	date bool
}

func (e *icsEvent) set(p property) (err error) {
	switch p.name {
	case "UID":
		e.uid = p.value
	case "SUMMARY":
		e.summary = strings.NewReplacer(`\,`, ",", `\;`, ";", `\n`, " ", `\N`, " ", `\\`, `\`).Replace(p.value)
	case "DTSTART":
		e.start, err = e.time(p, p.value)
	case "DTEND":
		e.end, err = e.time(p, p.value)
	case "DURATION":
		e.hasDura = true
		e.duration, err = parseICSDuration(p.value)
	case "RRULE":
		if e.rule != "" {
			return fmt.Errorf("a second RRULE is not supported")
		}
		e.rule = p.value
	case "EXDATE":
		for one := range strings.SplitSeq(p.value, ",") {
			t, err := e.time(p, one)
			if err != nil {
				return err
			}
			e.except = append(e.except, t)
		}
	case "STATUS":
		e.hidden = e.hidden || strings.EqualFold(p.value, "CANCELLED")
	case "TRANSP":
		e.hidden = e.hidden || strings.EqualFold(p.value, "TRANSPARENT")
	case "RDATE", "EXRULE", "RECURRENCE-ID":
		return fmt.Errorf("%s is not supported", p.name)
	}
	return err
}

func (e *icsEvent) time(p property, value string) (icsTime, error) {
	zone := e.zone
	if id := p.params["TZID"]; id != "" {
		loaded, err := time.LoadLocation(strings.TrimPrefix(id, "/"))
		if err != nil {
			return icsTime{}, fmt.Errorf("time zone %q is not in the IANA database", clip(id))
		}
		zone = loaded
	}
	if strings.EqualFold(p.params["VALUE"], "DATE") || len(value) == 8 {
		t, err := time.ParseInLocation("20060102", value, zone)
		if err != nil {
			return icsTime{}, fmt.Errorf("%s %q is no date", p.name, clip(value))
		}
		return icsTime{t, true}, nil
	}
	if local, ok := strings.CutSuffix(value, "Z"); ok {
		value, zone = local, time.UTC
	}
	t, err := time.ParseInLocation("20060102T150405", value, zone)
	if err != nil {
		return icsTime{}, fmt.Errorf("%s %q is no time", p.name, clip(value))
	}
	return icsTime{t, false}, nil
}

// window is the event as a window; skip: it does not take anybody's time.
func (e *icsEvent) window(calendar string, number int) (w omen.Window, skip bool, err error) {
	if e.start.at.IsZero() {
		return w, false, fmt.Errorf("event %s has no DTSTART", clip(e.uid))
	}
	length := e.duration
	switch {
	case e.hasDura:
	case !e.end.at.IsZero():
		length = e.end.at.Sub(e.start.at)
	case e.start.date:
		length = 24 * time.Hour
	}
	if e.uid == "" {
		e.uid = strconv.Itoa(number)
	}
	zone := e.start.at.Location()
	w = omen.Window{
		ID: "ics-" + newID("calendar", calendar+"\x00"+e.uid, e.start.at), Name: cmp.Or(strings.TrimSpace(e.summary), strings.TrimSpace(e.uid), "calendar"), Zone: zone.String(),
		Start: e.start.at.Format(localLayout), Duration: length, Rule: e.rule, Calendar: calendar,
		// so that it validates before its owner says what it is for
		Match: []omen.Matcher{{Name: omen.MatchHost, Value: ".*", IsRegex: true, IsEqual: true}},
	}
	for _, x := range e.except {
		w.Except = append(w.Except, x.at.In(zone).Format(localLayout))
	}
	if e.hidden || length <= 0 {
		return w, true, nil
	}
	return w, false, w.Validate()
}

// parseICSDuration reads a duration such as P1DT2H30M or P2W.
func parseICSDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("DURATION %q is no duration", clip(text))
	rest, ok := strings.CutPrefix(strings.TrimPrefix(text, "+"), "P")
	if !ok || rest == "" {
		return 0, bad
	}
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	total, number := time.Duration(0), ""
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= '0' && c <= '9':
			number += string(c)
		case c == 'T' && number == "":
		default:
			n, err := strconv.Atoi(number)
			if err != nil || units[c] == 0 || n > 1_000_000 {
				return 0, bad
			}
			total += time.Duration(n) * units[c]
			number = ""
		}
	}
	if number != "" {
		return 0, bad
	}
	return total, nil
}
