//go:build e2e

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// kube is two clusters with the same workloads, by the text of cAdvisor and
// kube-state-metrics. All is a function of time and of the instants below.
type kube struct {
	rollouts []time.Time  // of shop/cart in both clusters: new ReplicaSet, new pods
	restart  time.Time    // of the container of shop/db-0
	rolled   atomic.Int64 // a rollout while Omen runs, in Unix milliseconds; 0: none
	sick     atomic.Int64 // since when shop/cart spins, in both clusters; 0: it does not
	leaks    atomic.Int64 // since when the pods of shop/cart that ran then leak, in eu; 0: none does
}

// hashes are endings of names in Kubernetes' alphabet.
var hashes = []string{"5d4f8c7b9", "7c9bd6f4x", "86fdb9c5z"}

// at is everything that is measured at an instant.
func (k *kube) at(now time.Time) (all []metric) {
	for c, cluster := range []string{"eu", "us"} {
		add := func(family, labels string, v float64) {
			all = append(all, metric{family: family, labels: `cluster="` + cluster + `",` + labels, value: v})
		}
		for _, ns := range []string{"shop", "ops"} {
			add("kube_namespace_labels", fmt.Sprintf(`job="kube-state-metrics",instance="ksm:8080",namespace="%s",label_team="team-%s"`, ns, ns), 1)
		}
		version, since := 0, epoch
		for _, at := range append(slices.Clone(k.rollouts), time.UnixMilli(k.rolled.Load())) {
			if at.After(epoch) && !now.Before(at) {
				version, since = version+1, at
			}
		}
		for n := range 2 {
			owner := "cart-" + hashes[version]
			leaked := 0.0
			if from := k.leaks.Load(); from > since.UnixMilli() && cluster == "eu" {
				leaked = 4e6 * max(0, float64(now.UnixMilli()-from)/1000)
			}
			k.pod(add, now, since, fmt.Sprintf("shop %s-%s ReplicaSet %s", owner, []string{"bx2kp", "zz9vd"}[n], owner), float64(c+n), true, leaked)
		}
		began := epoch
		if !now.Before(k.restart) {
			began = k.restart
		}
		k.pod(add, now, began, "shop db-0 StatefulSet db", float64(c+2), false, 0)
		k.pod(add, now, epoch, "ops agent-4lqzw DaemonSet agent", float64(c+3), false, 0)
	}
	return all
}

// pod is what is measured of one: words are its namespace, its name, and its
// owner's kind and name; leaked are bytes that it holds for nothing.
func (k *kube) pod(add func(string, string, float64), now, began time.Time, words string, phase float64, ill bool, leaked float64) {
	w := strings.Fields(words)
	t := now.Sub(began).Seconds()
	m := &machine{phase: phase}
	busy := m.total(now.Sub(epoch).Seconds(), 0.2, 0.4, phase) - m.total(began.Sub(epoch).Seconds(), 0.2, 0.4, phase)
	if sick := k.sick.Load(); ill && sick > 0 {
		busy += 4 * max(0, float64(now.UnixMilli()-sick)/1000)
	}
	of := fmt.Sprintf(`namespace="%s",pod="%s"`, w[0], w[1])
	kubelet, ksm := `job="kubelet",instance="10.0.0.1:10250",node="n1",`+of, `job="kube-state-metrics",instance="ksm:8080",uid="`+w[1]+`",`+of
	for _, container := range []string{"", "POD", "app"} {
		in := kubelet + `,container="` + container + `",id="/kubepods/` + w[1] + "/" + container + fmt.Sprint(began.Unix()) + `"`
		add("container_cpu_usage_seconds_total", in+`,cpu="total"`, max(0, busy))
		add("container_memory_working_set_bytes", in, 2e8*(1+0.1*m.wave(t, phase))+leaked)
		add("container_fs_writes_bytes_total", in+`,device="/dev/sda"`, m.total(t, 1e5, 0.3, phase))
	}
	for _, way := range []string{"receive", "transmit"} {
		add("container_network_"+way+"_bytes_total", kubelet+`,interface="eth0"`, m.total(t, 5e5, 0.4, phase+1))
	}
	add("kube_pod_owner", ksm+fmt.Sprintf(`,owner_kind="%s",owner_name="%s",owner_is_controller="true"`, w[2], w[3]), 1)
	for condition, v := range map[string]float64{"true": 1, "false": 0, "unknown": 0} {
		add("kube_pod_status_ready", ksm+`,condition="`+condition+`"`, v)
	}
	restarts := 0.0
	if w[2] == "StatefulSet" && began.After(epoch) {
		restarts = 1
	}
	add("kube_pod_container_status_restarts_total", ksm+`,container="app"`, restarts)
	add("kube_pod_container_status_waiting", ksm+`,container="app"`, 0)
}

// history is the clusters' past.
func (k *kube) history(from, to time.Time) (past []line) {
	for at := from; at.Before(to); at = at.Add(scrapeInterval) {
		for _, s := range k.at(at) {
			past = append(past, line{s, at})
		}
	}
	return past
}

// export serves what is measured now, as one target.
func (k *kube) export(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for _, s := range k.at(time.Now()) {
			_, _ = fmt.Fprintf(w, "%s{%s} %g\n", s.family, s.labels, s.value)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// The workload profile on plain cAdvisor and kube-state-metrics behind real
// servers: two clusters are refused as one, and learned and judged apart;
// a rollout and a restart change no identity; and their labels route, silence
// and select.
func TestWorkloadProfileOnPeers(t *testing.T) {
	omenBinary(t)
	alertmanager := binary(t, "prometheus-alertmanager")
	for name, serve := range map[string]func(t *testing.T, k *kube, past []line) string{
		"prometheus": func(t *testing.T, k *kube, past []line) string {
			address, dir, prometheus := freeAddress(t), t.TempDir(), binary(t, "prometheus")
			backfill(t, dir, past)
			start(t, prometheus, "--config.file="+write(t, t.TempDir(), "prometheus.yml", kubeScrape(t, k)), "--storage.tsdb.path="+dir, "--web.listen-address="+address)
			until(t, time.Minute, "prometheus is ready", answers("http://"+address+"/-/ready"))
			return "http://" + address
		},
		"victoria-metrics": func(t *testing.T, k *kube, past []line) string {
			address := freeAddress(t)
			start(t, binary(t, "victoria-metrics"), "-storageDataPath="+t.TempDir(), "-httpListenAddr="+address, "-memory.allowedPercent=5",
				"-promscrape.config="+write(t, t.TempDir(), "scrape.yml", kubeScrape(t, k)), "-search.latencyOffset=1s")
			until(t, time.Minute, "victoria-metrics is ready", answers("http://"+address+"/health"))
			importInto(t, "http://"+address, past)
			return "http://" + address
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			k := &kube{rollouts: []time.Time{now.Add(-25 * time.Minute)}, restart: now.Add(-40 * time.Minute)}
			base := serve(t, k, k.history(now.Add(-past), now.Add(-scrapeInterval)))
			watchWorkloads(t, k, base, alertmanager)
		})
	}
}

func kubeScrape(t *testing.T, k *kube) string {
	return fmt.Sprintf("global: {scrape_interval: %s}\nscrape_configs:\n- {job_name: kube, honor_labels: true, static_configs: [{targets: ['%s']}]}\n", scrapeInterval, k.export(t))
}

// watchWorkloads is the test on one server.
func watchWorkloads(t *testing.T, k *kube, base, alertmanager string) {
	t.Helper()
	w := newWorld(t)
	w.startAlertmanager(t, alertmanager)
	conf := func(profile string) string {
		return write(t, t.TempDir(), "omen.yml", `
role_label: label_team
incidents: {fleet_hosts: 20}
profiles: [{name: workload-by-cluster, extends: workload, by: [cluster, namespace, workload]}]
sources:
- name: kube
  url: '`+base+`'
  step: 5s
  profiles: [`+profile+`]
  labels: {team: nobody, env: prod}
  labels_from: [{series: kube_namespace_labels, on: [cluster, namespace], take: [label_team]}]
receivers:
- {name: rest}
- {name: eu, webhook_configs: [{url: '`+w.webhook.URL+`'}]}
route: {receiver: rest, routes: [{receiver: eu, matchers: ['cluster="eu"', 'label_team="team-shop"', 'env="prod"']}]}
alertmanagers: [{url: '`+w.alertmanager+`'}]
`)
	}
	out, err := exec.Command(omenBinary(t), "check", "source", "--config.file="+conf("workload"), "--profile=workload").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "shop/cart will not be judged") || !strings.Contains(string(out), "{name: workload-by-cluster, extends: workload, by: [cluster, namespace, workload]}") {
		t.Errorf("check source of two clusters as one: %v\n%s", err, out)
	}
	apart := conf("workload-by-cluster")
	if out, err := exec.Command(omenBinary(t), "check", "source", "--config.file="+apart, "--profile=workload-by-cluster").CombinedOutput(); err != nil {
		t.Errorf("check source: %v\n%s", err, out)
	}
	o := serve(t, t.TempDir(), "--config.file="+apart)
	all := []string{"eu/ops/agent", "eu/shop/cart", "eu/shop/db", "us/ops/agent", "us/shop/cart", "us/shop/db"}
	until(t, 3*time.Minute, "models of all workloads", o.scored(all...))
	k.rolled.Store(time.Now().UnixMilli())
	if text := must.Get(get(o.url + "/metrics"))(t); !strings.Contains(text, `anomaly_score{cluster="eu",env="prod",instance="eu/shop/cart",label_team="team-shop",namespace="shop"`) {
		t.Errorf("scores have no labels of the workloads: %s", tail(text, 500))
	}
	for match, want := range map[string][]string{
		`cluster="eu"`:                          all[:3],
		`label_team="team-ops"`:                 {"eu/ops/agent", "us/ops/agent"},
		`cluster="us",label_team=~".*shop"`:     {"us/shop/cart", "us/shop/db"},
		`env="prod",team="nobody",cluster!~"u"`: all,
	} {
		if got := o.matching(t, match); !slices.Equal(got, want) {
			t.Errorf("%s: hosts %v, want %v", match, got, want)
		}
	}
	o.post(t, "silences", fmt.Sprintf(`{"match":[{"name":"cluster","value":"us","isEqual":true}],"reason":"moving","by":"ann","until":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339)))
	scored := time.Now()
	until(t, 2*time.Minute, "a minute of scores after a rollout", func() error {
		if waited := time.Since(scored); waited < time.Minute {
			return fmt.Errorf("%s so far", waited)
		}
		hosts, err := o.hosts()
		if err != nil || len(hosts) != len(all) {
			return fmt.Errorf("hosts %+v, %w", hosts, err)
		}
		for _, h := range hosts {
			if h.State == "silent" || h.State == "learning" {
				return fmt.Errorf("%s is %s", h.Name, h.State)
			}
		}
		return nil
	})
	k.sick.Store(time.Now().UnixMilli())
	for _, cluster := range []string{"eu", "us"} {
		until(t, 4*time.Minute, "an incident of shop/cart in "+cluster, func() error {
			open, err := o.incidents("state=active&host=" + url.QueryEscape(cluster+"/shop/cart"))
			if err != nil || !slices.ContainsFunc(open, func(in incident) bool {
				return (in.Suppressed != "") == (cluster == "us") && in.Causes[0].Feature == "cpu"
			}) {
				return fmt.Errorf("active: %+v, %w", open, err)
			}
			return nil
		})
	}
	for _, channel := range []string{"webhook", "alertmanager"} {
		until(t, time.Minute, channel+" hears of it with its labels", func() error {
			for _, body := range w.heard(t, channel) {
				for _, a := range messagetest.Decode[messagetest.Payload](t, []byte(body)).Alerts {
					if a.Labels["instance"] == "eu/shop/cart" && a.Labels["cluster"] == "eu" && a.Labels["label_team"] == "team-shop" {
						return nil
					}
				}
			}
			return fmt.Errorf("heard %v", w.heard(t, channel))
		})
	}
	for _, channel := range []string{"webhook", "alertmanager"} {
		if strings.Contains(strings.Join(w.heard(t, channel), "\n"), "us/shop/cart") {
			t.Errorf("%s heard of the cluster that is silenced", channel)
		}
	}
	active := must.Get(o.incidents("state=active&host=" + url.QueryEscape("eu/shop/cart")))(t)
	i := slices.IndexFunc(active, func(in incident) bool { return in.Kind == "host" }) // its memory may be forecast to be full, too
	if i < 0 {
		t.Fatalf("active: %+v, want an incident of the host", active)
	}
	o.post(t, "incidents/"+active[i].ID+"/verdict", `{"verdict":"not_a_problem","role":true,"by":"ann"}`)
	if patterns := must.Get(get(o.url + "/api/v1/omen/patterns"))(t); !strings.Contains(patterns, `"role":"team-shop"`) {
		t.Errorf("patterns %s after the verdict on %+v", patterns, active)
	}
}

// matching are the names of the hosts that matchers select, by /hosts and by the
// preview of a silence.
func (o *omen) matching(t *testing.T, match string) (names []string) {
	t.Helper()
	var page struct {
		Hosts []hostRow `json:"hosts"`
	}
	must.OK(t, getJSON(o.url+"/api/v1/omen/hosts?sort=name&match="+url.QueryEscape(match), &page))
	for _, h := range page.Hosts {
		names = append(names, h.Name)
	}
	page.Hosts = nil
	text := must.Get(json.Marshal(map[string]string{"text": match}))(t)
	must.OK(t, json.Unmarshal([]byte(o.post(t, "matches", string(text))), &page))
	var preview []string
	for _, h := range page.Hosts {
		preview = append(preview, h.Name)
	}
	if !slices.Equal(names, preview) {
		t.Errorf("%s: hosts %v, preview %v", match, names, preview)
	}
	return names
}

// post asks for something and gives the answer; any error fails the test.
func (o *omen) post(t *testing.T, path, body string) string {
	t.Helper()
	r := must.Get(client.Post(o.url+"/api/v1/omen/"+path, "application/json", bytes.NewReader([]byte(body))))(t)
	defer r.Body.Close()
	text := must.Get(io.ReadAll(r.Body))(t)
	if r.StatusCode/100 != 2 {
		t.Fatalf("%s: %s: %s", path, r.Status, text)
	}
	return string(text)
}
