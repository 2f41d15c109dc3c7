package watch

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// onset is when the pod shop/a-1 of the node n1 begins to use 1.6 processors more, of
// the four that the node has.
var onset = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// nodeWorld is what a Prometheus has of a node of four processors and its pods.
type nodeWorld struct {
	instance, nodename, ip string            // of node_exporter, and of kube_node_info
	by                     map[string]string // the labels of containers' series; nil: there are none
	nodes                  []map[string]string
	rollout                bool          // shop/a-1, at 1.8 processors all the time, is replaced by shop/a-2 at the onset
	yesterday              bool          // shop/job-1, at 1.8 processors, ran at this hour of the day before
	crowd                  bool          // there are 500 pods more
	cluster                string        // that Omen's configuration gives the source
	outside                bool          // it is a process of the host, and no pod
	scrape                 time.Duration // of containers
	processes              bool          // more processes than usual lead, of which containers' series say nothing
}

func newNodeWorld() nodeWorld {
	return nodeWorld{
		instance: "10.0.0.1:9100", nodename: "n1", ip: "10.0.0.1", by: map[string]string{"node": "n1", "instance": "10.0.0.1:10250"},
		nodes: []map[string]string{{"node": "n1", "internal_ip": "10.0.0.1", "system_uuid": "u1"}, {"node": "n2", "internal_ip": "10.0.0.2", "system_uuid": "u2"}}, scrape: 15 * time.Second,
	}
}

// at are the samples of an instant, d after the onset.
func (n nodeWorld) at(d time.Duration) (all []series.Sample) {
	add := func(name string, v float64, labels map[string]string, more ...string) {
		ls := maps.Clone(labels)
		for i := 0; i < len(more); i += 2 {
			ls[more[i]] = more[i+1]
		}
		all = append(all, series.Sample{Name: name, Labels: ls, At: onset.Add(d), Value: v})
	}
	const begun = 100_000.0 // seconds of counters at the onset
	since, extra := begun+d.Seconds(), 1.6*max(0, d.Seconds())
	host := map[string]string{"instance": n.instance, "job": "node"}
	add("node_uname_info", 1, host, "nodename", n.nodename)
	add("node_memory_MemTotal_bytes", 16e9, host)
	add("node_memory_MemAvailable_bytes", 8e9, host)
	for _, cpu := range []string{"0", "1", "2", "3"} {
		busy := 0.5*since + extra/4
		add("node_cpu_seconds_total", busy, host, "cpu", cpu, "mode", "user")
		add("node_cpu_seconds_total", since-busy, host, "cpu", cpu, "mode", "idle")
	}
	for _, one := range n.nodes {
		for _, replica := range []string{"ksm-0", "ksm-1"} {
			add("kube_node_info", 1, one, "instance", replica)
		}
	}
	if n.by == nil || int(d.Seconds())%int(n.scrape.Seconds()) != 0 {
		return all
	}
	pod := func(name, workload string, used float64, made time.Duration) {
		of := map[string]string{"namespace": "shop", "pod": name}
		add("kube_pod_owner", 1, of, "owner_kind", "ReplicaSet", "owner_name", workload+"-5d4f8c7b9")
		add("kube_pod_created", float64(onset.Add(made).Unix()), of)
		in := maps.Clone(n.by)
		maps.Copy(in, of)
		for _, container := range []string{"", "POD", "app"} { // what is not a container counts no part twice
			add("container_cpu_usage_seconds_total", used, in, "container", container)
		}
	}
	day := -24 * time.Hour
	switch {
	case n.outside:
		pod("a-1", "a", 0.2*since, day)
	case n.rollout && d < 0:
		pod("a-1", "a", 1.8*since, day)
	case n.rollout:
		pod("a-2", "a", 1.8*d.Seconds(), 0)
	default:
		pod("a-1", "a", 0.2*since+extra, day)
	}
	if n.yesterday && d < -time.Hour {
		pod("job-1", "job", 1.8*since, day)
	}
	if n.crowd && d == 5*time.Minute {
		for i := range podsMost {
			pod(fmt.Sprintf("crowd-%d", i), "crowd", 0, day)
		}
	}
	pod("b-1", "b", 0.6*since, day)
	pod("c-1", "c", 0.1*since, day)
	return all
}

// watch is a watch of that, five minutes after the onset, with the node as its host.
func (n nodeWorld) watch(t *testing.T, labels map[string]string) (*Watch, omen.Incident) {
	t.Helper()
	var now time.Time
	db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir(), Retention: 365 * 24 * time.Hour, Now: func() time.Time { return now }}))(t)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	past := func(from, to time.Duration) {
		for d := from; d <= to; d += 15 * time.Second {
			now = onset.Add(d)
			must.OK(t, db.Append(t.Context(), n.at(d)))
		}
	}
	if n.yesterday {
		past(-24*time.Hour-10*time.Minute, -24*time.Hour+10*time.Minute)
	}
	past(-50*time.Minute, 5*time.Minute)
	schema := must.Get(feature.NewSchema(feature.Node()))(t)
	w := New(Options{Source: db, Name: "k", Schema: schema, Step: 15 * time.Second, Labels: map[string]string{"cluster": n.cluster}})
	id := schema.Host("k", n.instance)
	all := map[string]string{"instance": n.instance}
	maps.Copy(all, labels)
	w.hosts[id.Name], w.last = &host{id: id, labels: all}, now
	return w, omen.Incident{ID: "i1", Kind: omen.HostIncident, Host: id, State: omen.Open, Since: onset, Causes: []omen.Cause{
		{Feature: "load_per_core", Share: 0.5, Unit: omen.Count, Actual: 2, Expected: 1},
		{Feature: "cpu_user", Share: 0.4, Unit: omen.Ratio, Actual: 0.9, Expected: 0.5},
	}}
}

// What is read of a node's pods, and what follows from it: by each of the names that a
// node may be known by, and each of the labels of its containers.
func TestPodsOfANode(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*nodeWorld)
		labels map[string]string
		node   string // empty: it is none
		pod    string // that is to blame; empty: nobody
		why    string
	}{
		"by its label":           {func(n *nodeWorld) { n.nodename, n.instance = "other", "web-1:9100" }, map[string]string{"node": "n1"}, "n1", "a-1", ""},
		"by its nodename":        {func(n *nodeWorld) { n.instance = "web-1:9100" }, nil, "n1", "a-1", ""},
		"by its address":         {func(n *nodeWorld) { n.nodename = "other" }, nil, "n1", "a-1", ""},
		"containers by instance": {func(n *nodeWorld) { n.by = map[string]string{"instance": "10.0.0.1:10250"} }, nil, "n1", "a-1", ""},
		"containers by hostname": {func(n *nodeWorld) {
			n.by = map[string]string{"instance": "kubernetes:443", "kubernetes_io_hostname": "n1"}
		}, nil, "n1", "a-1", ""},
		"scraped half as often": {func(n *nodeWorld) { n.scrape = 30 * time.Second }, nil, "n1", "a-1", ""},
		"its cluster alone": {func(n *nodeWorld) {
			n.nodes = []map[string]string{{"node": "n1", "cluster": "eu"}, {"node": "n1", "cluster": "us"}}
			n.by["cluster"] = "eu"
		}, map[string]string{"node": "n1", "cluster": "eu"}, "n1", "a-1", ""},
		"no node at all":              {func(n *nodeWorld) { n.nodes = nil }, nil, "", "", ""},
		"another machine":             {func(n *nodeWorld) { n.instance, n.nodename = "192.168.0.7:9100", "vm" }, nil, "", "", ""},
		"of two clusters":             {func(n *nodeWorld) { n.nodes = append(n.nodes, map[string]string{"node": "n1", "system_uuid": "u3"}) }, nil, "n1", "", "a node of several clusters"},
		"one address of two":          {func(n *nodeWorld) { n.nodename, n.nodes[1]["internal_ip"] = "other", "10.0.0.1" }, nil, "n1", "", "by its internal_ip the host is several nodes: n1, n2"},
		"its first metric is dropped": {func(n *nodeWorld) { n.processes = true }, nil, "n1", "a-1", ""},
		"no cAdvisor":                 {func(n *nodeWorld) { n.by = nil }, nil, "n1", "", "no container_cpu_usage_seconds_total of the node: cAdvisor's metrics"},
		"a host's process":            {func(n *nodeWorld) { n.outside = true }, nil, "n1", "", "a process of the host itself"},
		"more pods than are read":     {func(n *nodeWorld) { n.crowd = true }, nil, "n1", "", "503 pods have series of it"},
		"a cluster of Omen's alone":   {func(n *nodeWorld) { n.cluster = "eu" }, map[string]string{"cluster": "eu"}, "n1", "a-1", ""},
		"yesterday's job":             {func(n *nodeWorld) { n.yesterday = true }, nil, "n1", "a-1", ""},
		"a rollout":                   {func(n *nodeWorld) { n.rollout, n.outside = true, false }, nil, "n1", "", "in no pod"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNodeWorld()
			c.edit(&n)
			w, in := n.watch(t, c.labels)
			if n.processes {
				in.Causes = append([]omen.Cause{{Feature: "processes", Share: 0.6, Unit: omen.Count, Actual: 900, Expected: 300}}, in.Causes...)
			}
			use := must.Get(w.Pods(t.Context(), in))(t)
			if use.Node != c.node {
				t.Fatalf("node %q, want %q: %s", use.Node, c.node, use.Missing)
			}
			if c.node == "" {
				return
			}
			if b := remedy.Blame(*use); b.Pod != c.pod || !strings.Contains(b.Why, c.why) {
				t.Errorf("blames %q: %s\nsurplus %v, outside %v, pods %+v\nuse %+v", b.Pod, b.Why, b.Surplus, b.Outside, b.Pods, use)
			} else if c.pod != "" && (b.Feature != "cpu_user" || b.Surplus < 0.3 || b.Surplus > 0.42 || b.Pods[0].Share < 0.85 || b.Pods[0].Share > 1.15 || b.Pods[0].Workload != "ReplicaSet/a" && b.Pods[0].Workload != "") {
				t.Errorf("%+v", b)
			}
		})
	}
}

// What is not measured by pod, what is trivial, and what is too young is not judged.
func TestPodsAreNotReadForEverything(t *testing.T) {
	w, in := newNodeWorld().watch(t, nil)
	in.Causes = in.Causes[:1]
	if use := must.Get(w.Pods(t.Context(), in))(t); !strings.HasPrefix(use.Missing, "load_per_core is not measured by pod") {
		t.Errorf("%+v", use)
	}
	in.Causes[0].Trivial = true
	if use := must.Get(w.Pods(t.Context(), in))(t); use != nil {
		t.Errorf("trivial: %+v", use)
	}
	in.Causes[0].Trivial, in.Since = false, w.last.Add(-30*time.Second)
	if use := must.Get(w.Pods(t.Context(), in))(t); use != nil {
		t.Errorf("young: %+v", use)
	}
	in.Host.Name = "unknown"
	if use := must.Get(w.Pods(t.Context(), in))(t); use != nil {
		t.Errorf("unknown: %+v", use)
	}
}
