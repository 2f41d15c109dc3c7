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
	"github.com/omenhq/omen/store"
)

// alertmanager is Debian's, with a webhook behind it.
type alertmanager struct {
	t      *testing.T
	binary string
	dir    string
	addr   string
	cmd    *exec.Cmd
}

func newAlertmanager(t *testing.T, hook string) *alertmanager {
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
	a := &alertmanager{t: t, binary: binary, dir: t.TempDir(), addr: l.Addr().String()}
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

func (a *alertmanager) start() {
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

func (a *alertmanager) stop() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	_ = a.cmd.Wait()
	a.cmd = nil
}

// alerts are the labels of what it holds.
func (a *alertmanager) alerts() (all []struct {
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

// heard is what the hook behind it was told last of each incident.
func heard(t *testing.T, hook *sink) map[string]string {
	last := map[string]string{}
	for _, r := range hook.got() {
		for _, a := range decode[payload](t, r.body).Alerts {
			last[a.Labels["incident"]+" "+a.Labels["severity"]] = a.Status
		}
	}
	return last
}

func TestRealAlertmanagerHearsAllItMissed(t *testing.T) {
	hook := newSink(t, "", nil)
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
	grouped := slices.ContainsFunc(hook.got(), func(r request) bool { return len(decode[payload](t, r.body).Alerts) == 2 })
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
		if until := time.Until(alert.EndsAt); until < 2*time.Minute || until > pushValid {
			t.Errorf("valid for %s, want about %s", until, pushValid)
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

// An end is repeated for overFor after it first arrived, so that an
// Alertmanager that restarts then hears of it; then it is forgotten.
func TestEndsAreRepeated(t *testing.T) {
	p := &peer{alerts: map[string]*pushed{}, view: testView()}
	p.take(step("a", "h", 1, omen.ChangeOpened, noon))
	p.take(step("a", "h", 2, omen.ChangeEscalated, noon.Add(time.Minute)))
	quiet := step("a", "h", 3, omen.ChangeUpdated, noon)
	quiet.Incident.Severity, quiet.Incident.Suppressed = omen.Critical, omen.ReasonSilenced
	p.take(quiet)
	if n := len(p.alerts); n != 2 {
		t.Fatalf("%d alerts, want one for each severity", n)
	}
	now := noon.Add(2 * time.Minute)
	if w := p.postable(p.alerts["a/warning"], now); !w.EndsAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("the warning ends at %s, want when it escalated", w.EndsAt)
	}
	if c := p.postable(p.alerts["a/critical"], now); !c.EndsAt.Equal(now.Add(pushValid)) {
		t.Errorf("an incident silenced after it was told ends at %s, want it to go on firing", c.EndsAt)
	}
	end := step("a", "h", 4, omen.ChangeClosed, noon.Add(5*time.Minute))
	end.Incident.Severity = omen.Critical
	p.take(end)
	if c := p.postable(p.alerts["a/critical"], noon.Add(10*time.Minute)); !c.EndsAt.Equal(noon.Add(5 * time.Minute)) {
		t.Errorf("ends at %s", c.EndsAt)
	}
	p.take(step("a", "h", 2, omen.ChangeEscalated, noon)) // replayed
	if p.alerts["a/critical"].over.IsZero() {
		t.Error("a replayed change brought a dead incident back")
	}
}

func TestSuppressedIsNotPushed(t *testing.T) {
	p := &peer{alerts: map[string]*pushed{}, view: testView()}
	c := step("a", "h", 1, omen.ChangeOpened, noon)
	c.Incident.Suppressed = omen.ReasonColdStart
	p.take(c)
	p.take(step("b", "h", 1, omen.ChangeClosed, noon))
	if len(p.alerts) != 0 {
		t.Errorf("pushes %d alerts nobody is to know", len(p.alerts))
	}
	p.take(step("a", "h", 2, omen.ChangeUpdated, noon))
	if len(p.alerts) != 1 {
		t.Error("what is no longer suppressed is not pushed")
	}
}

// A peer that starts after changes that never arrived sends their ends, too,
// however long ago.
func TestPeerRemembersWhatNeverArrived(t *testing.T) {
	db := openStore(t)
	long := time.Now().Add(-3 * time.Hour).UTC()
	appendAll(t, db, step("a", "h", 1, omen.ChangeOpened, long))
	reader := "notify/alertmanager/127.0.0.1:1"
	if err := db.Advance(t.Context(), reader, 1); err != nil {
		t.Fatal(err)
	}
	appendAll(t, db, step("a", "h", 2, omen.ChangeClosed, long.Add(time.Hour)), step("b", "h", 1, omen.ChangeOpened, long))
	p := peerFor(t, db, `alertmanagers: [{url: "http://127.0.0.1:1"}]`)
	if err := p.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	changes, err := db.ChangesAfter(t.Context(), p.advanced, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		p.take(c)
	}
	if a := p.alerts["a/warning"]; a == nil || a.over.IsZero() || p.alerts["b/warning"] == nil || !p.news {
		t.Errorf("alerts %v", p.alerts)
	}
}

func peerFor(t *testing.T, db *store.DB, text string) *peer {
	return newRelay(t, db, text).peers[0]
}
