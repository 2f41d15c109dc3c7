package omen

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule is a recurrence after RFC 5545 section 3.3.10: the part of it that
// people use for maintenance. Times of day are never in it: they come from
// the window's beginning.
type Rule struct {
	Freq     string // DAILY, WEEKLY, MONTHLY or YEARLY
	Interval int    // every so many of Freq; at least 1
	Days     []RuleDay
	MonthDay []int     // of MONTHLY: days of the month; negative counts from its end
	Count    int       // 0: no bound
	Until    time.Time // zero: no bound; inclusive
}

// RuleDay is a weekday of a rule; with MONTHLY, Nth says which of the month
// (1 the first, -1 the last, 0 every).
type RuleDay struct {
	Day time.Weekday
	Nth int
}

var ruleDays = map[string]time.Weekday{
	"SU": time.Sunday, "MO": time.Monday, "TU": time.Tuesday, "WE": time.Wednesday,
	"TH": time.Thursday, "FR": time.Friday, "SA": time.Saturday,
}

// ParseRule reads an RRULE such as "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU".
// It understands FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), INTERVAL, COUNT, UNTIL,
// BYDAY, BYMONTHDAY and WKST=MO; what it does not understand is an error and
// never ignored, since a window at the wrong time hides real trouble.
// A floating UNTIL is read in zone.
func ParseRule(text string, zone *time.Location) (Rule, error) {
	r := Rule{Interval: 1}
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "RRULE:"), ";") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return Rule{}, ruleError(text, fmt.Errorf("%q is not KEY=VALUE", part))
		}
		if err := r.set(strings.ToUpper(key), strings.ToUpper(value), zone); err != nil {
			return Rule{}, ruleError(text, err)
		}
	}
	if err := r.check(); err != nil {
		return Rule{}, ruleError(text, err)
	}
	return r, nil
}

// ruleError says which rule is wrong, and what one looks like.
func ruleError(text string, err error) error {
	return WithHint(fmt.Errorf("rule %q: %w: %w", text, err, ErrInvalid),
		"such as FREQ=DAILY or FREQ=WEEKLY;BYDAY=SA,SU or FREQ=MONTHLY;BYDAY=2TU; also INTERVAL, COUNT, UNTIL and BYMONTHDAY")
}

// check reports combinations that Omen does not expand.
func (r Rule) check() error {
	nth := slices.ContainsFunc(r.Days, func(d RuleDay) bool { return d.Nth != 0 })
	switch {
	case r.Freq == "":
		return errors.New("no FREQ")
	case nth && r.Freq != "MONTHLY":
		return errors.New("a numbered weekday needs FREQ=MONTHLY")
	case len(r.MonthDay) > 0 && r.Freq != "MONTHLY":
		return errors.New("BYMONTHDAY needs FREQ=MONTHLY")
	case len(r.MonthDay) > 0 && len(r.Days) > 0:
		return errors.New("BYMONTHDAY and BYDAY together are not supported")
	case len(r.Days) > 0 && r.Freq == "YEARLY":
		return errors.New("BYDAY with FREQ=YEARLY is not supported")
	}
	return nil
}

func (r *Rule) set(key, value string, zone *time.Location) (err error) {
	switch key {
	case "FREQ":
		if !slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, value) {
			return fmt.Errorf("FREQ=%s is not supported", value)
		}
		r.Freq = value
	case "INTERVAL":
		r.Interval, err = positive(key, value)
	case "COUNT":
		r.Count, err = positive(key, value)
	case "UNTIL":
		r.Until, err = parseUntil(value, zone)
	case "WKST":
		if value != "MO" {
			return fmt.Errorf("WKST=%s is not supported", value)
		}
	case "BYMONTHDAY":
		for one := range strings.SplitSeq(value, ",") {
			n, err := strconv.Atoi(one)
			if err != nil || n == 0 || n < -31 || n > 31 {
				return fmt.Errorf("BYMONTHDAY=%s is no day of a month", one)
			}
			r.MonthDay = append(r.MonthDay, n)
		}
	case "BYDAY":
		for one := range strings.SplitSeq(value, ",") {
			d, err := parseRuleDay(one)
			if err != nil {
				return err
			}
			r.Days = append(r.Days, d)
		}
	default:
		return fmt.Errorf("%s is not supported", key)
	}
	return err
}

func positive(key, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 10_000 {
		return 0, fmt.Errorf("%s=%s is not a number from 1 to 10000", key, value)
	}
	return n, nil
}

func parseRuleDay(text string) (RuleDay, error) {
	if len(text) < 2 {
		return RuleDay{}, fmt.Errorf("BYDAY=%s is no weekday", text)
	}
	day, ok := ruleDays[text[len(text)-2:]]
	d := RuleDay{Day: day}
	if number := text[:len(text)-2]; number != "" && ok {
		n, err := strconv.Atoi(number)
		ok = err == nil && n != 0 && n >= -5 && n <= 5
		d.Nth = n
	}
	if !ok {
		return RuleDay{}, fmt.Errorf("BYDAY=%s is no weekday", text)
	}
	return d, nil
}

func parseUntil(value string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse("20060102T150405Z", value); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation("20060102T150405", value, zone); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation("20060102", value, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("UNTIL=%s is no time", value)
	}
	return t.AddDate(0, 0, 1).Add(-time.Second), nil
}

// schedule is a window's parsed beginning, rule and exceptions.
type schedule struct {
	zone   *time.Location
	first  time.Time // wall clock, held in UTC so that adding days is exact
	rule   Rule
	once   bool
	except []time.Time // wall clock in UTC
}

func (w Window) schedule() (schedule, error) {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return schedule{}, WithHint(fmt.Errorf("time zone %q is not known: %w", w.Zone, ErrInvalid), "an IANA name such as Europe/Berlin; empty is UTC")
	}
	s := schedule{zone: zone, once: w.Rule == ""}
	if s.first, err = time.Parse(localLayout, w.Start); err != nil {
		return schedule{}, WithHint(fmt.Errorf("start %q is no local time: %w", w.Start, ErrInvalid), "the form is "+localLayout)
	}
	for _, e := range w.Except {
		t, err := time.Parse(localLayout, e)
		if err != nil {
			return schedule{}, WithHint(fmt.Errorf("exception %q is no local time: %w", e, ErrInvalid), "the form is "+localLayout)
		}
		s.except = append(s.except, t)
	}
	if !s.once {
		s.rule, err = ParseRule(w.Rule, zone)
	}
	return s, err
}

// real turns a wall-clock time into an instant, as RFC 5545 section 3.3.5 has
// it: one that daylight saving skips is read with the offset before the gap,
// and lands in the hour after it; one that occurs twice is the first.
func (s schedule) real(wall time.Time) time.Time {
	_, before := wall.Add(-12 * time.Hour).In(s.zone).Zone()
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

// all is every occurrence's beginning before end, oldest first; of those before
// start some may be left out.
func (s schedule) all(start, end time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		n := 0
		for wall := range s.walls(start, end) {
			n++
			begin := s.real(wall)
			if !begin.Before(end) || s.rule.Count > 0 && n > s.rule.Count ||
				!s.rule.Until.IsZero() && begin.After(s.rule.Until) {
				return
			}
			if !slices.ContainsFunc(s.except, wall.Equal) && !yield(begin) {
				return
			}
		}
	}
}

// skip is a period before start from which to go on: all of them, where they
// have to be counted.
func (s schedule) skip(start time.Time) int {
	longest := map[string]int{"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}[s.rule.Freq]
	days := int(start.Unix()-s.first.Unix())/86400 - 2 // seconds: a Duration holds only 292 years
	if s.rule.Count > 0 || days < 0 {
		return 0
	}
	n := max(0, days/longest-1)
	return n - n%s.rule.Interval
}

// walls is every beginning by the wall clock, until past end.
func (s schedule) walls(start, end time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if s.once {
			yield(s.first)
			return
		}
		limit := end.AddDate(0, 0, 2) // no zone is two days from UTC
		for period := s.skip(start); ; period += s.rule.Interval {
			begin, days := s.period(period)
			if begin.After(limit) {
				return
			}
			for _, day := range days {
				if !day.Before(s.first) && !yield(day) {
					return
				}
			}
		}
	}
}

// period is the n-th day, week, month or year after the first: its beginning
// and the wall-clock beginnings in it, in order.
func (s schedule) period(n int) (time.Time, []time.Time) {
	f := s.first
	switch s.rule.Freq {
	case "DAILY":
		day := f.AddDate(0, 0, n)
		if len(s.rule.Days) > 0 && !s.onDay(day) {
			return day, nil
		}
		return day, []time.Time{day}
	case "WEEKLY":
		monday := f.AddDate(0, 0, -(int(f.Weekday())+6)%7+7*n)
		if len(s.rule.Days) == 0 {
			return monday, []time.Time{f.AddDate(0, 0, 7*n)}
		}
		return monday, s.filter(monday, 7, s.onDay)
	case "MONTHLY":
		month := time.Date(f.Year(), f.Month()+time.Month(n), 1, f.Hour(), f.Minute(), f.Second(), 0, time.UTC)
		length := month.AddDate(0, 1, -1).Day()
		return month, s.filter(month, length, func(day time.Time) bool { return s.inMonth(day, length) })
	default: // YEARLY
		year := time.Date(f.Year()+n, f.Month(), 1, f.Hour(), f.Minute(), f.Second(), 0, time.UTC)
		day := year.AddDate(0, 0, f.Day()-1)
		if day.Month() != f.Month() { // 29 February
			return year, nil
		}
		return year, []time.Time{day}
	}
}

func (s schedule) filter(from time.Time, days int, keep func(time.Time) bool) (kept []time.Time) {
	for i := range days {
		if day := from.AddDate(0, 0, i); keep(day) {
			kept = append(kept, day)
		}
	}
	return kept
}

func (s schedule) onDay(day time.Time) bool {
	return slices.ContainsFunc(s.rule.Days, func(d RuleDay) bool { return d.Day == day.Weekday() })
}

func (s schedule) inMonth(day time.Time, length int) bool {
	switch {
	case len(s.rule.MonthDay) > 0:
		return slices.Contains(s.rule.MonthDay, day.Day()) || slices.Contains(s.rule.MonthDay, day.Day()-length-1)
	case len(s.rule.Days) > 0:
		return slices.ContainsFunc(s.rule.Days, func(d RuleDay) bool {
			first, last := (day.Day()-1)/7+1, -((length-day.Day())/7 + 1)
			return d.Day == day.Weekday() && (d.Nth == 0 || d.Nth == first || d.Nth == last)
		})
	default:
		return day.Day() == s.first.Day()
	}
}
