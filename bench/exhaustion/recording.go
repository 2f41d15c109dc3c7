package exhaustion

import (
	"encoding/csv"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// Recording is one run of a real resource: raw samples as a Prometheus would
// have them, and what happened. The layout of its files is described in
// bench/exhaustion/recorded/README.md.
type Recording struct {
	Name, Kind  string
	Begin, Full time.Time // zero: it was never used up
	Columns     []Column
	Times       []time.Time
	Values      [][]float64 // by instant and column; NaN is a gap
}

// Column is a series of a recording.
type Column struct {
	Name   string
	Labels map[string]string
}

// LoadRecordings reads a folder of recordings, in the order of its runs.csv.
// Errors of what is in the files wrap [omen.ErrInvalid].
func LoadRecordings(dir string) ([]Recording, error) {
	path := filepath.Join(dir, "runs.csv")
	f, err := os.Open(path)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("read recordings: %w", err), "name a folder that has runs.csv, such as bench/exhaustion/recorded")
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, series.CSVError(path, err)
	}
	if len(lines) < 2 || !slices.Equal(lines[0], []string{"run", "kind", "begin", "full"}) {
		return nil, fmt.Errorf("read %s: want the columns run, kind, begin and full, and a line for each run: %w", path, omen.ErrInvalid)
	}
	var all []Recording
	for i, line := range lines[1:] {
		r := Recording{Name: line[0], Kind: line[1]}
		if r.Begin, err = instant(line[2]); err == nil {
			r.Full, err = instant(line[3])
		}
		if err != nil || r.Begin.IsZero() != r.Full.IsZero() {
			return nil, fmt.Errorf("read %s:%d: begin %q and full %q must be seconds since 1970, or both empty: %w", path, i+2, line[2], line[3], omen.ErrInvalid)
		}
		if err := r.load(filepath.Join(dir, r.Name+".csv.gz")); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func instant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	secs, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(secs, 0).UTC(), err
}

func (r *Recording) load(path string) error {
	c, err := series.OpenCSV(path, series.CSVOptions{})
	if err != nil {
		return err
	}
	for _, text := range c.Columns() {
		column, err := parseColumn(text)
		if err != nil {
			return fmt.Errorf("%s: column %s: %w", path, text, err)
		}
		r.Columns = append(r.Columns, column)
	}
	for at, values := range c.Rows() {
		r.Times, r.Values = append(r.Times, at), append(r.Values, values)
	}
	return nil
}

// parseColumn reads name{label="value",…}.
func parseColumn(text string) (Column, error) {
	name, rest, found := strings.Cut(text, "{")
	c := Column{Name: name, Labels: map[string]string{}}
	for found && rest != "}" {
		label, quoted, ok := strings.Cut(rest, "=")
		value, err := strconv.QuotedPrefix(quoted)
		if !ok || err != nil {
			return c, fmt.Errorf("want name{label=\"value\"}: %w", omen.ErrInvalid)
		}
		if c.Labels[label], err = strconv.Unquote(value); err != nil {
			return c, fmt.Errorf("label %s: %s is not in quotes as Go has them: %w", label, value, omen.ErrInvalid)
		}
		rest = strings.TrimPrefix(quoted[len(value):], ",")
	}
	return c, nil
}

// Samples are the samples of each instant, in the order of time, for a store
// that is to answer PromQL about the run.
func (r *Recording) Samples() iter.Seq[[]series.Sample] {
	return func(yield func([]series.Sample) bool) {
		for i, at := range r.Times {
			var all []series.Sample
			for j, c := range r.Columns {
				if v := r.Values[i][j]; !math.IsNaN(v) {
					all = append(all, series.Sample{Name: c.Name, Labels: c.Labels, At: at, Value: v})
				}
			}
			if !yield(all) {
				return
			}
		}
	}
}

// fullMemory is the share from which the workload profile takes a container's
// memory as used up.
const fullMemory = .98

// track is the used share of the recorded resource at each step, as the profile
// has it.
func (r *Recording) track() (track, error) {
	of := map[string]int{}
	for i, c := range r.Columns {
		of[c.Name] = i
	}
	var t track
	for i := range r.Values {
		if want := begin.Add(time.Duration(i) * step); !r.Times[i].Equal(want) {
			return t, fmt.Errorf("recording %s: row %d is of %s, want %s: %w", r.Name, i+1, r.Times[i], want, omen.ErrInvalid)
		}
		value := func(name string) float64 {
			if j, there := of[name]; there {
				return r.Values[i][j]
			}
			return math.NaN()
		}
		used := value("container_memory_working_set_bytes") / value("container_spec_memory_limit_bytes")
		if size := value("node_filesystem_size_bytes"); !math.IsNaN(size) {
			used = size - value("node_filesystem_free_bytes")
			used /= used + value("node_filesystem_avail_bytes")
		}
		t.Used = append(t.Used, used)
	}
	if len(t.Used) != duration {
		return t, fmt.Errorf("recording %s: %d rows, want %d: %w", r.Name, len(t.Used), duration, omen.ErrInvalid)
	}
	if !r.Full.IsZero() {
		t.Begins = []int{int(r.Begin.Sub(begin) / step)}
		t.Killed = int(r.Full.Sub(begin) / step)
	}
	if _, memory := of["container_spec_memory_limit_bytes"]; memory {
		t.Full = fullMemory
	}
	return t, nil
}

// Curves are the run's series.
func (r *Recording) Curves() []series.Curve {
	all := make([]series.Curve, len(r.Columns))
	for j, c := range r.Columns {
		all[j].Labels = maps.Clone(c.Labels)
		all[j].Labels["__name__"] = c.Name
		for i, at := range r.Times {
			if v := r.Values[i][j]; !math.IsNaN(v) {
				all[j].At, all[j].Values = append(all[j].At, at.UnixMilli()), append(all[j].Values, v)
			}
		}
	}
	return all
}

// Step is the time between its samples.
func (r *Recording) Step() time.Duration { return step }
