package app

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

func TestCalendarFilesRememberWhatFailedAndSinceWhen(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC) }
	c := newCalendarFiles([]config.Calendar{{Name: "shifts", File: "shifts.ics"}, {Name: "backup", File: "backup.ics"}})
	bad, worse := errors.New("bad"), errors.New("worse")
	one := []mute.Omitted{{UID: "1", Why: "free"}}
	for i, step := range []struct {
		err           error
		left          []mute.Omitted
		news          bool
		read, failing time.Time
	}{
		{nil, nil, false, at(1), time.Time{}},
		{bad, nil, true, at(1), at(2)},
		{bad, nil, false, at(1), at(2)}, // said before
		{worse, nil, true, at(1), at(2)},
		{nil, nil, true, at(5), time.Time{}},
		{nil, one, true, at(6), time.Time{}},
		{nil, one, false, at(7), time.Time{}},
	} {
		if news := c.note("shifts", at(i+1), step.left, step.err); news != step.news {
			t.Errorf("step %d: news %v, want %v", i, news, step.news)
		}
		all := c.status()
		if k := all[0]; k.Name != "shifts" || k.File != "shifts.ics" || time.Time(k.ReadAt) != step.read || time.Time(k.FailedSince) != step.failing || (k.Err == "") != (step.err == nil) || step.err != nil && k.Err != step.err.Error() {
			t.Errorf("step %d: %+v, want read %s, failing since %s, %v", i, k, step.read, step.failing, step.err)
		}
		if k := all[1]; k.Err != "" || k.ReadAt != (api.Instant{}) {
			t.Errorf("step %d: the other calendar became %+v", i, k)
		}
	}
	if c.note("nobody", at(9), nil, bad) {
		t.Error("a calendar that is not configured is news")
	}
}

// A calendar's file is read again while Omen runs: what is new in it is stored,
// and a file that cannot be read leaves the windows as they were.
func TestCalendarsAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	file, ics := filepath.Join(dir, "omen.yml"), filepath.Join(dir, "shifts.ics")
	calendar := func(summary string) {
		write(t, ics, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n"+
			"DTSTART:20260104T020000Z\r\nDTEND:20260104T030000Z\r\nSUMMARY:"+summary+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	}
	calendar("first")
	write(t, file, "local: {instance: here}\ncalendars: [{name: shifts, file: shifts.ics, match: [host=x]}]\n")
	p, down := runParts(t, file)
	said := heard{}
	for _, c := range []struct {
		change func()
		fails  bool
		want   string
	}{
		{func() {}, false, "first"},
		{func() { calendar("second") }, false, "second"},
		{func() { write(t, ics, "no calendar") }, true, "second"},
		{func() { calendar("third") }, false, "third"},
		{func() { must.OK(t, errors.Join(os.Remove(ics), syscall.Mkfifo(ics, 0o600))) }, true, "third"}, // nobody writes into it
		{func() { must.OK(t, os.Remove(ics)); calendar("fourth") }, false, "fourth"},
		{func() { must.OK(t, os.Truncate(ics, 1<<40)) }, true, "fourth"}, // more than there is memory
	} {
		c.change()
		p.current.readCalendars(t.Context(), time.Now())
		p.current.reportCalendars(t.Context(), said)
		if text := said[troubleCalendars]; (text != "") != c.fails || c.fails && !strings.Contains(text, "shifts.ics") {
			t.Errorf("own trouble %q, want one: %v", text, c.fails)
		}
		k := p.current.Calendars()[0]
		windows, err := p.db.Windows(t.Context())
		if err != nil || (k.Err != "") != c.fails {
			t.Fatalf("%v, calendar %+v, want an error: %v", err, k, c.fails)
		}
		if !slices.ContainsFunc(windows, func(w mute.Window) bool { return w.Calendar == "shifts" && w.Name == c.want }) {
			t.Errorf("windows %+v, want %q", windows, c.want)
		}
	}
	write(t, file, "local: {instance: here}\n") // without the calendar
	must.OK(t, p.reload(t.Context()))
	if windows, err := p.db.Windows(t.Context()); err != nil || slices.ContainsFunc(windows, func(w mute.Window) bool { return w.Calendar == "shifts" }) {
		t.Errorf("windows %+v, %v: the calendar is no longer in the file", windows, err)
	}
	if err := down.run(); err != nil {
		t.Error(err)
	}
}
