package series

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen"
)

// CSVOptions say how to read a file. A column called instance names the host (or
// the file's name does).
type CSVOptions struct {
	Time   string   // the column with the time; empty: timestamp, time, date, datetime or ts; without any, rows are a minute apart
	Ignore []string // columns to leave out, such as texts
	Label  bool     // keep a column called label; else it is left out, being an answer and not a metric
}

// CSV is a file of samples, .csv or .csv.gz, held in memory.
//
// The first line names the columns. Numbers may be empty, NaN, null or
// infinite (a gap).
// Times may be RFC 3339, "2006-01-02 15:04:05", seconds or milliseconds since
// 1970, or minutes and seconds ("55:33.0") beside the columns hour and
// day_of_week (0 = Monday), from which days are put together in the order of
// the rows. Rows must be in order of time within a host.
//
// Irregular rows are put on a grid of one step, the median of their distances:
// an instant has the last row of the step that ends with it, and is a gap if
// there is none.
type CSV struct {
	path    string
	columns []string // the numeric ones
	hosts   []string // sorted
	rows    map[string][]csvRow
	step    time.Duration
}

type csvRow struct {
	line   int
	at     time.Time
	values []float64
}

// OpenCSV reads a file whole. Errors name the line and the column and wrap
// [omen.ErrInvalid].
func OpenCSV(path string, o CSVOptions) (*CSV, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read CSV: %w", err)
	}
	defer file.Close()
	var in io.Reader = bufio.NewReaderSize(file, 1<<16)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(in); err != nil {
			return nil, fmt.Errorf("read CSV %s: it is not gzip: %w: %w", path, err, omen.ErrInvalid)
		}
	}
	return readCSV(path, in, o)
}

// readCSV is OpenCSV on any reader.
func readCSV(path string, in io.Reader, o CSVOptions) (*CSV, error) {
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = &csv.ParseError{Line: 1, Err: errors.New("the file is empty")}
		}
		return nil, CSVError(path, err)
	}
	l, err := newLayout(path, slices.Clone(header), o)
	if err != nil {
		return nil, err
	}
	c := &CSV{path: path, columns: l.names, rows: map[string][]csvRow{}}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, csv.ErrFieldCount) {
			err = cells(err, len(record), len(l.header))
		}
		if err != nil {
			return nil, CSVError(path, err)
		}
		line, _ := r.FieldPos(0)
		host, row, err := l.row(record, line)
		if err != nil {
			return nil, err
		}
		rows := c.rows[host]
		if n := len(rows); n > 0 && row.at.Before(rows[n-1].at) {
			return nil, csvError(path, line, l.timeName, fmt.Errorf("%s is before the row above it, %s", row.at.Format(time.RFC3339), rows[n-1].at.Format(time.RFC3339)))
		}
		c.rows[host] = append(rows, row)
	}
	if len(c.rows) == 0 {
		return nil, csvError(path, 1, "", errors.New("there are no rows below the header"))
	}
	c.hosts = slices.Sorted(maps.Keys(c.rows))
	c.step = c.medianStep()
	return c, nil
}

// csvError names the place.
func csvError(path string, line int, column string, err error) error {
	if column != "" {
		return fmt.Errorf("%s:%d: column %s: %w: %w", path, line, column, err, omen.ErrInvalid)
	}
	return fmt.Errorf("%s:%d: %w: %w", path, line, err, omen.ErrInvalid)
}

// CSVError names the line of what [csv.Reader] refuses, and says it for people who
// have no such reader before them. It wraps [omen.ErrInvalid].
func CSVError(path string, err error) error {
	var parse *csv.ParseError
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the compressed file ends in the middle: %w", path, omen.ErrInvalid)
	}
	if !errors.As(err, &parse) {
		return fmt.Errorf("%s: %w: %w", path, err, omen.ErrInvalid)
	}
	switch {
	case errors.Is(parse.Err, csv.ErrBareQuote):
		return omen.WithHint(csvError(path, parse.Line, "", errors.New(`a quotation mark is in a cell that does not begin with one`)), `write such a cell in quotation marks, and those within it twice: "a ""b"" c"`)
	case errors.Is(parse.Err, csv.ErrQuote):
		return omen.WithHint(csvError(path, parse.StartLine, "", errors.New("a quotation mark that opens a cell of this row is not closed, or has more than a comma after it")), `end the cell with a quotation mark, and write those within it twice: "a ""b"" c"`)
	}
	return csvError(path, parse.Line, "", parse.Err)
}

// cells is the error of a row that has more or fewer cells than the header.
func cells(err error, has, want int) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		parse.Err = fmt.Errorf("the row has %s, the header %d", omen.Plural(has, "cell", "cells"), want)
	}
	return err
}

// Columns are the numeric columns, in the file's order.
func (c *CSV) Columns() []string { return slices.Clone(c.columns) }

// Rows are the rows as they are in the file, host by host, each with its time
// and the numeric columns' values, which are the caller's.
func (c *CSV) Rows() iter.Seq2[time.Time, []float64] {
	return func(yield func(time.Time, []float64) bool) {
		for _, host := range c.hosts {
			for _, row := range c.rows[host] {
				if !yield(row.at, row.values) {
					return
				}
			}
		}
	}
}

// Lines are the lines of the file on which the rows begin, in the order of Rows.
func (c *CSV) Lines() (all []int) {
	for _, host := range c.hosts {
		for _, row := range c.rows[host] {
			all = append(all, row.line)
		}
	}
	return all
}

// Curves are the columns as series, if they are named as series are, such as
// node_memory_MemTotal_bytes{instance="web-1"}; nil: none is, and they are features.
// step is the usual one between rows.
func (c *CSV) Curves() (all []Curve, step time.Duration, err error) {
	if !slices.ContainsFunc(c.columns, func(name string) bool { return strings.Contains(name, "{") }) {
		return nil, c.step, nil
	}
	p := parser.NewParser(parser.Options{})
	for i, name := range c.columns {
		ls, err := p.ParseMetric(name)
		if err != nil {
			return nil, c.step, csvError(c.path, 1, name, err)
		}
		curve := Curve{Labels: ls.Map()}
		for at, values := range c.Rows() {
			if v := values[i]; v == v {
				curve.put(at.UnixMilli(), v)
			}
		}
		all = append(all, curve)
	}
	return all, c.step, nil
}

// span is from the first to the last row of all hosts.
func (c *CSV) span() (start, end time.Time) {
	for _, rows := range c.rows {
		if first := rows[0].at; start.IsZero() || first.Before(start) {
			start = first
		}
		if last := rows[len(rows)-1].at; last.After(end) {
			end = last
		}
	}
	return start, end
}

// Frame is the whole file: every host, every numeric column.
func (c *CSV) Frame() (*Frame, error) {
	exprs := make([]Expr, len(c.columns))
	for i, name := range c.columns {
		exprs[i] = Expr{Feature: name, PromQL: name}
	}
	start, end := c.span()
	return c.Read(context.Background(), Query{Exprs: exprs, Start: start, End: end, Step: c.step})
}

// Read implements [Source]. A feature is the column that its expression names,
// or else the one named like the feature; a file evaluates no PromQL.
func (c *CSV) Read(ctx context.Context, q Query) (*Frame, error) {
	q, err := q.check()
	if err != nil {
		return nil, err
	}
	at := make([]int, len(q.Exprs))
	features := make([]string, len(q.Exprs))
	failed := map[string]error{}
	for i, e := range q.Exprs {
		features[i] = e.Feature
		if at[i] = slices.Index(c.columns, strings.TrimSpace(e.PromQL)); at[i] < 0 {
			at[i] = slices.Index(c.columns, e.Feature)
		}
		if at[i] < 0 {
			failed[e.Feature] = fmt.Errorf("%s has no column %s: %w", c.path, e.Feature, omen.ErrNotFound)
		}
	}
	if len(failed) == len(q.Exprs) {
		err := fmt.Errorf("read CSV %s: none of its columns is asked for: %w", c.path, omen.ErrInvalid)
		return nil, omen.WithHint(err, "its columns are "+strings.Join(c.columns, ", "))
	}
	hosts := slices.Clone(c.hosts)
	if named := q.named(); named != nil {
		hosts = slices.DeleteFunc(hosts, func(host string) bool { return !named[host] })
	}
	f := NewFrame(hosts, features, q.Start, q.Step, q.instants())
	f.Failed = failed
	for h, host := range hosts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, row := range c.rows[host] {
			since := row.at.Sub(q.Start)
			i := int((since + q.Step - 1) / q.Step) // rounded up: a row counts for the end of its step
			if since <= -q.Step || i >= f.Instants {
				continue
			}
			for feature, column := range at {
				// Of several rows in one step the last that has a value counts.
				if column >= 0 && !math.IsNaN(row.values[column]) {
					f.Set(h, i, feature, row.values[column])
				}
			}
		}
		f.Labels[h] = map[string]string{"instance": host}
	}
	return f, nil
}

// medianStep is the median distance between rows, at least a millisecond; a
// minute if there is only one row.
func (c *CSV) medianStep() time.Duration {
	var gaps []time.Duration
	for _, rows := range c.rows {
		for i := 1; i < len(rows); i++ {
			if gap := rows[i].at.Sub(rows[i-1].at); gap > 0 {
				gaps = append(gaps, gap)
			}
		}
	}
	if len(gaps) == 0 {
		return time.Minute
	}
	slices.Sort(gaps)
	step := gaps[len(gaps)/2]
	if step > 10*time.Second {
		return step.Round(time.Second)
	}
	return max(step.Round(time.Millisecond), time.Millisecond)
}

// csvNumber reads one field; what is empty, null or infinite is a gap.
func csvNumber(text string) (float64, error) {
	switch text = strings.TrimSpace(text); strings.ToLower(text) {
	case "", "nan", "null", "na", "n/a", "none", "-":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q is not a number", text)
	case math.IsInf(v, 0):
		return math.NaN(), nil
	}
	return v, nil
}

// hostOf is a file's name without folder and endings.
func hostOf(path string) string {
	name := filepath.Base(path)
	name = strings.TrimSuffix(name, ".gz")
	return strings.TrimSuffix(name, ".csv")
}
