package series

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// layout knows which column of a CSV file is what.
type layout struct {
	path     string
	header   []string
	names    []string // of the numeric columns
	numeric  []int    // where those are
	time     int      // -1: none
	timeName string
	instance int // -1: none
	host     string
	clock    clock
	rows     map[string]int // so far, of a file without times
}

// newLayout reads the header.
func newLayout(path string, header []string, o CSVOptions) (*layout, error) {
	l := &layout{path: path, header: header, time: -1, instance: -1, host: hostOf(path), rows: map[string]int{}}
	seen := map[string]bool{}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		header[i] = name
		if name == "" {
			return nil, csvError(path, 1, "", fmt.Errorf("column %d has no name", i+1))
		}
		if seen[name] {
			return nil, csvError(path, 1, name, errors.New("it is there twice"))
		}
		seen[name] = true
	}
	for _, name := range []string{"timestamp", "time", "date", "datetime", "ts"} {
		if o.Time == "" && seen[name] {
			o.Time = name
		}
	}
	for _, name := range append([]string{o.Time}, o.Ignore...) {
		if name != "" && !seen[name] {
			return nil, omen.WithHint(csvError(path, 1, name, errors.New("it is missing")), "the columns are "+strings.Join(header, ", "))
		}
	}
	for i, name := range header {
		switch {
		case name == o.Time:
			l.time, l.timeName = i, name
		case name == "instance":
			l.instance = i
		case (name != "label" || o.Label) && !slices.Contains(o.Ignore, name):
			l.names, l.numeric = append(l.names, name), append(l.numeric, i)
		}
	}
	if len(l.names) == 0 {
		return nil, csvError(path, 1, "", errors.New("there is no column of numbers"))
	}
	l.clock = clock{hour: slices.Index(header, "hour"), weekday: slices.Index(header, "day_of_week"), last: map[string]time.Time{}}
	return l, nil
}

// row reads one line.
func (l *layout) row(record []string, line int) (host string, row csvRow, err error) {
	host = l.host
	if l.instance >= 0 {
		if host = strings.TrimSpace(record[l.instance]); host == "" {
			return "", row, csvError(l.path, line, "instance", errors.New("it is empty"))
		}
	}
	if l.time >= 0 {
		if row.at, err = l.clock.time(host, record, l.time); err != nil {
			return "", row, csvError(l.path, line, l.timeName, err)
		}
	} else {
		row.at = epoch.Add(time.Duration(l.rows[host]) * time.Minute)
		l.rows[host]++
	}
	row.line, row.values = line, make([]float64, len(l.numeric))
	for i, column := range l.numeric {
		if row.values[i], err = csvNumber(record[column]); err != nil {
			return "", row, omen.WithHint(csvError(l.path, line, l.names[i], err), "if "+l.names[i]+" is a column of texts, leave it out of the file; omen train, tune and replay leave it out with --ignore="+l.names[i])
		}
	}
	return host, row, nil
}

// epoch is the first row's time where a file has none, or only its weekday: a
// Monday, midnight.
var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// clock reads times. Minutes and seconds alone are completed by the columns
// hour and weekday, and by going on from the row before.
type clock struct {
	hour, weekday int // columns, -1: missing
	last          map[string]time.Time
}

// Forms of a time, tried in this order; those without a zone are UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04", "2006-01-02"}

func (c *clock) time(host string, record []string, column int) (time.Time, error) {
	text := strings.TrimSpace(record[column])
	if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		switch a := math.Abs(v); {
		case a < 1e11: // seconds: until the year 5138
			return time.UnixMilli(int64(math.Round(v * 1000))).UTC(), nil
		case a < 1e14: // milliseconds
			return time.UnixMilli(int64(v)).UTC(), nil
		case a < 1e17: // microseconds
			return time.UnixMicro(int64(v)).UTC(), nil
		default:
			return time.Unix(0, int64(v)).UTC(), nil
		}
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	if past, ok := minutes(text); ok {
		return c.complete(host, record, past)
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 2006-01-02T15:04:05Z, 2006-01-02 15:04:05, or seconds since 1970", text)
}

// minutes reads "55:33.0", the time past an hour.
func minutes(text string) (time.Duration, bool) {
	m, s, ok := strings.Cut(text, ":")
	minute, err1 := strconv.Atoi(m)
	second, err2 := strconv.ParseFloat(s, 64)
	if !ok || err1 != nil || err2 != nil || minute < 0 || minute > 59 || second < 0 || second >= 60 {
		return 0, false
	}
	return time.Duration(minute)*time.Minute + time.Duration(math.Round(second*1000))*time.Millisecond, true
}

// complete puts a time together from minutes past the hour, the hour and the
// weekday, in the first week that is not before the row above.
func (c *clock) complete(host string, record []string, past time.Duration) (time.Time, error) {
	if c.hour < 0 || c.weekday < 0 {
		return time.Time{}, errors.New("minutes and seconds alone need the columns hour and day_of_week beside them")
	}
	hour, err1 := strconv.ParseFloat(strings.TrimSpace(record[c.hour]), 64)
	day, err2 := strconv.ParseFloat(strings.TrimSpace(record[c.weekday]), 64)
	if err1 != nil || err2 != nil || hour != math.Trunc(hour) || day != math.Trunc(day) || hour < 0 || hour > 23 || day < 0 || day > 6 {
		return time.Time{}, fmt.Errorf("hour %q and day_of_week %q beside it are not 0…23 and 0…6", record[c.hour], record[c.weekday])
	}
	at := epoch.AddDate(0, 0, int(day)).Add(time.Duration(hour)*time.Hour + past)
	if last, ok := c.last[host]; ok && at.Before(last) {
		// Whole weeks up to the row above; the order of rows is all there is.
		weeks := int((last.Sub(at) + week - 1) / week)
		at = at.Add(time.Duration(weeks) * week)
	}
	c.last[host] = at
	return at, nil
}

const week = 7 * 24 * time.Hour
