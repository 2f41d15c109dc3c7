package omen

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// Resource is one thing of a host that has a limit. It is comparable and serves
// as a map key.
type Resource struct {
	Host  Host   `json:"host"`
	Name  string `json:"name"`  // of the limit in the profile, such as "filesystem_space"
	Where string `json:"where"` // which of the host's, such as "/var"; empty: it has one
}

// Outlook is what is expected of a resource.
type Outlook struct {
	Resource
	Title    string   `json:"title"` // what people call it: "/var", "inodes of /var", "memory"
	Unit     Unit     `json:"unit"`
	Features []string `json:"features"` // of the profile, that show the same trouble
	Sudden   bool     `json:"-"`        // it became full since the round before
	Forecast
}

// Pending is a resource that is measured and not forecast yet.
type Pending struct {
	Resource
	Due time.Time // when it is known for long enough; zero: once its history is read, which it is not
	Err string    // why its history cannot be read; empty: it can, as far as is known
}

// Outlooks is one round of forecasts for the hosts of a source and profile. It
// has those that matter or mattered within the last hours; a resource that is
// missing is full neither now nor soon, or is not measured any more.
type Outlooks struct {
	Source  string
	Profile string
	At      time.Time
	Of      []Outlook
	Unread  []string // names of limits that could not be read this time
}

// UnreadLimit is a limit of a profile whose queries the source does not answer: it is not
// forecast, or, where that is for its history, by what was measured since alone.
type UnreadLimit struct {
	Source, Profile string
	Limit           string // its name
	Why             string
}

// String is the forecast in a sentence: "/var on web-1 is full in 3 h (1½–6 h):
// fills 2.1 GB/h since 14:05, and is at 83 %". Times of day are UTC.
func (o Outlook) String() string { return o.Sentence(time.UTC) }

// Sentence is the forecast in a sentence, with times of day in a zone.
func (o Outlook) Sentence(zone *time.Location) string {
	name := fmt.Sprintf("%s on %s", cmp.Or(o.Title, o.Where, o.Name), o.Host.Name)
	if o.Dated() {
		return name + " " + o.expiry(zone)
	}
	used := Ratio.Format(o.Used / o.Limit)
	if o.Exhausted {
		return fmt.Sprintf("%s is full: %s of %s", name, o.Unit.Format(o.Used), o.Unit.Format(o.Limit))
	}
	text := fmt.Sprintf("%s is at %s", name, used)
	if o.Full > 0 {
		text = fmt.Sprintf("%s is full in %s (%s)", name, Soon(o.Full), spans(o.Early, o.Late))
	}
	if o.Rate > 0 {
		text += fmt.Sprintf(": fills %s since %s", o.pace(), clock(o.Since.In(zone), o.At.In(zone)))
	}
	if o.Full > 0 {
		text += ", at " + used + " now"
	}
	return text
}

// expiry is when a known date is or was: "expires in 9 d (8 Dec 14:00)".
func (o Outlook) expiry(zone *time.Location) string {
	form := "2 Jan 15:04"
	if o.Expires.Sub(o.At).Abs() > 300*24*time.Hour {
		form = "2 Jan 2006"
	}
	when := o.Expires.In(zone).Format(form)
	if o.Exhausted {
		return "has expired (" + when + ")"
	}
	return fmt.Sprintf("expires in %s (%s)", Soon(o.Full), when)
}

// pace is the rate of the rise by the time in which people think: by the minute
// if a fifth of the limit goes within an hour, by the hour if within a day.
func (o Outlook) pace() string {
	switch fifth := o.Limit / 5; {
	case o.Rate*3600 >= fifth:
		return o.Unit.Format(o.Rate*60) + "/min"
	case o.Rate*86400 >= fifth:
		return o.Unit.Format(o.Rate*3600) + "/h"
	}
	return o.Unit.Format(o.Rate*86400) + "/d"
}

// clock is a time of day, with the day if that is not today.
func clock(t, now time.Time) string {
	if now.Sub(t) < 24*time.Hour && t.Day() == now.Day() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan 15:04")
}

// Soon writes how long something takes, is ahead or ago, as people estimate it:
// "20 s", "40 min", "1½ h", "3 h", "2 d".
func Soon(d time.Duration) string {
	n, unit := amount(d)
	return n + " " + unit
}

// spans is a range of times to come, with the unit once if both have it.
func spans(early, late time.Duration) string {
	a, unit := amount(early)
	b, same := amount(late)
	switch {
	case a == b && unit == same:
		return a + " " + unit
	case unit == same:
		return a + "–" + b + " " + unit
	}
	return a + " " + unit + "–" + b + " " + same
}

// amount rounds to seconds below a minute, to minutes below an hour and a half, to
// half hours below ten, and to hours and half days beyond.
func amount(d time.Duration) (number, unit string) {
	switch {
	case d.Round(time.Second) < time.Minute:
		return strconv.Itoa(max(0, int(d.Round(time.Second)/time.Second))), "s"
	case d < 90*time.Minute:
		return strconv.Itoa(int(d.Round(time.Minute) / time.Minute)), "min"
	case d < 10*time.Hour:
		return halves(d, time.Hour), "h"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Round(time.Hour) / time.Hour)), "h"
	}
	return halves(d, 24*time.Hour), "d"
}

func halves(d, unit time.Duration) string {
	n := int(d.Round(unit/2) / (unit / 2))
	if n%2 == 1 {
		return strconv.Itoa(n/2) + "½"
	}
	return strconv.Itoa(n / 2)
}
