//go:build e2e && live

package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// fault is something that is really wrong with this machine for a while.
type fault struct {
	name   string
	causes []string // one of these is to lead
	source string   // of which it is notified; empty: any
	shows  string   // the line of /metrics by which it is seen; empty: the host's score is
	set    func(t *testing.T) (end func())
	least  time.Duration // it lasts at least so long
}

// seen reports whether Omen has seen the fault: the host's score is above the
// limit, or the source is down, or Omen says it of itself.
func (f fault) seen(o *omen) bool {
	if f.shows != "" {
		return o.shows(f.shows) == nil
	}
	if f.source != "" {
		return o.sourceIncidents(f.source)() == nil
	}
	scores, err := o.scores()
	return err == nil && scores["this-host"] > 1
}

// ground is what the faults happen on: file systems in files, a network of two
// namespaces behind each other, with traffic, and an exporter behind a
// Prometheus. All of it is there before Omen learns.
type ground struct {
	dir                  string
	disk, inodes, slow   string // where their file systems are
	device               string // of slow, as major:minor
	exporter, prometheus string // addresses
	node                 *process
}

// run runs a command, which succeeds.
func run(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

// later runs a command at the test's end, whatever comes of it.
func later(t *testing.T, line string) {
	t.Helper()
	t.Cleanup(func() { _ = exec.Command("sh", "-c", line).Run() })
}

func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{dir: t.TempDir(), exporter: freeAddress(t), prometheus: freeAddress(t)}
	g.disk, _ = g.fileSystem(t, "disk", 300, "-m 0")
	g.inodes, _ = g.fileSystem(t, "inodes", 300, "-m 0 -N 4000")
	g.slow, g.device = g.fileSystem(t, "slow", 300, "-m 0")
	g.network(t)
	g.node = start(t, binary(t, "prometheus-node-exporter"), "--web.listen-address="+g.exporter)
	file := write(t, g.dir, "prometheus.yml", "scrape_configs: [{job_name: node, scrape_interval: 5s, static_configs: [{targets: ['"+g.exporter+"']}]}]\n")
	start(t, binary(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(g.dir, "prometheus"), "--web.listen-address="+g.prometheus)
	until(t, 30*time.Second, "prometheus is ready", answers("http://"+g.prometheus+"/-/ready"))
	return g
}

// config names the second source: this machine's exporter, of which only itself
// is watched, so that each fault is seen once.
func (g *ground) config() string {
	return "profiles: [{name: exporter, by: [instance], features: [{name: exporter_files, expr: 'max by ($by) (process_max_fds)', deviation: 1000}]}]\n" +
		"sources: [{name: prom, url: 'http://" + g.prometheus + "', step: 5s, profiles: [exporter]}]\n"
}

// fileSystem makes one in a file and mounts it.
func (g *ground) fileSystem(t *testing.T, name string, megabytes int, options string) (mounted, device string) {
	t.Helper()
	image, at := filepath.Join(g.dir, name+".img"), filepath.Join(g.dir, name)
	must.OK(t, os.Mkdir(at, 0o700))
	run(t, fmt.Sprintf("truncate -s %dM %s && mkfs.ext4 -qF %s %s", megabytes, image, options, image))
	loop := run(t, "losetup -f --show "+image)
	later(t, "umount "+at+"; losetup -d "+loop)
	run(t, "mount "+loop+" "+at)
	return at, run(t, "lsblk -dno MAJ:MIN "+loop+" | tr -d ' '")
}

// network is this host, a router and a client behind it, and what the host sends
// to the client.
func (g *ground) network(t *testing.T) {
	t.Helper()
	later(t, "ip netns del omenrouter; ip netns del omenclient; ip link del omen0")
	for _, line := range []string{
		"ip netns add omenrouter", "ip netns add omenclient",
		"ip link add omen0 type veth peer name omen1", "ip link set omen1 netns omenrouter",
		"ip -n omenrouter link add omen2 type veth peer name omen3", "ip -n omenrouter link set omen3 netns omenclient",
		"ip addr add 10.77.21.1/24 dev omen0", "ip link set omen0 up",
		"ip -n omenrouter addr add 10.77.21.2/24 dev omen1", "ip -n omenrouter link set omen1 up",
		"ip -n omenrouter addr add 10.77.22.1/24 dev omen2", "ip -n omenrouter link set omen2 up",
		"ip -n omenclient addr add 10.77.22.2/24 dev omen3", "ip -n omenclient link set omen3 up",
		"ip -n omenclient route add default via 10.77.22.1", "ip route add 10.77.22.0/24 via 10.77.21.2",
		"ip netns exec omenrouter sysctl -qw net.ipv4.ip_forward=1",
	} {
		run(t, line)
	}
	l := must.Get(net.Listen("tcp", "10.77.21.1:0"))(t)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go send(c)
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must.OK(t, err)
	for range 8 {
		start(t, "/usr/bin/env", "ip", "netns", "exec", "omenclient", "bash", "-c", "exec cat </dev/tcp/10.77.21.1/"+port+" >/dev/null")
	}
}

// send sends 10 kB fifty times a second.
func send(c net.Conn) {
	defer c.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Write(make([]byte, 10_000)); err != nil {
			return
		}
	}
}

// command is a fault that a program is.
func command(line string) func(*testing.T) func() {
	return func(t *testing.T) func() {
		t.Helper()
		p := start(t, "/usr/bin/env", "nice", "-n", "5", "bash", "-c", line)
		return func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); <-p.done }
	}
}

func (g *ground) faults(o *omen) []fault {
	return []fault{
		{name: "disk filled", causes: []string{"filesystem_"}, set: func(t *testing.T) func() {
			file := filepath.Join(g.disk, "full")
			run(t, "fallocate -l $(($(df --output=avail -k "+g.disk+" | tail -1) * 98 / 100))K "+file)
			return func() { must.OK(t, os.Remove(file)) }
		}},
		{name: "inodes", causes: []string{"inodes_used"}, set: func(t *testing.T) func() {
			for i := range 3900 {
				must.OK(t, os.WriteFile(filepath.Join(g.inodes, fmt.Sprint("f", i)), nil, 0o600))
			}
			return func() { run(t, "rm -f "+g.inodes+"/f*") }
		}},
		{name: "memory leak", causes: []string{"memory_used", "page_faults"}, set: leak},
		{name: "open files", causes: []string{"file_descriptors"}, set: func(t *testing.T) func() {
			var all []io.Closer
			for range 6000 {
				all = append(all, must.Get(os.Open(os.DevNull))(t))
			}
			return closing(&all)
		}},
		{name: "connections", causes: []string{"tcp_established", "tcp_opens"}, set: connections},
		{name: "fork loop", causes: []string{"forks", "page_faults", "cpu_system", "context_switches"}, set: command("while :; do /bin/true; done")},
		{name: "writes", causes: []string{"disk_", "pressure_io", "cpu_iowait", "procs_blocked"},
			set: command("while :; do dd if=/dev/zero of=" + g.dir + "/written bs=1M count=500 oflag=direct 2>/dev/null; done")},
		{name: "spinning core", causes: []string{"cpu_busiest", "cpu_user", "load_per_core", "pressure_cpu"}, set: command("while :; do :; done")},
		{name: "packet loss", causes: []string{"tcp_retransmits", "network_"}, set: func(t *testing.T) func() {
			run(t, "ip netns exec omenrouter tc qdisc add dev omen2 root tbf rate 10mbit burst 5k limit 6k")
			return func() { run(t, "ip netns exec omenrouter tc qdisc del dev omen2 root") }
		}},
		{name: "stalled disk", causes: []string{"procs_blocked", "pressure_io", "cpu_iowait", "disk_", "load_per_core"}, set: g.stall},
		{name: "clock step", causes: []string{"the clock of Omen's machine was set back"}, shows: "omen_ready 0", set: func(t *testing.T) func() {
			setClock(t, o.process, -10*time.Minute)
			return func() { setClock(t, o.process, 0) }
		}},
		{name: "stopped exporter", causes: []string{""}, source: "prom", least: 5 * time.Minute, set: func(t *testing.T) func() {
			g.node.stop()
			return func() { g.node = start(t, binary(t, "prometheus-node-exporter"), "--web.listen-address="+g.exporter) }
		}},
	}
}

func closing(all *[]io.Closer) func() {
	return func() {
		for _, c := range *all {
			_ = c.Close()
		}
	}
}

// leak takes 60 MB a second, at most 4 GB.
func leak(t *testing.T) func() {
	const piece = 30 << 20
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var all [][]byte
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				for _, b := range all {
					_ = syscall.Munmap(b)
				}
				return
			case <-tick.C:
			}
			if len(all)*piece >= 4<<30 {
				continue
			}
			b, err := syscall.Mmap(-1, 0, piece, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			if err != nil {
				t.Error(err)
				return
			}
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
		}
	}()
	return func() { close(stop); <-stopped }
}

// connections opens 200 connections of this host to itself.
func connections(t *testing.T) func() {
	l := must.Get(net.Listen("tcp", "127.0.0.1:0"))(t)
	all := []io.Closer{l}
	for range 200 {
		all = append(all, must.Get(net.Dial("tcp", l.Addr().String()))(t), must.Get(l.Accept())(t))
	}
	return closing(&all)
}

// stall lets four programs write to a disk that takes a byte a second.
func (g *ground) stall(t *testing.T) func() {
	const group = "/sys/fs/cgroup/blkio/omenlive"
	run(t, "mkdir -p "+group)
	later(t, "rmdir "+group)
	limit := func(bytes int) {
		run(t, fmt.Sprintf("echo '%s %d' >%s/blkio.throttle.write_bps_device", g.device, bytes, group))
	}
	limit(1)
	var end []func()
	for i := range 4 {
		end = append(end, command(fmt.Sprintf("echo $$ >%s/cgroup.procs; exec dd if=/dev/zero of=%s/w%d bs=4k count=1000 oflag=direct", group, g.slow, i))(t))
	}
	return func() {
		limit(0)
		for _, f := range end {
			f()
		}
	}
}
