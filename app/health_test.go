package app

import (
	"context"
	"fmt"
	"net/http"
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

// provoked is a state of docs/health.md as the walk brings it about.
type provoked struct {
	config string // beside "local"; %s is the address of a server that answers every query with nothing, and refuses every message
	harm   func(t *testing.T, p *process)
}

// walk is the states that are brought about here, each in an Omen of its own.
var walk = map[string]provoked{
	"a source does not answer":            {config: "sources: [{name: b, url: 'http://127.0.0.1:1', step: 1s}]\nincidents: {source_down: 1s}\n"},
	"a source has no host of the profile": {config: "sources: [{name: b, url: '%s', step: 1s}]\n"},
	"a calendar cannot be read":           {config: "calendars: [{name: ops, file: none.ics, match: [host=x]}]\n"},
	"the data directory was removed or replaced": {harm: func(t *testing.T, p *process) {
		must.OK(t, os.Rename(DatabasePath(p.o.StoragePath), p.o.StoragePath+"/elsewhere"))
	}},
	"rows of the database are damaged": {harm: func(t *testing.T, p *process) {
		damage(t, p.o.StoragePath)
		must.Get(p.db.Windows(t.Context()))(t)
	}},
	"a disk that hangs: a write does not return within 10 s": {harm: func(t *testing.T, p *process) {
		reserve := filepath.Join(p.o.StoragePath, reserveFile)
		p.storage.one.Lock()
		p.storage.within = 50 * time.Millisecond
		p.storage.one.Unlock()
		must.OK(t, os.Remove(reserve))
		must.OK(t, syscall.Mkfifo(reserve, 0o600))
		t.Cleanup(func() { // somebody reads: the write returns
			if f, err := os.OpenFile(reserve, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
				_ = f.Close()
			}
			_ = os.Remove(reserve)
		})
	}},
	"a receiver does not answer, or refuses": {
		config: "receivers: [{name: ops, webhook_configs: [{url: '%s'}]}]\nroute: {receiver: ops}\n",
		harm: func(t *testing.T, p *process) {
			must.OK(t, p.current.manager.Report(t.Context(), "test", omen.Critical, "something to say"))
			must.OK(t, p.current.manager.Resolve(t.Context(), "test"))
		},
	},
}

// elsewhere are the tests that bring about the other states: they need a disk, a
// clock, a model or a process of their own.
var elsewhere = map[string]string{
	"a source answers, and none of its hosts sends anything":                                   "../watch/watch_test.go:none of its 2 hosts",
	"a source is seen in one of its profiles and not in another":                               "generation_test.go:TestASourceInTwoProfiles",
	"series of several hosts have one identity, such as two clusters with the same `instance`": "../watch/labels_test.go:TestACollisionComesAndGoes",
	"a feature's query fails, or series name no host":                                          "../api/metrics_models_test.go:omen_source_left_out_features",
	"more hosts than `max_hosts`":                                                              "../watch/gone_test.go:TestMoreHostsThanAreWatched",
	"samples come late":                                                                        "../series/late_test.go:TestRemoteMeasuresHowLateSamplesCome",
	"reading a source takes longer than its step":                                              "../api/metrics_test.go:TestRulesAndDashboardUseSeriesThatExist",
	"training keeps failing":                                                                   "../api/metrics_models_test.go:omen_training_failing_hosts",
	"a model is old or the host has drifted":                                                   "../watch/known_test.go:TestDriftAndSelfTestAreShown",
	"more pages than promised":                                                                 "pages_test.go:TestPagesAreCounted",
	"nothing is scored though a source answers":                                                "generation_test.go:TestStalled",
	"scores or forecasts are dropped since the incident manager is busy":                       "../incident/manager_test.go:TestOfferNeverWaits",
	"a limit's query fails, or the history of its resources cannot be read":                    "../watch/limits_test.go:TestABrokenLimitIsSaid",
	"a host has more than 100 resources with a limit":                                          "../watch/limits_test.go:TestResourcesAreBounded",
	"incidents cannot be stored":                                                               "lifecycle_test.go:TestFullDisk",
	"the disk is nearly full (95 %)":                                                           "storage_test.go:TestADiskThatIsNearlyFull",
	"the disk is full":                                                                         "storage_test.go:TestADiskThatIsReallyFull",
	"the models of before the start are not loaded yet":                                        "../watch/pulse_test.go:TestLoadedIsWhenTheModelsOfBeforeServe",
	"the database or a part of Omen cannot start":                                              "lifecycle_test.go:TestAPartThatEndsEndsTheProcess",
	"crash loop":           "storage_test.go:TestACrashLoopIsSaid",
	"the clock was set":    "clock_test.go:TestAnHourThatComesAgainIsSaid",
	"a receiver is behind": "../api/metrics_test.go:TestRulesAndDashboardUseSeriesThatExist",
	"a template fails":     "../notify/rendering_test.go:/template",
	"reachable without a password (`--web.allow-unauthenticated`)": "access_test.go:TestExposed",
	"Omen itself does not answer":                                  "../web/ui/e2e/foundations.mjs:SIGSTOP",
}

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
			if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), name) {
				t.Errorf("%s: there is no %s in %s (%v)", row.state, name, file, err)
			}
			continue
		}
		state, ok := walk[row.state]
		if !ok {
			t.Errorf("no test brings about %q", row.state)
			continue
		}
		t.Run(row.state, func(t *testing.T) {
			t.Parallel()
			state.show(t, row)
		})
	}
}

// show brings the state about and waits until all that its row says is seen.
func (state provoked) show(t *testing.T, row healthRow) {
	nothing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			w.WriteHeader(http.StatusBadRequest)
		case strings.HasSuffix(r.URL.Path, "/query_range"):
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"matrix","result":[]}}`))
		default:
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
		}
	}))
	t.Cleanup(nothing.Close)
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "local: {instance: here}\n"+strings.ReplaceAll(state.config, "%s", nothing.URL))
	p, down := runParts(t, file)
	t.Cleanup(func() { _ = down.run() }) // what was removed cannot be closed well
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	await := func(what string, seen func() string) {
		t.Helper()
		for wrong := seen(); wrong != ""; wrong = seen() {
			select {
			case <-ctx.Done():
				t.Fatalf("%s: %s", what, wrong)
			case err := <-p.failed:
				t.Fatal(err)
			case <-tick.C:
			}
		}
	}
	if state.harm != nil {
		await("before", func() string { return healthRow{ready: "200", incident: "none"}.wrong(ctx, p) })
		state.harm(t, p)
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
