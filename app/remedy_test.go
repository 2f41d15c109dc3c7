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

// Where people in Telegram alone may approve there has to be a chat for it, and bots
// are asked for pressed buttons only where something is asked.
func TestApproversInTelegram(t *testing.T) {
	const (
		book = "  playbooks: [{name: p, match: ['source=\"local\"'], do: {webhook: {url: 'http://127.0.0.1:1/'}}, mode: approve}]\n"
		chat = "receivers: [{name: r, telegram_configs: [{bot_token: '123:x', chat_id: -42}]}]\n"
	)
	for name, c := range map[string]struct {
		text  string
		wrong bool
		asks  bool
	}{
		"a chat":       {"remedy:\n  mode: approve\n  approvers: {telegram: [12345]}\n" + book + chat, false, true},
		"no chat":      {"remedy:\n  mode: approve\n  approvers: {telegram: [12345]}\n" + book, true, false},
		"others, too":  {"remedy:\n  mode: approve\n  approvers: {users: [ann], telegram: [12345]}\n" + book, false, true},
		"users alone":  {"remedy:\n  mode: approve\n  approvers: {users: [ann]}\n" + book + chat, false, false},
		"nobody asked": {"remedy:\n  mode: suggest\n  approvers: {telegram: [12345]}\n" + book, false, false},
	} {
		file := filepath.Join(t.TempDir(), "omen.yml")
		write(t, file, c.text)
		l, err := load(file, nil, time.Now())
		if (err != nil) != c.wrong || c.wrong && !strings.Contains(err.Error(), "no receiver has telegram_configs") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (approverOf(&generation{loaded: l}) != nil) != c.asks {
			t.Errorf("%s: asks %t, want %t", name, !c.asks, c.asks)
		}
	}
}

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
