package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
)

// sick is a Prometheus that has one host with one feature, which is as it is set,
// at any time.
func sick(t *testing.T, value *atomic.Int64) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var start, end, step float64
		w.Header().Set("Content-Type", "application/json")
		var points []string
		if n, _ := fmt.Sscan(r.FormValue("start")+" "+r.FormValue("end")+" "+r.FormValue("step"), &start, &end, &step); n < 3 {
			_, _ = fmt.Sscan(r.FormValue("time"), &start)
			fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[%.3f,"%d"]}]}}`, start, value.Load())
			return
		}
		for at := start; at <= end; at += step {
			points = append(points, fmt.Sprintf(`[%.3f,"%d"]`, at, value.Load()))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"values":[%s]}]}}`, strings.Join(points, ","))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// inbox is a receiver that keeps what it is sent of host incidents: the status of
// each alert.
type inbox struct {
	mu  sync.Mutex
	got []string
}

func (b *inbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var m struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&m)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range m.Alerts {
		if a.Labels["kind"] == string(omen.HostIncident) {
			b.got = append(b.got, a.Status)
		}
	}
}

func (b *inbox) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.got, " ")
}

// An incident whose host is still in trouble does not end because Omen is stopped
// and started: nobody is sent a "resolved", until the host is well.
func TestNothingIsResolvedByAStop(t *testing.T) {
	dir := t.TempDir()
	var value atomic.Int64
	hook := &inbox{}
	receiver := httptest.NewServer(hook)
	defer receiver.Close()
	file := filepath.Join(dir, "omen.yml")
	write(t, file, mine+"sources: [{name: b, url: '"+sick(t, &value)+"', step: 1s, profiles: [mine]}]\nincidents: {close_after: 5s}\n"+
		"receivers: [{name: ops, webhook_configs: [{url: '"+receiver.URL+"'}]}]\n")
	o := Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")}
	a := start(t, o)
	a.matches("/api/v1/omen/hosts", someSamples)
	must.OK(t, a.stop())
	putModelOf(t, DatabasePath(o.StoragePath), feature.Profile{Name: "mine", Features: []feature.Feature{{Name: "mem", Expr: "sum by ($by) (mem)"}}},
		omen.Host{Source: "b", Profile: "mine", Name: "a"}, 0)

	value.Store(1000)
	a = start(t, o)
	a.eventually("/api/v1/omen/incidents?kind=host&state=active", `"state":"open"`)
	for range 200 {
		if hook.all() != "" {
			break
		}
		a.eventually("/-/healthy", "")
		<-time.After(50 * time.Millisecond)
	}
	must.OK(t, a.stop())
	before := hook.all()
	a = start(t, o)
	begun := time.Now()
	for { // until it was scored for twice as long as a host must be well
		var h struct {
			At    time.Time `json:"last_seen"`
			State string    `json:"state"`
		}
		_, body := a.ask("GET", "/api/v1/omen/hosts/a")
		if json.Unmarshal([]byte(body), &h) == nil && h.State == string(omen.HostAnomalous) && h.At.After(begun.Add(10*time.Second)) {
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("it is not scored: %s", body)
		}
		<-time.After(100 * time.Millisecond)
	}
	if got := hook.all(); before != "firing" || got != before {
		t.Errorf("before the stop %q, then %q: want one firing and nothing more", before, got)
	}
	value.Store(0)
	a.eventually("/api/v1/omen/incidents?kind=host", `"state":"closed"`)
	for range 200 {
		if hook.all() != before {
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	if got := hook.all(); got != "firing resolved" {
		t.Errorf("in the end %q, want one end", got)
	}
	must.OK(t, a.stop())
}
