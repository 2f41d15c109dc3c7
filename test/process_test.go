//go:build e2e

package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// binary is the path of an external program; without it the test skips.
func binary(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (.ci/run installs it): %v", name, err)
	}
	return path
}

// omenBinary is bin/omen; without it the test skips.
func omenBinary(t *testing.T) string {
	t.Helper()
	path := must.Get(filepath.Abs("../bin/omen"))(t)
	if _, err := os.Stat(path); err != nil {
		t.Skip("bin/omen is not built: run `make e2e`, or `make build` first")
	}
	return path
}

// freeAddress is an address of this machine that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l := must.Get(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer l.Close()
	return l.Addr().String()
}

// process is a running program. Its output is kept and shown if the test fails.
type process struct {
	name string
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when it has ended
	err  error         // how it ended; valid after done
}

// output is what a process wrote so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a program until the test ends. It ends by its own process id,
// first kindly, then by force.
func start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(path), cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.Dir = t.TempDir()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must.OK(t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.name, tail(p.out.String(), 6000))
			browserFailed(t)
		}
	})
	return p
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// stop asks the process to end and waits; after 20 s it is killed.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// wait is how a process ended by itself within a time.
func (p *process) wait(t *testing.T, within time.Duration) error {
	t.Helper()
	select {
	case <-p.done:
		return p.err
	case <-time.After(within):
		t.Fatalf("%s did not end within %s; it wrote:\n%s", p.name, within, tail(p.out.String(), 3000))
		return nil
	}
}

// until polls a condition until it holds; it fails the test when time is up,
// with what was waited for and the condition's last complaint.
func until(t *testing.T, within time.Duration, what string, holds func() error) {
	t.Helper()
	began := time.Now()
	poll := time.NewTicker(250 * time.Millisecond)
	defer poll.Stop()
	for {
		err := holds()
		if err == nil {
			t.Logf("%s: after %s", what, time.Since(began).Round(100*time.Millisecond))
			return
		}
		if time.Since(began) > within {
			t.Fatalf("waited %s for: %s; at last: %v", within, what, err)
		}
		select {
		case <-poll.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended while it waited for: %s", what)
		}
	}
}

var client = &http.Client{Timeout: 10 * time.Second}

// get is a page's text; any status but 200 is an error.
func get(url string) (string, error) {
	r, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	if r.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", url, r.Status, tail(string(text), 300))
	}
	return string(text), nil
}

// getJSON decodes a page into v.
func getJSON(url string, v any) error {
	text, err := get(url)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), v)
}

// answers is nil once a URL answers 200.
func answers(url string) func() error {
	return func() error {
		_, err := get(url)
		return err
	}
}

// write makes a file of the test's own.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must.OK(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// setting is a duration of the environment.
func setting(t *testing.T, name string, usual time.Duration) time.Duration {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		return must.Get(time.ParseDuration(text))(t)
	}
	return usual
}

// exitCode is a finished process' code, -1 if a signal ended it.
func exitCode(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	return -1
}

// number is a metric's value as Prometheus writes it.
func number(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return v
}
