package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// write makes files under a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		must.OK(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must.OK(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

const (
	goodTrain = "timestamp,a,b\n0,1,2\n60,1,2\n120,1,2\n"
	goodTest  = "timestamp,a,b,label\n180,1,2,0\n240,1,,1\n300,1,2,1\n360,1,2,0\n"
)

func TestLoad(t *testing.T) {
	dir := write(t, map[string]string{
		"set/h1/train.csv": goodTrain, "set/h1/test.csv": goodTest, "set/h1/causes.txt": "1-2:2\n",
		"set/h2/train.csv": goodTrain, "set/h2/test.csv": goodTest,
		"reference/scores.csv": "score,label\n1,0\n",
	})
	for _, at := range []string{".", "set", "set/h1"} {
		all, err := Load(filepath.Join(dir, at))
		if err != nil {
			t.Fatal(at, err)
		}
		s := all[0]
		if want := map[string]int{".": 2, "set": 2, "set/h1": 1}[at]; len(all) != want {
			t.Errorf("%s: %d series, want %d", at, len(all), want)
		}
		if s.Set != "set" || s.Name != "h1" || s.Step != time.Minute || len(s.Train) != 3 || s.PerDay() != 1440 {
			t.Errorf("%s: set %q, name %q, step %v, %d rows", at, s.Set, s.Name, s.Step, len(s.Train))
		}
		if diff := cmp.Diff([]Segment{{Start: 1, End: 2, Blamed: []int{1}}}, s.Segments); diff != "" {
			t.Errorf("%s: segments (-want +got):\n%s", at, diff)
		}
		if x := s.Test[1].Values[1]; x == x {
			t.Errorf("%s: the empty cell is %v, want NaN", at, x)
		}
	}
	twice, err := Load(dir, filepath.Join(dir, "set"))
	if err != nil || len(twice) != 2 {
		t.Errorf("a folder and its parent: %d series, %v; want each once", len(twice), err)
	}
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct {
		name                string
		train, test, causes string
		want                []string // all in the error
	}{
		{"text in a number", goodTrain, strings.Replace(goodTest, "300,1,2", "300,many,2", 1), "", []string{"test.csv:4", "column a", `"many"`}},
		{"infinite label", goodTrain, strings.Replace(goodTest, "300,1,2,1", "300,1,2,Inf", 1), "", []string{"test.csv:4", "column label", "no finite number is neither 0 nor 1"}},
		{"a blank line before", goodTrain, strings.Replace(goodTest, "300,1,2,1", "\n300,1,2,7", 1), "", []string{"test.csv:5", "column label", "7 is neither 0 nor 1"}},
		{"an open quote", goodTrain, strings.Replace(goodTest, "240,", "240,\"", 1), "", []string{"test.csv:3", "not closed"}},
		{"text in the time", "timestamp,a,b\n0,1,2\nnoon,1,2\n", goodTest, "", []string{"train.csv:3", "column timestamp", `"noon"`}},
		{"no time", "time,a,b\n0,1,2\n", goodTest, "", []string{"train.csv:1", "column timestamp"}},
		{"no label", goodTrain, strings.Replace(goodTest, "label", "lab", 1), "", []string{"test.csv:1", `"label"`}},
		{"no label column", goodTrain, "timestamp,a,b\n180,1,2\n240,1,2\n300,1,2\n", "", []string{"test.csv:1", `"label"`}},
		{"label of 2", goodTrain, strings.Replace(goodTest, "1,2,1", "1,2,2", 1), "", []string{"test.csv:4", "column label", "2 is neither"}},
		{"missing column", goodTrain, "timestamp,a,label\n180,1,0\n240,1,0\n300,1,0\n", "", []string{"test.csv", `"b"`}},
		{"nothing but labels", "timestamp,label\n0,1\n", goodTest, "", []string{"train.csv:1", "no metric"}},
		{"other order", "timestamp,b,a\n0,1,2\n60,1,2\n120,1,2\n", goodTest, "", []string{"order"}},
		{"short row", goodTrain, strings.Replace(goodTest, "360,1,2,0", "360,1,2", 1), "", []string{"test.csv:5", "3 cells, the header 4"}},
		{"time stands still", strings.Replace(goodTrain, "120,", "60,", 1), goodTest, "", []string{"train.csv:4", "60"}},
		{"test before train", goodTrain, strings.Replace(goodTest, "180,", "100,", 1), "", []string{"test.csv:2", "100"}},
		{"odd column", strings.Replace(goodTrain, "a,b", "a,\"cpu, x\"", 1), goodTest, "", []string{"train.csv:1: column \"cpu, x\"", "letters, digits"}},
		{"one row", goodTrain, "timestamp,a,b,label\n180,1,2,0\n", "", []string{"test.csv", "1 rows"}},
		{"cause beyond the rows", goodTrain, goodTest, "1-9:1", []string{"causes.txt:1: ", "1-9", "0-3"}},
		{"cause beyond the columns", goodTrain, goodTest, "1-2:1\n1-2:3", []string{"causes.txt:2: ", "3", "1-2"}},
		{"cause of nothing", goodTrain, goodTest, "0-0:1", []string{"causes.txt:1: ", "0-0", "labelled"}},
		{"cause without metrics", goodTrain, goodTest, "1-2", []string{"causes.txt:1: ", "start-end"}},
		{"cause in words", goodTrain, goodTest, "1-2:cpu", []string{"causes.txt:1: ", `"cpu"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"set/h/train.csv": c.train, "set/h/test.csv": c.test}
			if c.causes != "" {
				files["set/h/causes.txt"] = c.causes
			}
			_, err := Load(write(t, files))
			if err == nil {
				t.Fatal("no error")
			}
			if !errors.Is(err, omen.ErrInvalid) && !errors.Is(err, omen.ErrTooFew) {
				t.Errorf("kind of %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
	for name, dir := range map[string]string{"absent": "no/such/folder", "empty": t.TempDir()} {
		if _, err := Load(dir); !errors.Is(err, omen.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := write(t, map[string]string{"set/h/train.csv": goodTrain, "set/h/test.csv.gz": "no gzip"})
	if _, err := Load(broken); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), "test.csv.gz") {
		t.Errorf("not gzip: %v", err)
	}
}

// A series that has one of its files only is named, wherever it is; it is not left out.
func TestASeriesWithHalfOfItsFiles(t *testing.T) {
	dir := write(t, map[string]string{"set/h1/train.csv": goodTrain, "set/h1/test.csv": goodTest, "set/h2/train.csv": goodTrain, "set/h3/train.csv": goodTrain, "set/h3/test.csv": goodTest})
	for _, at := range []string{".", "set", "set/h2"} {
		if _, err := Load(filepath.Join(dir, at)); !errors.Is(err, omen.ErrNotFound) || !strings.Contains(err.Error(), "series set/h2 in ") || !strings.Contains(err.Error(), "it has no test.csv.gz or test.csv") {
			t.Errorf("%s: %v", at, err)
		}
	}
	must.OK(t, os.Remove(filepath.Join(dir, "set/h1/train.csv")))
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "series set/h1 in ") || !strings.Contains(err.Error(), "it has no train.csv.gz or train.csv") {
		t.Errorf("%v", err)
	}
}

// What is no number of an option is said in words, and a value that is twice, too.
func TestParseSettingErrors(t *testing.T) {
	for text, want := range map[string]string{
		"ridge": "no values", "ridge=": `"" is no number`, "ridge=3,x": `"x" is no number`, "epochs=1.5": `"1.5" is no whole number`,
		"without.season=maybe": `"maybe" is no switch: true or false`, "ridge=3,3": "the value 3 is there twice", "none=1": `no option "none"`,
	} {
		if _, err := ParseSetting(text); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "strconv") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
