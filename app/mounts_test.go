package app

import (
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// looked is what a collector would say of mounts and of parts.
type looked struct {
	what  []string
	known bool
}

func (l looked) Hanging() (mounts []string, known bool)         { return l.what, l.known }
func (l looked) Missing(time.Time) (parts []string, known bool) { return l.what, l.known }

// What hangs is said until it is known not to: a start, which knows nothing yet, is no
// recovery.
func TestFileSystemsThatHangAreSaid(t *testing.T) {
	to := heard{}
	must.OK(t, reportMounts(t.Context(), to, looked{[]string{"/data", "/nfs"}, true}))
	must.OK(t, reportMounts(t.Context(), to, looked{nil, false}))
	if got := to[troubleMounts]; !strings.HasPrefix(got, "critical: 2 file systems do not answer") || !strings.HasSuffix(got, ": /data, /nfs") {
		t.Errorf("reported %q", got)
	}
	must.OK(t, reportMounts(t.Context(), to, looked{nil, true}))
	if len(to) != 0 {
		t.Errorf("after they answered: %v", to)
	}
}

func TestPartsThatAreNotMeasuredAreSaid(t *testing.T) {
	to := heard{}
	must.OK(t, reportParts(t.Context(), to, looked{[]string{"hwmon since 10:00", "nvme since 10:01"}, true}))
	must.OK(t, reportParts(t.Context(), to, looked{nil, false}))
	if got := to[troubleParts]; got != "critical: this machine is not measured in part: 2 collectors do not answer: hwmon since 10:00, nvme since 10:01" {
		t.Errorf("reported %q", got)
	}
	must.OK(t, reportParts(t.Context(), to, nothing{}))
	if len(to) != 0 {
		t.Errorf("after nothing is measured any more: %v", to)
	}
}
