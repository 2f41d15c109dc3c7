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
