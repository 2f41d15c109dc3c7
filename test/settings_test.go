//go:build e2e

package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen/notify/message/messagetest"
)

// From the first page an operator sees budget and receivers with one click, and
// sends a test message to a real webhook with the second; no page shows a secret.
func TestSettingsInABrowser(t *testing.T) {
	node, chromium := binary(t, "node"), binary(t, "chromium")
	if _, err := os.Stat("../web/ui/node_modules/playwright-core"); err != nil {
		t.Skip("web/ui/node_modules is absent: run `make ui`, or npm ci in web/ui")
	}
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
	shots := t.TempDir()
	if keep := os.Getenv("OMEN_SHOTS"); keep != "" {
		shots = filepath.Join(keep, t.Name())
	}
	cmd := exec.CommandContext(t.Context(), node, "e2e/settings.mjs")
	cmd.Dir = "../web/ui"
	cmd.Env = append(os.Environ(), "OMEN_URL="+o.url, "OMEN_SHOTS="+shots, "CHROMIUM="+chromium, "SECRET="+secret)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", tail(string(out), 6000))
	if err != nil {
		t.Errorf("browser: %v", err)
	}
	got := ops.Got()
	if len(got) != 2 || got[0].Path != "/"+secret || !strings.Contains(string(got[0].Body), "This is a test of receiver ops.") {
		t.Errorf("the webhook got %d messages, want one test and its end: %+v", len(got), got)
	}
}
