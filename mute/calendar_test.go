package incident

import (
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
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
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		event string
		want  omen.Window
	}{
		"zone, rule, exception": {
			"UID:1\nSUMMARY:Backup\\, nightly\nDTSTART;TZID=America/New_York:20260302T013000\nDTEND;TZID=America/New_York:20260302T023000\n" +
				"RRULE:FREQ=DAILY\nEXDATE;TZID=America/New_York:20260304T013000,20260305T013000",
			omen.Window{Name: "Backup, nightly", Zone: "America/New_York", Start: "2026-03-02T01:30:00", Duration: time.Hour,
				Rule: "FREQ=DAILY", Except: []string{"2026-03-04T01:30:00", "2026-03-05T01:30:00"}}},
		"in UTC, with an exception elsewhere": {
			"UID:1\nDTSTART:20260302T013000Z\nDURATION:PT1H30M\nRRULE:FREQ=DAILY\nEXDATE;TZID=Europe/Berlin:20260303T023000",
			omen.Window{Name: "1", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: 90 * time.Minute, Rule: "FREQ=DAILY",
				Except: []string{"2026-03-03T01:30:00"}}},
		"floating": {"UID:1\nDTSTART:20260302T013000\nDURATION:P1DT2H",
			omen.Window{Name: "1", Zone: "Europe/Berlin", Start: "2026-03-02T01:30:00", Duration: 26 * time.Hour}},
		"a whole day": {"UID:1\nSUMMARY:Freeze\nDTSTART;VALUE=DATE:20261224",
			omen.Window{Name: "Freeze", Zone: "Europe/Berlin", Start: "2026-12-24T00:00:00", Duration: 24 * time.Hour}},
		"folded lines, quoted parameter, alarm within": {
			"UID:1\nSUMMARY;X=\"a:b;c\":Long\n er name\nDTSTART:20260302T\n\t013000Z\nDURATION:P2W\nBEGIN:VALARM\nDURATION:PT5M\nTRIGGER:-PT15M\nEND:VALARM",
			omen.Window{Name: "Longer name", Zone: "UTC", Start: "2026-03-02T01:30:00", Duration: 14 * 24 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseCalendar(calendar(c.event, "UID:2\nSTATUS:CANCELLED\nDTSTART:20260101T000000Z\nDURATION:PT1H",
				"UID:3\nTRANSP:TRANSPARENT\nDTSTART:20260101T000000Z\nDURATION:PT1H"), "ops", berlin)
			if err != nil || len(got) != 1 {
				t.Fatalf("%+v, %v, want one window", got, err)
			}
			c.want.ID, c.want.Calendar, c.want.Match = got[0].ID, "ops", got[0].Match
			if diff := gocmp.Diff(c.want, got[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCalendarsThatCannotBeFollowedAreRefused(t *testing.T) {
	ok := "DTSTART:20260302T013000Z\nDURATION:PT1H"
	for name, ics := range map[string]string{
		"no calendar":        "hello",
		"empty":              "",
		"cut off":            string(calendar("UID:1\n" + ok))[:60],
		"unknown zone":       string(calendar("UID:1\nDTSTART;TZID=Moon/Base:20260302T013000\nDURATION:PT1H")),
		"no beginning":       string(calendar("UID:1\nDURATION:PT1H")),
		"rdate":              string(calendar("UID:1\n" + ok + "\nRDATE:20260303T013000Z")),
		"moved occurrence":   string(calendar("UID:1\n" + ok + "\nRECURRENCE-ID:20260303T013000Z")),
		"hourly":             string(calendar("UID:1\n" + ok + "\nRRULE:FREQ=HOURLY")),
		"two rules":          string(calendar("UID:1\n" + ok + "\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY")),
		"bad date":           string(calendar("UID:1\nDTSTART:20261399T013000Z\nDURATION:PT1H")),
		"bad duration":       string(calendar("UID:1\nDTSTART:20260302T013000Z\nDURATION:1H")),
		"three months long":  string(calendar("UID:1\nDTSTART:20260302T013000Z\nDURATION:P90D")),
		"not UTF-8":          string(calendar("UID:1\n" + ok + "\nSUMMARY:\xff")),
		"end without begin":  "BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR\n",
		"a line with no end": "BEGIN:VCALENDAR\nfoo\nEND:VCALENDAR\n",
	} {
		got, err := ParseCalendar([]byte(ics), "ops", time.UTC)
		if !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %+v, %v: want ErrInvalid and a line", name, got, err)
		}
	}
}

// FuzzParseCalendar: whatever is accepted is a list of windows that validate
// and that can be asked when they hold.
func FuzzParseCalendar(f *testing.F) {
	f.Add(calendar("UID:1\nDTSTART;TZID=Europe/Berlin:20260302T013000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=-1SU\nEXDATE:20260303T013000Z"))
	f.Add(calendar("UID:1\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260304\nRRULE:FREQ=YEARLY;COUNT=3"))
	f.Fuzz(func(t *testing.T, ics []byte) {
		windows, err := ParseCalendar(ics, "fuzz", time.UTC)
		if err != nil {
			if !errors.Is(err, omen.ErrInvalid) {
				t.Fatalf("%v is not ErrInvalid", err)
			}
			return
		}
		for _, w := range windows {
			if err := w.Validate(); err != nil {
				t.Fatal(err)
			}
			for _, s := range w.Between(noon, noon.Add(48*time.Hour)) {
				if s.To.Sub(s.From) != w.Duration || !s.From.Before(noon.Add(48*time.Hour)) || !s.To.After(noon) {
					t.Fatalf("window %+v holds %+v", w, s)
				}
			}
		}
	})
}
