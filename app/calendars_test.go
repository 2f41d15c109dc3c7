package app

import (
	"errors"
	"testing"
	"time"

	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/config"
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
