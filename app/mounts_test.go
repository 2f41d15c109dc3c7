package app

import (
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

func TestFileSystemsThatHangAreSaid(t *testing.T) {
	to := heard{}
	must.OK(t, reportMounts(t.Context(), to, []string{"/data", "/nfs"}))
	if got := to[troubleMounts]; !strings.HasPrefix(got, "critical: 2 file systems do not answer") || !strings.HasSuffix(got, ": /data, /nfs") {
		t.Errorf("reported %q", got)
	}
	must.OK(t, reportMounts(t.Context(), to, nil))
	if len(to) != 0 {
		t.Errorf("after they answered: %v", to)
	}
}

func TestPartsThatAreNotMeasuredAreSaid(t *testing.T) {
	to := heard{}
	must.OK(t, reportParts(t.Context(), to, []string{"file systems: gathering has taken 8s"}))
	if got := to[troubleParts]; got != "critical: this machine is not measured in part: file systems: gathering has taken 8s" {
		t.Errorf("reported %q", got)
	}
	must.OK(t, reportParts(t.Context(), to, nil))
	if len(to) != 0 {
		t.Errorf("after it is measured again: %v", to)
	}
}
