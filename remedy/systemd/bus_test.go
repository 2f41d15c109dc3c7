package systemd

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	manager "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"github.com/omenhq/omen/internal/must"
)

// startBus is a D-Bus daemon of the test's own.
func startBus(t *testing.T) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skipf("dbus-daemon is not installed (.ci/run installs it): %v", err)
	}
	dir := must.Get(os.MkdirTemp("", "bus"))(t) // not the test's name: a comma ends a part of a D-Bus address
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	conf := filepath.Join(dir, "bus.conf")
	must.OK(t, os.WriteFile(conf, []byte(`<busconfig><type>session</type><listen>unix:path=`+dir+`/bus</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`), 0o600))
	cmd := exec.Command(daemon, "--config-file="+conf, "--nofork", "--print-address")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it does not outlive a test that is killed
	out := must.Get(cmd.StdoutPipe())(t)
	must.OK(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := must.Get(bufio.NewReader(out).ReadString('\n'))(t)
	return strings.TrimSpace(address)
}

const root = "/org/freedesktop/systemd1"

// fake is systemd as seen over D-Bus: units and what starting them does.
type fake struct {
	conn *dbus.Conn
	mu   sync.Mutex
	// units by the path of their object; what is not there is not found.
	units  map[dbus.ObjectPath]*fakeUnit
	booted time.Time
	starts []string // "start NAME", "restart NAME", as asked
	clock  time.Time
	jobs   uint32
	gate   func(name string) // waits before a unit's properties are told; nil: nothing waits
}

type fakeUnit struct {
	name, load, active, result, kind, fragment, restart string
	remains, endless, refuses                           bool
	invocation                                          byte
	entered, began, exited                              time.Time
	automatic                                           uint32
	job                                                 uint32
	deny                                                string                 // answer with this error
	does                                                func(*fakeUnit) string // what a job does, and its result; nil: it goes well; "": no word of its end
}

func newFake(t *testing.T) (*fake, Bus) {
	t.Helper()
	address := startBus(t)
	f := &fake{units: map[dbus.ObjectPath]*fakeUnit{}, clock: start0, booted: start0.Add(-time.Hour)}
	f.conn = must.Get(dbus.Connect(address))(t)
	t.Cleanup(func() { f.conn.Close() })
	must.OK(t, f.conn.ExportMethodTable(map[string]any{
		"StartUnit":           func(name, mode string) (dbus.ObjectPath, *dbus.Error) { return f.run("start", name, mode) },
		"RestartUnit":         func(name, mode string) (dbus.ObjectPath, *dbus.Error) { return f.run("restart", name, mode) },
		"ListUnitsByPatterns": func(_, patterns []string) ([]manager.UnitStatus, *dbus.Error) { return f.list(patterns), nil },
	}, root, "org.freedesktop.systemd1.Manager"))
	must.OK(t, f.conn.ExportMethodTable(map[string]any{
		"Get": func(_, name string) (dbus.Variant, *dbus.Error) {
			if name != "UserspaceTimestamp" {
				return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", nil)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			return dbus.MakeVariant(micro(f.booted)), nil
		},
	}, root, "org.freedesktop.DBus.Properties"))
	must.OK(t, f.conn.ExportSubtreeMethodTable(map[string]any{
		"GetAll": func(m dbus.Message, _ string) (map[string]dbus.Variant, *dbus.Error) {
			return f.properties(m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)), nil
		},
	}, root+"/unit", "org.freedesktop.DBus.Properties"))
	if got := must.Get(f.conn.RequestName("org.freedesktop.systemd1", dbus.NameFlagDoNotQueue))(t); got != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("name: %v", got)
	}
	return f, Bus{Address: address, own: "omen.service"}
}

// start0 is when the tests' actions start.
var start0 = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func micro(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMicro())
}

func unitPath(name string) dbus.ObjectPath {
	return dbus.ObjectPath(root + "/unit/" + manager.PathBusEscape(name))
}

// add is a unit that is loaded and inactive, and then made to be what a test wants.
func (f *fake) add(name string, edit func(*fakeUnit)) *fakeUnit {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := &fakeUnit{name: name, load: "loaded", active: "inactive", result: "success", kind: "simple"}
	edit(u)
	f.units[unitPath(name)] = u
	return u
}

func (f *fake) properties(path dbus.ObjectPath) map[string]dbus.Variant {
	f.mu.Lock()
	u, gate := f.units[path], f.gate
	if u == nil {
		u = &fakeUnit{load: "not-found", active: "inactive"}
	}
	f.mu.Unlock()
	if gate != nil {
		gate(u.name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	limit := uint64(60e6)
	if u.endless {
		limit = ^uint64(0)
	}
	id := []byte{}
	if u.invocation != 0 {
		id = bytes.Repeat([]byte{u.invocation}, 16)
	}
	out := map[string]dbus.Variant{}
	for name, value := range map[string]any{
		"LoadState": u.load, "ActiveState": u.active, "Result": u.result, "Type": u.kind, "FragmentPath": u.fragment,
		"RemainAfterExit": u.remains, "TimeoutStartUSec": limit, "RefuseManualStart": u.refuses, "RefuseManualStop": false,
		"InvocationID": id, "Restart": u.restart, "ActiveEnterTimestamp": micro(u.entered), "ExecMainStartTimestamp": micro(u.began),
		"ActiveExitTimestamp": micro(u.exited), "NRestarts": u.automatic,
		"Job": struct {
			ID   uint32
			Path dbus.ObjectPath
		}{u.job, "/"},
	} {
		out[name] = dbus.MakeVariant(value)
	}
	return out
}

// run is a job: it starts the unit, or does what the test says.
func (f *fake) run(verb, name, mode string) (dbus.ObjectPath, *dbus.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts = append(f.starts, verb+" "+name)
	u := f.units[unitPath(name)]
	switch {
	case mode != "replace":
		return "", dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{mode})
	case u == nil:
		return "", dbus.NewError("org.freedesktop.systemd1.NoSuchUnit", []any{name})
	case u.deny != "":
		return "", dbus.NewError(u.deny, []any{"no"})
	}
	f.jobs++
	f.clock = f.clock.Add(time.Second)
	result := "done"
	switch {
	case u.does != nil:
		result = u.does(u)
	case verb == "restart" || u.active != "active":
		u.up(f.clock)
	}
	job := dbus.ObjectPath(fmt.Sprintf("%s/job/%d", root, f.jobs))
	if result != "" {
		if err := f.conn.Emit(root, "org.freedesktop.systemd1.Manager.JobRemoved", f.jobs, job, name, result); err != nil {
			return "", dbus.MakeFailedError(err)
		}
	}
	return job, nil
}

// list are the loaded units whose names have a pattern.
func (f *fake) list(patterns []string) (all []manager.UnitStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for where, u := range f.units {
		for _, p := range patterns {
			if ok, err := path.Match(p, u.name); ok && err == nil {
				all = append(all, manager.UnitStatus{Name: u.name, LoadState: u.load, ActiveState: u.active, Path: where, JobPath: "/"})
			}
		}
	}
	return all
}

// up is a unit's start.
func (u *fakeUnit) up(at time.Time) {
	if u.active == "active" {
		u.exited = at
	}
	u.active, u.result, u.entered, u.began = "active", "success", at, at
	u.invocation++
}

func (f *fake) asked() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.starts, ", ")
}
