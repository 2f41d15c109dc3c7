package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestStream(t *testing.T) {
	f := newFixture(t)
	f.open(t, "before")
	r := must.Get(http.Get(f.server.URL + "/api/v1/omen/stream?host=web-1:9100"))(t)
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	next := func(prefix string) string {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == "event: beat" && prefix != "event: " {
				lines.Scan() // its data
			} else if text, ok := strings.CutPrefix(lines.Text(), prefix); ok && text != "beat" {
				return text
			}
		}
		t.Fatalf("the stream ended before %q: %v", prefix, lines.Err())
		return ""
	}
	next(": omen") // the stream stands at the journal's end
	f.open(t, "after")
	if data := next("data: "); !strings.Contains(data, `"incident":"after"`) {
		t.Errorf("first change: %s", data)
	}
	f.api.Observe(omen.Tick{At: at, Scores: []omen.Score{{Host: web1, At: at, Value: 2.5}}})
	if event := next("event: "); event != "score" {
		t.Errorf("event %s, want score", event)
	}
	if data := next("data: "); !strings.Contains(data, `"score":2.5`) {
		t.Errorf("score: %s", data)
	}
	if event := next("event: "); event != "host" {
		t.Errorf("event %s, want host", event)
	}
	var moved HostDetail
	must.OK(t, json.Unmarshal([]byte(next("data: ")), &moved))
	if whole := read[HostDetail](t, f, "hosts/web-1:9100"); moved.ID != whole.ID || len(moved.Features) != len(whole.Features) || moved.State != whole.State || moved.Serving != nil {
		t.Errorf("what moves of the host: %+v", moved)
	}
}

// A page of a host that is not there (yet, or any more) hears of all else.
func TestStreamOfAHostThatIsNotThere(t *testing.T) {
	f := newFixture(t)
	for name, want := range map[string]int{"prom/node/none": 200, "none": 404} {
		r := must.Get(http.Get(f.server.URL + "/api/v1/omen/stream?host=" + url.QueryEscape(name)))(t)
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("stream of %s: %d, want %d", name, r.StatusCode, want)
		}
	}
}

// A stream says that Omen lives, and that another host or source is in another
// state.
func TestBeats(t *testing.T) {
	f := newFixture(t)
	r := must.Get(http.Get(f.server.URL + "/api/v1/omen/stream"))(t)
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	beat := func() (b Beat) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == "event: beat" && lines.Scan() {
				must.OK(t, json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &b))
				return b
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return b
	}
	first := beat()
	f.mu.Lock()
	f.hosts = slices.Clone(f.hosts) // the stream reads the others
	f.hosts[0].State = omen.HostSilent
	f.mu.Unlock()
	for beat().State == first.State { // it is looked at every other second
	}
}

// What pages see of all is counted once however many streams there are, and only
// where it changed.
func TestPulse(t *testing.T) {
	f := newFixture(t)
	now := at
	count := func(after time.Duration) int64 {
		now = now.Add(after)
		return f.api.pulse.count(f, now)
	}
	first, listed := count(0), f.listed
	if again := count(time.Second); again != first || f.listed != listed {
		t.Errorf("a second later: %d, and %d looks; want %d, and %d", again, f.listed, first, listed)
	}
	last := first
	for what, change := range map[string]func(){
		"a host's state":       func() { f.hosts[0].State = omen.HostNormal },
		"a host's first model": func() { f.hosts[1].Model.ID = "m2" },
		"a host's first score": func() { f.hosts[1].Score = omen.Score{At: at} },
		"another model":        func() { f.hosts[1].Model.ID = "m3" },
		"a training":           func() { f.hosts[0].Training.Running = true },
		"a source's state":     func() { f.sources[0].State = omen.SourceDown },
		"a late host":          func() { f.sources[0].LateHosts++ },
		"silent hosts":         func() { f.sources[0].SilentHosts++ },
		"readiness":            func() { f.ready = errors.New("no source answers") },
		"a new host":           func() { f.hosts = append(f.hosts, learns(omen.Host{Source: "prom", Profile: "node", Name: "new"})) },
	} {
		change()
		if n := count(pulseEvery); n != last+1 {
			t.Errorf("%s: %d, want %d", what, n, last+1)
		}
		last++
	}
	f.hosts[0].Score.Value++
	slices.Reverse(f.hosts)
	if n := count(pulseEvery); n != last {
		t.Errorf("another score and another order: %d, want %d", n, last)
	}
}

// reader is a stream's reader that does something while an event is written.
type reader struct {
	*httptest.ResponseRecorder
	during map[string]func()
}

func (r *reader) Write(b []byte) (int, error) {
	for event, do := range r.during {
		if bytes.Contains(b, []byte("event: "+event)) {
			do()
		}
	}
	return r.ResponseRecorder.Write(b)
}

func TestAStreamMissesNoScoreWhileItWrites(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // the score ends it before
	defer cancel()
	changes := make(chan omen.Change, 1)
	changes <- omen.Change{Seq: 1, At: at, Kind: omen.ChangeOpened, Incident: omen.Incident{ID: "one", Host: web1}}
	w := &reader{httptest.NewRecorder(), map[string]func(){
		"change": func() { f.api.Observe(omen.Tick{At: at, Scores: []omen.Score{{Host: web1, At: at, Value: 2.5}}}) },
		"score":  cancel,
	}}
	f.api.pump(ctx, w, web1, changes)
	if body := w.Body.String(); !strings.Contains(body, `"score":2.5`) {
		t.Errorf("the score is missing in %q", body)
	}
}

func TestAStreamGoesOnWhereItWas(t *testing.T) {
	f := newFixture(t)
	f.open(t, "one")
	f.open(t, "two")
	req, _ := http.NewRequestWithContext(t.Context(), "GET", f.server.URL+"/api/v1/omen/stream", nil)
	req.Header.Set("Last-Event-ID", "1")
	r := must.Get(http.DefaultClient.Do(req))(t)
	defer r.Body.Close()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if lines.Text() == "event: beat" {
			lines.Scan() // its data
		} else if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			if !bytes.Contains(data, []byte(`"incident":"two"`)) {
				t.Errorf("after change 1 came %s", data)
			}
			return
		}
	}
	t.Error("the stream ended")
}
