//go:build e2e

package test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// kubeNode is a machine as a node of Kubernetes, by the text of kube-state-metrics and
// cAdvisor. All is a function of time and of the machine's own flood.
type kubeNode struct {
	*machine
	node     string
	flooder  bool // what floods the disk is the pod writer-0, and not a process of the host
	cadvisor bool // its source has cAdvisor's metrics
}

// at is everything that is measured at an instant, families together.
func (n kubeNode) at(now time.Time) (all []metric) {
	add := func(family, labels string, v float64) {
		all = append(all, metric{family: family, labels: labels, kind: "gauge", value: v})
	}
	add("node_uname_info", fmt.Sprintf(`job="node",instance="%s",nodename="%s"`, n.name, n.node), 1)
	const ksm = `job="kube-state-metrics",instance="ksm:8080",`
	add("kube_node_info", ksm+fmt.Sprintf(`node="%s",internal_ip="10.0.0.%d",system_uuid="uuid-%s"`, n.node, len(n.node), n.node), 1)
	t := now.Sub(epoch).Seconds()
	for i, pod := range []string{"writer-0 StatefulSet writer", "web-7c9bd6f4x-bx2kp ReplicaSet web-7c9bd6f4x", "agent-4lqzw DaemonSet agent"} {
		w := strings.Fields(pod)
		if i > 0 {
			w[0] += n.node // each node has its own
		} else if !n.flooder {
			continue
		}
		of := fmt.Sprintf(`namespace="shop",pod="%s"`, w[0])
		add("kube_pod_owner", ksm+of+fmt.Sprintf(`,owner_kind="%s",owner_name="%s"`, w[1], w[2]), 1)
		add("kube_pod_created", ksm+of, float64(epoch.Unix()))
		if !n.cadvisor {
			continue
		}
		flood := 0.0
		if i == 0 {
			flood = n.flooded(float64(now.UnixMilli()) / 1000)
		}
		for _, container := range []string{"", "app"} {
			in := fmt.Sprintf(`job="kubelet",instance="10.1.0.1:10250",node="%s",%s,container="%s",device="/dev/sda"`, n.node, of, container)
			add("container_fs_writes_bytes_total", in, n.total(t, 2e5, 0.4, float64(i))+2.4e8*flood)
			add("container_fs_writes_total", in, n.total(t, 5, 0.4, float64(i))+1800*flood)
			add("container_fs_reads_total", in, n.total(t, 2, 0.4, float64(i)))
		}
	}
	slices.SortStableFunc(all, func(a, b metric) int { return cmp.Compare(a.family, b.family) })
	return all
}

// serve runs a Prometheus that scrapes nodes and has an hour and a half of their past,
// and returns its URL.
func serveNodes(t *testing.T, nodes ...kubeNode) string {
	t.Helper()
	prometheus, address, dir := binary(t, "prometheus"), freeAddress(t), t.TempDir()
	var machines []*machine
	var targets []string
	now := time.Now()
	var kubes []line
	for _, n := range nodes {
		machines = append(machines, n.machine)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			for _, s := range n.at(time.Now()) {
				_, _ = fmt.Fprintf(w, "%s{%s} %g\n", s.family, s.labels, s.value)
			}
		}))
		t.Cleanup(s.Close)
		targets = append(targets, "'"+s.Listener.Addr().String()+"'")
		for at := now.Add(-past); at.Before(now.Add(-scrapeInterval)); at = at.Add(scrapeInterval) {
			for _, s := range n.at(at) {
				kubes = append(kubes, line{s, at})
			}
		}
	}
	backfill(t, dir, append(history(machines, now.Add(-past), now.Add(-scrapeInterval), scrapeInterval), kubes...))
	conf := scrape(t, scrapeInterval, machines, "", "") + "- job_name: kube\n  honor_labels: true\n  static_configs: [{targets: [" + strings.Join(targets, ", ") + "]}]\n"
	start(t, prometheus, "--config.file="+write(t, t.TempDir(), "prometheus.yml", conf), "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	until(t, time.Minute, "prometheus is ready", answers("http://"+address+"/-/ready"))
	return "http://" + address
}

// blame is what an incident says of the pods of its node.
type blame struct {
	Node, Namespace, Pod, Why, Feature string
	Outside                            float64
	Pods                               []struct {
		Pod   string
		Share float64
	}
	Lines []string
}

// blamed waits until an incident of a host says which pod it comes from, or why none is
// to blame.
func (o *omen) blamed(t *testing.T, host, why string) (id string, found blame) {
	t.Helper()
	until(t, 4*time.Minute, "an incident of "+host+" that says "+why, func() error {
		var page struct {
			Incidents []struct {
				ID, Kind string
				Blame    *blame
			}
		}
		if err := getJSON(o.url+"/api/v1/omen/incidents?state=active&host="+url.QueryEscape(host), &page); err != nil {
			return err
		}
		for _, in := range page.Incidents {
			if in.Kind == "host" && in.Blame != nil && strings.Contains(strings.Join(in.Blame.Lines, "\n"), why) {
				id, found = in.ID, *in.Blame
				return nil
			}
		}
		text, err := json.Marshal(page)
		return errors.Join(err, errors.New(string(text)))
	})
	return id, found
}

// Three nodes behind two real Prometheus servers: of one the incident is blamed on the
// pod that floods its disk, of one on no pod, since a process of the host does it, and
// of one it is not known, since its source has no metrics of containers. A playbook
// whose mode is automatic asks for the one that is blamed; once ann approves, the API
// server has that one eviction, with no more rights than deploy/kubernetes/role.yaml
// gives.
func TestANodesIncidentIsBlamedOnAPod(t *testing.T) {
	omenBinary(t)
	all := machines()
	flooded := kubeNode{all[0], "n1", true, true}
	own := kubeNode{all[1], "n22", false, true}
	blind := kubeNode{all[2], "n333", false, false}
	a, b := serveNodes(t, flooded, own), serveNodes(t, blind)
	var mu sync.Mutex
	var heard []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, string(text)+fmt.Sprint(err))
	}))
	t.Cleanup(hook.Close)
	conf := `
sources: [{name: a, url: '` + a + `', step: 10s}, {name: b, url: '` + b + `', step: 10s}]
incidents: {fleet_hosts: 20}
receivers: [{name: hook, webhook_configs: [{url: '` + hook.URL + `'}]}]
`
	var s *apiServer
	if os.Getenv("OMEN_KUBE_BIN") != "" {
		s = startAPIServer(t)
		s.writer(t)
		conf += `
remedy:
  mode: automatic
  approvers: {users: [ann]}
  kubernetes: {kubeconfig_file: '` + write(t, t.TempDir(), "kubeconfig", `{apiVersion: v1, kind: Config, current-context: eu, contexts: [{name: eu, context: {cluster: eu, user: omen}}],
clusters: [{name: eu, cluster: {server: '`+s.url+`', insecure-skip-tls-verify: true}}], users: [{name: omen, user: {token: omen-token}}]}`) + `'}
  playbooks:
  - {name: evict-noisy, match: ['source="a"'], learning: true, after: 10s, mode: automatic, do: {evict_pod: {which: blamed}}}
`
	}
	o := serveAnn(t, t.TempDir(), conf)
	until(t, 5*time.Minute, "models of all nodes", o.scored("web-1", "web-2", "db-1"))
	for _, m := range all {
		m.sick.Store(time.Now().UnixMilli())
	}
	id, found := o.blamed(t, "web-1", "Pod shop/writer-0 of node n1 is to blame")
	t.Logf("%s", strings.Join(found.Lines, "\n"))
	if found.Node != "n1" || found.Namespace != "shop" || found.Pod != "writer-0" || found.Feature != "disk_write" && found.Feature != "disk_operations" || len(found.Pods) != 3 || found.Pods[0].Share < 0.5 || found.Outside >= 0.3 {
		t.Errorf("%+v", found)
	}
	if _, found := o.blamed(t, "web-2", "No pod of node n22 is to blame"); !strings.Contains(found.Why, "a process of the host itself") || found.Pod != "" {
		t.Errorf("%+v", found)
	}
	if _, found := o.blamed(t, "db-1", "No pod of node n333 is to blame"); !strings.Contains(found.Why, "cAdvisor's metrics") || len(found.Pods) != 0 {
		t.Errorf("%+v", found)
	}
	until(t, time.Minute, "a message that says so", func() error {
		mu.Lock()
		defer mu.Unlock()
		if !slices.ContainsFunc(heard, func(m string) bool { return strings.Contains(m, "Pod shop/writer-0 of node n1 is to blame") }) {
			return fmt.Errorf("heard %s", tail(strings.Join(heard, "\n"), 2000))
		}
		return nil
	})
	if s == nil {
		t.Log("OMEN_KUBE_BIN is not set: the action is left out")
		return
	}
	act := o.waits(t, id)
	if n, gone := s.writes(t); n != 1 || gone {
		t.Errorf("nobody approved: %d pods, ending %t", n, gone)
	}
	o.approved(t, act.ID)
	o.becomes(t, act.ID, time.Minute, "measuring", "done")
	if _, gone := s.writes(t); !gone {
		t.Error("the pod was not evicted")
	}
}

const writerPath = "/api/v1/namespaces/shop/pods/writer-0"

// writer makes the StatefulSet and its pod of which the metrics tell.
func (s *apiServer) writer(t *testing.T) {
	t.Helper()
	for _, name := range []string{"shop", "omen"} {
		must.Get(s.ask("POST", "/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}}))(t)
	}
	s.apply(t, "role.yaml", "rbac.authorization.k8s.io/v1")
	of := object{"app": "writer"}
	pod := object{"metadata": object{"labels": of}, "spec": object{"containers": []any{object{"name": "app", "image": "writer:1"}}}}
	const sets = "/apis/apps/v1/namespaces/shop/statefulsets"
	made := must.Get(s.ask("POST", sets, object{
		"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": object{"name": "writer"},
		"spec": object{"replicas": 1, "serviceName": "writer", "selector": object{"matchLabels": of}, "template": pod},
	}))(t)
	made["status"] = object{"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
	must.Get(s.ask("PUT", sets+"/writer/status", made))(t)
	uid := made["metadata"].(object)["uid"]
	must.Get(s.ask("POST", strings.TrimSuffix(writerPath, "/writer-0"), object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": "writer-0", "labels": of, "ownerReferences": []any{object{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "writer", "uid": uid, "controller": true}}},
		"spec":     object{"nodeName": "n1", "containers": []any{object{"name": "app", "image": "writer:1"}}},
	}))(t)
}

// writes says how many pods there are, and whether the one that writes is ending or gone.
func (s *apiServer) writes(t *testing.T) (n int, gone bool) {
	t.Helper()
	list := must.Get(s.ask("GET", strings.TrimSuffix(writerPath, "/writer-0"), nil))(t)
	items, _ := list["items"].([]any)
	for _, item := range items {
		if item.(object)["metadata"].(object)["deletionTimestamp"] == nil {
			n++
		}
	}
	return n, n == 0
}
