//go:build e2e

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// One of twelve hosts of a real Prometheus has samples 45 s late: the source says
// which, and the delay to set; the others are read in time.
func TestALateHostIsNamed(t *testing.T) {
	prometheus := binary(t, "prometheus")
	omenBinary(t)
	t.Parallel()
	var all []*machine
	for i := range 12 {
		all = append(all, &machine{name: fmt.Sprintf("web-%02d", i), phase: float64(i)})
	}
	all[7].late = 45 * time.Second
	address := freeAddress(t)
	file := write(t, t.TempDir(), "prometheus.yml", scrape(t, scrapeInterval, all, "", ""))
	start(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+t.TempDir(), "--web.listen-address="+address)
	until(t, 30*time.Second, "prometheus is ready", answers("http://"+address+"/-/ready"))
	conf := write(t, t.TempDir(), "omen.yml", "local: {enabled: false}\nsources: [{name: prom, url: 'http://"+address+"', step: 5s}]\n")
	o := serve(t, t.TempDir(), "--config.file="+conf)
	until(t, 6*time.Minute, "web-07 is said to be late, and nobody else", func() error {
		var got struct {
			Sources []struct {
				State string            `json:"state"`
				Err   string            `json:"err"`
				Late  map[string]string `json:"late"`
				Hosts int               `json:"hosts"`
			} `json:"sources"`
		}
		if err := getJSON(o.url+"/api/v1/omen/sources", &got); err != nil {
			return err
		}
		s := got.Sources[0]
		for host, why := range s.Late {
			if host != "web-07" {
				t.Fatalf("%s: %s", host, why)
			}
		}
		if s.State != "partial" || s.Late["web-07"] == "" || !strings.Contains(s.Err, "set the source's delay: ") || s.Hosts < 11 {
			return fmt.Errorf("it says %+v", s)
		}
		return nil
	})
}
