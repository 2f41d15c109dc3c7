package api

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify"
)

func TestMetricsOfHosts(t *testing.T) {
	f := newFixture(t)
	silent := scored(omen.Host{Source: "prom", Profile: "node", Name: "gone"}, 2)
	silent.State = omen.HostSilent
	broken := scored(omen.Host{Source: "prom", Profile: "node", Name: "nan"}, math.NaN())
	calm := scored(omen.Host{Source: "prom", Profile: "node", Name: "calm"}, 0.5)
	calm.Score.Level = 1.5
	f.hosts = append(f.hosts, silent, broken, calm)
	want := `
# HELP anomaly_cause_ratio A feature's share of the score; only while the host is anomalous.
# TYPE anomaly_cause_ratio gauge
anomaly_cause_ratio{feature="cpu_iowait",instance="web-1:9100",profile="node"} 0.3
anomaly_cause_ratio{feature="disk_write",instance="web-1:9100",profile="node"} 0.7
# HELP anomaly_detected 1 while a host's score is above its limit and its level.
# TYPE anomaly_detected gauge
anomaly_detected{instance="calm",profile="node"} 0
anomaly_detected{instance="web-1:9100",profile="node"} 1
# HELP anomaly_score How far a host is from what its model expects; 1 is the calibrated limit.
# TYPE anomaly_score gauge
anomaly_score{instance="calm",profile="node"} 0.5
anomaly_score{instance="web-1:9100",profile="node"} 3.5
# HELP omen_alert_level The score above which a host alerts, in units of its model's limit; 1 is the limit itself.
# TYPE omen_alert_level gauge
omen_alert_level{instance="calm",profile="node"} 1.5
omen_alert_level{instance="web-1:9100",profile="node"} 1
`
	names := []string{"anomaly_score", "anomaly_detected", "anomaly_cause_ratio", "omen_alert_level"}
	if err := testutil.GatherAndCompare(f.api.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestHostsOfSeveralSourcesCarryTheirSource(t *testing.T) {
	f := newFixture(t)
	f.hosts = []omen.HostStatus{scored(web1, 0.5), scored(omen.Host{Source: "eu", Profile: "node", Name: web1.Name}, 0.25)}
	f.sources = append(f.sources, omen.SourceStatus{Name: "eu"})
	want := `
# HELP anomaly_score How far a host is from what its model expects; 1 is the calibrated limit.
# TYPE anomaly_score gauge
anomaly_score{instance="web-1:9100",profile="node",source="eu"} 0.25
anomaly_score{instance="web-1:9100",profile="node",source="prom"} 0.5
`
	if err := testutil.GatherAndCompare(f.api.registry, strings.NewReader(want), "anomaly_score"); err != nil {
		t.Error(err)
	}
}

func TestACalendarThatCannotBeReadIsCounted(t *testing.T) {
	f := newFixture(t)
	want := `
# HELP omen_calendar_up 1 if a calendar file can be read; its windows are kept meanwhile.
# TYPE omen_calendar_up gauge
omen_calendar_up{calendar="fine"} 1
omen_calendar_up{calendar="shifts"} 0
`
	if err := testutil.GatherAndCompare(f.api.registry, strings.NewReader(want), "omen_calendar_up"); err != nil {
		t.Error(err)
	}
}

func TestMetricsFollowConventions(t *testing.T) {
	problems := must.Get(testutil.GatherAndLint(everything(t).api.registry))(t)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// everything is an Omen whose /metrics has all series that there can be.
func everything(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.open(t, "i1")
	must.OK(t, f.store.Advance(t.Context(), "relay", 1))
	f.hosts = append(f.hosts, loved("a", 1, 1))
	f.forecasts = []omen.Outlook{expected("web-1:9100", "/var", .9, time.Hour, .5)}
	f.pages, f.total = omen.Pages{Promised: 1, Opened: 1, Days: 4}, map[omen.Severity]uint64{omen.Critical: 2}
	f.call(t, "GET", "/-/healthy", "")
	settings, err := notify.Load([]byte("receivers: [{name: ops, webhook_configs: [{url: 'http://127.0.0.1:1'}]}]\n"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notify.NewRelay(notify.Options{Settings: settings, Metrics: f.api.registry}); err != nil {
		t.Fatal(err)
	}
	return f
}

// served is the names of all series that /metrics can have.
func served(t *testing.T) map[string]bool {
	t.Helper()
	families, err := everything(t).api.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, family := range families {
		names[family.GetName()] = true
	}
	return names
}

var ownSeries = regexp.MustCompile(`\b(anomaly|omen)_[a-z_]+`)

// elsewhere are the series of other parts that rules name; package app's tests
// look for them on the whole /metrics.
var elsewhere = regexp.MustCompile(`^omen_(storage_\w+|host_\w+|watch_\w+|ready|unclean_starts)$`)

// docs/health.md has every alert rule about Omen itself, and no other; its series
// are documented.
func TestEveryTroubleIsDocumented(t *testing.T) {
	read := func(file string) string {
		return string(must.Get(os.ReadFile(filepath.Join("..", filepath.FromSlash(file))))(t))
	}
	health, rules, series := read("docs/health.md"), read("deploy/prometheus/rules.yml"), read("docs/api.md")
	alert := regexp.MustCompile(`\bOmen[A-Z]\w+`)
	inRules, inDocs := map[string]bool{}, map[string]bool{}
	for _, name := range alert.FindAllString(rules, -1) {
		inRules[name] = true
	}
	for _, name := range alert.FindAllString(health, -1) {
		inDocs[name] = true
	}
	if diff := cmp.Diff(inRules, inDocs); diff != "" {
		t.Errorf("alert rules (-rules.yml +docs/health.md):\n%s", diff)
	}
	for _, name := range ownSeries.FindAllString(health, -1) {
		if !strings.Contains(series, "`"+name) {
			t.Errorf("docs/health.md has the series %s, docs/api.md has not", name)
		}
	}
}

func TestRulesAndDashboardUseSeriesThatExist(t *testing.T) {
	names := served(t)
	documented, err := os.ReadFile(filepath.Join("..", "docs", "api.md")) // the watches' own series, which nobody serves here
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ownSeries.FindAllString(string(documented), -1) {
		names[name] = names[name] || strings.HasPrefix(name, "omen_watch_")
	}
	for _, file := range []string{"prometheus/rules.yml", "grafana/omen.json"} {
		text := must.Get(os.ReadFile(filepath.Join("..", "deploy", filepath.FromSlash(file))))(t)
		found := ownSeries.FindAllString(string(text), -1)
		if len(found) < 10 {
			t.Errorf("%s: names only %d series", file, len(found))
		}
		for _, name := range found {
			base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
			if elsewhere.MatchString(name) {
				continue
			}
			if !names[name] && !names[base] {
				t.Errorf("%s: uses %s, which /metrics does not have", file, name)
			}
		}
	}
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: it comes with Debian's package prometheus")
	}
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = filepath.Join("..", "deploy", "prometheus")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPrometheusTakesTheFiles(t *testing.T) {
	promtool(t, "check", "rules", "rules.yml")
	promtool(t, "check", "config", "--syntax-only", "scrape.yml")
	promtool(t, "test", "rules", "rules_test.yml")
}

func TestTheDashboardsQueriesParse(t *testing.T) {
	text := must.Get(os.ReadFile(filepath.Join("..", "deploy", "grafana", "omen.json")))(t)
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	must.OK(t, json.Unmarshal(text, &board))
	ids := map[int]bool{}
	rules := "groups:\n- name: dashboard\n  rules:\n"
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q: its ID %d is another's", p.Title, p.ID)
		}
		ids[p.ID] = true
		for i, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$profile", ".*", "$job", ".*").Replace(target.Expr)
			rules += fmt.Sprintf("  - record: panel_%d_%d\n    expr: %q\n", p.ID, i, expr)
		}
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	must.OK(t, os.WriteFile(file, []byte(rules), 0o600))
	promtool(t, "check", "rules", file)
}

func TestPrometheusTakesTheMetrics(t *testing.T) {
	_, body, _ := everything(t).call(t, "GET", "/metrics", "")
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: it comes with Debian's package prometheus")
	}
	cmd := exec.CommandContext(t.Context(), tool, "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestTheRegistryIsTheCallers(t *testing.T) {
	f := newFixture(t)
	mine := prometheus.NewRegistry()
	a := New(Options{Store: f.store, Manager: f.manager, Runtime: f, Registry: mine})
	defer a.Close()
	if n, err := testutil.GatherAndCount(mine, "anomaly_score"); err != nil || n != 1 {
		t.Errorf("%d scores in the caller's registry: %v", n, err)
	}
}
