package app

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// healthRow is a row of docs/health.md.
type healthRow struct{ state, ready, metric, incident string }

func healthRows(t *testing.T) (rows []healthRow) {
	t.Helper()
	for line := range strings.Lines(string(must.Get(os.ReadFile("../docs/health.md"))(t))) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "/"), "|")
		if len(cells) != 7 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "state" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, healthRow{cells[1], cells[2], cells[3], cells[4]})
	}
	return rows
}

// Every state that keeps Omen from seeing, scoring, storing or notifying shows where
// docs/health.md says: in /-/ready, in the metric, and as an incident.
func TestEveryStateShowsWhereItIsDocumented(t *testing.T) {
	rows := healthRows(t)
	if len(rows) != len(walk)+len(elsewhere) {
		t.Errorf("docs/health.md has %d states, the walk %d and %d", len(rows), len(walk), len(elsewhere))
	}
	for _, row := range rows {
		if at, ok := elsewhere[row.state]; ok {
			file, name, _ := strings.Cut(at, ":")
			if strings.HasSuffix(file, ".go") {
				name = "\nfunc " + name + "(t *testing.T) {\n"
			}
			if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), name) {
				t.Errorf("%s: there is no %q in %s (%v)", row.state, name, file, err)
			}
			continue
		}
		state, ok := walk[row.state]
		if !ok {
			t.Errorf("no test brings about %q", row.state)
			continue
		}
		t.Run(row.state, func(t *testing.T) {
			if state.long && testing.Short() {
				t.Skip("takes longer than a minute")
			}
			t.Parallel()
			state.show(t, row)
		})
	}
}

// show brings the state about and waits until all that its row says is seen.
func (state provoked) show(t *testing.T, row healthRow) {
	dir := t.TempDir()
	if state.disk {
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size=100m"); err != nil {
			t.Skip("no right to mount a disk: ", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
	at := omenIn{filepath.Join(dir, "omen.yml"), dir, newPeer(t, state)}
	write(t, at.file, "local: {instance: here}\n"+strings.ReplaceAll(state.config, "%s", at.peer.URL))
	seed(t, dir)
	if state.before != nil {
		state.before(t, at)
	}
	p, down := runSeeded(t, at.file)
	t.Cleanup(func() { _ = down.run() }) // what was removed cannot be closed well
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	await := func(what string, seen func() string) {
		t.Helper()
		was := ""
		for wrong := seen(); wrong != ""; wrong = seen() {
			select {
			case <-ctx.Done():
				t.Fatalf("%s: %s", what, was)
			case err := <-p.failed:
				t.Fatal(err)
			case <-tick.C:
			}
			was = wrong
		}
	}
	if state.harm != nil {
		await("before", func() string { return healthRow{ready: "200", incident: "none"}.wrong(ctx, p) })
		state.harm(t, p, at.peer)
		p.storage.check(ctx, time.Now())
		p.storage.say(ctx, p.current.manager)
	}
	await("after", func() string { return row.wrong(ctx, p) })
}

var documentedMetric = regexp.MustCompile("`(omen_\\w+)(?:\\{(\\w+)=\"([^\"]*)\"\\})?`(?: ([01])\\b)?")

// wrong is what of a row is not seen; empty: all is.
func (row healthRow) wrong(ctx context.Context, p *process) string {
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		p.current.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://127.0.0.1"+path, nil))
		return w.Code, w.Body.String()
	}
	if code, text := get("/-/ready"); !strings.HasPrefix(row.ready, strconv.Itoa(code)) {
		return fmt.Sprintf("/-/ready says %d %s, want %s", code, text, row.ready)
	}
	_, metrics := get("/metrics")
	for _, m := range documentedMetric.FindAllStringSubmatch(row.metric, -1) {
		if !shows(metrics, m[1], m[2], strings.Split(m[3], "/"), m[4]) {
			return fmt.Sprintf("/metrics does not show %s", m[0])
		}
	}
	open, err := p.db.OpenIncidents(ctx)
	if err != nil {
		return err.Error()
	}
	kinds := []omen.IncidentKind{}
	for _, in := range open {
		kinds = append(kinds, in.Kind)
	}
	source, own := slices.Contains(kinds, omen.SourceIncident), slices.Contains(kinds, omen.OwnIncident)
	if source != strings.HasPrefix(row.incident, "of the source") || own != strings.HasPrefix(row.incident, "of Omen") {
		return fmt.Sprintf("open incidents are of %v, want one %s", kinds, row.incident)
	}
	return ""
}

// shows reports whether a series has the value, or is above 0 where none is given.
func shows(metrics, name, label string, values []string, want string) bool {
	for line := range strings.Lines(metrics) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if before, _, _ := strings.Cut(series, "{"); before != name {
			continue
		}
		if label != "" && !slices.ContainsFunc(values, func(v string) bool { return strings.Contains(series, label+"=\""+v+"\"") }) {
			continue
		}
		if n, err := strconv.ParseFloat(value, 64); err == nil && (want == value || want == "" && n > 0) {
			return true
		}
	}
	return false
}
