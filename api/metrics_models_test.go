package api

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
)

// loved is a host with everything that is known of a model.
func loved(name string, recall float64, opened int) omen.HostStatus {
	h := scored(omen.Host{Source: "prom", Profile: "node", Name: name}, 0.5)
	h.Model.To = time.Now().Add(-90 * time.Minute)
	h.Drift = omen.Drift{Samples: 100, Busy: 0.25, Expected: 0.125, Shifted: []string{"disk_write"}, Drifting: true}
	h.Stale = opened > 0
	h.SelfTest = []omen.SelfTest{{Kind: "leak", Recall: recall, Delay: time.Duration(recall * float64(time.Minute)), Smallest: 4 * recall}}
	h.Pages = omen.Pages{Promised: 1, Opened: opened, Hosts: 1, Days: 2}
	return h
}

// A feature that no model uses is shown on the host's page only.
func TestFeaturesWithoutValuesCountWhereTheyAreUsed(t *testing.T) {
	f := newFixture(t)
	a, b := loved("a", 1, 1), loved("b", 1, 0)
	a.Gaps = []omen.Gap{{Feature: "cpu", Used: true}, {Feature: "net", Stepping: true}}
	b.Gaps = a.Gaps[1:]
	f.hosts = []omen.HostStatus{a, b}
	want := `
# HELP omen_host_features_without_values Features that a host's model uses and that have had no value for 15 minutes or more although it sends others.
# TYPE omen_host_features_without_values gauge
omen_host_features_without_values{instance="a",profile="node"} 1
omen_host_features_without_values{instance="b",profile="node"} 0
`
	if err := testutil.GatherAndCompare(f.api.registry, strings.NewReader(want), "omen_host_features_without_values"); err != nil {
		t.Error(err)
	}
}

func TestMetricsOfModelsAndPages(t *testing.T) {
	f := newFixture(t)
	f.hosts = []omen.HostStatus{loved("a", 1, 1), loved("b", 0.5, 0), loved("c", 0, 0)}
	f.pages, f.total = omen.Pages{Promised: 1, Opened: 3, Days: 7}, map[omen.Severity]uint64{omen.Critical: 2}
	want := `
# HELP omen_host_pages Incidents of a host that people were notified of in the last week; of the hosts with most, at most 100.
# TYPE omen_host_pages gauge
omen_host_pages{instance="a",profile="node"} 1
# HELP omen_model_drift_ratio Share of a host's scores above half of the limit since its model serves, over a day at most.
# TYPE omen_model_drift_ratio gauge
omen_model_drift_ratio{instance="a",profile="node"} 0.25
omen_model_drift_ratio{instance="b",profile="node"} 0.25
omen_model_drift_ratio{instance="c",profile="node"} 0.25
# HELP omen_model_grade 1 for the grade of a host's model: provisional, learning or established.
# TYPE omen_model_grade gauge
omen_model_grade{grade="established",instance="a",profile="node"} 1
omen_model_grade{grade="established",instance="b",profile="node"} 1
omen_model_grade{grade="established",instance="c",profile="node"} 1
# HELP omen_model_stale 1 if a host's model is older than two intervals between trainings.
# TYPE omen_model_stale gauge
omen_model_stale{instance="a",profile="node"} 1
omen_model_stale{instance="b",profile="node"} 0
omen_model_stale{instance="c",profile="node"} 0
# HELP omen_pages_actual_per_host_week Incidents that people were notified of in the last week, true or false, per host and week; absent while less than a day is known.
# TYPE omen_pages_actual_per_host_week gauge
omen_pages_actual_per_host_week 1
# HELP omen_pages_promised_per_host_week False pages per host and week that the configuration accepts.
# TYPE omen_pages_promised_per_host_week gauge
omen_pages_promised_per_host_week 1
# HELP omen_pages_total Incidents of hosts that people were notified of since the start, by severity at that time.
# TYPE omen_pages_total counter
omen_pages_total{severity="critical"} 2
# HELP omen_selftest_delay_seconds Time until they find one: median over the hosts whose model finds any.
# TYPE omen_selftest_delay_seconds gauge
omen_selftest_delay_seconds{kind="leak"} 60
# HELP omen_selftest_recall_ratio Share of synthetic faults of a kind that hosts' models find, over all sizes: mean over hosts.
# TYPE omen_selftest_recall_ratio gauge
omen_selftest_recall_ratio{kind="leak"} 0.5
# HELP omen_selftest_smallest_deviations Smallest size, in the feature's standard deviations, of which they find half: median over the hosts whose model has one.
# TYPE omen_selftest_smallest_deviations gauge
omen_selftest_smallest_deviations{kind="leak"} 4
`
	names := []string{
		"omen_host_pages", "omen_model_drift_ratio", "omen_model_grade", "omen_model_stale", "omen_pages_actual_per_host_week",
		"omen_pages_promised_per_host_week", "omen_pages_total", "omen_selftest_delay_seconds", "omen_selftest_recall_ratio", "omen_selftest_smallest_deviations",
	}
	if err := testutil.GatherAndCompare(f.api.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(f.api.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	f.pages = omen.Pages{}
	if n, err := testutil.GatherAndCount(f.api.registry, "omen_pages_actual_per_host_week"); n != 0 || err != nil {
		t.Errorf("%d series of actual pages before anything is known, %v", n, err)
	}
}

func TestModelsAndPagesOnTheAPI(t *testing.T) {
	f := newFixture(t)
	young := learns(omen.Host{Source: "prom", Profile: "node", Name: "z"})
	young.Pages = omen.Pages{Promised: 1}
	f.hosts = []omen.HostStatus{loved("a", 1, 1), young}
	f.pages = omen.Pages{Promised: 1, Opened: 1, Days: 2}
	got := read[Hosts](t, f, "hosts?sort=name")
	a, z := got.Hosts[0], got.Hosts[1]
	if a.ModelAge < 5400 || a.ModelAge > 5500 || !a.Stale || a.Drift == nil || a.Drift.Busy != 0.25 || !a.Drift.Drifting ||
		len(a.Drift.Shifted) != 1 || a.Pages.Actual != 3.5 || a.Pages.Opened != 1 {
		t.Errorf("host a: %+v", a)
	}
	if unknown := math.IsNaN(float64(z.ModelAge)) && math.IsNaN(float64(z.Pages.Actual)); !unknown || z.Stale || z.Drift != nil {
		t.Errorf("a host without a model: %+v", z)
	}
	if p := read[Status](t, f, "status").Pages; p == nil || p.Actual != 1.75 || p.Hosts != 2 {
		t.Errorf("status: %+v", p)
	}
}

// A history says what one of its points stands for, also where it is not
// thinned out.
func TestScoreHistoryKnowsItsStep(t *testing.T) {
	f := newFixture(t)
	for i, want := range []Number{15, 30, 30} { // one point alone stands for the source's step
		s := scored(web1, 1).Score
		s.At = at.Add(time.Duration(i) * 30 * time.Second)
		f.api.Observe(omen.Tick{Source: "prom", At: s.At, Scores: []omen.Score{s}})
		got := read[ScoreHistory](t, f, "hosts/web-1:9100/score?from=2026-03-01T11:59:00Z&to=2026-03-01T13:00:00Z")
		if len(got.Times) != i+1 || got.Step != want {
			t.Errorf("%d points 30 s apart have a step of %v s, want %v", len(got.Times), got.Step, want)
		}
	}
}

func TestMetricsOfTrainingsAndSources(t *testing.T) {
	f := newFixture(t)
	for i := range f.hosts {
		f.hosts[i].Training.Failures = []int{omen.FailingTrainings - 1, omen.FailingTrainings}[i]
	}
	f.sources[0].LeftOut = map[string]string{"load": "1 series without the label instance"}
	want := `
# HELP omen_source_left_out_features Features of which series were left out, since they have no label that names a host.
# TYPE omen_source_left_out_features gauge
omen_source_left_out_features{source="prom"} 1
# HELP omen_training_failing_hosts Hosts whose training gave no model three times in a row or more.
# TYPE omen_training_failing_hosts gauge
omen_training_failing_hosts{profile="k8s",source="prom"} 1
omen_training_failing_hosts{profile="node",source="prom"} 0
`
	if err := testutil.CollectAndCompare(f.api.collector(), strings.NewReader(want), "omen_source_left_out_features", "omen_training_failing_hosts"); err != nil {
		t.Error(err)
	}
}
