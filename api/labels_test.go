package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
)

// The labels of a host are labels of its series: those that identify it, beside
// instance, and those that it keeps. What is ours stays ours.
func TestMetricsHaveTheHostsLabels(t *testing.T) {
	f := newFixture(t)
	checkout := scored(omen.Host{Source: "prom", Profile: "workload", Name: "shop/checkout"}, 0.5)
	checkout.Labels = map[string]string{"namespace": "shop", "workload": "checkout", "cluster": "eu", "job": "kube-state-metrics", "feature": "beta", "bad-name": "x"}
	other := scored(omen.Host{Source: "prom", Profile: "node", Name: "web-1"}, 0.5)
	f.hosts = []omen.HostStatus{checkout, other}
	f.sources[0].Hosts, f.sources[0].RefusedHosts, f.sources[0].LateHosts, f.sources[0].SilentHosts = 7, 2, 3, 4
	want := `
# HELP anomaly_score How far a host is from what its model expects; 1 is the calibrated limit.
# TYPE anomaly_score gauge
anomaly_score{cluster="eu",exported_feature="beta",exported_job="kube-state-metrics",instance="shop/checkout",namespace="shop",profile="workload",workload="checkout"} 0.5
anomaly_score{instance="web-1",profile="node"} 0.5
# HELP omen_source_hosts Hosts that a source knows, over all its profiles.
# TYPE omen_source_hosts gauge
omen_source_hosts{source="prom"} 7
# HELP omen_source_late_hosts Hosts whose samples come later than the source is read, although those of the others do not.
# TYPE omen_source_late_hosts gauge
omen_source_late_hosts{source="prom"} 3
# HELP omen_source_refused_hosts Hosts that are not judged, since their series are of several hosts.
# TYPE omen_source_refused_hosts gauge
omen_source_refused_hosts{source="prom"} 2
# HELP omen_source_silent_hosts Hosts of a source that send nothing, where those are most of the hosts of one of its profiles; else 0.
# TYPE omen_source_silent_hosts gauge
omen_source_silent_hosts{source="prom"} 4
`
	if err := testutil.CollectAndCompare(f.api.collector(), strings.NewReader(want), "anomaly_score", "omen_source_hosts", "omen_source_late_hosts", "omen_source_refused_hosts", "omen_source_silent_hosts"); err != nil {
		t.Error(err)
	}
}

func TestHostsByLabels(t *testing.T) {
	f := newFixture(t)
	f.hosts[0].Labels = map[string]string{"cluster": "eu", "team": "db"}
	f.hosts[1].Labels = map[string]string{"cluster": "us"}
	for match, want := range map[string]int{`cluster="eu"`: 1, `cluster=~"eu|us"`: 2, `cluster=us,team=db`: 0, `team!=db`: 1, `profile=node`: 1, "": 2} {
		if got := read[Hosts](t, f, "hosts?match="+url.QueryEscape(match)); got.Total != want || len(got.Hosts) != want {
			t.Errorf("%s: %d hosts, want %d", match, got.Total, want)
		}
	}
	for _, bad := range []string{"cluster", "severity=critical"} {
		if status, body, _ := f.call(t, "GET", "/api/v1/omen/hosts?match="+url.QueryEscape(bad), ""); status != 400 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
}

// A verdict on a role of which nothing is known is refused with what to set.
func TestAVerdictOnNoRole(t *testing.T) {
	f := newFixture(t)
	in := f.open(t, "i1")
	for _, path := range []string{"verdict", "verdict/preview"} {
		status, body, _ := f.call(t, "POST", fmt.Sprintf("/api/v1/omen/incidents/%s/%s", in.ID, path), `{"verdict":"not_a_problem","role":true,"by":"ann"}`)
		if status != 400 || !strings.Contains(body, "role_label") || !strings.Contains(body, "labels of source prom") && !strings.Contains(body, "labels_from of source prom") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if patterns := read[Patterns](t, f, "patterns"); len(patterns.Patterns) != 0 {
		t.Errorf("patterns %+v", patterns)
	}
}
