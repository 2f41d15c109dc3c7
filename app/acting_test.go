package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
)

// Quiet hours are named time intervals of the same file.
func TestQuietHoursAreTimeIntervals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "remedy: {quiet_hours: [nights]}\ntime_intervals: [{name: nights, time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]}]\n")
	l := must.Get(load(file, nil, time.Now()))(t)
	if h := l.policy.Quiet; h == nil || h.Holds(time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)) != "nights" || h.Holds(time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)) != "" {
		t.Errorf("quiet hours %v", h)
	}
	write(t, file, "remedy: {quiet_hours: [nights]}\n")
	if _, err := load(file, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "remedy.quiet_hours") {
		t.Errorf("an interval that there is not: %v", err)
	}
}

// A source that is partial says nothing of hosts that are read in full now: only what
// of their own profile was not read keeps from acting on them.
func TestWhatIsNotReadKeepsFromActing(t *testing.T) {
	node, workload := must.Get(feature.NewSchema(feature.Node()))(t), must.Get(feature.NewSchema(feature.Workload()))(t)
	cpu := node.Names()[0]
	for name, c := range map[string]struct {
		node, workload omen.SourceStatus
		up             bool
		unread         string // profiles
	}{
		"both up":              {omen.SourceStatus{State: omen.SourceUp}, omen.SourceStatus{State: omen.SourceUp}, true, ""},
		"hosts are refused":    {omen.SourceStatus{State: omen.SourcePartial, RefusedHosts: 2}, omen.SourceStatus{State: omen.SourceUp}, true, ""},
		"no host of a profile": {omen.SourceStatus{State: omen.SourceUp}, omen.SourceStatus{State: omen.SourcePartial, Err: "no host"}, true, ""},
		"a limit is not read":  {omen.SourceStatus{State: omen.SourcePartial, FailedFeatures: map[string]string{"some_limit": "x"}}, omen.SourceStatus{State: omen.SourceUp}, true, ""},
		"a feature is not":     {omen.SourceStatus{State: omen.SourcePartial, FailedFeatures: map[string]string{cpu: "timed out"}}, omen.SourceStatus{State: omen.SourceUp}, true, "node"},
		"a profile is blind":   {omen.SourceStatus{State: omen.SourceUp}, omen.SourceStatus{State: omen.SourceDown, Err: "none sends"}, true, "workload"},
		"all are down":         {omen.SourceStatus{State: omen.SourceDown, Err: "refused"}, omen.SourceStatus{State: omen.SourceStarting}, false, "node workload"},
	} {
		s := answering(answering(remedy.SourceState{}, node, c.node), workload, c.workload)
		var unread []string
		for _, profile := range []string{"node", "workload"} {
			if s.Unread[profile] != "" {
				unread = append(unread, profile)
			}
		}
		if s.Up != c.up || s.Up == (s.Why != "") || strings.Join(unread, " ") != c.unread {
			t.Errorf("%s: %+v, want up %t and unread %q", name, s, c.up, c.unread)
		}
	}
}
