package notify

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// server is Debian's, with a webhook behind it.
type server struct {
	t      *testing.T
	binary string
	dir    string
	addr   string
	cmd    *exec.Cmd
}

func newAlertmanager(t *testing.T, hook string) *server {
	t.Helper()
	binary := ""
	for _, name := range []string{"prometheus-alertmanager", "alertmanager"} {
		if p, err := exec.LookPath(name); err == nil {
			binary = p
		}
	}
	if binary == "" {
		t.Skip("no alertmanager on PATH: install Debian's prometheus-alertmanager")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &server{t: t, binary: binary, dir: t.TempDir(), addr: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	config := yamlOf(`
		|route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 4h}
		|receivers: [{name: hook, webhook_configs: [{url: %q, send_resolved: true}]}]
		|`, hook)
	if err := os.WriteFile(filepath.Join(a.dir, "am.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	return a
}

func (a *server) start() {
	a.t.Helper()
	a.cmd = exec.Command(a.binary, "--config.file="+filepath.Join(a.dir, "am.yml"), "--storage.path="+a.dir,
		"--web.listen-address="+a.addr, "--cluster.listen-address=")
	if testing.Verbose() {
		a.cmd.Stderr = os.Stderr
	}
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	eventually(a.t, 20*time.Second, "alertmanager ready", func() bool {
		resp, err := http.Get("http://" + a.addr + "/-/ready")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

func (a *server) stop() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	_ = a.cmd.Wait()
	a.cmd = nil
}

// alerts are the labels of what it holds.
func (a *server) alerts() (all []struct {
	Labels map[string]string `json:"labels"`
	EndsAt time.Time         `json:"endsAt"`
}) {
	resp, err := http.Get("http://" + a.addr + "/api/v2/alerts")
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(body, &all) != nil {
		return nil
	}
	return all
}

// heard is what the hook behind it was last sent of each incident.
func heard(t *testing.T, hook *messagetest.Server) map[string]string {
	last := map[string]string{}
	for _, r := range hook.Got() {
		for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
			last[a.Labels["incident"]+" "+a.Labels["severity"]] = a.Status
		}
	}
	return last
}

func TestRealAlertmanagerHearsAllItMissed(t *testing.T) {
	hook := messagetest.NewServer(t, "", nil)
	am := newAlertmanager(t, hook.URL)
	db := openStore(t)
	am.start()
	text := fmt.Sprintf("alertmanagers: [{url: \"http://%s\", labels: {fleet: lab}}]\n", am.addr)
	stop := start(t, newRelay(t, db, text))
	receiver := "alertmanager/" + am.addr
	eventually(t, 10*time.Second, "cursor", func() bool { readers, _ := db.Readers(t.Context()); return len(readers) == 1 })

	appendAll(t, db, opened("a"), opened("b"))
	eventually(t, 20*time.Second, "both fire behind the Alertmanager", func() bool {
		h := heard(t, hook)
		return h["a warning"] == "firing" && h["b warning"] == "firing"
	})
	grouped := slices.ContainsFunc(hook.Got(), func(r messagetest.Request) bool {
		return len(messagetest.Decode[messagetest.Payload](t, r.Body).Alerts) == 2
	})
	if !grouped {
		t.Error("the Alertmanager did not group what came together")
	}
	for _, alert := range am.alerts() {
		for name, want := range map[string]string{
			"alertname": "OmenAnomaly", "profile": "node", "source": "local", "severity": "warning", "fleet": "lab", "instance": "web-" + alert.Labels["incident"],
		} {
			if alert.Labels[name] != want {
				t.Errorf("label %s is %q, want %q", name, alert.Labels[name], want)
			}
		}
		if until := time.Until(alert.EndsAt); until < 2*time.Minute || until > 4*time.Minute {
			t.Errorf("valid for %s, want about four minutes", until)
		}
	}

	// It is down: one ends, one escalates, one opens. Omen restarts meanwhile.
	am.stop()
	appendAll(t, db, closed("a", 2), step("b", "web-b", 2, omen.ChangeEscalated, time.Now()), opened("c"))
	eventually(t, 10*time.Second, "a push that fails", func() bool {
		return slices.Contains(outcomes(t, db, "c", receiver), "1:retrying")
	})
	stop()
	start(t, newRelay(t, db, text))
	am.start()
	eventually(t, 60*time.Second, "everything it missed, the end included", func() bool {
		h := heard(t, hook)
		return h["a warning"] == "resolved" && h["b critical"] == "firing" && h["b warning"] == "resolved" && h["c warning"] == "firing"
	})
	for id, number := range map[string]int{"a": 2, "b": 2, "c": 1} {
		eventually(t, 5*time.Second, id+" on record", func() bool { return delivered(t, db, id, receiver, number) })
	}
}
