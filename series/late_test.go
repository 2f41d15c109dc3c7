package series

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// history is a server that has samples of one host, one each five seconds, from
// and until so long ago.
type history struct{ from, until time.Duration }

func (h history) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := func(name string) float64 {
		v, _ := strconv.ParseFloat(r.FormValue(name), 64) // the client under test writes them
		return v
	}
	now := float64(time.Now().UnixMilli()) / 1000
	first, last := now-h.from.Seconds(), now-h.until.Seconds()
	start, end, step := number("start"), number("end"), number("step")
	lookback, err := time.ParseDuration(r.FormValue("lookback_delta"))
	if err != nil {
		lookback = 5 * time.Minute
	}
	kind := "matrix"
	if step == 0 {
		start, end, step, kind = number("time"), number("time"), 1, "vector"
	}
	var points []string
	for at := start; at <= end; at += step {
		if at >= first && at-lookback.Seconds() < last {
			points = append(points, fmt.Sprintf(`[%.3f,"12"]`, at))
		}
	}
	series := ""
	switch {
	case len(points) > 0 && kind == "vector":
		series = `{"metric":{"instance":"a"},"value":` + points[0] + `}`
	case len(points) > 0:
		series = `{"metric":{"instance":"a"},"values":[` + strings.Join(points, ",") + `]}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"`+kind+`","result":[`+series+`]}}`) // the test's client is gone
}

// present asks for what is there now.
func present(window time.Duration) Query {
	now := time.Now().Truncate(time.Second)
	return Query{Exprs: []Expr{{"x", "x"}}, Start: now.Add(-5 * time.Second), End: now, Step: 5 * time.Second, Window: window}
}

func remote(t *testing.T, h http.Handler) *Remote {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	r, err := NewRemote(RemoteOptions{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // idle connections only
	return r
}

// A server whose newest samples come later than what a query looks back for.
func TestRemoteMeasuresHowLateSamplesCome(t *testing.T) {
	const late = 75 * time.Second
	r := remote(t, history{time.Hour, late})
	window := 10 * time.Second // so that a query looks back 20 s
	f, err := r.Read(t.Context(), present(window))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Hosts) != 1 || values(f) != 1 {
		t.Errorf("hosts %v with %d values, want one of one", f.Hosts, values(f))
	}
	if d := r.Delay(); d < late-2*window || d > late+15*time.Second {
		t.Errorf("delay %s for samples that come %s late", d, late)
	}
}

// No samples for now: what there was says what that means.
func TestRemoteWithoutSamplesForNow(t *testing.T) {
	for name, tt := range map[string]struct {
		history history
		want    string // of the error; empty: none
	}{
		"never any":        {history{0, time.Hour}, ""},
		"ended":            {history{7 * time.Hour, 2 * time.Hour}, "6 h ago"},
		"ended, long":      {history{100 * time.Hour, 20 * time.Minute}, "60 min ago"},
		"as it should be":  {history{time.Hour, 0}, ""},
		"later than taken": {history{time.Hour, 8 * time.Minute}, "10 min ago"},
	} {
		t.Run(name, func(t *testing.T) {
			r := remote(t, tt.history)
			for range 2 { // asked again at once, it says the same
				_, err := r.Read(t.Context(), present(10*time.Second))
				if tt.want == "" && err != nil {
					t.Fatal(err)
				}
				if tt.want != "" && (!errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), tt.want) || omen.Hint(err) == "") {
					t.Fatalf("err %v with hint %q, want one that says %q", err, omen.Hint(err), tt.want)
				}
			}
			if r.Delay() != 0 {
				t.Errorf("delay %s", r.Delay())
			}
		})
	}
}

// Hosts that are gone look like samples that come later and later; samples
// that come late are late by the same all the time.
func TestRemoteTellsGoneFromLate(t *testing.T) {
	begin := time.Now()
	for name, tt := range map[string]struct {
		found []time.Duration // at each look, half a minute apart
		want  time.Duration
	}{
		"gone":       {[]time.Duration{30 * time.Second, 60 * time.Second, 90 * time.Second, 120 * time.Second, 180 * time.Second}, 0},
		"late":       {[]time.Duration{45 * time.Second, 45 * time.Second, 45 * time.Second, 45 * time.Second}, 50 * time.Second},
		"then later": {[]time.Duration{30 * time.Second, 60 * time.Second, 60 * time.Second, 60 * time.Second, 60 * time.Second}, 65 * time.Second},
		"in batches": {[]time.Duration{15 * time.Second, 0, 30 * time.Second, 15 * time.Second}, 35 * time.Second},
		"a hiccup":   {[]time.Duration{30 * time.Second, 0, 0, 0, 0}, 0},
	} {
		r := remote(t, history{})
		r.late.given = begin
		for i, found := range tt.found {
			r.adopt(found, present(0), begin.Add(time.Duration(i)*30*time.Second))
		}
		if r.Delay() != tt.want {
			t.Errorf("%s: delay %s, want %s", name, r.Delay(), tt.want)
		}
	}
	r := remote(t, history{})
	r.late.delay, r.late.given, r.late.none = maxDelay, begin, true
	if !r.adopt(0, present(0), begin) || r.Delay() != 0 {
		t.Errorf("delay %s although samples are in time again", r.Delay())
	}
}

// A source that had hosts and has none is not up again because time passes.
func TestRemoteThatLostItsHostsStaysDown(t *testing.T) {
	r := remote(t, history{8 * 24 * time.Hour, 7*24*time.Hour + time.Hour}) // nothing of a week
	r.late.given = time.Now().Add(-2 * time.Minute)
	if _, err := r.Read(t.Context(), present(10*time.Second)); err != nil {
		t.Errorf("after two minutes: %v: the hosts are missed one by one", err)
	}
	r.late.given, r.late.looked = time.Now().Add(-2*time.Hour), time.Time{}
	if _, err := r.Read(t.Context(), present(10*time.Second)); !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), "no samples of any host since") {
		t.Errorf("after two hours: %v", err)
	}
}
