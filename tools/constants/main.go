// Command constants measures what happens at half and at double of each constant
// that shapes alerts: run by run, on labelled series. It builds `omen` once with
// the constants as variables, by way of the compiler's overlay, and changes no
// file of the project; docs/constants.md has its table.
//
//	go run ./tools/constants ../shared/bench/asd/omi-1 ../shared/bench/js2/js2-00
//
// It is not for choosing: a constant is chosen with `omen bench --fold`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	only := flag.String("only", "", "constants to measure, such as detect.levelStep,incident.Lasting; empty: all")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "constants [-only=NAME,…] SERIES…: what happens at half and double of each constant that shapes alerts")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "constants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, series []string) (err error) {
	if len(series) == 0 {
		return errors.New("no series: name some folders, such as ../shared/bench/asd/omi-1")
	}
	measured := constants
	if only != "" {
		measured = nil
		for name := range strings.SplitSeq(only, ",") {
			i := slices.IndexFunc(constants, func(c constant) bool { return c.name() == name })
			if i < 0 {
				return fmt.Errorf("no constant %q in tools/constants/list.go", name)
			}
			measured = append(measured, constants[i])
		}
	}
	dir, err := os.MkdirTemp("", "constants")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := build(ctx, dir)
	if err != nil {
		return err
	}
	base, err := measure(ctx, binary, "", 1, series)
	if err != nil {
		return err
	}
	fmt.Println("constant\tvalue\tat\tutility\tnotified F1\tfalse/week\talerts F1\tFA/day\tFAT %\tutility by set")
	fmt.Println(base.row("as it is", "", ""))
	for _, c := range measured {
		c.value = constants[slices.IndexFunc(constants, func(o constant) bool { return o.name() == c.name() })].value
		for _, at := range []struct {
			name string
			by   float64
		}{{"half", .5}, {"double", 2}} {
			m, err := measure(ctx, binary, c.name(), at.by, series)
			if err != nil {
				return err
			}
			if m.differs(base) {
				fmt.Println(m.row(c.name(), c.value, at.name))
			} else {
				fmt.Printf("%s\t%s\t%s\tthe same\n", c.name(), c.value, at.name)
			}
		}
	}
	return nil
}

// build makes an omen whose constants the environment scales.
func build(ctx context.Context, dir string) (binary string, err error) {
	overlay, err := rewritten(dir)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return "", fmt.Errorf("write overlay: %w", err)
	}
	binary = filepath.Join(dir, "omen")
	c := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", binary, "./cmd/omen")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("build omen: %w", err)
	}
	return binary, nil
}

// numbers are a run's: means over data sets, each of which weighs the same, but
// false messages a host-week, which are of all series together.
type numbers struct {
	utility, notified, week, alerts, day, time float64
	sets                                       string
}

// measure runs the bench with one constant scaled.
func measure(ctx context.Context, binary, name string, by float64, series []string) (m numbers, err error) {
	c := exec.CommandContext(ctx, binary, slices.Concat([]string{"bench"}, series, []string{"--fold=ridge=10", "--json"})...)
	c.Env = append(os.Environ(), "OMEN_CONSTANT="+name, fmt.Sprintf("OMEN_SCALE=%g", by))
	out, err := c.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return m, fmt.Errorf("run with %s: %w", name, err)
	}
	var result struct {
		Folds []struct {
			Set, How string
			Utility  float64
			Metrics  struct {
				F1        float64
				FADay     float64 `json:"false_alarms_per_day"`
				FalseTime float64 `json:"false_alert_time_ratio"`
				Notified  struct {
					F1, False float64
					Weeks     float64 `json:"host_weeks"`
				}
			}
		}
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return m, fmt.Errorf("read numbers: %w", err)
	}
	n, weeks := 0.0, 0.0
	var sets []string
	for _, f := range result.Folds {
		if f.How != "in sample" {
			continue
		}
		n++
		m.utility += f.Utility
		m.notified += f.Metrics.Notified.F1
		m.week += f.Metrics.Notified.False
		weeks += f.Metrics.Notified.Weeks
		m.alerts += f.Metrics.F1
		m.day += f.Metrics.FADay
		m.time += f.Metrics.FalseTime
		sets = append(sets, fmt.Sprintf("%s %.3f", f.Set, f.Utility))
	}
	if n == 0 {
		return m, errors.New("no numbers in what omen bench printed")
	}
	for _, x := range []*float64{&m.utility, &m.notified, &m.alerts, &m.day, &m.time} {
		*x /= n
	}
	m.week /= weeks
	m.sets = strings.Join(sets, ", ")
	return m, nil
}

func (m numbers) differs(o numbers) bool { return m != o }

func (m numbers) row(name, value, at string) string {
	return fmt.Sprintf("%s\t%s\t%s\t%.3f\t%.3f\t%.2f\t%.3f\t%.2f\t%.2f\t%s", name, value, at, m.utility, m.notified, m.week, m.alerts, m.day, 100*m.time, m.sets)
}
