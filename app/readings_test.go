package app

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/internal/must"
)

const oneEvent = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:patch\r\nDTSTART:20260104T020000Z\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// hanging makes a regular file that blocks everybody who opens it, as for one on a
// network file system whose server is away: the test holds a lease on it, until
// free is called.
func hanging(t *testing.T, path string) (free func()) {
	t.Helper()
	f := must.Get(os.OpenFile(path, os.O_RDWR, 0))(t)
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatalf("no lease on %s: %v", path, err)
	}
	free = func() {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) // it may have been broken
		_ = f.Close()
	}
	t.Cleanup(free)
	return free
}

// A calendar on a file system that hangs holds up neither a start nor a reload nor
// the other calendars; it is said, and read once it can be. However often it is
// asked for meanwhile, one read waits.
func TestACalendarThatHangs(t *testing.T) {
	dir := t.TempDir()
	file, ics := filepath.Join(dir, "omen.yml"), filepath.Join(dir, "hangs.ics")
	write(t, ics, oneEvent)
	write(t, filepath.Join(dir, "fine.ics"), oneEvent)
	write(t, file, "calendars: [{name: hangs, file: hangs.ics, match: [host=x]}, {name: fine, file: fine.ics, match: [host=x]}]\n")
	free := hanging(t, ics)
	a := start(t, Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")})
	if _, body := a.ask("GET", "/api/v1/omen/windows"); !strings.Contains(body, `"calendar":"fine"`) || !strings.Contains(body, "hangs.ics: it has not been read since") {
		t.Errorf("windows %s", body)
	}
	if code, body := a.ask("POST", "/-/reload", "{}"); code != 200 {
		t.Errorf("reload: %d %s", code, body)
	}
	a.eventually("/api/v1/omen/incidents?kind=omen", "hangs.ics: it has not been read since")
	free()
	if code, body := a.ask("POST", "/-/reload", "{}"); code != 200 {
		t.Errorf("reload: %d %s", code, body)
	}
	if body := a.eventually("/api/v1/omen/windows", `"calendar":"hangs"`); strings.Contains(body, "has not been read") {
		t.Errorf("windows %s", body)
	}
	must.OK(t, a.stop())
}

func TestAFileThatHangsIsReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hangs.ics")
	write(t, path, oneEvent)
	free := hanging(t, path)
	r := &readings{within: 20 * time.Millisecond}
	files := []config.Calendar{{Name: "hangs", File: path, Match: []string{"host=x"}}}
	for range 3 {
		if c := r.calendars(t.Context(), files, time.Now())[0]; c.err == nil || !strings.Contains(c.err.Error(), "has not been read since") {
			t.Fatalf("read %+v", c)
		}
	}
	one := r.pending[path]
	if len(r.pending) != 1 {
		t.Errorf("%d reads wait", len(r.pending))
	}
	free()
	<-one.done
	if c := r.calendars(t.Context(), files, time.Now())[0]; c.err != nil || len(c.windows) != 1 {
		t.Errorf("read %+v", c)
	}
	if len(r.pending) != 0 {
		t.Errorf("%d reads wait", len(r.pending))
	}
	must.OK(t, os.Remove(path))
	must.OK(t, syscall.Mkfifo(path, 0o600)) // which nobody writes into
	if c := r.calendars(t.Context(), files, time.Now())[0]; c.err == nil || !strings.Contains(c.err.Error(), "no regular file") {
		t.Errorf("read %+v", c)
	}
}
