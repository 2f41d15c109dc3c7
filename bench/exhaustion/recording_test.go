package exhaustion

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// recorded writes a folder with two runs: a file system that fills within five
// hours from the 20th day on, and a process that is killed at three quarters of
// its limit as far as samples show, which are a gap then.
func recorded(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	onset, full := 20*perDay, 20*perDay+5*perHour
	at := func(i int) int64 { return begin.Add(time.Duration(i) * step).Unix() }
	write := func(name, header string, row func(i int) string) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		fmt.Fprintln(z, "timestamp,"+header)
		for i := range duration {
			fmt.Fprintf(z, "%d,%s\n", at(i), row(i))
		}
		must.OK(t, z.Close())
		must.OK(t, os.WriteFile(filepath.Join(dir, name+".csv.gz"), b.Bytes(), 0o600))
	}
	rising := func(i int, from, to float64) float64 {
		return from + (to-from)*min(max(float64(i-onset)/float64(full-onset), 0), 1)
	}
	write("disk", `"node_filesystem_size_bytes{instance=""disk"",mountpoint=""/a,b""}",node_filesystem_free_bytes,node_filesystem_avail_bytes`, func(i int) string {
		used := 1000 * rising(i, .4, 1)
		return fmt.Sprintf("1100,%.0f,%.0f", 1100-used, 1000-used)
	})
	write("leak", `container_memory_working_set_bytes,container_spec_memory_limit_bytes`, func(i int) string {
		if i >= full {
			return ",100000"
		}
		return fmt.Sprintf("%.0f,100000", 1e5*rising(i, .3, .97))
	})
	index := fmt.Sprintf("run,kind,begin,full\ndisk,fill,%d,%d\nleak,killed,%d,%d\n", at(onset), at(full), at(onset), at(full))
	must.OK(t, os.WriteFile(filepath.Join(dir, "runs.csv"), []byte(index), 0o600))
	return dir
}

func TestRecordings(t *testing.T) {
	all := must.Get(LoadRecordings(recorded(t)))(t)
	if len(all) != 2 || all[0].Columns[0].Labels["mountpoint"] != "/a,b" || all[1].Columns[0].Name != "container_memory_working_set_bytes" {
		t.Fatalf("%+v", all[0].Columns)
	}
	n, last := 0, 0
	for samples := range all[1].Samples() {
		n, last = n+1, len(samples)
	}
	if n != duration || last != 1 {
		t.Errorf("%d instants, the last of %d samples; want %d, and the gap left out", n, last, duration)
	}
	r := must.Get(RunRecorded(t.Context(), all, nil))(t)
	for i, kind := range []string{"fill", "killed"} {
		k := r.Kinds[i]
		if k.Name != kind || k.Exhausted != 1 || k.Possible != 1 || k.Methods[0].Found != 1 || k.Methods[0].False != 0 || k.Days != 14 {
			t.Errorf("%s: %+v", kind, k)
		}
	}
}

func TestRecordingsThatAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(dir string){
		"runs.csv":             func(dir string) { must.OK(t, os.Remove(filepath.Join(dir, "runs.csv"))) },
		"want the columns run": func(dir string) { must.OK(t, os.WriteFile(filepath.Join(dir, "runs.csv"), []byte("run\nx\n"), 0o600)) },
		`runs.csv:2: begin "1" and full ""`: func(dir string) {
			must.OK(t, os.WriteFile(filepath.Join(dir, "runs.csv"), []byte("run,kind,begin,full\ndisk,fill,1,\n"), 0o600))
		},
		"disk.csv.gz: it is not gzip": func(dir string) { must.OK(t, os.WriteFile(filepath.Join(dir, "disk.csv.gz"), []byte("x"), 0o600)) },
		`want name{label="value"}`:    func(dir string) { rename(t, dir, "a{b=c}") },
		"row 1 is of 1970-01-01":      func(dir string) { rename(t, dir, "a") },
	} {
		dir := recorded(t)
		spoil(dir)
		all, err := LoadRecordings(dir)
		if err == nil {
			_, err = RunRecorded(t.Context(), all, nil)
		}
		if err == nil || !strings.Contains(err.Error(), want) || want != "runs.csv" && !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// rename gives a recording one other column, of the year 1970.
func rename(t *testing.T, dir, column string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprintf(z, "timestamp,%s\n0,1\n300,1\n", column)
	must.OK(t, z.Close())
	must.OK(t, os.WriteFile(filepath.Join(dir, "disk.csv.gz"), b.Bytes(), 0o600))
}
