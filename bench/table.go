package bench

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

const (
	timeColumn  = "timestamp"
	labelColumn = "label"
	// maxLine bounds a row: some thousand columns of twenty characters.
	maxLine = 1 << 20
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
	return fmt.Errorf("read %s: line %d: %w: %s", t.path, line, omen.ErrInvalid, fmt.Sprintf(format, args...))
}

// readTable reads dir/name.csv.gz or dir/name.csv.
func readTable(dir, name string, host omen.Host) (*table, error) {
	path := filepath.Join(dir, name+".csv.gz")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		plain := filepath.Join(dir, name+".csv")
		if f, err = os.Open(plain); err == nil {
			path = plain
		}
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", omen.ErrNotFound, err)
		}
		return nil, omen.WithHint(fmt.Errorf("read %s: %w", path, err), "a series is a folder with train.csv.gz and test.csv.gz (or .csv)")
	}
	defer f.Close()
	var r io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w: %w", path, omen.ErrInvalid, err)
		}
		r = z
	}
	t := &table{path: path}
	return t, t.parse(r, host)
}

// parse reads the header and the rows. The format is plain: no quotes.
func (t *table) parse(r io.Reader, host omen.Host) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	line := 0
	var timeAt, labelAt int
	var columns []string
	for lines.Scan() {
		line++
		text := strings.TrimRight(lines.Text(), "\r")
		if line == 1 {
			columns = strings.Split(strings.TrimPrefix(text, "\ufeff"), ",")
			var err error
			if timeAt, labelAt, err = t.header(columns); err != nil {
				return err
			}
			continue
		}
		if text == "" {
			continue
		}
		v, err := t.row(text, line, columns, timeAt, labelAt)
		if err != nil {
			return err
		}
		v.Host = host
		if n := len(t.vectors); n > 0 && !v.At.After(t.vectors[n-1].At) {
			return t.errorf(line, "column %q: time %d is not after the row before", timeColumn, v.At.Unix())
		}
		t.vectors = append(t.vectors, v)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: line %d: %w: %w", t.path, line+1, omen.ErrInvalid, err)
	}
	if len(t.vectors) < 3 {
		return fmt.Errorf("read %s: %w: %d rows", t.path, omen.ErrTooFew, len(t.vectors))
	}
	return nil
}

// header finds the columns; labelAt is -1 without labels.
func (t *table) header(columns []string) (timeAt, labelAt int, err error) {
	timeAt, labelAt = -1, -1
	seen := map[string]bool{}
	for i, c := range columns {
		c = strings.TrimSpace(c)
		columns[i] = c
		switch {
		case c == "":
			return 0, 0, t.errorf(1, "column %d has no name", i+1)
		case seen[c]:
			return 0, 0, t.errorf(1, "column %q is there twice", c)
		case c == timeColumn:
			timeAt = i
		case c == labelColumn:
			labelAt = i
		default:
			t.features = append(t.features, c)
		}
		seen[c] = true
	}
	if timeAt < 0 {
		return 0, 0, t.errorf(1, "no column %q (seconds since 1970)", timeColumn)
	}
	if len(t.features) == 0 {
		return 0, 0, t.errorf(1, "no metric columns")
	}
	return timeAt, labelAt, nil
}

func (t *table) row(text string, line int, columns []string, timeAt, labelAt int) (omen.Vector, error) {
	v := omen.Vector{Values: make([]float64, 0, len(t.features))}
	for i := range columns {
		cell, rest, more := strings.Cut(text, ",")
		if last := i == len(columns)-1; more == last {
			return v, t.errorf(line, "%d columns, the header has %d", i+1+strings.Count(rest, ",")+btoi(more), len(columns))
		}
		text = rest
		x, err := number(strings.TrimSpace(cell))
		if err != nil {
			return v, t.errorf(line, "column %q: %q is not a number", columns[i], cell)
		}
		switch i {
		case timeAt:
			if math.IsNaN(x) || math.Abs(x) > 1e11 {
				return v, t.errorf(line, "column %q: %q is not a time in seconds since 1970", columns[i], cell)
			}
			v.At = time.UnixMilli(int64(math.Round(x * 1000))).UTC()
		case labelAt:
			if x != 0 && x != 1 {
				return v, t.errorf(line, "column %q: %q is neither 0 nor 1", columns[i], cell)
			}
			t.labels = append(t.labels, x == 1)
		default:
			v.Values = append(v.Values, x)
		}
	}
	return v, nil
}

// number parses a cell; an empty one is a gap.
func number(cell string) (float64, error) {
	if cell == "" {
		return math.NaN(), nil
	}
	return strconv.ParseFloat(cell, 64)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
