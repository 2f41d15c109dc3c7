package watch

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/series"
)

// recorded is a source of one host: a machine's recorded normal load, a sample a
// step, again and again, with faults put into it.
type recorded struct {
	names  []string // of the columns
	rows   [][]float64
	born   time.Time
	step   time.Duration
	faults []*unlike
	silent bool // the exporter is stopped
	mu     sync.Mutex
}

// unlike is a fault: what it makes of a sample, so long after it was set.
type unlike struct {
	name     string
	causes   []string // one of these is to lead
	set      func(v map[string]float64, after time.Duration)
	from, to time.Time
	within   time.Duration // people are to be notified
}

// normal is the recorded load of a web server.
func normal(t *testing.T) (names []string, rows [][]float64) {
	t.Helper()
	f := must.Get(os.Open("../bench/faults/machine/web/train.csv.gz"))(t)
	all := must.Get(csv.NewReader(must.Get(gzip.NewReader(f))(t)).ReadAll())(t)
	must.OK(t, f.Close())
	names = all[0][1:]
	for _, line := range all[1:] {
		row := make([]float64, len(names))
		for i, text := range line[1:] {
			row[i] = math.NaN()
			if text != "" {
				row[i] = must.Get(strconv.ParseFloat(text, 64))(t)
			}
		}
		for i, name := range names { // the machine was emulated, and slow: as on one with processors and memory enough
			switch name {
			case "cpu_user", "cpu_system", "cpu_busiest", "load_per_core", "pressure_cpu":
				row[i] *= .3
			case "pressure_memory":
				row[i] = 0
			}
		}
		rows = append(rows, row)
	}
	return names, rows
}

func (r *recorded) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var hosts, names []string
	for _, e := range q.Exprs {
		names = append(names, e.Feature)
	}
	if !r.silent {
		hosts = []string{"vm"}
	}
	step := max(q.Step, time.Second)
	f := series.NewFrame(hosts, names, q.Start, step, int(q.End.Sub(q.Start)/step)+1)
	f.Window = 4 * step
	for i := range f.Instants {
		if at := f.Time(i); len(hosts) > 0 && !at.Before(r.born) {
			v := r.at(at)
			for j, name := range names {
				if x, ok := v[name]; ok {
					f.Set(0, i, j, x)
				}
			}
		}
	}
	return f, nil
}

// at is the machine's sample at an instant.
func (r *recorded) at(at time.Time) map[string]float64 {
	n := int(at.Sub(r.born) / r.step)
	v := map[string]float64{"filesystem_filling": 0, feature.UptimeColumn: 1e6 + at.Sub(r.born).Seconds()}
	for i, name := range r.names {
		v[name] = r.rows[n%len(r.rows)][i]
	}
	for _, f := range r.faults {
		if f.set != nil && !at.Before(f.from) && at.Before(f.to) {
			f.set(v, at.Sub(f.from))
		}
	}
	return v
}

// unlikes are the faults, in features as they were measured under such faults
// on real machines (bench/faults/machine). The last is one of the exporter.
func unlikes() []*unlike {
	r := rand.New(rand.NewPCG(12, 12))
	about := func(x float64) float64 { return x * (0.9 + 0.2*r.Float64()) }
	add := func(v map[string]float64, pairs ...any) {
		for i := 0; i < len(pairs); i += 2 {
			v[pairs[i].(string)] += about(pairs[i+1].(float64))
		}
	}
	return []*unlike{
		{name: "disk filled", causes: []string{"filesystem_used", "filesystem_growth", "filesystem_filling"}, set: func(v map[string]float64, after time.Duration) {
			if v["filesystem_used"] = min(1, .4+after.Seconds()/60); after < time.Minute {
				add(v, "filesystem_growth", 5e8, "filesystem_filling", .5)
			}
		}},
		{name: "inodes", causes: []string{"inodes_used"}, set: func(v map[string]float64, _ time.Duration) { v["inodes_used"] = .99 }},
		{name: "memory leak", causes: []string{"memory_used", "page_faults"}, set: func(v map[string]float64, after time.Duration) {
			v["memory_used"] += min(.6, .003*after.Seconds())
			add(v, "page_faults", 15000.)
		}},
		{name: "open files", causes: []string{"file_descriptors"}, set: func(v map[string]float64, _ time.Duration) { v["file_descriptors"] += 6000 }},
		{name: "connections", causes: []string{"tcp_established"}, set: func(v map[string]float64, _ time.Duration) {
			v["tcp_established"] += 400
			v["file_descriptors"] += 400
		}},
		{name: "fork loop", causes: []string{"forks", "page_faults", "cpu_system"}, set: func(v map[string]float64, _ time.Duration) {
			add(v, "forks", 800., "context_switches", 4000., "cpu_system", .3, "page_faults", 80000.)
		}},
		{name: "writes", causes: []string{"disk_write", "disk_operations", "disk_utilisation", "pressure_io", "cpu_iowait", "disk_queue"}, set: func(v map[string]float64, _ time.Duration) {
			add(v, "disk_write", 3e8, "disk_operations", 600., "disk_utilisation", .8, "disk_queue", 8., "cpu_iowait", .3, "pressure_io", .5, "procs_blocked", 1.)
		}},
		{name: "spinning core", causes: []string{"cpu_busiest", "cpu_user", "load_per_core"}, set: func(v map[string]float64, _ time.Duration) {
			v["cpu_busiest"] = 1
			add(v, "cpu_user", .48, "load_per_core", .5)
		}},
		{name: "packet loss", causes: []string{"tcp_retransmits"}, set: func(v map[string]float64, _ time.Duration) { add(v, "tcp_retransmits", 90.) }},
		{name: "stalled disk", causes: []string{"procs_blocked", "pressure_io", "cpu_iowait", "load_per_core", "disk_utilisation", "disk_queue"}, set: func(v map[string]float64, _ time.Duration) {
			v["procs_blocked"], v["pressure_io"], v["disk_utilisation"] = 4, 1, 1
			add(v, "load_per_core", 2., "cpu_iowait", .5, "disk_queue", 20.)
		}},
		{name: "stopped exporter", causes: []string{"sends nothing"}},
	}
}

// heard is a message, and when it was there by the bubble's clock.
type heard struct {
	at               time.Time
	status, id, text string
}

// A young machine, and eleven unlike faults of it two to five minutes apart: each
// is notified by a message of its own that begins with its own cause, within a
// minute or, at slow steps, as soon as two samples have shown it; none is said to be
// over while it lasts; and nothing else is notified. All that lies between the
// samples and the receiver is real.
func TestUnlikeFaultsAreEachNotified(t *testing.T) {
	for _, c := range []struct{ step, learn, last, gap, within time.Duration }{
		{time.Second, 65 * time.Minute, 2 * time.Minute, time.Minute, time.Minute},
		{15 * time.Second, 25 * time.Hour, 3 * time.Minute, 90 * time.Second, time.Minute},
		// Two samples at the page level, the first of them up to a minute after.
		{time.Minute, 26 * time.Hour, 5 * time.Minute, 2 * time.Minute, 3 * time.Minute},
	} {
		t.Run(c.step.String(), func(t *testing.T) {
			if testing.Short() && c.step != time.Second {
				t.Skip("thousands of rounds")
			}
			names, rows := normal(t)
			source := &recorded{names: names, rows: rows, born: bubble, step: c.step, faults: unlikes()}
			for i, f := range source.faults {
				f.from = bubble.Add(c.learn + time.Duration(i)*(c.last+c.gap))
				f.to, f.within = f.from.Add(c.last), c.within
			}
			exporter := source.faults[len(source.faults)-1]
			exporter.to, exporter.within = exporter.from.Add(8*time.Minute), max(c.within, 4*c.step)
			messages := received(t, source, c.step)
			for _, f := range source.faults {
				f.check(t, messages, c.gap)
			}
		})
	}
}

// received is what a receiver gets from Omen until ten minutes after the last fault.
func received(t *testing.T, source *recorded, step time.Duration) (all []heard) {
	t.Helper()
	hook := receiver(t)
	settings := must.Get(notify.Load([]byte("receivers: [{name: hook, webhook_configs: [{url: '"+hook.URL+"'}]}]"), t.TempDir()))(t)
	schema := must.Get(feature.NewSchema(feature.Node()))(t)
	last := source.faults[len(source.faults)-1]
	live(t, source, Options{Schema: schema, Step: step}, func(w *whole) {
		relay := must.Get(notify.NewRelay(notify.Options{Settings: settings, Store: w.db, ExternalURL: "http://omen.example"}))(w.t)
		ctx, cancel := context.WithCancel(w.t.Context())
		done := make(chan error, 1)
		go func() { done <- relay.Run(ctx) }()
		look := max(step, 5*time.Second)
		for now := time.Now(); now.Before(last.to.Add(10 * time.Minute)); now = time.Now() {
			source.mu.Lock()
			source.silent = !now.Before(last.from) && now.Before(last.to)
			source.mu.Unlock()
			time.Sleep(look)
			synctest.Wait()
			for _, m := range hook.take(w.t) {
				m.at = time.Now()
				all = append(all, m)
			}
		}
		cancel()
		must.OK(w.t, <-done)
	})
	return all
}

// check checks what was notified of a fault, and in the gap after it.
func (f *unlike) check(t *testing.T, all []heard, gap time.Duration) {
	t.Helper()
	own, id := time.Duration(-1), ""
	for _, m := range all {
		if m.at.Before(f.from) || !m.at.Before(f.to.Add(gap)) {
			continue
		}
		mine := slices.ContainsFunc(f.causes, func(c string) bool { return strings.Contains(m.text, c) })
		switch {
		case m.status == "firing" && mine && own < 0:
			own, id = m.at.Sub(f.from), m.id
		case m.status == "firing" && !mine:
			t.Errorf("%s: %s after it was set people were notified of %s", f.name, m.at.Sub(f.from), m.text)
		case m.status == "resolved" && m.id == id && m.at.Before(f.to):
			t.Errorf("%s: said to be over while it lasts", f.name)
		}
	}
	if own < 0 || own > f.within {
		t.Errorf("%s: notified after %s, want within %s", f.name, own, f.within)
	}
	t.Logf("%-17s notified after %s", f.name, own)
}

// hook is a receiver outside of the bubble, which no connection outlives: one that
// waits for the network would stop the bubble's clock.
type hook struct {
	*messagetest.Server
	taken int
}

func receiver(t *testing.T) *hook {
	t.Helper()
	return &hook{Server: messagetest.NewServer(t, "ok", func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Connection", "close")
		return false
	})}
}

// take is what was not taken before.
func (h *hook) take(t *testing.T) (all []heard) {
	t.Helper()
	got := h.Got()
	for _, r := range got[h.taken:] {
		for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
			text, _, _ := strings.Cut(a.Annotations["causes"], "\n")
			if text == "" {
				text = a.Annotations["summary"] + a.Annotations["description"]
			}
			id, _, _ := strings.Cut(a.Annotations["key"], ".")
			all = append(all, heard{status: a.Status, id: id, text: text})
		}
	}
	h.taken = len(got)
	return all
}
