package mute

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

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

// length is how long an event lasts, and whether by the local clock: so do
// whole days, however they are written, and what has its end in a night in which
// the clocks change: the next one ends at the same time of day.
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
		if clock := until.wall.Sub(start.wall); start.zone.String() == until.zone.String() && (clock != length || wholeDays(start.wall, until.wall)) {
			length, nominal = clock, true
		}
	case start.date:
		length, nominal = 24*time.Hour, true
	}
	if err == nil && length <= 0 {
		err = errors.New("it takes no time")
	}
	return length, nominal, err
}

// wholeDays reports whether a time from start to end is whole days; many write
// the last minute or second of a day for its end.
func wholeDays(start, end time.Time) bool {
	day := func(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }
	return start.Equal(day(start)) && (end.Equal(day(end)) || !end.Before(day(end).Add(24*time.Hour-time.Minute)))
}

// time reads one value of a property.
func (k *icsCalendar) time(p *property, value string) (t icsTime, err error) {
	value = strings.TrimSpace(value)
	t.zone = cmp.Or(k.floating, k.otherwise)
	id := parameter(p, "TZID")
	if id == "" && k.floating == nil && !strings.HasSuffix(value, "Z") {
		id = k.event.zone
	}
	if id != "" {
		if t.zone, err = k.zoneNamed(id, value); err != nil {
			return t, err
		}
	}
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
// VTIMEZONE says of it from the year on in which a time is.
func (k *icsCalendar) zoneNamed(id, value string) (*time.Location, error) {
	zone, err := zoneNamed(id)
	c := k.zones[id]
	if err == nil || c == nil {
		return zone, err
	}
	if zone, err := zoneNamed(c.value("X-LIC-LOCATION")); err == nil {
		return zone, nil
	}
	value = strings.TrimSpace(value)
	year, _ := strconv.Atoi(value[:min(4, len(value))]) // what is no year is no time either, as its reader will say
	zone, failed := describedZone(c, year)
	if failed != nil {
		return nil, fmt.Errorf("%w: %w", err, failed)
	}
	return zone, nil
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
