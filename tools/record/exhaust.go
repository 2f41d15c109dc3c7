package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The simulated time of what exhaust records: bench/exhaustion reads the same.
const (
	exhaustStep   = 5 * time.Minute
	stepsPerHour  = 12
	stepsPerDay   = 24 * stepsPerHour
	exhaustWarmup = 14 * stepsPerDay // nothing is used up before
	exhaustSteps  = 28 * stepsPerDay
)

// exhaustBegin is the midnight of a Monday.
var exhaustBegin = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// resource is a real thing with a limit, and the programs that use it.
type resource interface {
	// step does what its programs do in a step, and reports whether a write
	// failed for want of room, or the kernel killed one of them.
	step(now int) (exhausted bool, err error)
	// samples are its series now, by their names in an exposition.
	samples(ctx context.Context) (map[string]float64, error)
	close() error
}

// exhaustRun is one run of one resource.
type exhaustRun struct {
	name, kind string
	hours      float64 // that it takes to be used up; 0: it never is
	memory     bool
	variant    int
	megabytes  int // of a file system
	rnd        *rand.Rand
	resource   resource
	onset      int     // step at which what fills it begins
	full       int     // step at which it was used up first; 0: not yet
	speed      float64 // share of the limit in a step, of what fills it
	columns    []string
	rows       [][]float64
}

// exhaust records file systems that are really filled and processes that really
// leak until they are killed, each beside jobs that go on, and some that are
// never used up. Time is compressed: a step follows when the one before is done.
func exhaust(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("exhaust", flag.ContinueOnError)
	out := fs.String("out", "bench/exhaustion/recorded", "folder for the recordings")
	work := fs.String("work", "/dev/shm/exhaust", "folder for disks, in memory, with 8 GB of room")
	exporter := fs.String("exporter", "http://127.0.0.1:19100/metrics", "where node_exporter serves its metrics")
	seed := fs.Uint64("seed", 1, "of all times and sizes")
	only := fs.String("only", "", "record only runs whose name begins so")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*work, 0o755); err != nil {
		return err
	}
	scrapes := &scraper{url: *exporter}
	runs := exhaustRuns()
	for i, r := range runs {
		r.rnd = rand.New(rand.NewPCG(*seed, uint64(i)))
	}
	runs = slices.DeleteFunc(runs, func(r *exhaustRun) bool { return !strings.HasPrefix(r.name, *only) })
	for together := range slices.Chunk(runs, atOnce) {
		slog.Info("record", "kind", together[0].kind, "count", len(together))
		if err := record(ctx, together, *work, scrapes); err != nil {
			return err
		}
	}
	return writeRuns(*out, runs)
}

// atOnce is how many runs are recorded together: one question to node_exporter is
// about all of them, and all of them take memory.
const atOnce = 12

// record makes what the runs use up, and goes through all steps.
func record(ctx context.Context, runs []*exhaustRun, work string, scrapes *scraper) (err error) {
	defer func() {
		for _, r := range runs {
			if r.resource != nil {
				err = errors.Join(err, r.resource.close())
			}
		}
	}()
	for _, r := range runs {
		if r.hours > 0 {
			r.onset = exhaustWarmup + r.rnd.IntN(9*stepsPerDay)
		}
		if r.memory {
			r.resource, err = newLeaker(r)
		} else {
			r.resource, err = newDisk(ctx, r, work, scrapes)
		}
		if err != nil {
			return fmt.Errorf("set up %s: %w", r.name, err)
		}
	}
	for now := range exhaustSteps {
		for _, r := range runs {
			exhausted, err := r.resource.step(now)
			if err != nil {
				return fmt.Errorf("%s, step %d: %w", r.name, now, err)
			}
			if exhausted && r.full == 0 {
				r.full = now
			}
		}
		scrapes.forget()
		for _, r := range runs {
			if err := r.take(ctx); err != nil {
				return fmt.Errorf("%s, step %d: %w", r.name, now, err)
			}
		}
	}
	return nil
}

// exhaustRuns are all there are: six speeds of filling, four of leaking, and what
// only looks like it.
func exhaustRuns() (all []*exhaustRun) {
	disk := func(name, kind string, hours float64, v int) {
		all = append(all, &exhaustRun{name: fmt.Sprintf("%s-%d", name, v+1), kind: kind, hours: hours, variant: v, megabytes: 1024 * (1 + v%4)})
	}
	for _, hours := range []float64{1. / 3, .75, 2, 6, 20, 60} {
		for v := range 6 {
			disk("fill-"+spanName(hours), "fill in "+spanName(hours), hours, v)
		}
	}
	for _, hours := range []float64{1, 4, 16, 48} {
		for v := range 3 {
			all = append(all, &exhaustRun{name: fmt.Sprintf("leak-%s-%d", spanName(hours), v+1), kind: "leak in " + spanName(hours), hours: hours, memory: true, variant: v})
		}
	}
	for v := range 12 {
		disk("jobs", "disk with jobs", 0, v)
	}
	for v := range 4 {
		all = append(all, &exhaustRun{name: fmt.Sprintf("load-%d", v+1), kind: "memory with load", memory: true, variant: v})
	}
	return all
}

func spanName(hours float64) string {
	if hours < 1 {
		return fmt.Sprintf("%.0fm", hours*60)
	}
	return fmt.Sprintf("%.0fh", hours)
}

// take adds a row.
func (r *exhaustRun) take(ctx context.Context) error {
	samples, err := r.resource.samples(ctx)
	if err != nil {
		return err
	}
	if r.columns == nil {
		for name := range samples {
			r.columns = append(r.columns, name)
		}
		slices.Sort(r.columns)
	}
	row := make([]float64, len(r.columns))
	for i, name := range r.columns {
		v, there := samples[name]
		if !there {
			v = math.NaN()
		}
		row[i] = v
	}
	r.rows = append(r.rows, row)
	return nil
}

// writeRuns writes what was recorded; of a run that was to be used up and was not
// that is an error.
func writeRuns(dir string, runs []*exhaustRun) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	at := func(step int) int64 { return exhaustBegin.Add(time.Duration(step) * exhaustStep).Unix() }
	var index bytes.Buffer
	fmt.Fprintln(&index, "run,kind,begin,full")
	for _, r := range runs {
		switch {
		case (r.hours > 0) != (r.full > 0):
			return fmt.Errorf("%s: used up at step %d, and takes %g hours", r.name, r.full, r.hours)
		case r.hours > 0:
			fmt.Fprintf(&index, "%s,%s,%d,%d\n", r.name, r.kind, at(r.onset), at(r.full))
		default:
			fmt.Fprintf(&index, "%s,%s,,\n", r.name, r.kind)
		}
		if err := r.write(filepath.Join(dir, r.name+".csv.gz"), at); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "runs.csv"), index.Bytes(), 0o644)
}

func (r *exhaustRun) write(path string, at func(int) int64) error {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := csv.NewWriter(z)
	record := append([]string{"timestamp"}, r.columns...)
	if err := w.Write(record); err != nil {
		return err
	}
	for i, row := range r.rows {
		record = append(record[:0], strconv.FormatInt(at(i), 10))
		for _, v := range row {
			text := ""
			if !math.IsNaN(v) {
				text = strconv.FormatFloat(v, 'f', -1, 64)
			}
			record = append(record, text)
		}
		if err := w.Write(record); err != nil {
			return err
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
