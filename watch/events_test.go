package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/event"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/tsdb"
)

// fleet is forty minutes of two machines with a program each: web-2 boots after
// 20 minutes, web-1's program restarts after 25 and is deployed after 30, one
// crashes every minute from 10 to 20, and a machine nobody watches restarts.
func fleet(begin time.Time, at time.Duration) (all []series.Sample) {
	now := begin.Add(at)
	add := func(name string, v float64, labels ...string) {
		ls := map[string]string{}
		for i := 0; i < len(labels); i += 2 {
			ls[labels[i]] = labels[i+1]
		}
		all = append(all, series.Sample{Name: name, Labels: ls, At: now, Value: v})
	}
	unix := func(d time.Duration) float64 { return float64(begin.Add(d).UnixMilli()) / 1000 }
	node := func(instance string, boot time.Duration) {
		add("node_memory_MemTotal_bytes", 1000, "instance", instance, "job", "node")
		add("node_memory_MemAvailable_bytes", 400+at.Seconds()/100, "instance", instance, "job", "node")
		add("node_time_seconds", unix(at), "instance", instance, "job", "node")
		add("node_boot_time_seconds", unix(boot), "instance", instance, "job", "node")
	}
	started := func(instance, job string, start time.Duration) {
		add("process_start_time_seconds", unix(start), "instance", instance, "job", job)
	}
	version := func(instance, job, v string) {
		add(job+"_build_info", 1, "instance", instance, "job", job, "version", v, "goversion", "go1.26")
		add("go_build_info", 1, "instance", instance, "job", job, "path", "example.org/"+job)
	}
	day := -24 * time.Hour
	node("web-1:9100", day)
	if at < 20*time.Minute {
		node("web-2:9100", day)
		started("web-2:9100", "node", day)
	} else if at >= 21*time.Minute {
		node("web-2:9100", 20*time.Minute+30*time.Second)
		started("web-2:9100", "node", 20*time.Minute+50*time.Second)
	}
	switch {
	case at < 25*time.Minute:
		started("web-1:8080", "shop", day)
		version("web-1:8080", "shop", "1.2")
	case at < 30*time.Minute:
		started("web-1:8080", "shop", 25*time.Minute)
		version("web-1:8080", "shop", "1.2")
	default:
		started("web-1:8080", "shop", 30*time.Minute)
		version("web-1:8080", "shop", "1.3")
	}
	if at == 30*time.Minute { // as Prometheus marks the end of a series
		stale := math.Float64frombits(0x7ff0000000000002)
		add("shop_build_info", stale, "instance", "web-1:8080", "job", "shop", "version", "1.2", "goversion", "go1.26")
	}
	if at < 33*time.Minute { // and this source does not
		version("web-1:8082", "cart", "2.0")
	} else {
		version("web-1:8082", "cart", "2.1")
	}
	crash := at.Truncate(time.Minute)
	started("web-2:8081", "flaky", max(10*time.Minute, min(crash, 19*time.Minute))-15*time.Hour*b2i(at < 10*time.Minute))
	started("db-9:8080", "shop", 15*time.Minute*b2i(at >= 15*time.Minute))
	return all
}

func b2i(b bool) time.Duration {
	if b {
		return 1
	}
	return 0
}

// Boots, restarts and deploys are noted once each, with the hosts that they are
// of, whether the metrics are in the embedded store or behind an HTTP API.
func TestEventsFromMetrics(t *testing.T) {
	local := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	defer local.Close()
	begin := time.Now().Add(-40 * time.Minute).Truncate(time.Minute)
	for at := time.Duration(0); at <= 40*time.Minute; at += 15 * time.Second {
		must.OK(t, local.Append(t.Context(), fleet(begin, at)))
	}
	server := httptest.NewServer(promapi.Handler(local))
	defer server.Close()
	remote := must.Get(series.NewRemote(series.RemoteOptions{URL: server.URL}))(t)
	defer remote.Close()
	want := []string{
		"10m restart flaky restarted (web-2)",
		"12m restart flaky restarted (web-2)",
		"13m note flaky restarted, again and again: no grace (web-2)",
		"20m30s boot booted (web-2)",
		"25m restart shop restarted (web-1)",
		"30m deploy shop: version 1.2 → 1.3 (web-1)",
		"33m deploy cart: version changed, was 2.0 (web-1)",
	}
	for name, source := range map[string]series.Source{"embedded": local, "remote": remote} {
		t.Run(name, func(t *testing.T) {
			o := eventOptions(t, source)
			notes := &notebook{db: o.Store}
			o.Sink = notes
			play(t, New(o), begin, 2*time.Minute, 39*time.Minute)
			var got []string
			for _, e := range notes.events {
				got = append(got, eventLine(t, e, begin))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-expected +noted):\n%s", diff)
			}
			notes.events = nil
			play(t, New(o), begin, 34*time.Minute, 39*time.Minute)
			if len(notes.events) != 0 {
				t.Errorf("noted again after a restart of Omen: %v", notes.events)
			}
		})
	}
}

// notebook is a sink that stores the events it is given, and remembers them.
type notebook struct {
	deaf
	db     *store.DB
	events []mute.Event
}

func (n *notebook) Note(ctx context.Context, e mute.Event) error {
	n.events = append(n.events, e)
	return n.db.PutEvent(ctx, e)
}

// eventOptions are those of a watch that knows little but uptime.
func eventOptions(t *testing.T, source series.Source) Options {
	t.Helper()
	node := feature.Node()
	node.Features = slices.DeleteFunc(node.Features, func(f feature.Feature) bool { return f.Name != "memory_used" })
	schema := must.Get(feature.NewSchema(node))(t)
	return Options{Source: source, Name: "prod", Schema: schema, Step: 15 * time.Second, Store: open(t), Targets: true}
}

// play reads a stretch of time step by step, and asks for events each minute.
func play(t *testing.T, w *Watch, begin time.Time, from, to time.Duration) {
	t.Helper()
	programs := event.Programs{}
	for at := from; at <= to; at += w.o.Step {
		w.round(t.Context(), begin.Add(at))
		if at%time.Minute == 0 {
			must.OK(t, w.ask(t.Context(), programs, begin.Add(at)))
		}
		w.noteEvents(t.Context())
	}
}

// eventLine says an event, and which of the machines it matches.
func eventLine(t *testing.T, e mute.Event, begin time.Time) string {
	t.Helper()
	holds := must.Get(mute.Compile(e.Match))(t)
	var of []string
	for _, m := range []string{"web-1", "web-2", "web-22", "db-9"} {
		if holds(mute.HostValue(omen.Host{Source: "prod", Profile: "any", Name: "x"}, map[string]string{"instance": m + ":1234"})) {
			of = append(of, m)
		}
	}
	at := strings.TrimSuffix(e.At.Sub(begin).Round(time.Second).String(), "0s")
	if strings.HasSuffix(e.At.Sub(begin).Round(time.Second).String(), "30s") {
		at = e.At.Sub(begin).Round(time.Second).String()
	}
	return fmt.Sprintf("%s %s %s (%s)", at, e.Kind, e.Title, strings.Join(of, ","))
}

// refuser answers everything but the question what runs.
type refuser struct {
	*world
	asked int
}

func (r *refuser) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if q.Exprs[0].Feature == "running" {
		r.asked++
		return nil, errors.New("query processing would load too many samples")
	}
	return r.world.Read(ctx, q)
}

// A source that refuses the question is asked less and less often.
func TestEventsAreNotAskedForAgainAndAgain(t *testing.T) {
	r := &refuser{world: &world{hosts: []string{"web-1"}}}
	synctest.Test(t, func(t *testing.T) {
		r.born = time.Now()
		w := New(Options{Source: r, Name: "s", Schema: profile(t), Step: time.Minute, Targets: true, Store: open(t), Sink: deaf{}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- w.scoreLoop(ctx) }()
		go func() { done <- w.eventLoop(ctx) }()
		time.Sleep(6 * time.Hour) // synctest's clock
		cancel()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	// After 2, 4, 8, 16, 32 minutes, and then every hour.
	if r.asked < 8 || r.asked > 12 {
		t.Errorf("asked %d times in six hours, want about 11", r.asked)
	}
}

// unwritten is a sink whose store takes nothing for a while.
type unwritten struct {
	marks
	err error
}

func (u *unwritten) Note(ctx context.Context, e mute.Event) error {
	if u.err != nil {
		return u.err
	}
	return u.marks.Note(ctx, e)
}

// Events that cannot be stored, as on a full disk, are stored once they can: before, a
// boot of then was forgotten, and what it did to its host was trouble.
func TestEventsWaitUntilTheyCanBeStored(t *testing.T) {
	r, sink := newRig(t, open(t), "web-1"), &unwritten{err: omen.ErrFull}
	r.o.Sink = sink
	for i := range unnotedMost + 2 {
		if err := r.note(t.Context(), mute.Event{Kind: mute.EventNote, Title: fmt.Sprint("event ", i), At: r.now}, 1); !errors.Is(err, omen.ErrFull) {
			t.Fatalf("event %d: %v, want that it is not stored", i, err)
		}
	}
	var said bytes.Buffer
	r.log = slog.New(slog.NewTextHandler(&said, nil))
	if r.noteEvents(t.Context()); strings.Count(said.String(), "\n") != 1 || !strings.Contains(said.String(), fmt.Sprint("count=", unnotedMost)) {
		t.Errorf("logged %s, want one line with how many", said.String())
	}
	sink.err = omen.ErrInvalid // can never be stored: it does not wait
	if err := r.note(t.Context(), mute.Event{}, 1); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("%v, want that it is invalid", err)
	}
	sink.err = nil
	r.noteEvents(t.Context())
	r.noteEvents(t.Context())
	if n := len(sink.events); n != unnotedMost || sink.events[0].Title != "event 2" {
		t.Errorf("%d events stored, want each of the last %d once", n, unnotedMost)
	}
}
