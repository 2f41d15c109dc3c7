package app

import (
	"errors"
	"testing"
	"time"

	"github.com/omenhq/omen/config"
)

func TestCalendarFilesRememberWhatFailedAndSinceWhen(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC) }
	c := newCalendarFiles([]config.Calendar{{Name: "shifts", File: "shifts.ics"}, {Name: "backup", File: "backup.ics"}}, at(0))
	bad, worse := errors.New("bad"), errors.New("worse")
	for i, step := range []struct {
		err           error
		news          bool
		read, failing time.Time
	}{
		{nil, false, at(1), time.Time{}},
		{bad, true, at(1), at(2)},
		{bad, false, at(1), at(2)}, // said before
		{worse, true, at(1), at(2)},
		{nil, true, at(5), time.Time{}},
	} {
		if news := c.note("shifts", at(i+1), step.err); news != step.news {
			t.Errorf("step %d: news %v, want %v", i, news, step.news)
		}
		all := c.status()
		if k := all[0]; k.Name != "shifts" || k.File != "shifts.ics" || time.Time(k.ReadAt) != step.read || time.Time(k.FailedSince) != step.failing || (k.Err == "") != (step.err == nil) || step.err != nil && k.Err != step.err.Error() {
			t.Errorf("step %d: %+v, want read %s, failing since %s, %v", i, k, step.read, step.failing, step.err)
		}
		if k := all[1]; k.Err != "" || time.Time(k.ReadAt) != at(0) {
			t.Errorf("step %d: the other calendar became %+v", i, k)
		}
	}
	if c.note("nobody", at(9), bad) {
		t.Error("a calendar that is not configured is news")
	}
}
