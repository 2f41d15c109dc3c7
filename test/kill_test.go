//go:build e2e

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// slowHook is a webhook receiver that takes its time, and counts.
type slowHook struct {
	*httptest.Server
	mu      sync.Mutex
	times   map[string]int // by Idempotency-Key and source, how often it was sent
	sources map[string]bool
	working chan struct{} // one value while a request is being answered; bound 1, full: dropped
}

func newSlowHook(t *testing.T, delay time.Duration) *slowHook {
	t.Helper()
	h := &slowHook{times: map[string]int{}, sources: map[string]bool{}, working: make(chan struct{}, 1)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var p payload
		if err != nil || json.Unmarshal(body, &p) != nil {
			return // cut off by a crash: not received
		}
		h.mu.Lock()
		h.times[r.Header.Get("Idempotency-Key")]++
		for _, a := range p.Alerts {
			if a.Status == "firing" {
				h.sources[a.Labels["source"]] = true
			}
		}
		h.mu.Unlock()
		select {
		case h.working <- struct{}{}:
		default:
		}
		select { // a receiver that takes its time
		case <-time.After(delay):
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *slowHook) doubles() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, times := range h.times {
		n += times - 1
	}
	return n
}

// kill -9 in the midst of deliveries to a slow webhook, several times: every
// incident arrives, and each crash doubles at most one message. The incidents
// are dead sources: they need no model.
func TestKillNine(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	const sources, crashes = 8, 3
	hook := newSlowHook(t, 700*time.Millisecond)
	conf := strings.Builder{}
	conf.WriteString("incidents: {source_down: 3s}\nnotify: {storm: 1000}\nsources:\n")
	for i := range sources {
		fmt.Fprintf(&conf, "- {name: dead-%d, url: 'http://%s', step: 1s, timeout: 1s}\n", i, freeAddress(t))
	}
	conf.WriteString("receivers: [{name: hook, webhook_configs: [{url: '" + hook.URL + "'}]}]\n")
	file, dir := write(t, t.TempDir(), "omen.yml", conf.String()), t.TempDir()

	for range crashes {
		o := serve(t, dir, "--config.file="+file)
		select {
		case <-hook.working: // perhaps of the life before
		default:
		}
		select {
		case <-hook.working:
			o.kill()
		case <-time.After(90 * time.Second):
			t.Fatalf("no delivery within 90 s of a start; omen wrote:\n%s", tail(o.out.String(), 3000))
		}
	}
	o := serve(t, dir, "--config.file="+file)
	until(t, 2*time.Minute, "every dead source was told of", func() error {
		hook.mu.Lock()
		defer hook.mu.Unlock()
		if len(hook.sources) < sources {
			return fmt.Errorf("told of %d of %d: %v", len(hook.sources), sources, hook.sources)
		}
		return nil
	})
	open := must.Get(o.incidents("state=active&limit=100"))(t)
	of := map[string]bool{}
	for _, in := range open {
		if in.Kind == "source" {
			of[in.ID] = true
		}
	}
	if len(of) != sources {
		t.Errorf("%d source incidents are open, want one for each of %d sources: none lost, none opened twice", len(of), sources)
	}
	if n := hook.doubles(); n > crashes {
		t.Errorf("%d messages were sent twice after %d crashes: %v", n, crashes, hook.times)
	} else {
		t.Logf("%d messages, %d of them twice, after %d crashes", len(hook.times), n, crashes)
	}
}
