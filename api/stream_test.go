package api

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
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
			if text, ok := strings.CutPrefix(lines.Text(), prefix); ok {
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
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok {
			if !bytes.Contains(data, []byte(`"incident":"two"`)) {
				t.Errorf("after change 1 came %s", data)
			}
			return
		}
	}
	t.Error("the stream ended")
}
