//go:build e2e

package test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// ruleFile has what rules are made of: a recording that alerts read alone and
// beside raw series, for, keep_firing_for, a label with a template, absence, and a
// group of its own interval.
const ruleFile = `
groups:
- name: one
  rules:
  - record: instance:busy:avg10s
    expr: avg_over_time(busy[10s])
  - alert: Busy
    expr: instance:busy:avg10s > 0.5 and on (instance) node_memory_MemTotal_bytes > 0
    for: 5s
    labels: {team: ops}
  - alert: Spike
    expr: busy > 0.4
    keep_firing_for: 8s
    labels: {severity: "{{ if gt $value 0.8 }}page{{ else }}info{{ end }}"}
  - alert: Gone
    expr: absent(part{instance="web-1"})
    for: 3s
  - alert: PartBusy
    expr: part * on (instance) group_left () instance:busy:avg10s > 0.15
- name: two
  interval: 2s
  rules:
  - alert: RisesFast
    expr: deriv(busy[8s]) > 0.05 and max_over_time(busy[20s:2s]) < 2
    for: 2s
`

// scripted is an exporter whose values follow from the time since begin.
func scripted(t *testing.T, begin time.Time) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		since, busy := time.Since(begin).Seconds(), 0.1
		switch {
		case since >= 20 && since < 40:
			busy = 1
		case since >= 60 && since < 63:
			busy = .5
		}
		fmt.Fprintf(w, "busy %g\nnode_memory_MemTotal_bytes 8e9\nnode_memory_MemAvailable_bytes %g\n", busy, 4e9+1e7*math.Sin(since))
		if since < 45 || since >= 58 {
			fmt.Fprintln(w, "part 0.2")
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// stretch is a time in which an alert was in a state.
type stretch struct {
	alert    string // with its severity
	from, to time.Time
}

// TestRulesAsPrometheus has Debian's Prometheus evaluate a rule file while values
// come and go, and then omen replay over the same minutes: what fired from when to
// when is what Prometheus has recorded in ALERTS, to an evaluation (which Prometheus
// makes at an odd time within each interval).
func TestRulesAsPrometheus(t *testing.T) {
	prometheus := binary(t, "prometheus")
	bin := omenBinary(t)
	t.Parallel()
	begin := time.Now().Add(5 * time.Second)
	rules := write(t, t.TempDir(), "rules.yml", ruleFile)
	file := write(t, t.TempDir(), "prometheus.yml", fmt.Sprintf(
		"global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: ['%s']\nscrape_configs:\n- job_name: node\n  static_configs:\n  - {targets: ['%s'], labels: {instance: web-1}}\n",
		rules, scripted(t, begin)))
	address := freeAddress(t)
	start(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+t.TempDir(), "--web.listen-address="+address)
	until(t, 30*time.Second, "prometheus is ready", answers("http://"+address+"/-/ready"))
	until(t, 2*time.Minute, "the script is over", func() error {
		if time.Since(begin) < 85*time.Second {
			return errors.New("not yet")
		}
		return nil
	})
	out := must.Get(exec.Command(bin, "replay", "--prometheus.url=http://"+address, "--history=2m", "--step=1s",
		"--against="+rules, "--evaluation-interval=1s", "--json").Output())(t)
	var report struct {
		Against struct {
			Firings []struct {
				Rule            string
				Labels          map[string]string
				Fired, Resolved time.Time
			}
			Failed []struct{ Rule, Why string }
		}
	}
	must.OK(t, json.Unmarshal(out, &report))
	if len(report.Against.Failed) > 0 {
		t.Errorf("not evaluated: %+v", report.Against.Failed)
	}
	var got []stretch
	for _, f := range report.Against.Firings {
		if f.Rule == "Busy" && (f.Labels["team"] != "ops" || f.Labels["instance"] != "web-1") {
			t.Errorf("%s has the labels %v", f.Rule, f.Labels)
		}
		got = append(got, stretch{f.Rule + f.Labels["severity"], f.Fired, f.Resolved})
	}
	// Until the first scrape nothing is there, of which the replay has no samples.
	early := func(s stretch) bool { return s.to.Before(begin.Add(10 * time.Second)) }
	got = slices.DeleteFunc(got, early)
	slices.SortFunc(got, byAlert)
	want := slices.DeleteFunc(recordedAlerts(t, "http://"+address), early)
	seen := map[string]bool{}
	for i, w := range want {
		seen[w.alert] = true
		t.Logf("%s from %s to %s", w.alert, w.from.Sub(begin).Round(time.Second), w.to.Sub(begin).Round(time.Second))
		tolerance := 1100 * time.Millisecond
		if w.alert == "RisesFast" {
			tolerance *= 2
		}
		if len(got) != len(want) {
			continue
		}
		if g := got[i]; g.alert != w.alert || g.from.Sub(w.from).Abs() > tolerance || g.to.Sub(w.to).Abs() > tolerance {
			t.Errorf("Prometheus: %s from %s to %s; replay: %s from %s to %s", w.alert, w.from, w.to, g.alert, g.from, g.to)
		}
	}
	if len(got) != len(want) {
		t.Errorf("Prometheus: %v\nreplay: %v", want, got)
	}
	for _, name := range []string{"Busy", "Spikepage", "Spikeinfo", "Gone", "PartBusy", "RisesFast"} {
		if !seen[name] {
			t.Errorf("%s never fired: the script shows nothing", name)
		}
	}
}

func byAlert(a, b stretch) int {
	return cmp.Or(strings.Compare(a.alert, b.alert), a.from.Compare(b.from))
}

// recordedAlerts are the stretches in which alerts fired, by Prometheus' own series;
// an alert is over an evaluation after its last sample.
func recordedAlerts(t *testing.T, base string) (all []stretch) {
	t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	must.OK(t, getJSON(base+"/api/v1/query?query="+url.QueryEscape(`ALERTS{alertstate="firing"}[5m]`), &answer))
	for _, r := range answer.Data.Result {
		every := time.Second
		if r.Metric["alertname"] == "RisesFast" {
			every = 2 * time.Second
		}
		name := r.Metric["alertname"] + r.Metric["severity"]
		for i, v := range r.Values {
			at := time.UnixMilli(int64(1000 * v[0].(float64)))
			if n := len(all); i == 0 || at.Sub(all[n-1].to) > every/2 {
				all = append(all, stretch{name, at, at.Add(every)})
			} else {
				all[n-1].to = at.Add(every)
			}
		}
	}
	slices.SortFunc(all, byAlert)
	return all
}
