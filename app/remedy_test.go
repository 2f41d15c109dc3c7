package app

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// A playbook for a cause that no host can have would never act.
func TestCausesAreFeatures(t *testing.T) {
	for causes, right := range map[string]bool{"[memory_used, cpu_iowait]": true, "[memroy_used]": false, "[memroy_used], kinds: [forecast]": true} {
		file := filepath.Join(t.TempDir(), "omen.yml")
		write(t, file, "remedy: {playbooks: [{name: p, match: ['source=\"local\"'], causes_all: "+causes+", do: {webhook: {url: 'http://127.0.0.1:1/'}}}]}\n")
		_, err := load(file, nil, time.Now())
		if right != (err == nil) || err != nil && !strings.Contains(err.Error(), "remedy.playbooks[0].causes_all[0]") {
			t.Errorf("%s: %v", causes, err)
		}
	}
}

// What closes incidents and reopens them is what an action is measured by.
func TestPlaybooksCloseAsIncidentsDo(t *testing.T) {
	const book = "remedy: {playbooks: [{name: p, match: ['source=\"local\"'], do: {webhook: {url: 'http://127.0.0.1:1/'}}}]}\n"
	for text, want := range map[string]remedy.Closing{
		"": {Samples: 10, For: time.Minute, Reopen: 10 * time.Minute},
		"incidents: {close_after: 30s, reopen_within: 15m}\n": {Samples: 10, For: 30 * time.Second, Reopen: 15 * time.Minute},
	} {
		file := filepath.Join(t.TempDir(), "omen.yml")
		write(t, file, text+book)
		if got := must.Get(load(file, nil, time.Now()))(t).policy.Playbooks[0].Closing; got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}
