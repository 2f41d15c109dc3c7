//go:build e2e

package test

import (
	"fmt"
	"testing"
	"time"
)

// What people come to the web UI for, in clicks, in a real browser, with a host in
// real trouble: the twelve tasks, hostile names, a phone, the dark, a resting page,
// and in the end a killed server. OMEN_HEAP=10 also watches the memory of pages for
// ten minutes, after three in which they settle.
func TestTasks(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	all := machines()
	base := startVictoria(t, all)
	w := newWorld(t)
	conf := write(t, t.TempDir(), "omen.yml", "sources: [{name: victoria, url: '"+base+"', step: 5s}]\n"+w.config())
	o := serve(t, t.TempDir(), "--config.file="+conf)
	until(t, 3*time.Minute, "models of all hosts", o.scored("web-1", "web-2", "db-1"))
	flood(t, o, w, all[0])
	drive(t, o.url, "e2e/tasks.mjs", "OMEN_HOST="+all[0].name, fmt.Sprintf("OMEN_PID=%d", o.cmd.Process.Pid))
}
