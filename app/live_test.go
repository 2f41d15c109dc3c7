package app

import (
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// Omen is not ready while it does not see a source's hosts.
func TestReadiness(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		source omen.SourceStatus
		want   string
	}{
		"up":            {omen.SourceStatus{State: omen.SourceUp, Since: now.Add(-time.Hour)}, ""},
		"partial":       {omen.SourceStatus{State: omen.SourcePartial, Since: now.Add(-time.Hour)}, ""},
		"starting":      {omen.SourceStatus{Name: "b", State: omen.SourceStarting}, "source b is starting"},
		"one bad read":  {omen.SourceStatus{State: omen.SourceDown, Since: now.Add(-15 * time.Second), LastRead: now.Add(-30 * time.Second)}, ""},
		"never read":    {omen.SourceStatus{Name: "b", State: omen.SourceDown, Since: now.Add(-15 * time.Second), Err: "refused"}, "source b is down"},
		"blind, by now": {omen.SourceStatus{Name: "b", State: omen.SourceDown, Since: now.Add(-time.Minute), Err: "no samples"}, "source b is down since 2026-03-02T07:59:00Z: no samples"},
	} {
		err := waiting([]omen.SourceStatus{{Name: "a", State: omen.SourceUp}, tt.source}, now)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
