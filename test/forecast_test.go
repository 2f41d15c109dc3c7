//go:build e2e

package test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// disk is a real file system in memory, of 64 MB, that the test writes to.
type disk struct {
	path    string
	written atomic.Int64
}

const diskSize = 64 << 20

// mounted is a file system of its own until the test ends.
func mounted(t *testing.T, name string) *disk {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must.OK(t, os.Mkdir(path, 0o700))
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) })
	return &disk{path: path}
}

// level writes until so much of the disk, 0…1, is used, or removes all and begins
// again; it is what really is used then.
func (d *disk) level(t *testing.T, share float64) float64 {
	t.Helper()
	file := filepath.Join(d.path, "data")
	want := int64(share * diskSize)
	if want < d.written.Load() {
		must.OK(t, os.Remove(file))
		d.written.Store(0)
	}
	f := must.Get(os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))(t)
	defer f.Close()
	if n, err := f.Write(make([]byte, want-d.written.Load())); err == nil {
		d.written.Add(int64(n))
	} // the last block of a full disk
	var s syscall.Statfs_t
	must.OK(t, syscall.Statfs(d.path, &s))
	return 1 - float64(s.Bavail)/float64(s.Blocks)
}

// TestAFileSystemThatFills is a fresh Omen on this machine, where a real file
// system fills within ten minutes: a webhook is notified of it, with the time,
// before it is full, and that it came true; of one beside it that is filled and
// emptied again and again nobody is notified.
func TestAFileSystemThatFills(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("file systems are mounted by root")
	}
	omenBinary(t)
	t.Parallel()
	fills, saw := mounted(t, "fills"), mounted(t, "saw")
	hook := messagetest.NewServer(t, "ok", nil)
	conf := "local: {instance: this-host}\nreceivers: [{name: hook, webhook_configs: [{url: '" + hook.URL + "'}]}]\nroute: {receiver: hook, group_wait: 1s, group_interval: 1s}\n"
	o := serve(t, t.TempDir(), "--config.file="+write(t, t.TempDir(), "omen.yml", conf))
	const lasts = 8 * time.Minute
	began := time.Now()
	said, used, full := "", 0.0, time.Time{}
	until(t, lasts+3*time.Minute, "the receiver is notified that it is full", func() error {
		age := time.Since(began)
		used = fills.level(t, min(age.Seconds()/lasts.Seconds(), 1))
		saw.level(t, .1+.5*float64(age%(2*time.Minute))/float64(2*time.Minute))
		if used >= .995 && full.IsZero() {
			full = time.Now()
		}
		for _, r := range hook.Got() {
			for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
				if a.Labels["alertname"] != "OmenForecast" || a.Labels["resource"] != "filesystem_space" {
					continue
				}
				if !strings.HasSuffix(a.Labels["where"], "/fills") {
					t.Fatalf("notified of %v: %s", a.Labels, a.Annotations["summary"])
				}
				if said == "" {
					said = a.Annotations["summary"]
					t.Logf("notified after %s, with %.0f %% used: %s", age.Round(time.Second), 100*used, said)
					if !full.IsZero() {
						t.Fatal("it is full already")
					}
					o.showsForecast(t, fills.path)
				}
				if strings.Contains(a.Annotations["summary"], "is full: ") {
					return nil
				}
			}
		}
		return fmt.Errorf("%.0f %% used after %s", 100*used, age.Round(time.Second))
	})
	if !strings.Contains(said, "/fills on this-host is full in ") || !strings.Contains(said, "/min since ") {
		t.Errorf("said %q: want when, how fast and since when", said)
	}
	t.Logf("full after %s, said %s later", full.Sub(began).Round(time.Second), time.Since(full).Round(time.Second))
}

// showsForecast looks for the forecast where people do.
func (o *omen) showsForecast(t *testing.T, where string) {
	t.Helper()
	var all struct {
		Forecasts []struct {
			Where string   `json:"where"`
			Full  *float64 `json:"full_seconds"`
		} `json:"forecasts"`
	}
	must.OK(t, getJSON(o.url+"/api/v1/omen/forecasts?likely=true", &all))
	if len(all.Forecasts) == 0 || all.Forecasts[0].Where != where || all.Forecasts[0].Full == nil {
		t.Errorf("the soonest is not %s: %+v", where, all.Forecasts)
	}
	text := must.Get(exec.Command(omenBinary(t), "forecast", "--url="+o.url).CombinedOutput())(t)
	if !strings.Contains(string(text), where) {
		t.Errorf("omen forecast says\n%s", text)
	}
	metrics := must.Get(get(o.url + "/metrics"))(t)
	for _, name := range []string{"omen_forecast_probability{", "omen_forecast_full_seconds{", "omen_watch_resources_left_out{"} {
		if !strings.Contains(metrics, name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

// fileSystems are those of a made-up host, of 100 GB each: what is used of each,
// 0…1, at an instant.
type fileSystems map[string]func(time.Time) float64

// at is what node_exporter would say of the host.
func (all fileSystems) at(now time.Time) (out []metric) {
	out = append(out, metric{"node_memory_MemTotal_bytes", "", "gauge", 8e9}, metric{"node_memory_MemAvailable_bytes", "", "gauge", 5e9})
	for mount, used := range all {
		labels := fmt.Sprintf(`device="/dev%s",fstype="ext4",mountpoint="%s"`, mount, mount)
		free := 1e11 * (1 - used(now))
		out = append(out, metric{"node_filesystem_size_bytes", labels, "gauge", 1e11}, metric{"node_filesystem_free_bytes", labels, "gauge", free},
			metric{"node_filesystem_avail_bytes", labels, "gauge", free}, metric{"node_filesystem_readonly", labels, "gauge", 0})
	}
	return out
}

// TestForecastsFromPrometheus is an Omen beside a Prometheus that has two weeks
// of a host: within minutes of its start it says that /var, which has been filling
// for three hours, is full in two; and not a word of /backup, which rises three
// times as fast just now, as it does every day.
func TestForecastsFromPrometheus(t *testing.T) {
	prometheus := binary(t, "prometheus")
	omenBinary(t)
	t.Parallel()
	now := time.Now()
	host := fileSystems{
		"/":    func(time.Time) float64 { return .4 },
		"/var": func(at time.Time) float64 { return min(.5+.1*max(at.Sub(now.Add(-3*time.Hour)).Hours(), 0), 1) },
		"/backup": func(at time.Time) float64 { // up from .2 by .6 in two hours, of which one is over, and emptied two hours later
			h := math.Mod(at.Sub(now.Add(-time.Hour-30*24*time.Hour)).Hours(), 24)
			if h > 4 {
				return .2
			}
			return .2 + .3*min(h, 2)
		},
	}
	var past []line
	for at := now.Add(-14 * 24 * time.Hour); at.Before(now); at = at.Add(time.Minute) {
		for _, s := range host.at(at) {
			s.labels = strings.TrimPrefix(s.labels+`,instance="web-1",job="node"`, ",")
			past = append(past, line{s, at})
		}
	}
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		for _, s := range host.at(time.Now()) {
			_, _ = fmt.Fprintf(w, "%s{%s} %g\n", s.family, s.labels, s.value)
		}
	}))
	t.Cleanup(exporter.Close)
	dir, address := t.TempDir(), freeAddress(t)
	backfill(t, dir, past)
	file := write(t, t.TempDir(), "prometheus.yml", fmt.Sprintf(
		"global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: node\n  static_configs:\n  - {targets: ['%s'], labels: {instance: web-1}}\n", exporter.Listener.Addr()))
	start(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+dir, "--web.listen-address="+address, "--storage.tsdb.retention.time=30d")
	until(t, 30*time.Second, "prometheus is ready", answers("http://"+address+"/-/ready"))
	hook := messagetest.NewServer(t, "ok", nil)
	conf := "sources: [{name: prom, url: 'http://" + address + "', step: 5s}]\n" +
		"receivers: [{name: hook, webhook_configs: [{url: '" + hook.URL + "'}]}]\nroute: {receiver: hook, group_wait: 1s, group_interval: 1s}\n"
	o := serve(t, t.TempDir(), "--config.file="+write(t, t.TempDir(), "omen.yml", conf))
	heard := func() (all []string) {
		for _, r := range hook.Got() {
			for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
				all = append(all, a.Annotations["summary"])
			}
		}
		return all
	}
	until(t, 5*time.Minute, "the receiver is notified of /var", func() error {
		if len(heard()) == 0 {
			return errors.New("it heard nothing")
		}
		return nil
	})
	rounds := time.Now()
	until(t, 3*time.Minute, "two more rounds pass", func() error {
		if time.Since(rounds) < 130*time.Second {
			return errors.New("not yet")
		}
		return nil
	})
	all := heard()
	t.Logf("heard %q", all)
	if len(all) != 1 || !strings.HasPrefix(all[0], "CRITICAL: /var on web-1 is full in 2 h (") || !strings.Contains(all[0], "fills 1") || !strings.Contains(all[0], " GB/h since ") {
		t.Errorf("heard %q, want one message: /var, in two hours, at 10 GB/h", all)
	}
	var forecasts struct {
		Forecasts []struct {
			Where string    `json:"where"`
			P     []float64 `json:"probability"`
			Days  int       `json:"days"`
		} `json:"forecasts"`
	}
	must.OK(t, getJSON(o.url+"/api/v1/omen/forecasts?resource=filesystem_space", &forecasts))
	for _, f := range forecasts.Forecasts {
		if f.Where == "/backup" && (f.P[2] > .3 || f.Days < 14) {
			t.Errorf("the backup: %+v", f)
		}
	}
	if len(forecasts.Forecasts) != 3 {
		t.Errorf("%d file systems are forecast, want 3", len(forecasts.Forecasts))
	}
}
