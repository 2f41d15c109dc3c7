package alertmanager

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// An end is repeated for overFor after it first arrived, so that an
// Alertmanager that restarts then hears of it; then it is forgotten.
func TestEndsAreRepeated(t *testing.T) {
	am := &Client{alerts: map[string]*pushed{}, view: messagetest.View()}
	am.take(messagetest.Step("a", "h", 1, omen.ChangeOpened, messagetest.Noon))
	am.take(messagetest.Step("a", "h", 2, omen.ChangeEscalated, messagetest.Noon.Add(time.Minute)))
	quiet := messagetest.Step("a", "h", 3, omen.ChangeUpdated, messagetest.Noon)
	quiet.Incident.Severity, quiet.Incident.Suppressed = omen.Critical, omen.ReasonSilenced
	am.take(quiet)
	if n := len(am.alerts); n != 2 {
		t.Fatalf("%d alerts, want one for each severity", n)
	}
	now := messagetest.Noon.Add(2 * time.Minute)
	if w := am.postable(am.alerts["a/warning"], now); !w.EndsAt.Equal(messagetest.Noon.Add(time.Minute)) {
		t.Errorf("the warning ends at %s, want when it escalated", w.EndsAt)
	}
	if c := am.postable(am.alerts["a/critical"], now); !c.EndsAt.Equal(now.Add(pushValid)) {
		t.Errorf("an incident silenced after it was pushed ends at %s, want it to go on firing", c.EndsAt)
	}
	end := messagetest.Step("a", "h", 4, omen.ChangeClosed, messagetest.Noon.Add(5*time.Minute))
	end.Incident.Severity = omen.Critical
	am.take(end)
	if c := am.postable(am.alerts["a/critical"], messagetest.Noon.Add(10*time.Minute)); !c.EndsAt.Equal(messagetest.Noon.Add(5 * time.Minute)) {
		t.Errorf("ends at %s", c.EndsAt)
	}
	am.take(messagetest.Step("a", "h", 2, omen.ChangeEscalated, messagetest.Noon)) // replayed
	if am.alerts["a/critical"].over.IsZero() {
		t.Error("a replayed change brought a dead incident back")
	}
}

func TestSuppressedIsNotPushed(t *testing.T) {
	am := &Client{alerts: map[string]*pushed{}, view: messagetest.View()}
	c := messagetest.Step("a", "h", 1, omen.ChangeOpened, messagetest.Noon)
	c.Incident.Suppressed = omen.ReasonColdStart
	am.take(c)
	am.take(messagetest.Step("b", "h", 1, omen.ChangeClosed, messagetest.Noon))
	if len(am.alerts) != 0 {
		t.Errorf("pushes %d alerts nobody is to know", len(am.alerts))
	}
	am.take(messagetest.Step("a", "h", 2, omen.ChangeUpdated, messagetest.Noon))
	if len(am.alerts) != 1 {
		t.Error("what is no longer suppressed is not pushed")
	}
}

// A client that starts after changes that never arrived sends their ends, too,
// however long ago.
func TestClientRemembersWhatNeverArrived(t *testing.T) {
	db := messagetest.Store(t)
	long := time.Now().Add(-3 * time.Hour).UTC()
	messagetest.Append(t, db, messagetest.Step("a", "h", 1, omen.ChangeOpened, long))
	end, other := messagetest.Step("a", "h", 2, omen.ChangeClosed, long.Add(time.Hour)), messagetest.Step("b", "h", 1, omen.ChangeOpened, long)
	messagetest.Append(t, db, end, other)
	am := &Client{store: db, view: messagetest.View()}
	must.OK(t, am.Restore(t.Context(), 1))
	changes := must.Get(db.ChangesAfter(t.Context(), am.advanced, 10))(t)
	for _, c := range changes {
		am.take(c)
	}
	if a := am.alerts["a/warning"]; a == nil || a.over.IsZero() || am.alerts["b/warning"] == nil || !am.news {
		t.Errorf("alerts %v", am.alerts)
	}
}

// peer is an Alertmanager without a network: what it was sent last of each
// alert, by incident and severity. While it is down it answers 503.
type peer struct {
	mu   sync.Mutex
	down bool
	last map[string]postable
}

func (p *peer) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// RoundTrip implements [http.RoundTripper].
func (p *peer) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
	}
	var all []postable
	if err := json.NewDecoder(r.Body).Decode(&all); err != nil || r.URL.Path != "/am/api/v2/alerts" {
		return nil, errors.Join(err, errors.New(r.URL.Path))
	}
	for _, a := range all {
		p.last[string(a.Labels["incident"]+" "+a.Labels["severity"])] = a
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// An Alertmanager that was down, while Omen restarted too, hears all that it
// missed, ends included.
func TestPeerHearsAllItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := messagetest.Store(t)
		p := &peer{last: map[string]postable{}}
		settings := Settings{URL: "http://a/am/", Labels: map[string]string{"fleet": "lab", "severity": "mine"}}
		must.OK(t, settings.Check(""))
		changes := make(chan omen.Change)
		begin := func() (end func()) {
			am, err := New(settings, messagetest.View(), db, prometheus.NewCounterVec(prometheus.CounterOpts{}, []string{"receiver", "outcome"}), nil, messagetest.Log(t))
			if err != nil {
				t.Fatal(err)
			}
			am.client = &http.Client{Transport: p}
			cursor := must.Get(db.Cursor(t.Context(), message.Reader(am.Name())))(t)
			must.OK(t, am.Restore(t.Context(), cursor))
			ctx, cancel := context.WithCancel(t.Context())
			var done sync.WaitGroup
			done.Go(func() { am.Deliver(ctx, changes) })
			return func() { cancel(); done.Wait() }
		}
		take := func(all ...omen.Change) {
			messagetest.Append(t, db, all...)
			after := must.Get(db.ChangesAfter(t.Context(), 0, 100))(t)
			for _, c := range after[len(after)-len(all):] {
				changes <- c
			}
			time.Sleep(pushSettle + time.Second)
			synctest.Wait()
		}
		firing := func(alert string) bool { return time.Until(p.last[alert].EndsAt) > 2*time.Minute }

		end := begin()
		take(messagetest.Step("a", "web-a", 1, omen.ChangeOpened, time.Now()), messagetest.Step("b", "web-b", 1, omen.ChangeOpened, time.Now()))
		if labels := p.last["a warning"].Labels; !firing("a warning") || !firing("b warning") || labels["fleet"] != "lab" || labels["instance"] != "web-a" {
			t.Fatalf("pushed %v", p.last)
		}
		p.set(true)
		take(messagetest.Step("a", "web-a", 2, omen.ChangeClosed, time.Now()), messagetest.Step("b", "web-b", 2, omen.ChangeEscalated, time.Now()))
		got, err := db.Deliveries(t.Context(), "a")
		if err != nil || got[len(got)-1].Outcome != message.Retrying {
			t.Errorf("deliveries %v, %v", got, err)
		}
		end()
		end = begin()
		defer func() { end() }()
		after := must.Get(db.ChangesAfter(t.Context(), 2, 100))(t)
		for _, c := range after {
			changes <- c
		}
		synctest.Wait()
		p.set(false)
		time.Sleep(2 * pushEvery)
		synctest.Wait()
		if firing("a warning") || !firing("b critical") || firing("b warning") {
			t.Errorf("pushed %v", p.last)
		}
		got, err = db.Deliveries(t.Context(), "a")
		if err != nil || got[len(got)-1].Outcome != message.Delivered || got[len(got)-1].Key != "a.2" {
			t.Errorf("deliveries %v, %v", got, err)
		}
	})
}
