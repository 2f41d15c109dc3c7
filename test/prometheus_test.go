//go:build e2e

package test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

const (
	scrapeInterval = 5 * time.Second
	past           = 90 * time.Minute
)

// Debian's Prometheus with an hour and a half of history of three hosts, and a
// real node_exporter: models minutes after the start, scores on /metrics,
// Prometheus answers anomaly_score, and a flooded disk becomes an explained
// alert at everybody's. (That they hear of its end too is TestThisHost's: at
// the default step of 15 s it takes minutes.)
func TestDebianPrometheus(t *testing.T) {
	prometheus, exporter := binary(t, "prometheus"), binary(t, "prometheus-node-exporter")
	alertmanager := binary(t, "prometheus-alertmanager")
	omenBinary(t)
	t.Parallel()
	all := machines()
	dir, address, node := t.TempDir(), freeAddress(t), freeAddress(t)
	start(t, exporter, "--web.listen-address="+node)
	now := time.Now()
	backfill(t, dir, history(all, now.Add(-past), now.Add(-scrapeInterval), scrapeInterval))

	w := newWorld(t)
	w.startAlertmanager(t, alertmanager)
	conf := write(t, t.TempDir(), "omen.yml", w.config())
	target := freeAddress(t)
	file := write(t, t.TempDir(), "prometheus.yml", scrape(t, scrapeInterval, all, node, target))
	start(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	until(t, 30*time.Second, "prometheus is ready", answers("http://"+address+"/-/ready"))

	storage := t.TempDir()
	o := serveAt(t, storage, target, "--prometheus.url=http://"+address, "--config.file="+conf)
	until(t, 3*time.Minute, "models of all hosts with history", o.scored("web-1", "web-2", "db-1"))
	until(t, time.Minute, "prometheus answers anomaly_score", func() error {
		var answer struct {
			Data struct {
				Result []struct {
					Metric map[string]string `json:"metric"`
				} `json:"result"`
			} `json:"data"`
		}
		if err := getJSON("http://"+address+"/api/v1/query?query="+url.QueryEscape("anomaly_score"), &answer); err != nil {
			return err
		}
		var names []string
		for _, r := range answer.Data.Result {
			names = append(names, r.Metric["instance"])
		}
		for _, m := range all {
			if !slices.Contains(names, m.name) {
				return fmt.Errorf("it knows scores of %v only", names)
			}
		}
		return nil
	})

	flood(t, o, w, all[0])
	t.Run("browser", func(t *testing.T) { browse(t, o, false) })
	all[0].well.Store(time.Now().UnixMilli())
	until(t, time.Minute, "the real host, without history, is being learned", func() error {
		hosts, err := o.hosts()
		if err == nil && !slices.ContainsFunc(hosts, func(h hostRow) bool { return h.Name == "real-host" && h.State == "learning" }) {
			err = fmt.Errorf("hosts %+v", hosts)
		}
		return err
	})
	deliveries(t, o, "web-1")
	o.stop()
	t.Run("damage", func(t *testing.T) { damage(t, storage, "http://"+address) })
}

// flood floods a machine's disk and waits until everybody knows.
func flood(t *testing.T, o *omen, w *world, m *machine) {
	t.Helper()
	m.sick.Store(time.Now().UnixMilli())
	until(t, 4*time.Minute, "an incident of "+m.name, func() error {
		open, err := o.incidents("state=active&host=" + m.name)
		if err != nil {
			return err
		}
		for _, in := range open {
			for _, c := range in.Causes[:min(3, len(in.Causes))] {
				if in.Suppressed == "" && (strings.HasPrefix(c.Feature, "disk_") || c.Feature == "pressure_io" || c.Feature == "cpu_iowait" || c.Feature == "procs_blocked") {
					t.Logf("%s", c.Text)
					return nil
				}
			}
		}
		return fmt.Errorf("active: %+v", open)
	})
	if w != nil {
		w.told(t, m.name, "firing", time.Minute)
	}
}

// deliveries checks that each attempt to tell of a host's incident succeeded at
// once: every receiver here is well.
func deliveries(t *testing.T, o *omen, host string) {
	t.Helper()
	all := must.Get(o.incidents("host=" + host))(t)
	for _, in := range all {
		for _, d := range in.Deliveries {
			if d.Outcome != "delivered" && d.Outcome != "skipped" {
				t.Errorf("%s: %s to %s: %s", in.ID, d.Outcome, d.Receiver, d.Detail)
			}
		}
	}
}

// VictoriaMetrics, with the same machines and less ado.
func TestVictoriaMetrics(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	all := machines()[1:]
	base := startVictoria(t, all)
	conf := write(t, t.TempDir(), "omen.yml", "sources: [{name: victoria, url: '"+base+"', step: 5s}]\n")
	o := serve(t, t.TempDir(), "--config.file="+conf)
	until(t, 3*time.Minute, "models of all hosts", o.scored("web-2", "db-1"))
	flood(t, o, nil, all[0])
	all[0].well.Store(time.Now().UnixMilli())
	until(t, 5*time.Minute, "the incident of "+all[0].name+" is over", func() error {
		open, err := o.incidents("state=active&host=" + all[0].name)
		if err == nil && len(open) > 0 {
			err = fmt.Errorf("still %s: %v", open[0].State, open[0].Causes)
		}
		return err
	})
}

// startVictoria runs VictoriaMetrics, which scrapes machines and has an hour and a
// half of their past, and returns its URL.
func startVictoria(t *testing.T, all []*machine) string {
	t.Helper()
	victoria := binary(t, "victoria-metrics")
	address := freeAddress(t)
	file := write(t, t.TempDir(), "scrape.yml", scrape(t, scrapeInterval, all, "", ""))
	start(t, victoria, "-storageDataPath="+t.TempDir(), "-httpListenAddr="+address, "-promscrape.config="+file,
		"-search.latencyOffset=1s", "-retentionPeriod=1d")
	base := "http://" + address
	until(t, 30*time.Second, "victoria-metrics answers", answers(base+"/health"))
	now := time.Now()
	importInto(t, base, history(all, now.Add(-past), now.Add(-scrapeInterval), scrapeInterval))
	until(t, time.Minute, "victoria-metrics answers for what was imported", func() error {
		var answer struct {
			Data struct {
				Result []struct {
					Value [2]any `json:"value"`
				} `json:"result"`
			} `json:"data"`
		}
		ask := url.QueryEscape(fmt.Sprintf("count_over_time(node_forks_total[%ds])", int(past.Seconds())))
		if err := getJSON(base+"/api/v1/query?nocache=1&query="+ask, &answer); err != nil {
			return err
		}
		for _, r := range answer.Data.Result {
			if text, ok := r.Value[1].(string); !ok || number(text) < 0.9*past.Seconds()/scrapeInterval.Seconds() {
				return fmt.Errorf("only %v samples", r.Value[1])
			}
		}
		if len(answer.Data.Result) != len(all) {
			return fmt.Errorf("%d series", len(answer.Data.Result))
		}
		return nil
	})
	return base
}
