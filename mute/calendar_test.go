package mute

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// calendar wraps events the way calendars are sent: CRLF lines.
func calendar(events ...string) []byte {
	all := "BEGIN:VCALENDAR\nVERSION:2.0\n"
	for _, e := range events {
		all += "BEGIN:VEVENT\n" + e + "\nEND:VEVENT\n"
	}
	return []byte(strings.ReplaceAll(all+"END:VCALENDAR\n", "\n", "\r\n"))
}

func TestParseCalendar(t *testing.T) {
	berlin := must.Get(time.LoadLocation("Europe/Berlin"))(t)
	const hour = "\nDURATION:PT1H"
	vtimezone := func(id, rest string) string {
		return "END:VEVENT\nBEGIN:VTIMEZONE\nTZID:" + id + "\n" + rest + "\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:other\nSTATUS:CANCELLED"
	}
	for name, c := range map[string]struct {
		event string
		want  Window
	}{
		"zone, rule, exception": {
			"UID:1\nSUMMARY:Backup\\, nightly\nDTSTART;TZID=America/New_York:20260302T013000\nDTEND;TZID=America/New_York:20260302T023000\n" +
				"RRULE:FREQ=DAILY\nEXDATE;TZID=America/New_York:20260304T013000,20260305T013000",
			Window{Name: "Backup, nightly", Zone: "America/New_York", Start: "2026-03-02T01:30:00", Duration: time.Hour,
				Rule: "FREQ=DAILY", Except: []string{"2026-03-04T01:30:00", "2026-03-05T01:30:00"}}},
		"in UTC, with an exception elsewhere and a day": {
			"UID:1\nDTSTART:20260302T013000Z\nDURATION:PT1H30M\nRRULE:FREQ=DAILY\nEXDATE;TZID=Europe/Berlin:20260303T023000\nEXDATE;VALUE=DATE:20260305",
			Window{Name: "1", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: 90 * time.Minute, Rule: "FREQ=DAILY",
				Except: []string{"2026-03-03T01:30:00", "2026-03-05T01:30:00"}}},
		"floating": {"UID:1\nDTSTART:20260302T013000\nDURATION:P1DT2H",
			Window{Name: "1", Zone: "Europe/Berlin", Start: "2026-03-02T01:30:00", Duration: 26 * time.Hour, Nominal: true}},
		"a whole day": {"UID:1\nSUMMARY:Freeze\nDTSTART;VALUE=DATE:20261224",
			Window{Name: "Freeze", Zone: "Europe/Berlin", Start: "2026-12-24T00:00:00", Duration: 24 * time.Hour, Nominal: true}},
		"a day of 23 hours": {"UID:1\nDTSTART;VALUE=DATE:20270328\nDTEND;VALUE=DATE:20270329",
			Window{Name: "1", Zone: "Europe/Berlin", Start: "2027-03-28T00:00:00", Duration: 24 * time.Hour, Nominal: true}},
		"a day of 25 hours, as times": {"UID:1\nDTSTART;TZID=Europe/Berlin:20271031T000000\nDTEND;TZID=Europe/Berlin:20271101T000000",
			Window{Name: "1", Zone: "Europe/Berlin", Start: "2027-10-31T00:00:00", Duration: 24 * time.Hour, Nominal: true}},
		"a night in which the clocks change": {"UID:1\nDTSTART;TZID=Europe/Berlin:20270327T220000\nDTEND;TZID=Europe/Berlin:20270328T060000",
			Window{Name: "1", Zone: "Europe/Berlin", Start: "2027-03-27T22:00:00", Duration: 8 * time.Hour, Nominal: true}},
		"a night": {"UID:1\nDTSTART;TZID=Europe/Berlin:20270320T220000\nDTEND;TZID=Europe/Berlin:20270321T060000",
			Window{Name: "1", Zone: "Europe/Berlin", Start: "2027-03-20T22:00:00", Duration: 8 * time.Hour}},
		"a day to its last minute": {"UID:1\nDTSTART;TZID=Europe/Berlin:20270320T000000\nDTEND;TZID=Europe/Berlin:20270320T235900",
			Window{Name: "1", Zone: "Europe/Berlin", Start: "2027-03-20T00:00:00", Duration: 24*time.Hour - time.Minute, Nominal: true}},
		"three months": {"UID:1\nDTSTART:20260302T013000Z\nDURATION:P90D",
			Window{Name: "1", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: 90 * 24 * time.Hour, Nominal: true}},
		"folded lines, quoted parameter, alarm within": {
			"UID:1\nSUMMARY;X=\"a:b;c\":Long\n er name\nDTSTART:20260302T\n\t013000Z\nDURATION:P2W\nBEGIN:VALARM\nDURATION:PT5M\nTRIGGER:-PT15M\nEND:VALARM",
			Window{Name: "Longer name", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: 14 * 24 * time.Hour, Nominal: true}},
		"folded within a character":          {"UID:1\nSUMMARY:M\xc3\n \xbcll\nDTSTART:20260302T013000Z" + hour, Window{Name: "Müll", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"not UTF-8":                          {"UID:1\nSUMMARY:M\xfcll\nDTSTART:20260302T013000Z" + hour, Window{Name: "M\ufffdll", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"a zone as Outlook names it":         {"UID:1\nDTSTART;TZID=\"W. Europe Standard Time\":20260302T013000" + hour, Window{Name: "1", Zone: "Europe/Berlin", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"a zone as Mozilla names it":         {"UID:1\nDTSTART;TZID=/mozilla.org/20050126_1/Asia/Tokyo:20260302T013000" + hour, Window{Name: "1", Zone: "Asia/Tokyo", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"a zone that the calendar names":     {"UID:1\nDTSTART;TZID=Office:20260302T013000" + hour + "\n" + vtimezone("Office", "X-LIC-LOCATION:Asia/Tokyo"), Window{Name: "1", Zone: "Asia/Tokyo", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"a zone that the calendar describes": {"UID:1\nDTSTART;TZID=Office:20260302T013000" + hour + "\n" + vtimezone("Office", "BEGIN:STANDARD\nTZOFFSETTO:+0900\nEND:STANDARD"), Window{Name: "1", Zone: "Etc/GMT-9", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"of half an hour":                    {"UID:1\nDTSTART;TZID=Office:20260302T013000" + hour + "\n" + vtimezone("Office", "BEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nEND:STANDARD"), Window{Name: "1", Zone: "Asia/Calcutta", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
		"with summer time, as Outlook does": {"UID:1\nDTSTART;TZID=Customized Time Zone:20260302T013000" + hour + "\n" + vtimezone("Customized Time Zone",
			"BEGIN:STANDARD\nDTSTART:16010101T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\nEND:STANDARD\n"+
				"BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\nEND:DAYLIGHT"),
			Window{Name: "1", Zone: "America/New_York", Start: "2026-03-02T01:30:00", Duration: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			ics := append([]byte("\ufeff"), calendar(c.event, "UID:2\nSTATUS:CANCELLED\nDTSTART:20260101T000000Z\nDURATION:PT1H")...)
			got, left, err := ParseCalendar(ics, "ops", berlin, time.UTC)
			if err != nil || len(got) != 1 || left[len(left)-1] != (Omitted{UID: "2", Why: "it is cancelled"}) {
				t.Fatalf("%+v, %+v, %v, want one window, and one event left", got, left, err)
			}
			c.want.ID, c.want.Calendar, c.want.Match = got[0].ID, "ops", got[0].Match
			if diff := gocmp.Diff(c.want, got[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Floating times and whole days are meant in the zone that is configured, or else
// in that which the calendar names for all of it, or else in UTC.
func TestFloatingTimesAreTheCalendars(t *testing.T) {
	tokyo := must.Get(time.LoadLocation("Asia/Tokyo"))(t)
	const floating, day = "DTSTART:20260302T013000\nDURATION:PT1H", "DTSTART;VALUE=DATE:20260302"
	for _, c := range []struct {
		calendar, event string
		zone            *time.Location
		want            string // zone; empty: the event is left out
	}{
		{"X-WR-TIMEZONE:Europe/Berlin", floating, nil, "Europe/Berlin"},
		{"X-WR-TIMEZONE:Europe/Berlin", day, nil, "Europe/Berlin"},
		{"X-WR-TIMEZONE:W. Europe Standard Time", floating, nil, "Europe/Berlin"},
		{"X-WR-TIMEZONE:Europe/Berlin", floating, tokyo, "Asia/Tokyo"},
		{"X-WR-TIMEZONE:Europe/Berlin", "DTSTART:20260302T013000Z\nDURATION:PT1H", nil, "UTC"},
		{"X-WR-TIMEZONE:Europe/Berlin", "DTSTART;TZID=Asia/Tokyo:20260302T013000\nDURATION:PT1H", nil, "Asia/Tokyo"},
		{"X-WR-TIMEZONE:Moon/Base", floating, nil, ""},
		{"X-WR-TIMEZONE:Moon/Base", floating, tokyo, "Asia/Tokyo"},
		{"X-WR-CALNAME:ops", floating, nil, "UTC"},
		{"X-WR-CALNAME:ops", day, tokyo, "Asia/Tokyo"},
	} {
		text := strings.Replace(string(calendar("UID:1\n"+c.event)), "VERSION:2.0", "VERSION:2.0\r\n"+c.calendar, 1)
		got, left, err := ParseCalendar([]byte(text), "ops", c.zone, time.UTC)
		switch {
		case err != nil || len(got)+len(left) != 1:
			t.Errorf("%s, %s: %+v, %+v, %v", c.calendar, c.event, got, left, err)
		case c.want == "" && (len(left) != 1 || !strings.Contains(left[0].Why, "Moon/Base")):
			t.Errorf("%s, %s: %+v, want it left out", c.calendar, c.event, got)
		case c.want != "" && (len(got) != 1 || got[0].Zone != c.want):
			t.Errorf("%s, %s, configured %v: %+v, want it in %s", c.calendar, c.event, c.zone, got, c.want)
		}
	}
}

// A moved occurrence takes place when it was moved to, a cancelled one not at
// all, and two events of one UID are two.
func TestChangedOccurrences(t *testing.T) {
	const event = "UID:1\nSUMMARY:patch\nDURATION:PT1H\n"
	const series = event + "DTSTART;TZID=Europe/Berlin:20270301T220000\nRRULE:FREQ=WEEKLY;COUNT=5"
	got, left, err := ParseCalendar(calendar(
		event+"RECURRENCE-ID:20270308T210000Z\nDTSTART;TZID=Europe/Berlin:20270309T220000", series,
		event+"RECURRENCE-ID;VALUE=DATE:20270315\nSTATUS:CANCELLED", series), "ops", time.UTC, time.UTC)
	if err != nil || len(got) != 3 || len(left) != 0 {
		t.Fatalf("%+v, %+v, %v, want three windows", got, left, err)
	}
	if diff := gocmp.Diff([]string{"2027-03-08T22:00:00", "2027-03-15T22:00:00"}, got[1].Except); diff != "" {
		t.Error(diff)
	}
	if got[0].Start != "2027-03-09T22:00:00" || got[0].Rule != "" || got[1].ID == got[2].ID {
		t.Errorf("the moved one is %+v, and the others %s and %s", got[0], got[1].ID, got[2].ID)
	}
	got, left, err = ParseCalendar(calendar(series, event+"RECURRENCE-ID;RANGE=THISANDFUTURE:20270308T210000Z\nDTSTART:20270309T220000Z",
		"UID:2\nDTSTART:20270309T220000Z\nDURATION:PT1H"), "ops", time.UTC, time.UTC)
	if err != nil || len(got) != 1 || len(left) != 2 {
		t.Errorf("a series that changes: %+v, %+v, %v, want it left out", got, left, err)
	}
}

// An exception that meets no occurrence takes out nothing, and is named; the series
// is a window all the same.
func TestAnExceptionThatMeetsNothingIsNamed(t *testing.T) {
	const series = "UID:1\nSUMMARY:patch\nDURATION:PT1H\nDTSTART;TZID=Europe/Berlin:20270301T220000\nRRULE:FREQ=WEEKLY;COUNT=5\n"
	for except, unmet := range map[string]string{
		"EXDATE;TZID=Europe/Berlin:20270308T220000":                 "",
		"EXDATE:20270308T210000Z":                                   "",
		"EXDATE;VALUE=DATE:20270308":                                "",
		"EXDATE:20270329T200000Z":                                   "", // in summer time
		"EXDATE;TZID=Europe/Berlin:20270308T210000":                 "2027-03-08T21:00:00",
		"EXDATE;VALUE=DATE:20270309":                                "2027-03-09T22:00:00",
		"EXDATE;TZID=Europe/Berlin:20270308T220000,20270405T220000": "2027-04-05T22:00:00", // after the fifth
		"EXDATE;TZID=Europe/Berlin:20270222T220000":                 "2027-02-22T22:00:00", // before the first
	} {
		got, left, err := ParseCalendar(calendar(series+except), "ops", time.UTC, time.UTC)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %+v, %v", except, got, err)
		}
		if unmet == "" && len(left) == 0 {
			continue
		}
		if len(left) != 1 || unmet == "" || left[0].UID != "1" || left[0].Summary != "patch" || !strings.Contains(left[0].Why, unmet+" meets no occurrence") {
			t.Errorf("%s: left %+v, want the exception at %q", except, left, unmet)
		}
	}
}

// An event that cannot be followed is left by name, with a reason; the others
// are windows.
func TestWhatIsNotUnderstoodIsLeft(t *testing.T) {
	const ok = "DTSTART:20260302T013000Z\nDURATION:PT1H"
	for event, why := range map[string]string{
		"DTSTART;TZID=Moon/Base:20260302T013000\nDURATION:PT1H": `time zone "Moon/Base" is not known`,
		"DURATION:PT1H":                                    "no DTSTART",
		ok + "\nRDATE:20260303T013000Z":                    "RDATE is not supported",
		ok + "\nEXRULE:FREQ=DAILY":                         "EXRULE is not supported",
		ok + "\nEXDATE:soon":                               `EXDATE "soon" is no time`,
		ok + "\nRRULE:FREQ=HOURLY":                         "at most once a day",
		ok + "\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY":       "a second RRULE",
		ok + "\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30": "no day follows its rule",
		ok + "\nTRANSP:TRANSPARENT":                        "free time",
		ok + "\nfoo":                                       `"foo" is not NAME:VALUE`,
		"DTSTART:20261399T013000Z\nDURATION:PT1H":          "is no time",
		ok + "\nRECURRENCE-ID:later":                       `which occurrence it changes is not known`,
		ok + "\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Moon/Base:20260302T013000":                `which occurrence it changes is not known`,
		ok + "\nRECURRENCE-ID;RANGE=THISANDPRIOR:20260302T013000Z":                             "RANGE is not supported",
		"DTSTART:20260302T013000Z\nDURATION:1H":                                                "is no duration",
		"DTSTART:20260302T013000Z\nDURATION:P2000D":                                            "lasts",
		"DTSTART:20260302T013000Z":                                                             "takes no time",
		"DTSTART:20260302T013000Z\nDTEND:20260301T013000Z":                                     "takes no time",
		ok + "\nEXDATE:" + strings.Repeat("20260302T013000Z,", maxExcept) + "20260302T013000Z": "more than 1000 exceptions",
	} {
		got, left, err := ParseCalendar(calendar("UID:bad\nSUMMARY:x\n"+event, "UID:good\n"+ok), "ops", time.UTC, time.UTC)
		if err != nil || len(got) != 1 || got[0].Name != "good" || len(left) != 1 || left[0].UID != "bad" || left[0].Summary != "x" || !strings.Contains(left[0].Why, why) {
			t.Errorf("%.80s: %+v, %+v, %v: want it left because %s", event, got, left, err, why)
		}
	}
}

// Of the revisions of an event, which a file that was appended to has, the
// latest holds.
func TestALaterRevisionReplaces(t *testing.T) {
	const event = "UID:1\nDURATION:PT1H\n"
	got, left, err := ParseCalendar(calendar(event+"SEQUENCE:2\nDTSTART:20260303T013000Z\nRRULE:FREQ=DAILY", event+"DTSTART:20260302T013000Z",
		event+"RECURRENCE-ID:20260304T013000Z\nDTSTART:20260304T033000Z"), "ops", time.UTC, time.UTC)
	if err != nil || len(got) != 2 || got[0].Start != "2026-03-03T01:30:00" || got[1].Start != "2026-03-04T03:30:00" ||
		len(left) != 1 || left[0].UID != "1" || !strings.Contains(left[0].Why, "SEQUENCE:2") {
		t.Errorf("%+v, %+v, %v, want the series of SEQUENCE 2 and its moved occurrence", got, left, err)
	}
}

// What is no event, and events of a calendar that cancels them, are named.
func TestWhatIsNoEventIsNamed(t *testing.T) {
	const event = "BEGIN:VEVENT\nUID:1\nDTSTART:20260302T013000Z\nDURATION:PT1H\nEND:VEVENT\n"
	for text, why := range map[string]string{
		"BEGIN:VTODO\nUID:1\nDTSTART:20260302T013000Z\nDUE:20260302T023000Z\nEND:VTODO\n":                                                                                                              "VTODO is no event",
		"BEGIN:VFREEBUSY\nUID:1\nFREEBUSY:20260302T013000Z/PT1H\nEND:VFREEBUSY\n":                                                                                                                      "VFREEBUSY is no event",
		"BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nTZOFFSETTO:+0117\nEND:STANDARD\nEND:VTIMEZONE\n" + strings.Replace(event, "DTSTART:20260302T013000Z", "DTSTART;TZID=Office:20260302T013000", 1): "rules that are those of no known zone",
		"METHOD:CANCEL\n" + event: "METHOD:CANCEL",
	} {
		got, left, err := ParseCalendar([]byte("BEGIN:VCALENDAR\n"+text+"END:VCALENDAR\n"), "ops", time.UTC, time.UTC)
		if err != nil || len(got) != 0 || len(left) != 1 || left[0].UID != "1" || !strings.Contains(left[0].Why, why) {
			t.Errorf("%s: %+v, %+v, %v, want it left because %s", text, got, left, err, why)
		}
	}
}

// A changed occurrence of a series without a UID touches no other series
// without one.
func TestSeriesWithoutUIDAreNotMixed(t *testing.T) {
	const series = "DTSTART:20260302T013000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"
	got, left, err := ParseCalendar(calendar("SUMMARY:a\n"+series, "SUMMARY:b\n"+series, "SUMMARY:a\nSTATUS:CANCELLED\nRECURRENCE-ID:20260303T013000Z"), "ops", time.UTC, time.UTC)
	if err != nil || len(got) != 2 || len(got[0].Except)+len(got[1].Except) != 0 || len(left) != 1 || !strings.Contains(left[0].Why, "without UID") {
		t.Errorf("%+v, %+v, %v, want both series whole, and the third event named", got, left, err)
	}
}

// A summary is in the reason of all that its window suppresses, and so has a
// bound.
func TestLongSummariesAreCut(t *testing.T) {
	got, _, err := ParseCalendar(calendar("UID:1\nSUMMARY:"+strings.Repeat("ü", 1000)+"\nDTSTART:20260302T013000Z\nDURATION:PT1H"), "ops", time.UTC, time.UTC)
	if err != nil || len(got) != 1 || got[0].Name != strings.Repeat("ü", maxName/2)+"…" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatIsNoCalendarIsRefused(t *testing.T) {
	whole := calendar("UID:1\nDTSTART:20260302T013000Z\nDURATION:PT1H")
	for name, text := range map[string]string{
		"no calendar":       "hello",
		"empty":             "",
		"cut off":           string(whole[:60]),
		"end without begin": "BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n",
		"end of nothing":    "BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:\n",
		"too deep":          strings.Repeat("BEGIN:VCALENDAR\n", 20) + strings.Repeat("END:VCALENDAR\n", 20),
		"too large":         string(whole) + strings.Repeat("\n", MaxCalendar),
	} {
		if got, _, err := ParseCalendar([]byte(text), "ops", time.UTC, time.UTC); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s: %+v, %v: want ErrInvalid", name, got, err)
		}
	}
}

// FuzzParseCalendar: whatever is accepted is a list of windows that validate,
// that can be asked when they hold, and whose IDs differ.
func FuzzParseCalendar(f *testing.F) {
	f.Add(calendar("UID:1\nDTSTART;TZID=Europe/Berlin:20260302T013000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=-1SU\nEXDATE:20260303T013000Z"))
	f.Add(calendar("UID:1\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304\nRRULE:FREQ=YEARLY;COUNT=3", "UID:1\nRECURRENCE-ID:20270302\nSTATUS:CANCELLED"))
	f.Add(calendar("UID:1\nDTSTART:20260302T013000Z\nDURATION:P1D\nRRULE:FREQ=WEEKLY;BYWEEKNO=53,-1;BYSETPOS=-1;WKST=SU", "END:VEVENT\nBEGIN:VTIMEZONE\nTZID:x"))
	f.Fuzz(func(t *testing.T, ics []byte) {
		windows, _, err := ParseCalendar(ics, "fuzz", time.UTC, time.UTC)
		if err != nil && !errors.Is(err, omen.ErrInvalid) {
			t.Fatalf("%v is not ErrInvalid", err)
		}
		ids := map[string]bool{}
		for _, w := range windows {
			if err := w.Validate(); err != nil || ids[w.ID] {
				t.Fatal(w.ID, err)
			}
			ids[w.ID] = true
			for _, s := range w.Between(noon, noon.Add(48*time.Hour)) {
				if length := s.To.Sub(s.From); (length-w.Duration).Abs() > 24*time.Hour || !w.Nominal && length != w.Duration ||
					!s.From.Before(noon.Add(48*time.Hour)) || !s.To.After(noon) {
					t.Fatalf("window %+v holds %+v", w, s)
				}
			}
		}
	})
}

// FuzzParseRule: whatever is accepted can be asked, and soon.
func FuzzParseRule(f *testing.F) {
	for _, rule := range []string{"FREQ=MONTHLY;BYDAY=-1SU;COUNT=3", "FREQ=YEARLY;BYDAY=53MO;WKST=SU", "FREQ=WEEKLY;BYWEEKNO=-53,1;BYSETPOS=-366", "FREQ=DAILY;BYYEARDAY=366,-366;UNTIL=20300101"} {
		f.Add("2026-01-31T02:30:00", rule)
	}
	f.Fuzz(func(t *testing.T, start, rule string) {
		w := Window{Name: "w", Start: start, Zone: "Europe/Berlin", Duration: time.Hour, Rule: rule, Match: []Matcher{{Name: "host"}}}
		if w.Validate() != nil {
			return
		}
		if all := w.Between(noon, noon.AddDate(1, 0, 0)); len(all) > 367 {
			t.Fatalf("%s from %s takes place %d times in a year", rule, start, len(all))
		}
	})
}

func ExampleWindow_Between() {
	w := Window{Name: "patch day", Zone: "Europe/Berlin", Start: "2026-01-13T22:00:00", Duration: 2 * time.Hour, Rule: "FREQ=MONTHLY;BYDAY=2TU"}
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, s := range w.Between(from, from.AddDate(0, 2, 0)) {
		fmt.Println(s.From.Format(time.RFC3339), "to", s.To.Format(time.RFC3339))
	}
	// Output:
	// 2026-03-10T21:00:00Z to 2026-03-10T23:00:00Z
	// 2026-04-14T20:00:00Z to 2026-04-14T22:00:00Z
}
