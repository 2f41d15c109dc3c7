package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

func TestAWindowNamesItsNextOccurrences(t *testing.T) {
	at := func(s string) time.Time {
		return must.Get(time.Parse(time.RFC3339, s))(t)
	}
	w := mute.Window{Name: "w", Match: []mute.Matcher{{Name: "host", Value: "db", IsEqual: true}}, Zone: "Europe/Berlin", Start: "2026-03-01T02:30:00", Duration: time.Hour}
	for _, c := range []struct {
		rule string
		now  time.Time
		want []string
	}{
		{"FREQ=DAILY", at("2026-03-01T01:45:00Z"), []string{"2026-03-01T01:30:00Z", "2026-03-02T01:30:00Z", "2026-03-03T01:30:00Z"}}, // the present one included
		{"FREQ=YEARLY", at("2026-03-02T00:00:00Z"), []string{"2027-03-01T01:30:00Z", "2028-03-01T01:30:00Z", "2029-03-01T01:30:00Z"}},
		{"FREQ=DAILY;COUNT=2", at("2026-03-02T00:00:00Z"), []string{"2026-03-02T01:30:00Z"}},
		{"", at("2026-03-02T00:00:00Z"), []string{}},
	} {
		w.Rule = c.rule
		got := []string{}
		for _, s := range next(w, c.now) {
			got = append(got, time.Time(s.From).Format(time.RFC3339))
		}
		if a, b := mustJSON(t, got), mustJSON(t, c.want); a != b {
			t.Errorf("%q at %s: %s, want %s", c.rule, c.now, a, b)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b := must.Get(json.Marshal(v))(t)
	return string(b)
}

func TestEventsOfOneHostOrKind(t *testing.T) {
	f := newFixture(t)
	for _, body := range []string{
		`{"id":"mine","kind":"deploy","match":[{"name":"host","value":"web-1:9100","isRegex":false,"isEqual":true}]}`,
		`{"id":"ours","kind":"note","match":[{"name":"profile","value":"node","isRegex":false,"isEqual":true}]}`,
		`{"id":"other","kind":"boot","match":[{"name":"host","value":"db-9","isRegex":false,"isEqual":true}]}`,
	} {
		if status, answer, _ := f.call(t, "POST", "/api/v1/omen/events", body); status != 201 {
			t.Fatalf("%d: %s", status, answer)
		}
	}
	until := time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	for query, want := range map[string]int{"?to=" + until: 3, "?host=web-1:9100&to=" + until: 2, "?host=prom/node/web-1:9100&to=" + until: 2, "?kind=deploy,note&to=" + until: 2, "?kind=boot&host=web-1:9100&to=" + until: 0} {
		f.listed = 0
		if got := read[Events](t, f, "events"+query); len(got.Events) != want || f.listed > 1 {
			t.Errorf("%s: %v, want %d; all hosts were listed %d times, want once for a name", query, got.Events, want, f.listed)
		}
	}
}

// What is refused says what is wrong and how to resolve it.
func TestRefusalsCarryHints(t *testing.T) {
	f := newFixture(t)
	const host = `"match":[{"name":"host","value":"web-1","isRegex":false,"isEqual":true}]`
	for _, c := range []struct{ path, body, says, hint string }{
		{"silences", `{` + host + `,"reason":"work","by":"ann","until":"tomorrow"}`, `until: "tomorrow" is no time`, "RFC 3339"},
		{"silences", `{` + host + `,"reason":"work","by":"ann"}`, "no end", "until"},
		{"silences", `{` + host + `,"reason":" ","by":"ann","until":"2099-01-01T00:00:00Z"}`, "no reason", "why"},
		{"silences", `{` + host + `,"reason":7,"by":"ann","until":"2099-01-01T00:00:00Z"}`, "reason: a number where a string is wanted", ""},
		{"silences", `{"match":[],"reason":"work","by":"ann","until":"2099-01-01T00:00:00Z"}`, "no matcher", `host="web-1"`},
		{"silences", `{"match":[{"name":"host","value":"(","isRegex":true,"isEqual":true}],"reason":"work","by":"ann","until":"2099-01-01T00:00:00Z"}`, "matcher host", "RE2"},
		{"silences", `{"match":[{"name":"","value":"a","isRegex":false,"isEqual":true}],"reason":"work","by":"ann","until":"2099-01-01T00:00:00Z"}`, "no name", "label"},
		{"silences", `{` + host + `,"reason":"work","by":"ann","until":"2099-01-01T00:00:00Z","effect":"loud"}`, `"loud" is not known`, "exclude"},
		{"silences", `{` + host + `,"reason":"work","by":"ann","from":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z"}`, "until 2026-01-02T00:00:00Z is over", "in the future"},
		{"windows", `{"name":"w","start":"2026-01-31T02:00:00","duration_seconds":60,` + host + `}`, "start 2026-01-31T02:00:00", "in the future"},
		{"windows", `{"name":"w","start":"2026-01-31T02:00:00","rule":"FREQ=DAILY;COUNT=3","duration_seconds":60,` + host + `}`, "it is over", "a rule that goes on"},
		{"windows", `{"name":"","start":"2026-01-31T02:00:00","duration_seconds":60,` + host + `}`, "without a name", "backup"},
		{"windows", `{"name":"w","start":"2026-01-31T02:00:00","duration_seconds":60,"rule":"FREQ=SECONDLY",` + host + `}`, "FREQ=SECONDLY is not supported", "FREQ=DAILY"},
		{"windows", `{"name":"w","start":"at two","duration_seconds":60,` + host + `}`, `"at two" is no local time`, "2006-01-02T15:04:05"},
		{"windows", `{"name":"w","start":"2026-01-31T02:00:00","zone":"Mars","duration_seconds":60,` + host + `}`, `"Mars" is not known`, "Europe/Berlin"},
		{"windows", `{"name":"w","start":"2026-01-31T02:00:00","duration_seconds":0,` + host + `}`, "lasts 0 hours", "longer than 0"},
		{"windows", `{"name":"w","start":"2026-01-31T02:00:00","duration_seconds":"an hour",` + host + `}`, `duration_seconds: "an hour" is no number`, ""},
		{"silences", `{` + host + `,"reason":"work","by":"` + strings.Repeat("a", 201) + `","until":"2099-01-01T00:00:00Z"}`, "its author has 201 bytes", "at most 200"},
		{"silences", `{` + host + `,"reason":"` + strings.Repeat("a", 9000) + `","by":"ann","until":"2099-01-01T00:00:00Z"}`, "its reason has 9000 bytes", "at most 8192"},
		{"windows", `{"name":"` + strings.Repeat("ü", 101) + `","start":"2026-01-31T02:00:00","duration_seconds":60,` + host + `}`, "its name has 202 bytes", "at most 200"},
	} {
		status, answer, _ := f.call(t, "POST", "/api/v1/omen/"+c.path, c.body)
		var got Error
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatalf("%s: %s", c.body, answer)
		}
		if status != 400 || !strings.Contains(got.Error, c.says) || !strings.Contains(got.Hint, c.hint) || strings.Contains(got.Error, "invalid: invalid") {
			t.Errorf("%s\n%d, %q, hint %q; want 400, %q, hint %q", c.body, status, got.Error, got.Hint, c.says, c.hint)
		}
	}
}

func TestWindowsSayWhichCalendarFilesFail(t *testing.T) {
	f := newFixture(t)
	_, body, _ := f.call(t, "GET", "/api/v1/omen/windows", "")
	const want = `"calendars":[{"name":"fine","file":"fine.ics","read_at":"2026-03-01T12:00:00Z","failed_since":null,"err":"","left":[{"uid":"1","summary":"Lunch","why":"free"}]},` +
		`{"name":"shifts","file":"shifts.ics","read_at":"2026-03-01T12:00:00Z","failed_since":"2026-03-01T12:01:00Z","err":"shifts.ics: line 3: no DTSTART","left":[]}]`
	if !strings.Contains(body, want) {
		t.Errorf("%s\nwant within it %s", body, want)
	}
}

// A calendar's name is bounded, too.
func TestACalendarsNameIsBounded(t *testing.T) {
	f := newFixture(t)
	for name, want := range map[string]int{strings.Repeat("a", 200): 200, strings.Repeat("a", 201): 400} {
		body := `{"ics":"BEGIN:VCALENDAR\nEND:VCALENDAR\n","match":[{"name":"host","value":"a","isRegex":false,"isEqual":true}]}`
		if status, answer, _ := f.call(t, "PUT", "/api/v1/omen/calendars/"+name, body); status != want {
			t.Errorf("a name of %d bytes: %d %s, want %d", len(name), status, answer, want)
		}
	}
}

// An event says when its grace ends, by its kind unless it says otherwise.
func TestEventsSayWhenTheirGraceEnds(t *testing.T) {
	f := newFixture(t)
	const rest = `"at":"2026-03-01T12:00:00Z","match":[{"name":"host","value":"a","isRegex":false,"isEqual":true}]}`
	for body, want := range map[string]string{
		`{"kind":"deploy",` + rest:                     `"until":"2026-03-01T12:10:00Z"`,
		`{"kind":"restart","grace_seconds":60,` + rest: `"until":"2026-03-01T12:01:00Z"`,
		`{"kind":"note","title":"x",` + rest:           `"until":null`,
	} {
		if status, answer, _ := f.call(t, "POST", "/api/v1/omen/events", body); status != 201 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, want %s", body, status, answer, want)
		}
	}
}
