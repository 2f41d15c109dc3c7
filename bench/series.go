package bench

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// Series is one host's labelled history: what a detector learns from, and
// what it is measured on.
type Series struct {
	Set, Name string        // data set and host, as their folders are called
	Features  []string      // column names, in the order of every vector's values
	Step      time.Duration // the usual distance of two samples
	Train     []omen.Vector // unlabelled history
	Test      []omen.Vector // follows Train in time
	Labels    []bool        // per test sample; detectors never see them
	Segments  []Segment     // the labelled spans of Test, in time order
}

// Segment is one labelled anomaly: the test samples Start…End, both included.
type Segment struct {
	Start, End int
	Blamed     []int  // indexes of the features that experts blame, ascending; empty where unknown
	Kind       string // of fault, where faults.csv says; else empty
}

// near reports whether samples start…end touch the segment, or what comes so
// soon after it that it still counts.
func (g Segment) near(start, end int) bool { return start <= g.End+LateBy && g.Start <= end }

// PerDay is how many samples make a day, at least one.
func (s *Series) PerDay() int {
	return max(1, int((24*time.Hour+s.Step/2)/s.Step))
}

// Load reads every series below the folders: a folder of data sets, one data
// set, or one series (docs/bench.md has the layout). Series come sorted by set
// and name. Errors name file, line and column and wrap [omen.ErrInvalid]; a
// folder without any series is [omen.ErrNotFound].
func Load(dirs ...string) ([]*Series, error) {
	var all []*Series
	seen := map[string]bool{}
	for _, dir := range dirs {
		found, err := find(dir)
		if err != nil {
			return nil, err
		}
		for _, dir := range found {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			s, err := loadSeries(dir)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *Series) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// find lists the series folders at dir or at most two levels below it.
func find(dir string) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find series: %w", err)
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%w: not a folder", omen.ErrInvalid)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", omen.ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("find series in %s: %w", dir, err)
	}
	for _, pattern := range []string{"", "*", "*/*"} {
		var found []string
		for _, file := range []string{"test.csv.gz", "test.csv", "train.csv.gz", "train.csv"} { // one without the other is a mistake
			files, err := fs.Glob(os.DirFS(dir), path.Join(pattern, file))
			if err != nil {
				return nil, fmt.Errorf("find series in %s: %w", dir, err)
			}
			for _, f := range files {
				found = append(found, filepath.Join(dir, filepath.Dir(f)))
			}
		}
		if len(found) > 0 {
			slices.Sort(found)
			return slices.Compact(found), nil
		}
	}
	return nil, omen.WithHint(
		fmt.Errorf("find series in %s: %w: no train.csv.gz and test.csv.gz there or below", dir, omen.ErrNotFound),
		"give a folder of data sets, one data set, or one series: <set>/<series>/train.csv.gz, test.csv.gz, causes.txt")
}

// loadSeries reads one series folder; its parent's name is the data set.
func loadSeries(dir string) (*Series, error) {
	s := &Series{Set: filepath.Base(filepath.Dir(dir)), Name: filepath.Base(dir)}
	host := omen.Host{Source: "bench", Profile: s.Set, Name: s.Name}
	train, err := readTable(dir, "train", host)
	if err != nil {
		return nil, err
	}
	test, err := readTable(dir, "test", host)
	if err != nil {
		return nil, err
	}
	if test.labels == nil {
		return nil, test.errorf(1, "no column %q", labelColumn)
	}
	if err := sameFeatures(train, test); err != nil {
		return nil, err
	}
	last, first := train.vectors[len(train.vectors)-1].At, test.vectors[0].At
	if !first.After(last) {
		return nil, test.errorf(2, "begins at %d, not after the last sample of %s (%d)", first.Unix(), train.name(), last.Unix())
	}
	s.Features, s.Train, s.Test, s.Labels = test.features, train.vectors, test.vectors, test.labels
	s.Step = usualStep(train.vectors)
	s.Segments = segmentsOf(s.Labels)
	if err := readCauses(filepath.Join(dir, "causes.txt"), s); err != nil {
		return nil, err
	}
	return s, readKinds(filepath.Join(dir, "faults.csv"), s)
}

func sameFeatures(train, test *table) error {
	for _, f := range train.features {
		if !slices.Contains(test.features, f) {
			return test.errorf(1, "no column %q, which %s has", f, train.name())
		}
	}
	for _, f := range test.features {
		if !slices.Contains(train.features, f) {
			return train.errorf(1, "no column %q, which %s has", f, test.name())
		}
	}
	if !slices.Equal(train.features, test.features) {
		return test.errorf(1, "columns are in another order than in %s", train.name())
	}
	return nil
}

// usualStep is the median distance of two consecutive samples.
func usualStep(v []omen.Vector) time.Duration {
	steps := make([]time.Duration, len(v)-1)
	for i := range steps {
		steps[i] = v[i+1].At.Sub(v[i].At)
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// segmentsOf lists the runs of labelled samples.
func segmentsOf(labels []bool) []Segment {
	var out []Segment
	for i, l := range labels {
		switch {
		case !l:
		case i > 0 && labels[i-1]:
			out[len(out)-1].End = i
		default:
			out = append(out, Segment{Start: i, End: i})
		}
	}
	return out
}

// Column is one feature's values.
func Column(v []omen.Vector, j int) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i].Values[j]
	}
	return out
}
