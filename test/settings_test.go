//go:build e2e

package test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen/notify/message/messagetest"
)

// From the first page an operator sees budget and receivers with one click, and
// sends a test message to a real webhook with the second; no page shows a secret.
func TestSettingsInABrowser(t *testing.T) {
	const secret = "t0ps3cret"
	ops := messagetest.NewServer(t, "ok", nil)
	room := messagetest.NewServer(t, "ok", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "no such room", http.StatusNotFound)
		return true
	})
	dir := t.TempDir()
	file := write(t, dir, "omen.yml", `pages: {per_host_week: 2}
local: {instance: this-host}
receivers:
- name: ops
  webhook_configs: [{url: '`+ops.URL+`/`+secret+`'}]
- name: room
  webhook_configs: [{url: '`+room.URL+`/`+secret+`'}]
route:
  receiver: ops
  routes:
  - {matchers: [team="db"], receiver: room}
`)
	o := serve(t, filepath.Join(dir, "data"), "--config.file="+file)
	drive(t, o.url, "e2e/settings.mjs", "SECRET="+secret)
	got := ops.Got()
	if len(got) != 2 || got[0].Path != "/"+secret || !strings.Contains(string(got[0].Body), "This is a test of receiver ops.") {
		t.Errorf("the webhook got %d messages, want one test and its end: %+v", len(got), got)
	}
}
