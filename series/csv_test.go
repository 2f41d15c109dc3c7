package series

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func mustCSV(t *testing.T, text string, o CSVOptions) *CSV {
	t.Helper()
	return must.Get(readCSV("web-1.csv", strings.NewReader(text), o))(t)
}

func wholeFrame(t *testing.T, c *CSV) *Frame {
	t.Helper()
	return must.Get(c.Frame())(t)
}

// rowsOf is a host's part of a frame.
func rowsOf(f *Frame, host int) [][]float64 {
	var rows [][]float64
	for i := range f.Instants {
		rows = append(rows, f.Row(host, i))
	}
	return rows
}

var nan = math.NaN()

// sameNumbers compares with NaN equal to NaN.
var sameNumbers = cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })

func TestCSVTimes(t *testing.T) {
	want := time.Date(2024, 1, 1, 0, 1, 0, 0, time.UTC)
	for name, second := range map[string]string{
		"RFC 3339":     "2024-01-01T00:01:00Z",
		"with zone":    "2024-01-01T01:01:00+01:00",
		"date time":    "2024-01-01 00:01:00",
		"seconds":      "1704067260",
		"fraction":     "1704067260.0",
		"milliseconds": "1704067260000",
		"microseconds": "1704067260000000",
	} {
		t.Run(name, func(t *testing.T) {
			c := mustCSV(t, "timestamp,cpu\n2024-01-01T00:00:00Z,1\n"+second+",2\n", CSVOptions{})
			if _, end := c.span(); !end.Equal(want) {
				t.Errorf("end %s, want %s", end, want)
			}
			if c.step != time.Minute {
				t.Errorf("step %s, want 1m", c.step)
			}
		})
	}
}

func TestCSVWithoutDates(t *testing.T) {
	// Sunday 23:59:30, Monday 00:00:10 of the next week, then the same hour a
	// week later is not told apart from it: the rows' order is all there is.
	c := mustCSV(t, "timestamp,cpu,hour,day_of_week\n59:30.0,1,23,6\n00:10.5,2,0,0\n", CSVOptions{})
	start, end := c.span()
	if start.Weekday() != time.Sunday || end.Weekday() != time.Monday {
		t.Errorf("from a %s to a %s, want Sunday to Monday", start.Weekday(), end.Weekday())
	}
	if got := end.Sub(start); got != 40*time.Second+500*time.Millisecond {
		t.Errorf("%s apart, want 40.5s", got)
	}
}

func TestCSVGrid(t *testing.T) {
	// Steps of 10 s; 30 is missing, 41 counts for 50, where 50 itself is later.
	text := "timestamp,cpu,mem\n0,1,10\n10,2,20\n20,3,\n41,4,40\n50,5,\n60,6,60\n"
	f := wholeFrame(t, mustCSV(t, text, CSVOptions{}))
	want := [][]float64{{1, 10}, {2, 20}, {3, nan}, {nan, nan}, {nan, nan}, {5, 40}, {6, 60}}
	if diff := cmp.Diff(want, rowsOf(f, 0), sameNumbers); diff != "" {
		t.Errorf("on the grid (-want +got):\n%s", diff)
	}
	if f.Hosts[0] != "web-1" {
		t.Errorf("host %q, want the file's name", f.Hosts[0])
	}
}

func TestCSVHosts(t *testing.T) {
	c := mustCSV(t, "time,instance,cpu,label,note\n0,b,1,0,x\n0,a,2,1,y\n60,b,3,1,z\n60,a,4,0,\n", CSVOptions{Ignore: []string{"note"}})
	f := wholeFrame(t, c)
	if diff := cmp.Diff([]string{"a", "b"}, f.Hosts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cpu"}, f.Features); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{{2}, {4}}, rowsOf(f, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestCSVRead(t *testing.T) {
	c := mustCSV(t, "timestamp,cpu,mem\n0,1,10\n60,2,20\n120,3,30\n", CSVOptions{})
	q := Query{Start: time.Unix(60, 0), End: time.Unix(180, 0), Step: time.Minute,
		Exprs: []Expr{{"load", "cpu"}, {"mem", "rate(node_x[$window])"}, {"swap", "swap"}}}
	f := must.Get(c.Read(t.Context(), q))(t)
	if diff := cmp.Diff([][]float64{{2, 20, nan}, {3, 30, nan}, {nan, nan, nan}}, rowsOf(f, 0), sameNumbers); diff != "" {
		t.Error(diff)
	}
	if !errors.Is(f.Failed["swap"], omen.ErrNotFound) || len(f.Failed) != 1 {
		t.Errorf("failed %v, want swap alone", f.Failed)
	}
	q.Exprs = []Expr{{"swap", "swap"}}
	if _, err := c.Read(t.Context(), q); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(omen.Hint(err), "cpu, mem") {
		t.Errorf("err %v with hint %q, want the columns named", err, omen.Hint(err))
	}
}

func TestCSVBadInput(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		o    CSVOptions
		want []string
	}{
		"empty":           {"", CSVOptions{}, []string{"web-1.csv:1", "empty"}},
		"only a header":   {"timestamp,cpu\n", CSVOptions{}, []string{"web-1.csv:1", "no rows"}},
		"text":            {"timestamp,cpu\n0,1\n1,high\n", CSVOptions{}, []string{"web-1.csv:3", "column cpu", `"high" is not a number`}},
		"missing column":  {"timestamp,cpu\n0,1\n", CSVOptions{Time: "when"}, []string{"web-1.csv:1", "column when", "missing"}},
		"ignored missing": {"timestamp,cpu\n0,1\n", CSVOptions{Ignore: []string{"x"}}, []string{"column x", "missing"}},
		"twice":           {"timestamp,cpu,cpu\n0,1,1\n", CSVOptions{}, []string{"column cpu", "twice"}},
		"nameless":        {"timestamp,,cpu\n0,1,1\n", CSVOptions{}, []string{"column 2 has no name"}},
		"no numbers":      {"timestamp,label\n0,1\n", CSVOptions{}, []string{"no column of numbers"}},
		"short line":      {"timestamp,cpu\n0,1\n1\n", CSVOptions{}, []string{"web-1.csv:3", "the row has 1 cell, the header 2"}},
		"bad time":        {"timestamp,cpu\nyesterday,1\n", CSVOptions{}, []string{"web-1.csv:2", "column timestamp", `"yesterday" is not a time`}},
		"minutes alone":   {"timestamp,cpu\n55:33.0,1\n", CSVOptions{}, []string{"web-1.csv:2", "hour and day_of_week"}},
		"bad hour":        {"timestamp,cpu,hour,day_of_week\n55:33.0,1,25,0\n", CSVOptions{}, []string{`hour "25"`}},
		"backwards":       {"timestamp,cpu\n60,1\n0,1\n", CSVOptions{}, []string{"web-1.csv:3", "before the row above"}},
		"long line":       {"timestamp,cpu\n\n0,1,2\n", CSVOptions{}, []string{"web-1.csv:3", "the row has 3 cells, the header 2"}},
		"open quote":      {"timestamp,cpu\n60,1\n120,\"1\n180,1\n240,1\n", CSVOptions{}, []string{"web-1.csv:3", "is not closed"}},
		"open first cell": {"timestamp,cpu\n\"60,1\n", CSVOptions{}, []string{"web-1.csv:2", "is not closed"}},
		"open header":     {"timestamp,\"cpu\n60,1\n", CSVOptions{}, []string{"web-1.csv:1", "is not closed"}},
		"quote within":    {"timestamp,cpu\n60,1\n120,1\"\n", CSVOptions{}, []string{"web-1.csv:3", "a cell that does not begin with one"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readCSV("web-1.csv", strings.NewReader(tt.text), tt.o)
			if !errors.Is(err, omen.ErrInvalid) {
				t.Fatalf("err %v, want one that wraps ErrInvalid", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("err %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestOpenCSVGzip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db-1.csv.gz")
	file := must.Get(os.Create(path))(t)
	z := gzip.NewWriter(file)
	must.Get(z.Write([]byte("timestamp,cpu\n0,1\n")))(t)
	must.OK(t, errors.Join(z.Close(), file.Close()))
	c := must.Get(OpenCSV(path, CSVOptions{}))(t)
	if f := wholeFrame(t, c); f.Hosts[0] != "db-1" || f.At(0, 0, 0) != 1 {
		t.Errorf("hosts %v, value %g", f.Hosts, f.At(0, 0, 0))
	}
	must.OK(t, os.WriteFile(path, []byte("timestamp,cpu\n0,1\n"), 0o644))
	if _, err := OpenCSV(path, CSVOptions{}); err == nil || !strings.Contains(err.Error(), "not gzip") {
		t.Errorf("err %v, want it to say that this is not gzip", err)
	}
}

// The data that the original system collected has times without dates.
func TestOpenCSVSeed(t *testing.T) {
	const path = "../../shared/bench/seed/prometheus.csv.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("../shared is not there")
	}
	c := must.Get(OpenCSV(path, CSVOptions{}))(t)
	start, end := c.span()
	// The file begins on day 1 at 22:55 and ends on day 0 at 15:04, five days and
	// sixteen hours later, if no week was added or lost.
	want := 5*24*time.Hour + 16*time.Hour + 8*time.Minute
	if got := end.Sub(start); (got - want).Abs() > 2*time.Minute {
		t.Errorf("the file spans %s, want about %s", got, want)
	}
	if got := len(c.Columns()); got != 21 {
		t.Errorf("%d columns, want 21 (20 features and hour or weekday)", got)
	}
	if got := len(c.rows["prometheus"]); got != 2263 {
		t.Errorf("%d rows, want 2263", got)
	}
}

// An infinite cell is a gap, as everywhere.
func TestCSVInfiniteIsAGap(t *testing.T) {
	c := must.Get(readCSV("web-1.csv", strings.NewReader("timestamp,cpu\n0,Inf\n\n60,-inf\n120,1e999\n180,NaN\n240,1e300\n"), CSVOptions{}))(t)
	var finite []float64
	for _, values := range c.Rows() {
		if v := values[0]; v == v {
			finite = append(finite, v)
		}
	}
	if !slices.Equal(finite, []float64{1e300}) || !slices.Equal(c.Lines(), []int{2, 4, 5, 6, 7}) {
		t.Errorf("%v, of lines %v", finite, c.Lines())
	}
}

// A file that is compressed and cut off says so.
func TestCSVCutOff(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	must.Get(z.Write([]byte("timestamp,cpu\n" + strings.Repeat("0,1\n", 1000))))(t)
	must.OK(t, z.Close())
	path := filepath.Join(t.TempDir(), "web-1.csv.gz")
	must.OK(t, os.WriteFile(path, b.Bytes()[:b.Len()/2], 0o600))
	if _, err := OpenCSV(path, CSVOptions{}); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), "ends in the middle") {
		t.Errorf("%v", err)
	}
}
