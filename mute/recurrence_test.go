package omen_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
)

// beginnings are a window's occurrences from…to, in its own zone.
func beginnings(t *testing.T, w omen.Window, from, to string) (all []string) {
	t.Helper()
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, s := range w.Between(at(from), at(to)) {
		all = append(all, s.From.In(zone).Format("Mon 2006-01-02T15:04 -0700"))
		if s.To.Sub(s.From) != w.Duration {
			t.Errorf("an occurrence lasts %s, want %s", s.To.Sub(s.From), w.Duration)
		}
	}
	return all
}

func TestWindowsRecur(t *testing.T) {
	for name, c := range map[string]struct {
		zone, start, rule string
		except            []string
		from, to          string
		want              []string
	}{
		"once": {"", "2026-03-02T10:00:00", "", nil, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z",
			[]string{"Mon 2026-03-02T10:00 +0000"}},
		// 29 March 2026, 02:00 becomes 03:00 in Berlin: 02:30 does not exist.
		"a time that is skipped": {"Europe/Berlin", "2026-03-27T02:30:00", "FREQ=DAILY", nil, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z",
			[]string{"Sat 2026-03-28T02:30 +0100", "Sun 2026-03-29T03:30 +0200", "Mon 2026-03-30T02:30 +0200"}},
		// 25 October 2026, 03:00 becomes 02:00: 02:30 is twice, and once is enough.
		"a time that is twice": {"Europe/Berlin", "2026-10-24T02:30:00", "FREQ=DAILY", nil, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z",
			[]string{"Sat 2026-10-24T02:30 +0200", "Sun 2026-10-25T02:30 +0200", "Mon 2026-10-26T02:30 +0100"}},
		// 8 March 2026 in New York, at 02:00; by 20:00 the new offset holds.
		"skipped west of Greenwich": {"America/New_York", "2026-03-07T02:30:00", "FREQ=DAILY", nil, "2026-03-08T00:00:00Z", "2026-03-10T00:00:00Z",
			[]string{"Sun 2026-03-08T03:30 -0400", "Mon 2026-03-09T02:30 -0400"}},
		"the evening of a change": {"America/New_York", "2026-03-07T20:00:00", "FREQ=DAILY", nil, "2026-03-08T12:00:00Z", "2026-03-09T12:00:00Z",
			[]string{"Sun 2026-03-08T20:00 -0400"}},
		"every other weekend": {"UTC", "2026-03-07T22:00:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU", nil, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
			[]string{"Sat 2026-03-07T22:00 +0000", "Sun 2026-03-08T22:00 +0000", "Sat 2026-03-21T22:00 +0000", "Sun 2026-03-22T22:00 +0000"}},
		"workdays by DAILY": {"UTC", "2026-03-06T01:00:00", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", nil, "2026-03-06T00:00:00Z", "2026-03-11T00:00:00Z",
			[]string{"Fri 2026-03-06T01:00 +0000", "Mon 2026-03-09T01:00 +0000", "Tue 2026-03-10T01:00 +0000"}},
		"second Tuesday": {"America/New_York", "2026-01-13T20:00:00", "FREQ=MONTHLY;BYDAY=2TU", nil, "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z",
			[]string{"Tue 2026-02-10T20:00 -0500", "Tue 2026-03-10T20:00 -0400", "Tue 2026-04-14T20:00 -0400"}},
		"last Sunday": {"UTC", "2026-01-25T03:00:00", "FREQ=MONTHLY;BYDAY=-1SU", nil, "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z",
			[]string{"Sun 2026-02-22T03:00 +0000", "Sun 2026-03-29T03:00 +0000", "Sun 2026-04-26T03:00 +0000"}},
		"the 31st, where there is one": {"UTC", "2026-01-31T03:00:00", "FREQ=MONTHLY", nil, "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z",
			[]string{"Sat 2026-01-31T03:00 +0000", "Tue 2026-03-31T03:00 +0000", "Sun 2026-05-31T03:00 +0000"}},
		"the last day": {"UTC", "2026-01-31T03:00:00", "FREQ=MONTHLY;BYMONTHDAY=-1", nil, "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z",
			[]string{"Sat 2026-02-28T03:00 +0000", "Tue 2026-03-31T03:00 +0000", "Thu 2026-04-30T03:00 +0000"}},
		"leap days": {"UTC", "2024-02-29T03:00:00", "FREQ=YEARLY", nil, "2024-01-01T00:00:00Z", "2029-01-01T00:00:00Z",
			[]string{"Thu 2024-02-29T03:00 +0000", "Tue 2028-02-29T03:00 +0000"}},
		"three times": {"UTC", "2026-03-02T10:00:00", "FREQ=DAILY;COUNT=3", nil, "2026-03-03T10:30:00Z", "2026-04-01T00:00:00Z",
			[]string{"Tue 2026-03-03T10:00 +0000", "Wed 2026-03-04T10:00 +0000"}},
		"an excepted one counts": {"UTC", "2026-03-02T10:00:00", "FREQ=DAILY;COUNT=3", []string{"2026-03-03T10:00:00"}, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
			[]string{"Mon 2026-03-02T10:00 +0000", "Wed 2026-03-04T10:00 +0000"}},
		"until, inclusive": {"UTC", "2026-03-02T10:00:00", "FREQ=DAILY;UNTIL=20260304T100000Z", nil, "2026-03-03T12:00:00Z", "2026-04-01T00:00:00Z",
			[]string{"Wed 2026-03-04T10:00 +0000"}},
		"until a whole local day": {"Pacific/Auckland", "2026-03-02T10:00:00", "FREQ=DAILY;UNTIL=20260303", nil, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
			[]string{"Mon 2026-03-02T10:00 +1300", "Tue 2026-03-03T10:00 +1300"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := omen.Window{Name: name, Zone: c.zone, Start: c.start, Duration: time.Hour, Rule: c.rule, Except: c.except,
				Match: []omen.Matcher{{Name: "host", Value: "a", IsEqual: true}}}
			if err := w.Validate(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, beginnings(t, w, c.from, c.to)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSkippingAheadMissesNothing compares the occurrences of one year, asked
// for at once, with the same asked for day by day, which skips.
func TestSkippingAheadMissesNothing(t *testing.T) {
	for _, rule := range []string{"FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "FREQ=WEEKLY",
		"FREQ=MONTHLY;INTERVAL=5", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;INTERVAL=4", "FREQ=DAILY;UNTIL=20260701T000000Z"} {
		w := omen.Window{Start: "1996-02-29T23:30:00", Zone: "Europe/Berlin", Duration: 26 * time.Hour, Rule: rule}
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var daily []omen.Span
		for day := range 1200 {
			from := begin.AddDate(0, 0, day)
			for _, s := range w.Between(from, from.AddDate(0, 0, 1)) {
				if !s.From.Before(from) || day == 0 {
					daily = append(daily, s)
				}
			}
		}
		if diff := cmp.Diff(w.Between(begin, begin.AddDate(0, 0, 1200)), daily); diff != "" {
			t.Errorf("%s:\n%s", rule, diff)
		}
		whole := omen.Window{Start: w.Start, Zone: w.Zone, Duration: w.Duration, Rule: rule + ";COUNT=10000"} // counts, and so never skips
		if diff := cmp.Diff(whole.Between(begin, begin.AddDate(0, 0, 1200)), daily); !strings.HasPrefix(rule, "FREQ=DAILY;U") && rule != "FREQ=DAILY" && diff != "" {
			t.Errorf("%s, counted from the first:\n%s", rule, diff)
		}
	}
}

func TestActiveIsHalfOpen(t *testing.T) {
	w := omen.Window{Start: "2026-03-02T10:00:00", Duration: time.Hour, Rule: "FREQ=DAILY"}
	begin := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	for offset, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if got := w.Active(begin.Add(offset)); got != want {
			t.Errorf("%s after its beginning: active %v, want %v", offset, got, want)
		}
	}
}

func TestRulesThatOmenCannotFollowAreErrors(t *testing.T) {
	for _, rule := range []string{"", "FREQ", "FREQ=HOURLY", "INTERVAL=2", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=-1",
		"FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=6MO", "FREQ=MONTHLY;BYDAY=0MO", "FREQ=DAILY;BYSETPOS=1",
		"FREQ=WEEKLY;WKST=SU", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=MO", "FREQ=YEARLY;BYDAY=MO",
		"FREQ=DAILY;BYMONTHDAY=1", "FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;BYHOUR=3"} {
		if _, err := omen.ParseRule(rule, time.UTC); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", rule, err)
		}
	}
}

func TestMatchers(t *testing.T) {
	host := omen.Host{Source: "prod", Profile: "node", Name: "web-1:9100"}
	value := omen.HostValue(host, map[string]string{"role": "web"})
	m := func(name, value string, regex, equal bool) omen.Matcher {
		return omen.Matcher{Name: name, Value: value, IsRegex: regex, IsEqual: equal}
	}
	for _, c := range []struct {
		match []omen.Matcher
		want  bool
	}{
		{[]omen.Matcher{m("host", "web-1:9100", false, true)}, true},
		{[]omen.Matcher{m("host", "web-1", false, true)}, false},
		{[]omen.Matcher{m("host", "web-.*", true, true)}, true},
		{[]omen.Matcher{m("host", "web-1", true, true)}, false}, // anchored
		{[]omen.Matcher{m("host", "a|web-1:9100", true, true)}, true},
		{[]omen.Matcher{m("role", "db", false, false)}, true},
		{[]omen.Matcher{m("role", "w.*", true, false)}, false},
		{[]omen.Matcher{m("team", "", false, true)}, true}, // a label that it lacks is empty
		{[]omen.Matcher{m("source", "prod", false, true), m("profile", "pod", false, true)}, false},
	} {
		holds, err := omen.Compile(c.match)
		if err != nil {
			t.Fatal(err)
		}
		if got := holds(value); got != c.want {
			t.Errorf("%s: %v, want %v", c.match, got, c.want)
		}
	}
	if _, err := omen.Compile([]omen.Matcher{m("host", "(", true, true)}); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a bad expression: %v", err)
	}
}
