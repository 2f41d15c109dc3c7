//go:build e2e

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// measured is everything that the node profile asks of a machine, in
// Prometheus' text.
func (m *machine) measured(b *strings.Builder, at time.Time) {
	all := m.at(at)
	t := at.Sub(epoch).Seconds()
	for i, name := range []string{"memory_SwapTotal_bytes", "memory_SwapFree_bytes", "vmstat_pswpin", "vmstat_pswpout", "vmstat_oom_kill", "processes_pids", "netstat_TcpExt_ListenDrops"} {
		all = append(all, metric{family: "node_" + name, value: []float64{2 << 30, 1 << 30, m.total(t, 1, 0.4, 3), m.total(t, 1, 0.4, 4), 2, 200, m.total(t, 0.1, 0.4, 5)}[i]})
	}
	for _, way := range []string{"receive", "transmit"} {
		for _, what := range []string{"errs", "drop"} {
			all = append(all, metric{family: "node_network_" + way + "_" + what + "_total", labels: `device="eth0"`, value: m.total(t, 0.1, 0.4, 6)})
		}
	}
	for _, s := range all {
		labels := strings.TrimPrefix(s.labels+fmt.Sprintf(`,instance="%s",job="node"`, m.name), ",")
		fmt.Fprintf(b, "%s{%s} %g %d\n", s.family, labels, s.value, at.UnixMilli())
	}
}

// A fleet of 150 hosts on Debian's VictoriaMetrics, which takes queries of
// 16,384 bytes and holds its newest samples back, without a word about either
// in the configuration: all hosts have models, and every model all features.
func TestFleetOnVictoriaMetrics(t *testing.T) {
	victoria := binary(t, "victoria-metrics")
	omenBinary(t)
	const hosts, step, span = 150, 15 * time.Second, 20 * time.Minute
	var fleet []*machine
	for i := range hosts {
		fleet = append(fleet, &machine{name: fmt.Sprintf("web-%03d.dc-1.example.org:9100", i), phase: float64(i)})
	}
	address := freeAddress(t)
	base := "http://" + address
	start(t, victoria, "-storageDataPath="+t.TempDir(), "-httpListenAddr="+address, "-memory.allowedPercent=10")
	until(t, time.Minute, "victoria-metrics answers", answers(base+"/health"))
	feed := func(at time.Time) error {
		var b strings.Builder
		for _, m := range fleet {
			m.measured(&b, at)
		}
		r, err := client.Post(base+"/api/v1/import/prometheus", "text/plain", strings.NewReader(b.String()))
		if err != nil {
			return err
		}
		return r.Body.Close()
	}
	next := time.Now().Truncate(step).Add(-span)
	catchUp := func() error {
		for ; next.Before(time.Now()); next = next.Add(step) {
			if err := feed(next); err != nil {
				return err
			}
		}
		return nil
	}
	if err := catchUp(); err != nil {
		t.Fatal(err)
	}
	o := serve(t, t.TempDir(), "--config.file="+write(t, t.TempDir(), "omen.yml", "sources: [{name: victoria, url: '"+base+"'}]\n"))
	type model struct {
		Host struct {
			Name string `json:"name"`
		} `json:"host"`
		Card struct {
			Inactive []struct{ Feature, Why string } `json:"inactive"`
		} `json:"card"`
	}
	var page struct {
		Models []model `json:"models"`
	}
	until(t, 8*time.Minute, "models of all hosts", func() error {
		if err := catchUp(); err != nil {
			return err
		}
		if err := getJSON(o.url+"/api/v1/omen/models", &page); err != nil {
			return err
		}
		if len(page.Models) < hosts {
			all, err := o.hosts()
			return fmt.Errorf("%d models; of 100 hosts at most %d are known; %v", len(page.Models), len(all), err)
		}
		return nil
	})
	for _, m := range fleet {
		if err := getJSON(o.url+"/api/v1/omen/models/"+m.name, &page); err != nil {
			t.Fatal(err)
		}
		for _, one := range page.Models {
			if len(one.Card.Inactive) > 0 {
				t.Errorf("a model of %s does without %+v", m.name, one.Card.Inactive)
			}
		}
	}
	if strings.Contains(o.out.String(), "history with features that failed") {
		t.Error("features failed in history")
	}
}
