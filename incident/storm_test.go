package incident_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/store"
)

const stormHosts = 10_000

// chat is a channel that remembers what it was sent.
type chat struct {
	*httptest.Server
	mu    sync.Mutex
	texts []string
}

func newChat(t *testing.T) *chat {
	c := &chat{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.texts = append(c.texts, string(body))
		_, _ = w.Write([]byte("ok"))
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *chat) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.texts...)
}

func oddScore(h int, at time.Time, value float64) omen.Score {
	return omen.Score{
		Host: omen.Host{Source: "prod", Profile: "node", Name: fmt.Sprint("h-", h)}, At: at, Value: value, Unsmoothed: value,
		Grade: omen.Established, Model: "m1",
		Causes: []omen.Cause{{Feature: fmt.Sprint("odd-", h), Unit: omen.Ratio, Share: 1, Actual: .9, Expected: .3, Lower: .2, Upper: .4}},
	}
}

// byTicks hands the manager scores in which all hosts leave their normal behaviour
// at once, each for another reason.
func byTicks(t *testing.T, db *store.DB) (stop func()) {
	d := incident.NewManager(incident.Options{Store: db})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	begin := time.Now().Add(-2 * time.Minute)
	for i := range 8 {
		k := omen.Tick{Source: "prod", At: begin.Add(time.Duration(i) * 15 * time.Second)}
		for h := range stormHosts {
			value := .3
			if i >= 4 {
				value = 5
			}
			k.Scores = append(k.Scores, oddScore(h, k.At, value))
		}
		must.OK(t, d.Offer(ctx, k))
	}
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// byJournal puts as many incidents into the journal that nothing has folded.
func byJournal(t *testing.T, db *store.DB) (stop func()) {
	now := time.Now()
	var all []omen.Change
	for h := range stormHosts {
		s := oddScore(h, now, 5)
		all = append(all, omen.Change{Kind: omen.ChangeOpened, At: now, Reason: omen.ReasonAnomalous, By: "omen", Incident: omen.Incident{
			ID: fmt.Sprintf("i%05d", h), Kind: omen.HostIncident, Host: s.Host, State: omen.Open, Severity: omen.Warning,
			Since: now, OpenedAt: now, UpdatedAt: now, Causes: s.Causes, Score: 5, Peak: 5, ChangeNumber: 1,
		}})
	}
	for len(all) > 0 {
		n := min(500, len(all))
		must.OK(t, db.Append(t.Context(), all[:n]...))
		all = all[n:]
	}
	return func() {}
}

func TestTenThousandAnomaliesAreOneMessage(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(*testing.T, *store.DB) func()
		says  string
	}{
		{"from scores", byTicks, "10000 hosts at once, without a common cause"},
		// The first message has what came until then, and the next one, a minute
		// later, the rest.
		{"from the journal", byJournal, "incidents opened"},
	} {
		t.Run(c.name, func(t *testing.T) {
			quiet := slog.New(slog.DiscardHandler)
			db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), quiet))(t)
			slack, hook := newChat(t), newChat(t)
			settings := must.Get(notify.Load(fmt.Appendf(nil, "receivers:\n- {name: hook, webhook_configs: [{url: %q}]}\n"+
				"- {name: chat, slack_configs: [{api_url: %q, channel: '#ops'}]}\n", hook.URL, slack.URL), t.TempDir()))(t)
			relay := must.Get(notify.NewRelay(notify.Options{Settings: settings, Store: db, ExternalURL: "https://omen.example", Log: quiet}))(t)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- relay.Run(ctx) }()
			until(t, "the receivers have their places", func() bool { r, err := db.Readers(t.Context()); return err == nil && len(r) == 2 })

			begun := time.Now()
			stop := c.begin(t, db)
			until(t, "every anomaly is on record", func() bool {
				// cheap to ask again and again: changes are stored in the hosts' order
				last, err := db.Incidents(t.Context(), store.Filter{Host: oddScore(stormHosts-1, begun, 0).Host, Kinds: []omen.IncidentKind{omen.HostIncident}})
				if err != nil || len(last) == 0 {
					return false
				}
				all, err := db.Incidents(t.Context(), store.Filter{Kinds: []omen.IncidentKind{omen.HostIncident}})
				return err == nil && len(all) == stormHosts
			})
			until(t, "both channels have a message", func() bool { return len(slack.got()) > 0 && len(hook.got()) > 0 })
			if text := slack.got()[0]; !strings.Contains(text, c.says) {
				t.Errorf("the message %s lacks %q", text, c.says)
			}
			stop()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			most := 1 + int(time.Since(begun)/time.Minute)
			if a, b := len(slack.got()), len(hook.got()); a > most || b > most {
				t.Errorf("%d and %d messages in %s, want at most one a minute", a, b, time.Since(begun))
			}
			for h := range stormHosts {
				if h%997 != 0 {
					continue
				}
				found, err := db.Incidents(t.Context(), store.Filter{Host: oddScore(h, begun, 0).Host, Kinds: []omen.IncidentKind{omen.HostIncident}})
				if err != nil || len(found) != 1 {
					t.Fatalf("host %d has %d incidents, %v", h, len(found), err)
				}
				if changes, err := db.Changes(t.Context(), found[0].ID); err != nil || len(changes) == 0 {
					t.Errorf("incident %s: %d changes, %v", found[0].ID, len(changes), err)
				}
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// until waits for what other goroutines do.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	ask := time.NewTicker(50 * time.Millisecond)
	defer ask.Stop()
	for !ok() {
		select {
		case <-ask.C:
		case <-deadline.C:
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}
