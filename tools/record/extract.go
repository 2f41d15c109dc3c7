package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// extract writes one machine's folder in the layout of omen bench: features of
// feature.Node at a 1 s step as a service would have seen them, four digits
// each; the time without faults is train, the rest is test with its labels.
// faults.csv beside them names each fault's kind.
func extract(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("extract", flag.ContinueOnError)
	data := fs.String("data", "", "copy of the machine's metrics directory")
	log := fs.String("faults", "", "what drive wrote")
	calm := fs.Duration("calm", 36*time.Minute, "time without faults at the beginning, as given to drive")
	out := fs.String("out", "", "folder to write")
	begin := fs.String("begin", "", "when the load began (RFC 3339)")
	end := fs.String("end", "", "when the load ended (RFC 3339)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	from, err := time.Parse(time.RFC3339, *begin)
	if err != nil {
		return fmt.Errorf("-begin: %w", err)
	}
	to, err := time.Parse(time.RFC3339, *end)
	if err != nil {
		return fmt.Errorf("-end: %w", err)
	}
	faults, err := readFaults(*log)
	if err != nil {
		return err
	}
	schema, vectors, err := measured(ctx, *data, from, to)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	cut, _ := slices.BinarySearchFunc(vectors, from.Add(*calm), func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
	train, test := vectors[:cut], vectors[cut:]
	if err := writeTable(filepath.Join(*out, "train.csv.gz"), schema, train, nil, false); err != nil {
		return err
	}
	if err := writeTable(filepath.Join(*out, "test.csv.gz"), schema, test, faults, true); err != nil {
		return err
	}
	return writeLabels(*out, schema, test, faults)
}

func readFaults(path string) ([]injected, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []injected
	for d := json.NewDecoder(f); ; {
		var i injected
		switch err := d.Decode(&i); {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, i)
	}
}

// measured reads a machine's own metrics back as its Omen read them.
func measured(ctx context.Context, dir string, from, to time.Time) (*feature.Schema, []omen.Vector, error) {
	schema, err := feature.NewSchema(feature.Node())
	if err != nil {
		return nil, nil, err
	}
	local, err := tsdb.Open(tsdb.Options{Dir: dir, Retention: 365 * 24 * time.Hour})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = local.Close() }() // read only
	f, err := local.Read(ctx, series.Query{
		Exprs: schema.Exprs(), By: schema.By(),
		Start: from.Truncate(time.Second), End: to.Truncate(time.Second), Step: time.Second,
	})
	if err != nil {
		return nil, nil, err
	}
	for name, err := range f.Failed {
		return nil, nil, fmt.Errorf("read feature %s: %w", name, err)
	}
	if len(f.Hosts) != 1 {
		return nil, nil, fmt.Errorf("read %s: hosts %v, want one", dir, f.Hosts)
	}
	return schema, schema.History(f, "faults", 0), nil
}

func at(t time.Time, faults []injected) bool {
	return slices.ContainsFunc(faults, func(f injected) bool {
		return !t.Before(f.Start.Truncate(time.Second)) && !t.After(f.End)
	})
}

func writeTable(path string, schema *feature.Schema, vectors []omen.Vector, faults []injected, labelled bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(z)
	row := []string{"timestamp"}
	for _, f := range schema.Features() {
		row = append(row, f.Name)
	}
	if labelled {
		row = append(row, "label")
	}
	fmt.Fprintln(w, strings.Join(row, ","))
	for _, v := range vectors {
		row = append(row[:0], strconv.FormatInt(v.At.Unix(), 10))
		for _, x := range v.Values {
			if math.IsNaN(x) {
				row = append(row, "")
				continue
			}
			row = append(row, strconv.FormatFloat(x, 'g', 4, 64))
		}
		if labelled {
			row = append(row, map[bool]string{true: "1", false: "0"}[at(v.At, faults)])
		}
		fmt.Fprintln(w, strings.Join(row, ","))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}

// writeLabels writes causes.txt and faults.csv, rows and columns as omen bench counts them.
func writeLabels(dir string, schema *feature.Schema, test []omen.Vector, faults []injected) error {
	causes, kinds := "", "kind,start,end\n"
	for _, f := range faults {
		first, last := -1, -1
		for i, v := range test {
			if at(v.At, []injected{f}) {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		if first < 0 {
			return fmt.Errorf("fault %s at %s lies outside the test time", f.Kind, f.Start)
		}
		var columns []string
		for i, g := range schema.Features() {
			if slices.Contains(f.Blamed, g.Name) {
				columns = append(columns, strconv.Itoa(i+1))
			}
		}
		causes += fmt.Sprintf("%d-%d:%s\n", first, last, strings.Join(columns, ","))
		kinds += fmt.Sprintf("%s,%d,%d\n", f.Kind, first, last)
	}
	if err := os.WriteFile(filepath.Join(dir, "causes.txt"), []byte(causes), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "faults.csv"), []byte(kinds), 0o644)
}
