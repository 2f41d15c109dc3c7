package mute

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// onset is when a VTIMEZONE's clocks are set, and how far from UTC they are then.
type onset struct {
	at     time.Time
	offset int // seconds
}

// describedYears is for how long the clocks of a zone have to go as those of a
// VTIMEZONE to be taken for it.
const describedYears = 3

// describedZone is a zone whose clocks go, from a year on, as a VTIMEZONE says:
// Outlook gives some zones names of its own, such as "Customized Time Zone",
// with their rules.
func describedZone(c *component, year int) (*time.Location, error) {
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(describedYears, 0, 0)
	var onsets []onset
	for _, part := range c.parts {
		all, err := onsetsOf(part, from, to)
		if err != nil {
			return nil, fmt.Errorf("its VTIMEZONE: %w", err)
		}
		onsets = append(onsets, all...)
	}
	if len(onsets) == 0 {
		return nil, errors.New("its VTIMEZONE has no rules")
	}
	slices.SortStableFunc(onsets, func(a, b onset) int { return a.at.Compare(b.at) })
	if fixed := slices.IndexFunc(onsets, func(o onset) bool { return o.offset != onsets[0].offset }) < 0; fixed && onsets[0].offset%3600 == 0 {
		// The IANA database has the signs the other way round.
		return time.LoadLocation(fmt.Sprintf("Etc/GMT%+d", -onsets[0].offset/3600))
	}
	for _, name := range slices.Sorted(maps.Values(windowsZones)) {
		if zone, err := time.LoadLocation(name); err == nil && goesAs(zone, onsets, from, to) {
			return zone, nil
		}
	}
	return nil, errors.New("its VTIMEZONE has rules that are those of no known zone")
}

// onsetsOf are a STANDARD's or DAYLIGHT's onsets from…to, and the last before.
func onsetsOf(part *component, from, to time.Time) (all []onset, err error) {
	offset, err := offsetOf(part.value("TZOFFSETTO"))
	if err != nil {
		return nil, err
	}
	if part.first("RDATE") != nil {
		return nil, errors.New("RDATE is not supported")
	}
	start, err := time.Parse("20060102T150405", part.value("DTSTART"))
	if err != nil { // it holds from the beginning
		return []onset{{time.Time{}, offset}}, nil //nolint:nilerr // see above
	}
	before, err := offsetOf(cmp.Or(part.value("TZOFFSETFROM"), part.value("TZOFFSETTO")))
	if err != nil {
		return nil, err
	}
	w := Window{Start: start.Format(localLayout), Rule: part.value("RRULE"), Duration: time.Second}
	if _, err := w.schedule(); err != nil {
		return nil, err
	}
	for _, s := range w.Between(from.AddDate(-1, 0, -1), to) {
		all = append(all, onset{s.From.Add(-time.Duration(before) * time.Second), offset})
	}
	if len(all) == 0 && start.Before(from) {
		all = []onset{{start, offset}}
	}
	return all, nil
}

// offsetOf is an offset such as "+0530" in seconds.
func offsetOf(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || len(text) != 5 || n < -1200 || n > 1400 || n%100 <= -60 || n%100 >= 60 {
		return 0, fmt.Errorf("offset %q is not hours and minutes such as +0100", clip(text))
	}
	return n/100*3600 + n%100*60, nil
}

// goesAs reports whether a zone's clocks from…to are set as the onsets say.
func goesAs(zone *time.Location, onsets []onset, from, to time.Time) bool {
	said, next := onsets[0].offset, 0
	for at := from; at.Before(to); at = at.Add(time.Hour) {
		for ; next < len(onsets) && !onsets[next].at.After(at); next++ {
			said = onsets[next].offset
		}
		if _, offset := at.In(zone).Zone(); offset != said {
			return false
		}
	}
	return true
}
