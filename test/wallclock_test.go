//go:build e2e

package test

import (
	"bytes"
	"debug/elf"
	endian "encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// setClock sets the wall clock of one running process, and of no other, to what
// this machine's clock says and by: its part of the kernel's vDSO, from which Go
// reads the time, is replaced by one that adds so much. The monotonic clock goes
// on as it was, as when somebody sets a machine's clock.
func setClock(t *testing.T, p *process, by time.Duration) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the clock of a process is moved on amd64 alone")
	}
	pid := p.cmd.Process.Pid
	from, to := vdso(t, pid)
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		t.Skip("no right to write a process' memory: ", err)
	}
	defer memory.Close()
	image := make([]byte, to-from)
	must.Get(memory.ReadAt(image, int64(from)))(t)
	code := endian.LittleEndian.AppendUint64([]byte{
		0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228 (clock_gettime)
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi (0 is the wall clock)
		0x75, 0x0d, // jnz to ret
		0x48, 0xba, // mov rdx, seconds
	}, uint64(by/time.Second))
	code = append(code,
		0x48, 0x01, 0x16, // add [rsi], rdx
		0xc3) // ret
	defer func() { must.OK(t, syscall.Kill(pid, syscall.SIGCONT)) }()
	until(t, 20*time.Second, "the process stands, and nobody in it is asking for the time", func() error {
		must.OK(t, syscall.Kill(pid, syscall.SIGSTOP))
		err := outside(pid, from, to)
		if errors.Is(err, errAsking) {
			must.OK(t, syscall.Kill(pid, syscall.SIGCONT)) // it would ask for as long as it stands
		}
		return err
	})
	must.Get(memory.WriteAt(code, int64(from+entry(t, image, len(code)))))(t)
}

// vdso is where the kernel's code lies in a process.
func vdso(t *testing.T, pid int) (from, to uint64) {
	t.Helper()
	for line := range strings.Lines(string(must.Get(os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid)))(t))) {
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			must.Get(fmt.Sscanf(line, "%x-%x", &from, &to))(t)
			return from, to
		}
	}
	t.Skip("this kernel has no vDSO")
	return 0, 0
}

// entry is where the function lies that gives the time; it has room for n bytes.
func entry(t *testing.T, image []byte, n int) uint64 {
	t.Helper()
	symbols := must.Get(must.Get(elf.NewFile(bytes.NewReader(image)))(t).DynamicSymbols())(t)
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Size >= uint64(n) {
			return s.Value
		}
	}
	t.Skip("this kernel's vDSO is another")
	return 0
}

// errAsking is of a thread that is in the kernel's code.
var errAsking = errors.New("it is asking for the time")

// outside is nil once all threads of a process stand and none is within a span
// of its memory.
func outside(pid int, from, to uint64) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread + "/stat")
		if err != nil {
			return err
		}
		if _, rest, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(rest, "T") {
			return fmt.Errorf("%s is %.1s", thread, rest)
		}
		where, err := os.ReadFile(thread + "/syscall")
		if err != nil {
			return err
		}
		fields, at := strings.Fields(string(where)), uint64(0)
		if _, err := fmt.Sscanf(fields[len(fields)-1], "0x%x", &at); err != nil {
			return fmt.Errorf("%s: %q: %w", thread, where, err)
		}
		if at >= from && at < to {
			return fmt.Errorf("%s: %w", thread, errAsking)
		}
	}
	return nil
}
