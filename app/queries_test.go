package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// heavy are queries that take as long as one may: the most steps and work that are
// evaluated, over all that there is.
var heavy = []string{
	"sum_over_time(vector(1)[15m:1ms])",
	`sum(count_over_time({__name__=~".+"}[1h:10ms]))`,
	"max_over_time(rate(node_cpu_seconds_total[5m])[1h:1s])",
	`topk(5, count by (__name__) ({__name__=~".+"}))`,
}

// askHeavy asks one heavy query after the other until ctx ends, and counts the
// answers by status. Who is refused rests before asking again: clients share the
// processors with what is tested here.
func askHeavy(ctx context.Context, address string, n int, codes *[6]atomic.Int64) {
	for i := n; ctx.Err() == nil; i++ {
		form := url.Values{"query": {heavy[i%len(heavy)]}}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/api/v1/query", strings.NewReader(form.Encode()))
		if err != nil {
			continue
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got, err := http.DefaultClient.Do(r); err == nil {
			_, _ = io.Copy(io.Discard, got.Body)
			_ = got.Body.Close()
			codes[got.StatusCode/100].Add(1)
			if got.StatusCode == http.StatusServiceUnavailable {
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
	}
}

// count is a counter's value on /metrics, of this machine's profile.
func (a *omenAt) count(name string) (n float64) {
	a.t.Helper()
	_, body := a.ask("GET", "/metrics")
	at := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*profile="node"[^}]*\})? (\S+)$`).FindStringSubmatch(body)
	if at == nil {
		a.t.Fatalf("there is no %s on /metrics", name)
	}
	n, err := strconv.ParseFloat(at[1], 64)
	must.OK(a.t, err)
	return n
}

// Heavy queries on the embedded store do not take the tick from scoring: while more
// of them are asked than may run or wait, second after second is scored, and
// none of it is dropped.
func TestScoringKeepsItsTickBesideHeavyQueries(t *testing.T) {
	const clients, given = 80, 2 * time.Minute
	seconds := 30.0
	if testing.Short() {
		seconds = 2 // the race detector makes all of it many times as slow, and other packages are tested beside it
	}
	dir := t.TempDir()
	o := Options{StoragePath: dir}
	a := start(t, o)
	hosts := a.matches("/api/v1/omen/hosts", someSamples)
	must.OK(t, a.stop())
	var known struct{ Hosts []struct{ Name string } }
	must.OK(t, json.Unmarshal([]byte(hosts), &known))
	putModel(t, DatabasePath(dir), omen.Host{Source: localName, Profile: "node", Name: known.Hosts[0].Name})
	a = start(t, o)
	a.eventually("/metrics", "\nanomaly_score{")

	asking, stop := context.WithCancel(t.Context())
	defer stop()
	var codes [6]atomic.Int64
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() { askHeavy(asking, a.address, n, &codes) })
	}
	begin := a.count("omen_watch_scores_total")
	end := time.After(given)
	for a.count("omen_watch_scores_total") < begin+seconds || codes[2].Load() == 0 || codes[5].Load() == 0 {
		select {
		case <-end:
			t.Fatalf("%g seconds were scored in %s; %d queries were answered, %d refused",
				a.count("omen_watch_scores_total")-begin, given, codes[2].Load(), codes[5].Load())
		case <-time.After(200 * time.Millisecond):
		}
	}
	if dropped := a.count("omen_incident_queue_dropped_ticks_total"); dropped > 0 {
		t.Errorf("%g seconds were dropped", dropped)
	}
	t.Logf("%g seconds were skipped: none on a machine that does nothing else", a.count("omen_watch_skipped_ticks_total"))
	stop()
	all.Wait()
	must.OK(t, a.stop())
}
