package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// memoryGroups is where cgroup v1 has its memory controller.
const memoryGroups = "/sys/fs/cgroup/memory"

// leaker is a process in a memory cgroup of its own, which holds what it is asked
// to, and is killed by the kernel when that is more than its limit.
type leaker struct {
	run   *exhaustRun
	group string
	limit float64
	*rand.Rand

	base, swing float64 // shares of the limit
	leaked      float64
	holder      *exec.Cmd // nil: it is down
	orders      io.WriteCloser
	answers     *bufio.Reader
	down        int // steps until it is started again
	kills       int
}

func newLeaker(r *exhaustRun) (resource, error) {
	rnd := r.rnd
	l := &leaker{run: r, group: filepath.Join(memoryGroups, "exhaust-"+r.name), Rand: rnd, limit: float64(int64(64+32*(r.variant%3)) << 20)}
	l.base, l.swing = .3+.2*rnd.Float64(), .03+.09*rnd.Float64()
	if err := os.MkdirAll(l.group, 0o755); err != nil {
		return l, err
	}
	if err := os.WriteFile(filepath.Join(l.group, "memory.limit_in_bytes"), []byte(strconv.FormatInt(int64(l.limit), 10)), 0o644); err != nil {
		return l, fmt.Errorf("limit the memory of %s: %w", l.group, err)
	}
	return l, l.start()
}

// start starts the process inside of its group.
func (l *leaker) start() (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	l.leaked = 0
	l.holder = exec.CommandContext(context.Background(), "sh", "-c", `echo $$ >"$1/cgroup.procs" && exec "$2" hold`, "sh", l.group, self)
	l.holder.Env = append(os.Environ(), "GOMAXPROCS=1")
	if l.orders, err = l.holder.StdinPipe(); err != nil {
		return err
	}
	out, err := l.holder.StdoutPipe()
	if err != nil {
		return err
	}
	l.answers = bufio.NewReader(out)
	return l.holder.Start()
}

func (l *leaker) close() error {
	if l.holder != nil {
		_ = l.orders.Close() // it ends with its orders
		_ = l.holder.Wait()
	}
	return os.Remove(l.group)
}

// step has the process hold what a day's load asks for, and what it leaked. It
// reports whether it was killed.
func (l *leaker) step(now int) (exhausted bool, err error) {
	if l.holder == nil {
		if l.down--; l.down > 0 {
			return false, nil
		}
		if err := l.start(); err != nil {
			return false, err
		}
	}
	if l.run.hours > 0 && now >= l.run.onset && l.kills == 0 {
		if now == l.run.onset {
			l.run.speed = (1 - l.base) / (l.run.hours * stepsPerHour)
		}
		l.leaked += l.run.speed * (.6 + .8*l.Float64())
	}
	load := l.base + l.swing*math.Sin((float64(now%stepsPerDay)/stepsPerHour-9)/24*2*math.Pi) + .008*l.NormFloat64() + l.leaked
	_, err = fmt.Fprintf(l.orders, "%d\n", int64(load*l.limit))
	if err == nil {
		_, err = l.answers.ReadString('\n')
	}
	if err == nil {
		return false, nil
	}
	ended := l.holder.Wait()
	if l.holder.ProcessState == nil || l.holder.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return false, errors.Join(err, ended)
	}
	l.holder, l.kills, l.down = nil, l.kills+1, 1+l.IntN(2*stepsPerHour)
	return true, nil
}

func (l *leaker) samples(context.Context) (map[string]float64, error) {
	usage, err := l.number("memory.usage_in_bytes")
	if err != nil {
		return nil, err
	}
	stat, err := os.ReadFile(filepath.Join(l.group, "memory.stat"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(stat)) {
		if text, found := strings.CutPrefix(strings.TrimSpace(line), "total_inactive_file "); found {
			inactive, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("read memory.stat of %s: %w", l.group, err)
			}
			usage = max(usage-inactive, 0)
		}
	}
	labels := fmt.Sprintf(`{container="app",id="/exhaust",instance=%q,job="cadvisor",namespace="default",pod=%q}`, l.run.name, l.run.name)
	return map[string]float64{
		"container_memory_working_set_bytes" + labels: usage,
		"container_spec_memory_limit_bytes" + labels:  l.limit,
		"container_oom_events_total" + labels:         float64(l.kills),
	}, nil
}

func (l *leaker) number(file string) (float64, error) {
	text, err := os.ReadFile(filepath.Join(l.group, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
}

// hold keeps as many bytes as each line of its input says, touched, and answers
// each line when it does.
func hold(_ context.Context, _ []string) error {
	const chunk = 64 << 10
	var held [][]byte
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		want, err := strconv.Atoi(in.Text())
		if err != nil {
			return err
		}
		for len(held)*chunk < want {
			b, err := syscall.Mmap(-1, 0, chunk, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			if err != nil {
				return err
			}
			for i := 0; i < chunk; i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
		}
		for len(held) > 0 && (len(held)-1)*chunk >= want {
			if err := syscall.Munmap(held[len(held)-1]); err != nil {
				return err
			}
			held = held[:len(held)-1]
		}
		if _, err := fmt.Println(len(held) * chunk); err != nil {
			return err
		}
	}
	return in.Err()
}
