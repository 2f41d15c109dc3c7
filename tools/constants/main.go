// Command constants measures what happens at half and at double of each constant
// that shapes alerts: run by run, on labelled series. It builds `omen` once with
// the constants as variables, by way of the compiler's overlay, and changes no
// file of the project; docs/constants.md has its table.
//
//	go run ./tools/constants -share=0.2 ../shared/bench/asd ../shared/bench/js2
//
// What a run's models follow from is what they are found again by, so that only
// those are fitted that the constant changes, by itself or by what was kept out of
// training because of it.
//
// It is not for choosing: a constant is chosen with `omen bench --fold`.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	only := flag.String("only", "", "constants to measure, such as detect.levelStep,incident.Lasting; empty: all")
	share := flag.Float64("share", 1, "folders are data sets: draw this share of the series of each, always the same ones; 1: all that is in the folders")
	models := flag.String("models", "", "folder that keeps the models as they are for the next call; empty: none")
	frozen := flag.Bool("frozen", false, "for constants that no fit reads, take the models of the run as it is: fast, but without what follows from what is kept out of training")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "constants [-only=NAME,…] [-share=X] [-models=DIR] [-frozen] FOLDER…: what happens at half and double of each constant that shapes alerts")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only, *share, runner{models: *models, frozen: *frozen}, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "constants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, share float64, r runner, folders []string) (err error) {
	if len(folders) == 0 {
		return errors.New("no series: name some folders, such as ../shared/bench/asd/omi-1")
	}
	measured, err := named(only)
	if err != nil {
		return err
	}
	if r.series, err = draw(folders, share); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "constants")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if r.binary, err = build(ctx, dir); err != nil {
		return err
	}
	r.models = cmp.Or(r.models, filepath.Join(dir, "models"))
	return table(ctx, r, measured)
}

// named are some of the constants; empty: all.
func named(only string) (some []*constant, err error) {
	names := strings.Split(only, ",")
	for i := range constants {
		name := constants[i].name()
		if only == "" || slices.Contains(names, name) {
			some = append(some, &constants[i])
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	if only != "" && len(names) > 0 {
		return nil, fmt.Errorf("no constant %s in tools/constants/list.go", strings.Join(names, ", "))
	}
	return some, nil
}

// draw is a share of the series of each data set, at least one, by a seed of its
// own; from 1 on the folders.
func draw(folders []string, share float64) (series []string, err error) {
	if share >= 1 {
		return folders, nil
	}
	for _, set := range folders {
		entries, err := os.ReadDir(set)
		if err != nil {
			return nil, fmt.Errorf("list data set: %w", err)
		}
		entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() })
		r := rand.New(rand.NewPCG(13, uint64(len(entries))))
		r.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		for _, e := range entries[:min(len(entries), max(1, int(math.Ceil(share*float64(len(entries))))))] {
			series = append(series, filepath.Join(set, e.Name()))
		}
	}
	return series, nil
}

// table measures and prints: rows to the output, what each data set says to the
// errors.
func table(ctx context.Context, r runner, measured []*constant) error {
	base, err := r.measure(ctx, constant{}, "1", true)
	if err != nil {
		return err
	}
	again, err := r.measure(ctx, constant{}, "1", false)
	if err != nil {
		return err
	}
	if again != base {
		return fmt.Errorf("with the models of the run before the numbers are others: %+v, not %+v", again, base)
	}
	fmt.Fprintf(os.Stderr, "of %s\nas it is: %s; %s\n", strings.Join(r.series, ", "), base, base.sets)
	fmt.Println("| constant | value | what it is | half | double |\n|---|---|---|---|---|")
	for _, c := range measured {
		cells := make([]string, 0, 2)
		for _, by := range []string{"0.5", "2"} {
			m, err := r.measure(ctx, *c, by, false)
			if err != nil {
				return err
			}
			cells = append(cells, m.from(base))
			fmt.Fprintf(os.Stderr, "%s times %s: %s; %s\n", c.name(), by, m, m.sets)
		}
		fmt.Printf("| `%s` | `%s` | %s | %s | %s |\n", c.name(), c.value, c.what, cells[0], cells[1])
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
// false messages a host-week and the share with the right cause first, which are of
// all series together.
type numbers struct {
	utility, notified, week, cause, alerts, time float64
	sets                                         string // their notified F1
}

func (m numbers) String() string {
	return fmt.Sprintf("utility %.3f, notified F1 %.3f, %.2f false messages a host-week, right cause first %.2f, alerts F1 %.3f, false alert time %.2f %%",
		m.utility, m.notified, m.week, m.cause, m.alerts, 100*m.time)
}

// from is what changed from other numbers.
func (m numbers) from(o numbers) string {
	if m == o {
		return "the same"
	}
	return fmt.Sprintf("%+.3f, %+.3f, %+.2f, %+.2f, %+.3f, %+.2f",
		m.utility-o.utility, m.notified-o.notified, m.week-o.week, m.cause-o.cause, m.alerts-o.alerts, 100*(m.time-o.time))
}

// runner runs the bench over some series. Models that an earlier run made of the
// same are taken from a folder: most constants change few of them, and none that
// acts after the score changes a host's first.
type runner struct {
	binary, models string
	series         []string
	frozen         bool // models are those of the run as it is, unless a fit reads the constant
}

// measure runs the bench with one constant scaled; keep stores the models.
func (r runner) measure(ctx context.Context, scaled constant, by string, keep bool) (m numbers, err error) {
	if err := os.MkdirAll(r.models, 0o700); err != nil {
		return m, fmt.Errorf("make folder for models: %w", err)
	}
	c := exec.CommandContext(ctx, r.binary, slices.Concat([]string{"bench"}, r.series, []string{"--fold=ridge=10", "--json"})...)
	c.Env = append(os.Environ(), environment(scaled, by, r.models, r.frozen, keep)...)
	out, err := c.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return m, fmt.Errorf("run with %q times %s: %w", scaled.id, by, err)
	}
	var result struct {
		Folds []fold
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return m, fmt.Errorf("read numbers: %w", err)
	}
	return mean(slices.DeleteFunc(result.Folds, func(f fold) bool { return f.How != "in sample" }))
}

// fold is what the bench says of a data set.
type fold struct {
	Set, How string
	Utility  float64
	Metrics  struct {
		F1        float64
		FalseTime float64 `json:"false_alert_time_ratio"`
		Notified  struct {
			F1, False     float64
			Weeks         float64 `json:"host_weeks"`
			Blamed, Right float64
		}
	}
}

func mean(folds []fold) (m numbers, err error) {
	if len(folds) == 0 {
		return m, errors.New("no numbers in what omen bench printed")
	}
	weeks, blamed := 0.0, 0.0
	sets := make([]string, 0, len(folds))
	for _, f := range folds {
		n := f.Metrics.Notified
		m.utility += f.Utility
		m.notified += n.F1
		m.week += n.False
		weeks += n.Weeks
		m.cause += n.Right
		blamed += n.Blamed
		m.alerts += f.Metrics.F1
		m.time += f.Metrics.FalseTime
		sets = append(sets, fmt.Sprintf("%s %.3f", f.Set, n.F1))
	}
	for _, x := range []*float64{&m.utility, &m.notified, &m.alerts, &m.time} {
		*x /= float64(len(folds))
	}
	if weeks == 0 {
		return m, errors.New("nobody is notified in what omen bench printed: there are no host-weeks")
	}
	m.week /= weeks
	m.cause /= max(1, blamed)
	m.sets = strings.Join(sets, ", ")
	return m, nil
}
