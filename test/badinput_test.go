//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// refused runs omen, which must end by itself with an error that says all of
// these words.
func refused(t *testing.T, args []string, words ...string) {
	t.Helper()
	p := start(t, omenBinary(t), args...)
	err := p.wait(t, 30*time.Second)
	text := p.out.String()
	if exitCode(err) <= 0 {
		t.Errorf("omen %v ended with code %d, want an error\n%s", args, exitCode(err), text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("omen %v does not say %q, but:\n%s", args, word, text)
		}
	}
	if strings.Contains(text, "goroutine ") {
		t.Errorf("omen %v panicked:\n%s", args, text)
	}
}

// What people get wrong before anything runs: each is a clear error.
func TestBadInput(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	serving := func(dir string, more ...string) []string {
		return append([]string{"serve", "--storage.path=" + dir, "--web.listen-address=127.0.0.1:0"}, more...)
	}
	t.Run("unwritable directory", func(t *testing.T) {
		file := write(t, t.TempDir(), "file", "") // a file where a directory should be: root cannot write there either
		refused(t, serving(filepath.Join(file, "data")), file, "--storage.path")
	})
	t.Run("second omen on one directory", func(t *testing.T) {
		dir := t.TempDir()
		first := serve(t, dir)
		refused(t, serving(dir), "already in use", dir)
		if err := answers(first.url + "/-/healthy")(); err != nil {
			t.Errorf("the first one suffered: %v", err)
		}
	})
	t.Run("taken port", func(t *testing.T) {
		first := serve(t, t.TempDir())
		address := strings.TrimPrefix(first.url, "http://")
		refused(t, []string{"serve", "--storage.path=" + t.TempDir(), "--web.listen-address=" + address}, address, "--web.listen-address")
	})
	t.Run("typo in configuration", func(t *testing.T) {
		file := write(t, t.TempDir(), "omen.yml", "pages:\n  per_host_week: 1\nlearn:\n  histroy: 7d\n")
		refused(t, []string{"check", "config", file}, "omen.yml", "4", "histroy", "history")
		refused(t, serving(t.TempDir(), "--config.file="+file), "omen.yml", "4", "histroy")
	})
	t.Run("no such file", func(t *testing.T) {
		refused(t, serving(t.TempDir(), "--config.file=/nowhere/omen.yml"), "/nowhere/omen.yml")
	})
	t.Run("url that is none", func(t *testing.T) {
		refused(t, serving(t.TempDir(), "--prometheus.url=prometheus:9090:x"), "prometheus:9090:x")
	})
	t.Run("unknown flag", func(t *testing.T) {
		refused(t, []string{"serve", "--storage.pth=x"}, "--storage.pth")
	})
	t.Run("csv with text in a number", func(t *testing.T) {
		file := write(t, t.TempDir(), "bad.csv", "timestamp,instance,cpu\n2026-01-01T00:00:00Z,a,0.5\n2026-01-01T00:01:00Z,a,lots\n")
		refused(t, []string{"train", file}, "bad.csv", "lots")
	})
	t.Run("reload of a bad file", func(t *testing.T) {
		dir := t.TempDir()
		file := write(t, dir, "omen.yml", "local: {step: 1s}\n")
		o := serve(t, t.TempDir(), "--config.file="+file)
		write(t, dir, "omen.yml", "local: {setp: 1s}\n")
		r := must.Get(client.Post(o.url+"/-/reload", "application/json", nil))(t)
		_ = r.Body.Close()
		if r.StatusCode < 400 {
			t.Errorf("reload of a file with a typo: %s", r.Status)
		}
		if err := answers(o.url + "/-/healthy")(); err != nil {
			t.Errorf("the old configuration does not go on: %v", err)
		}
	})
}

// ended is a source whose hosts sent their last samples so long ago.
func ended(t *testing.T, ago time.Duration) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, end, step := number(r.FormValue("start")), number(r.FormValue("end")), number(r.FormValue("step"))
		kind, result := "matrix", ""
		if step == 0 {
			kind = "vector"
		}
		if first := max(number(r.FormValue("time")), start); first < float64(time.Now().Add(-ago).Unix()) && kind == "vector" {
			result = fmt.Sprintf(`{"metric":{"instance":"web-1"},"value":[%f,"12"]}`, first)
		} else if kind == "matrix" {
			var values []string
			for at := start; at <= end && at < float64(time.Now().Add(-ago).Unix()); at += step {
				values = append(values, fmt.Sprintf(`[%f,"12"]`, at))
			}
			if len(values) > 0 {
				result = `{"metric":{"instance":"web-1"},"values":[` + strings.Join(values, ",") + `]}`
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":%q,"result":[%s]}}`, kind, result)
	}))
	t.Cleanup(s.Close)
	return s
}

// A dead, a lying and a refusing source, and one that has history and nothing
// for now: Omen runs, says which is which, is not ready, and judges no host.
func TestBadSources(t *testing.T) {
	omenBinary(t)
	t.Parallel()

	w := newWorld(t)
	conf := write(t, t.TempDir(), "omen.yml", fmt.Sprintf(`
incidents: {source_down: 3s}
sources:
- {name: dead, url: 'http://%s', step: 1s, timeout: 1s}
- {name: liar, url: '%s', step: 1s, timeout: 1s}
- {name: ended, url: '%s', step: 1s, timeout: 1s}
`, freeAddress(t), w.webhook.URL, ended(t, 2*time.Hour).URL))

	o := serve(t, t.TempDir(), "--config.file="+conf)
	until(t, time.Minute, "all sources are down and one incident each", func() error {
		var page struct {
			Sources []struct{ Name, State, Err string } `json:"sources"`
		}
		if err := getJSON(o.url+"/api/v1/omen/sources", &page); err != nil {
			return err
		}
		for _, s := range page.Sources {
			if s.State != "down" || s.Err == "" {
				return fmt.Errorf("source %+v", s)
			}
		}
		open, err := o.incidents("state=active")
		if err == nil && (len(page.Sources) != 3 || len(open) != 3 || open[0].Kind != "source") {
			err = fmt.Errorf("%d sources, incidents %+v", len(page.Sources), open)
		}
		return err
	})
	until(t, time.Minute, "it is not ready", func() error {
		_, err := get(o.url + "/-/ready")
		if err == nil || !strings.Contains(err.Error(), "is down since") {
			return fmt.Errorf("/-/ready: %v", err)
		}
		return nil
	})
}

// damage damages what a stopped Omen with models has on disk. A damaged model
// or block costs itself only; a damaged database is refused and left alone.
func damage(t *testing.T, dir, prometheus string) {
	t.Helper()
	sqlite := binary(t, "sqlite3")
	database := filepath.Join(dir, "omen.db")
	out, err := exec.Command(sqlite, database, "UPDATE model_blob SET data = zeroblob(length(data)); SELECT changes();").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) == "0" {
		t.Fatalf("damage models: %v: %s", err, out)
	}
	block := filepath.Join(dir, "metrics", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
	must.OK(t, os.MkdirAll(block, 0o750))
	write(t, block, "meta.json", "{ torn")
	o := serve(t, dir, "--prometheus.url="+prometheus)
	until(t, 3*time.Minute, "models are trained again after damage", o.scored("web-1", "web-2", "db-1"))
	if _, err := os.Stat(block); err == nil {
		t.Error("the damaged block is where it was")
	}
	if text := o.out.String(); !strings.Contains(text, "corrupt") || !strings.Contains(text, "damaged") {
		t.Errorf("the log does not say what was damaged:\n%s", tail(text, 3000))
	}
	o.stop()

	data := must.Get(os.ReadFile(database))(t)
	copy(data, "this is not what SQLite wrote here, and more than a hundred bytes of its header are gone by now, every one of them")
	must.OK(t, os.WriteFile(database, data, 0o600))
	refused(t, []string{"serve", "--storage.path=" + dir, "--web.listen-address=127.0.0.1:0"}, database, "corrupt")
	after, err := os.ReadFile(database)
	if err != nil || string(after) != string(data) {
		t.Errorf("the damaged database was touched: %v", err)
	}
}
