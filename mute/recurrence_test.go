package mute

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// beginnings are a window's occurrences from…to, in its own zone.
func beginnings(t *testing.T, w Window, from, to string) (all []string) {
	t.Helper()
	zone := must.Get(time.LoadLocation(w.Zone))(t)
	at := func(s string) time.Time {
		return must.Get(time.Parse(time.RFC3339, s))(t)
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
		// 27 September 2026 in Auckland, 02:00 becomes 03:00, 13 hours ahead of UTC; 5 April 2026, 03:00 becomes 02:00.
		"skipped far in the east": {"Pacific/Auckland", "2026-09-26T02:30:00", "FREQ=DAILY", nil, "2026-09-26T00:00:00Z", "2026-09-27T20:00:00Z",
			[]string{"Sun 2026-09-27T03:30 +1300", "Mon 2026-09-28T02:30 +1300"}},
		"twice far in the east": {"Pacific/Auckland", "2026-04-04T02:30:00", "FREQ=DAILY", nil, "2026-04-04T00:00:00Z", "2026-04-05T20:00:00Z",
			[]string{"Sun 2026-04-05T02:30 +1300", "Mon 2026-04-06T02:30 +1200"}},
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
		"the last workday of a month": {"UTC", "2026-01-30T03:00:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", nil, "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z",
			[]string{"Fri 2026-02-27T03:00 +0000", "Tue 2026-03-31T03:00 +0000", "Thu 2026-04-30T03:00 +0000"}},
		"a Friday the 13th": {"UTC", "2026-02-13T03:00:00", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", nil, "2026-03-01T00:00:00Z", "2027-01-01T00:00:00Z",
			[]string{"Fri 2026-03-13T03:00 +0000", "Fri 2026-11-13T03:00 +0000"}},
		"fourth Thursday of November": {"America/New_York", "2025-11-27T03:00:00", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", nil, "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z",
			[]string{"Thu 2026-11-26T03:00 -0500", "Thu 2027-11-25T03:00 -0500"}},
		// RFC 5545 section 3.3.10: with weeks from Sunday, 16 August is in the second week after 2 August…
		"every other week from Sunday": {"UTC", "2026-08-04T03:00:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", nil, "2026-08-01T00:00:00Z", "2026-08-20T00:00:00Z",
			[]string{"Tue 2026-08-04T03:00 +0000", "Sun 2026-08-16T03:00 +0000", "Tue 2026-08-18T03:00 +0000"}},
		// …and with weeks from Monday, 9 August is the end of the first.
		"every other week from Monday": {"UTC", "2026-08-04T03:00:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", nil, "2026-08-01T00:00:00Z", "2026-08-20T00:00:00Z",
			[]string{"Tue 2026-08-04T03:00 +0000", "Sun 2026-08-09T03:00 +0000", "Tue 2026-08-18T03:00 +0000"}},
		"until, inclusive": {"UTC", "2026-03-02T10:00:00", "FREQ=DAILY;UNTIL=20260304T100000Z", nil, "2026-03-03T12:00:00Z", "2026-04-01T00:00:00Z",
			[]string{"Wed 2026-03-04T10:00 +0000"}},
		"until a whole local day": {"Pacific/Auckland", "2026-03-02T10:00:00", "FREQ=DAILY;UNTIL=20260303", nil, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
			[]string{"Mon 2026-03-02T10:00 +1300", "Tue 2026-03-03T10:00 +1300"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := Window{Name: name, Zone: c.zone, Start: c.start, Duration: time.Hour, Rule: c.rule, Except: c.except,
				Match: []Matcher{{Name: "host", Value: "a", IsEqual: true}}}
			must.OK(t, w.Validate())
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
		w := Window{Start: "1996-02-29T23:30:00", Zone: "Europe/Berlin", Duration: 26 * time.Hour, Rule: rule}
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
		whole := Window{Start: w.Start, Zone: w.Zone, Duration: w.Duration, Rule: rule + ";COUNT=10000"} // counts, and so never skips
		if diff := cmp.Diff(whole.Between(begin, begin.AddDate(0, 0, 1200)), daily); !strings.HasPrefix(rule, "FREQ=DAILY;U") && rule != "FREQ=DAILY" && diff != "" {
			t.Errorf("%s, counted from the first:\n%s", rule, diff)
		}
	}
}

func TestActiveIsHalfOpen(t *testing.T) {
	w := Window{Start: "2026-03-02T10:00:00", Duration: time.Hour, Rule: "FREQ=DAILY"}
	begin := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	for offset, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if got := (&Occurrences{Window: w}).Active(begin.Add(offset)); got != want {
			t.Errorf("%s after its beginning: active %v, want %v", offset, got, want)
		}
	}
}

func TestRulesThatOmenCannotFollowAreErrors(t *testing.T) {
	for _, rule := range []string{"", "FREQ", "FREQ=HOURLY", "FREQ=SECONDLY", "INTERVAL=2", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=-1", "FREQ=DAILY;COUNT=1000000",
		"FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=6MO", "FREQ=YEARLY;BYMONTH=12;BYDAY=53MO", "FREQ=DAILY;FREQ=WEEKLY",
		"FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=DAILY;UNTIL=soon", "FREQ=DAILY;BYHOUR=3", "FREQ=YEARLY;BYEASTER=400", "FREQ=DAILY;BYNOON=1"} {
		if _, err := readRule(rule, time.UTC); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", rule, err)
		}
	}
}

// TestHostileRulesEndSoon: whatever a rule says, to ask it is quick. A minute
// is far more than the slowest machine needs, and far less than to go through
// the days until the year 9999.
func TestHostileRulesEndSoon(t *testing.T) {
	begin := time.Now()
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		start, rule string
		valid       bool
	}{
		{"2026-01-01T00:00:00", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", false},
		{"2026-01-01T00:00:00", "FREQ=DAILY;INTERVAL=7;BYDAY=MO", false}, // from a Thursday
		{"2026-01-01T00:00:00", "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2", false},
		{"2026-01-01T00:00:00", "FREQ=YEARLY;BYYEARDAY=366;INTERVAL=4", false},
		{"0001-01-01T00:00:00", "FREQ=DAILY;COUNT=10000", true},
		{"0000-01-01T00:00:00", "FREQ=DAILY", true},
		{"9999-12-31T00:00:00", "FREQ=DAILY", true},
		{"2026-01-01T00:00:00", "FREQ=YEARLY;INTERVAL=10000", true},
		{"2026-01-01T00:00:00", "FREQ=YEARLY;BYDAY=53MO,-53TU,SU;BYWEEKNO=53,-53,1;BYSETPOS=366,-1", false},
	} {
		w := Window{Name: "w", Start: c.start, Duration: time.Hour, Rule: c.rule, Match: []Matcher{{Name: "host", IsEqual: true}}}
		if err := w.Validate(); (err == nil) != c.valid || err != nil && !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s from %s: %v, want valid %v", c.rule, c.start, err, c.valid)
		}
		for n := range 10 {
			w.Between(at.AddDate(100*n, 0, 0), at.AddDate(100*n, 0, 1))
		}
	}
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// An occurrence that has begun long ago is found although the window's first is
// older still, and a day on the clock has 23, 24 or 25 hours.
func TestNominalDays(t *testing.T) {
	w := Window{Zone: "Europe/Berlin", Start: "2020-03-29T00:00:00", Duration: 24 * time.Hour, Nominal: true, Rule: "FREQ=WEEKLY"}
	for at, want := range map[string][2]string{
		"2026-03-22T22:30:00+01:00": {"2026-03-22T00:00:00+01:00", "2026-03-23T00:00:00+01:00"},
		"2026-03-29T23:30:00+02:00": {"2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"},
		"2026-10-25T23:30:00+01:00": {"2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"},
	} {
		instant := func(s string) time.Time {
			v := must.Get(time.Parse(time.RFC3339, s))(t)
			return v.UTC()
		}
		got := w.Between(instant(at), instant(at).Add(time.Minute))
		if diff := cmp.Diff([]omen.Span{{From: instant(want[0]), To: instant(want[1]), Why: "window "}}, got); diff != "" {
			t.Errorf("%s: %s", at, diff)
		}
	}
}
