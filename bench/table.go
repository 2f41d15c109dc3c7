package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	timeColumn  = "timestamp"
	labelColumn = "label"
)

// table is one CSV file of a series.
type table struct {
	path     string
	features []string
	vectors  []omen.Vector
	labels   []bool // nil without a label column
}

func (t *table) name() string { return filepath.Base(t.path) }

// errorf is an error of one line of the file, counted from 1.
func (t *table) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("read %s:%d: %s: %w", t.path, line, fmt.Sprintf(format, args...), omen.ErrInvalid)
}

// readTable reads dir/name.csv.gz or dir/name.csv.
func readTable(dir, name string, host omen.Host) (*table, error) {
	t := &table{path: filepath.Join(dir, name+".csv.gz")}
	if plain := filepath.Join(dir, name+".csv"); !exists(t.path) && exists(plain) {
		t.path = plain
	}
	c, err := series.OpenCSV(t.path, series.CSVOptions{Time: timeColumn, Label: true})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, omen.WithHint(fmt.Errorf("series %s/%s in %s: %w: it has no %s.csv.gz or %s.csv", host.Profile, host.Name, dir, omen.ErrNotFound, name, name), "a series is a folder with train.csv.gz and test.csv.gz (or .csv)")
	}
	if err != nil {
		return nil, err
	}
	t.features = c.Columns()
	for _, name := range t.features {
		if _, err := feature.FromColumns("bench", []string{name}, feature.Feature{}); err != nil {
			return nil, t.errorf(1, "column %q: the name of a column is letters, digits and underscores, not starting with a digit", name)
		}
	}
	label := slices.Index(t.features, labelColumn)
	if label >= 0 {
		t.features = slices.Delete(t.features, label, label+1)
	}
	if len(t.features) == 0 {
		return nil, t.errorf(1, "no metric columns")
	}
	lines := c.Lines()
	for at, values := range c.Rows() {
		line := lines[len(t.vectors)]
		if n := len(t.vectors); n > 0 && !at.After(t.vectors[n-1].At) {
			return nil, t.errorf(line, "column %s: time %d is not after the row before", timeColumn, at.Unix())
		}
		if label >= 0 {
			x := values[label]
			if x != 0 && x != 1 {
				said := fmt.Sprintf("%v", x)
				if math.IsNaN(x) {
					said = "what is empty or no finite number"
				}
				return nil, t.errorf(line, "column %s: %s is neither 0 nor 1", labelColumn, said)
			}
			t.labels = append(t.labels, x == 1)
			values = slices.Delete(values, label, label+1)
		}
		t.vectors = append(t.vectors, omen.Vector{Host: host, At: at, Values: values})
	}
	if len(t.vectors) < 3 {
		return nil, fmt.Errorf("read %s: %w: %d rows", t.path, omen.ErrTooFew, len(t.vectors))
	}
	return t, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
