package mute

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/teambition/rrule-go"
)

// recurrence is how a window comes again, after RFC 5545 section 3.3.10, by the
// parts that choose days. Times of day are never in it: they come from the window's beginning.
type recurrence struct {
	option rrule.ROption // without Dtstart and Until
	until  time.Time     // zero: no bound; inclusive
}

// most bounds COUNT and INTERVAL, and so the work that a rule makes.
const most = 10_000

// readRule reads an RRULE such as "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU". What
// it does not understand, and any frequency below a day, is [omen.ErrInvalid]
// and never ignored, since a window at the wrong time hides real trouble.
// A floating UNTIL is read in zone.
func readRule(text string, zone *time.Location) (recurrence, error) {
	r, err := parseRule(text, zone)
	if err != nil {
		return recurrence{}, omen.WithHint(fmt.Errorf("rule %q: %w: %w", text, err, omen.ErrInvalid),
			"such as FREQ=DAILY or FREQ=WEEKLY;BYDAY=SA,SU or FREQ=MONTHLY;BYDAY=2TU; also INTERVAL, COUNT, UNTIL, WKST and the other BY parts of RFC 5545 that choose days")
	}
	return r, nil
}

func parseRule(text string, zone *time.Location) (r recurrence, err error) {
	var parts, names []string
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimPrefix(text, "RRULE:")), ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return r, fmt.Errorf("%q is not KEY=VALUE", part)
		}
		if slices.Contains(names, name) {
			return r, fmt.Errorf("%s is there twice", name)
		}
		names = append(names, name)
		switch name {
		case "COUNT", "INTERVAL":
			if n, err := strconv.Atoi(value); err != nil || n < 1 || n > most {
				return r, fmt.Errorf("%s=%s is not a number from 1 to %d", name, value, most)
			}
		case "FREQ":
			if slices.Contains([]string{"HOURLY", "MINUTELY", "SECONDLY"}, value) {
				return r, fmt.Errorf("FREQ=%s is not supported: a window begins at most once a day", value)
			}
		case "BYHOUR", "BYMINUTE", "BYSECOND", "BYEASTER", "DTSTART":
			return r, fmt.Errorf("%s is not supported", name)
		case "UNTIL":
			if r.until, err = parseUntil(value, zone); err != nil {
				return r, err
			}
			continue
		}
		parts = append(parts, name+"="+value)
	}
	option, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return r, err
	}
	r.option = *option
	return r, r.check()
}

// check reports what the library would take for something else, or fail at.
func (r recurrence) check() error {
	o := r.option
	for _, d := range o.Byweekday {
		switch n := max(d.N(), -d.N()); {
		case n != 0 && o.Freq > rrule.MONTHLY:
			return errors.New("a numbered weekday needs FREQ=MONTHLY or FREQ=YEARLY")
		case n > 5 && (o.Freq == rrule.MONTHLY || len(o.Bymonth) > 0):
			return errors.New("a month has no more than five of a weekday")
		}
	}
	for _, list := range [][]int{o.Bymonthday, o.Byyearday, o.Byweekno, o.Bysetpos} {
		if slices.Contains(list, 0) {
			return errors.New("the first one is number 1, not 0")
		}
	}
	_, err := rrule.NewRRule(o)
	return err
}

func parseUntil(value string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(rrule.DateTimeFormat, value); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(rrule.LocalDateTimeFormat, value, zone); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(rrule.DateFormat, value, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("UNTIL=%s is no time", value)
	}
	return t.AddDate(0, 0, 1).Add(-time.Second), nil
}

// schedule is a window's parsed beginning, rule and exceptions.
type schedule struct {
	zone   *time.Location
	first  time.Time   // wall clock, held in UTC so that adding days is exact
	rule   *recurrence // nil: once
	except []time.Time
}

func (w Window) schedule() (schedule, error) {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return schedule{}, omen.WithHint(fmt.Errorf("time zone %q is not known: %w", w.Zone, omen.ErrInvalid), "an IANA name such as Europe/Berlin; empty is UTC")
	}
	s := schedule{zone: zone}
	for i, text := range append([]string{w.Start}, w.Except...) {
		t, err := time.Parse(localLayout, text)
		if err != nil {
			what := "exception"
			if i == 0 {
				what = "start"
			}
			return s, omen.WithHint(fmt.Errorf("%s %q is no local time: %w", what, text, omen.ErrInvalid), "the form is "+localLayout)
		}
		s.except = append(s.except, t)
	}
	s.first, s.except = s.except[0], s.except[1:]
	if w.Rule == "" {
		return s, nil
	}
	r, err := readRule(w.Rule, zone)
	s.rule = &r
	return s, err
}

// instant is when a wall-clock time is, as RFC 5545 section 3.3.5 has it: one
// that daylight saving skips is read with the offset before the gap, and lands
// in the hour after it; one that occurs twice is the first.
func (s schedule) instant(wall time.Time) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(s.zone).Zone() // UTC is up to 14 hours behind
	early := wall.Add(-time.Duration(before) * time.Second).In(s.zone)
	if sameWall(early, wall) {
		return early
	}
	late := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, s.zone)
	if sameWall(late, wall) {
		return late // the clocks changed between midnight and then
	}
	return early
}

func sameWall(t, wall time.Time) bool {
	return t.Day() == wall.Day() && t.Hour() == wall.Hour() && t.Minute() == wall.Minute() && t.Second() == wall.Second()
}

// walls are the wall-clock beginnings of every occurrence that begins before
// end, oldest first; of those before start some may be left out.
func (s schedule) walls(start, end time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if s.rule == nil {
			if !slices.ContainsFunc(s.except, s.first.Equal) {
				yield(s.first)
			}
			return
		}
		next, cycle := s.expand(start)
		for {
			wall, ok := next()
			if !ok {
				return
			}
			wall = wall.AddDate(-cycle, 0, 0)
			begin := s.instant(wall)
			if !begin.Before(end) || !s.rule.until.IsZero() && begin.After(s.rule.until) {
				return
			}
			if !slices.ContainsFunc(s.except, wall.Equal) && !yield(wall) {
				return
			}
		}
	}
}

// begins reports whether an occurrence begins at a wall-clock time.
func (s schedule) begins(wall time.Time) bool {
	at := s.instant(wall)
	for begin := range s.walls(at, at.Add(24*time.Hour)) {
		if begin.Equal(wall) {
			return true
		}
	}
	return false
}

// happens reports a rule that no day ever follows, such as 30 February.
func (s schedule) happens() error {
	if s.rule == nil {
		return nil
	}
	next, _ := s.expand(s.first)
	if _, ok := next(); !ok {
		return omen.WithHint(fmt.Errorf("no day follows its rule: %w", omen.ErrInvalid), "look at its INTERVAL and BY parts, and at its beginning")
	}
	return nil
}

// lastBeginning leaves a century to the rarest of rules.
const lastBeginning = rrule.MAXYEAR - 100

// expand is the rule's iterator from shortly before start, so many years late.
//
// The library looks for the next occurrence until the year 9999. The calendar
// repeats itself every 400 years, weekdays included; in the last cycle before
// that year a rule that never holds again ends soon.
func (s schedule) expand(start time.Time) (next func() (time.Time, bool), cycle int) {
	f := s.first
	cycle = max(0, (lastBeginning-max(f.Year(), start.Year()+1))/400*400)
	o := s.rule.option
	o.Dtstart = f.AddDate(cycle, 0, 0)
	o.Until = time.Date(rrule.MAXYEAR, 12, 31, 23, 59, 59, 0, time.UTC)
	r, err := rrule.NewRRule(o) // what the beginning says of the rule is now in its Options
	if n := s.periods(start); err == nil && n > 0 {
		o = r.Options
		year, month, day := o.Dtstart.Date()
		switch o.Freq {
		case rrule.YEARLY:
			year, month, day = year+n, 1, 1
		case rrule.MONTHLY:
			month, day = month+time.Month(n), 1
		case rrule.WEEKLY:
			day += 7 * n
		default:
			day += n
		}
		o.Dtstart = time.Date(year, month, day, f.Hour(), f.Minute(), f.Second(), 0, time.UTC)
		r, err = rrule.NewRRule(o)
	}
	if err != nil {
		return func() (time.Time, bool) { return time.Time{}, false }, 0 // readRule has tried it
	}
	return r.Iterator(), cycle
}

// periods is how many periods of the rule's frequency may be left out because
// they are over before start: none where occurrences have to be counted.
func (s schedule) periods(start time.Time) int {
	days := int(start.Unix()-s.first.Unix())/86400 - 2 // seconds: a Duration holds only 292 years
	if s.rule.option.Count > 0 || days < 0 {
		return 0
	}
	n := max(0, days/map[rrule.Frequency]int{rrule.DAILY: 1, rrule.WEEKLY: 7, rrule.MONTHLY: 31, rrule.YEARLY: 366}[s.rule.option.Freq]-1)
	return n - n%max(1, s.rule.option.Interval)
}
