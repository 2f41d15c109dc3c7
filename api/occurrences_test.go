package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// The calendar has what overlaps a span: each occurrence of a window by the
// clock of its own zone, silences, and events as long as their grace lasts.
func TestOccurrencesWithinASpan(t *testing.T) {
	f := newFixture(t)
	const of = `"match":[{"name":"host","value":"db","isRegex":false,"isEqual":true}],"by":"ann"`
	for path, bodies := range map[string][]string{
		"windows": {`{"name":"backup","zone":"Europe/Berlin","start":"2026-03-01T02:30:00","duration_seconds":3600,"rule":"FREQ=DAILY",` + of + `}`},
		"silences": {
			`{"from":"2026-03-01T00:00:00Z","until":"2026-03-28T06:00:00Z","reason":"reaches into it","effect":"exclude",` + of + `}`,
			`{"from":"2026-03-01T00:00:00Z","until":"2026-03-28T00:00:00Z","reason":"ends as it begins","effect":"exclude",` + of + `}`,
			`{"from":"2026-03-31T00:00:00Z","until":"2026-04-01T00:00:00Z","reason":"begins as it ends","effect":"exclude",` + of + `}`,
		},
		"events": {
			`{"id":"e1","kind":"boot","at":"2026-03-27T23:00:00Z",` + of + `}`,
			`{"id":"e2","kind":"deploy","at":"2026-03-27T23:55:00Z","title":"shop v2",` + of + `}`,
			`{"id":"e3","kind":"note","at":"2026-03-30T12:00:00Z","title":"fire drill",` + of + `}`,
		},
	} {
		for _, body := range bodies {
			if status, answer, _ := f.call(t, "POST", "/api/v1/omen/"+path, body); status != 201 {
				t.Fatalf("%s: %d: %s", path, status, answer)
			}
		}
	}
	got := read[Occurrences](t, f, "occurrences?from=2026-03-28T00:00:00Z&to=2026-03-31T00:00:00Z")
	var lines []string
	for _, o := range got.Occurrences {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", o.Kind, o.Title, time.Time(o.From).Format("02T15:04"), time.Time(o.To).Format("02T15:04"), o.Effect))
	}
	want := []string{
		"silence reaches into it 01T00:00 28T06:00 exclude",
		"deploy shop v2 27T23:55 28T00:05 ",
		"window backup 28T01:30 28T02:30 ",
		"window backup 29T01:30 29T02:30 ", // the clocks go forward at 01:00 UTC: 02:30 is an hour later
		"window backup 30T00:30 30T01:30 ",
		"note fire drill 30T12:00 30T12:00 ",
	}
	if !slices.Equal(lines, want) || got.LeftOut != 0 {
		t.Errorf("%s\nwant\n%s\nleft out: %d", strings.Join(lines, "\n"), strings.Join(want, "\n"), got.LeftOut)
	}
	for query, says := range map[string]string{"from=0&to=5000000": "at most", "from=10&to=5": "not before", "from=soon": "is no time"} {
		if status, answer, _ := f.call(t, "GET", "/api/v1/omen/occurrences?"+query, ""); status != 400 || !strings.Contains(answer, says) {
			t.Errorf("%s: %d %s, want 400 and %q", query, status, answer, says)
		}
	}
}

// Without a span it is the day that was and the week to come, as the web UI shows.
func TestOccurrencesWithoutASpan(t *testing.T) {
	f := newFixture(t)
	before := time.Now()
	got := read[Occurrences](t, f, "occurrences")
	from, to := time.Time(got.From), time.Time(got.To)
	if from.Before(before.Add(-24*time.Hour-time.Second)) || from.After(time.Now().Add(-24*time.Hour)) || to.Sub(from) != 8*24*time.Hour {
		t.Errorf("%s to %s, want a day ago to a week ahead", from, to)
	}
}

// Where there are too many, what people planned is listed before what happened.
func TestOccurrencesAreBounded(t *testing.T) {
	at := must.Get(time.Parse(time.RFC3339, "2026-03-01T00:00:00Z"))(t)
	var rules mute.Rules
	for i := range 10 {
		rules.Events = append(rules.Events, mute.Event{ID: fmt.Sprintf("e%d", i), Kind: mute.EventNote, At: at.Add(time.Duration(i) * time.Minute)})
	}
	rules.Silences = []mute.Silence{{ID: "s", From: at, Until: at.Add(time.Hour)}}
	got, left := bounded(occurrences(rules, at, at.Add(time.Hour)), 3)
	var ids []string
	for _, o := range got {
		ids = append(ids, o.ID)
	}
	if want := []string{"s", "e8", "e9"}; !slices.Equal(ids, want) || left != 8 {
		t.Errorf("%v and %d left out, want %v and 8", ids, left, want)
	}
}
