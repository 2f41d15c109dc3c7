package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// hanging is a Prometheus with one host, of which each metric is .3 at each file system.
type hanging struct {
	mu     sync.Mutex
	hangs  map[string]bool // metrics whose ranges are never answered
	slow   bool            // of which it says that, at once
	refuse map[string]bool // metrics whose ranges are refused
	away   bool            // it answers nothing
	begins bool            // that begins with the next question for a limit
	asked  map[string]int  // requests by metric, those for ranges with " range"
	out    int             // requests that were never answered
}

var metricName = regexp.MustCompile(`\b(cpu|l\d\d)\b`)

func (s *hanging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	metric, ranged := metricName.FindString(r.FormValue("query")), strings.HasSuffix(r.URL.Path, "query_range")
	s.mu.Lock()
	if s.begins && metric != "cpu" {
		s.away = true
	}
	away, hangs, slow, refused := s.away, ranged && s.hangs[metric], s.slow, ranged && s.refuse[metric]
	if hangs {
		s.out++
	}
	if s.asked[metric]++; ranged {
		s.asked[metric+" range"]++
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case away:
		panic(http.ErrAbortHandler)
	case hangs && slow:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`) // the test's client is gone
		return
	case hangs:
		<-r.Context().Done()
		return
	case refused:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`) // the test's client is gone
		return
	}
	number := func(name string) float64 {
		v, _ := strconv.ParseFloat(r.FormValue(name), 64) // the client under test writes them
		return v
	}
	labels := `"instance":"web-1","mountpoint":"/var"`
	if metric == "cpu" {
		labels = `"instance":"web-1"`
	}
	if !ranged {
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{%s},"value":[%.3f,"0.3"]}]}}`, labels, number("time"))
		return
	}
	var values []string
	for at := number("start"); at <= number("end"); at += number("step") {
		values = append(values, fmt.Sprintf(`[%.3f,"0.3"]`, at))
	}
	fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{%s},"values":[%s]}]}}`, labels, strings.Join(values, ","))
}

func (s *hanging) set(change func(*hanging)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// limited watches a server with so many limits of one kind; what it logs is in log.
func limited(t *testing.T, s *hanging, limits int, log io.Writer) *Watch {
	t.Helper()
	s.asked = map[string]int{}
	p := feature.Profile{Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}}}
	for i := range limits {
		name := fmt.Sprintf("l%02d", i)
		p.Limits = append(p.Limits, feature.Limit{Name: name, Used: name, Max: 1, By: []string{"mountpoint"}})
	}
	return New(Options{
		Source: sourcetest.Serve(t, s, series.RemoteOptions{Timeout: 300 * time.Millisecond}), Name: "test", Schema: must.Get(feature.NewSchema(p))(t),
		Step: time.Minute, Window: time.Minute, Store: open(t), History: time.Hour, Sink: deaf{}, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}

// unrecalled are the limits whose history is not read.
func (w *Watch) unrecalled() (names []string) {
	w.limits.mu.Lock()
	defer w.limits.mu.Unlock()
	for _, r := range w.limits.of {
		if !r.ready {
			names = append(names, r.limit.Name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func unreadNames(w *Watch) (names []string) {
	for _, u := range w.Unread() {
		names = append(names, u.Limit)
	}
	return names
}

// A limit whose history hangs, alone or with some others, holds up those of the others
// by one time-out, is named alone, and is asked for ever more seldom; after an hour it
// is forecast by what was measured since.
func TestAHistoryThatHangsIsAlone(t *testing.T) {
	for name, hang := range map[string][]string{
		"one": {"l11"}, "as many as are asked for at once": {"l00", "l01", "l02", "l03"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &hanging{hangs: map[string]bool{}}
			for _, one := range hang {
				s.hangs[one] = true
			}
			var log bytes.Buffer
			w := limited(t, s, 23, &log)
			at := monday
			w.round(t.Context(), at)
			w.forecast(t.Context())
			outs := 0
			for w.recallSome(t.Context()) {
				if left := w.unrecalled(); len(left) > len(hang) {
					s.set(func(s *hanging) { outs = s.out })
				}
				for _, name := range unreadNames(w) {
					if !s.hangs[name] {
						t.Errorf("%s is blamed", name)
					}
				}
			}
			if most := 2 * len(hang); outs > most { // together, and each alone before the others
				t.Errorf("the others waited for %d requests, want at most %d", outs, most)
			}
			s.set(func(s *hanging) { s.slow = true })
			for range 180 {
				at = at.Add(time.Minute)
				w.minute(t, at)
			}
			if got := w.unrecalled(); !slices.Equal(got, hang) || !slices.Equal(unreadNames(w), hang) {
				t.Errorf("not read are %v, named %v, want %v", got, unreadNames(w), hang)
			}
			if n := len(w.Forecasts()); n != 23 {
				t.Errorf("%d are forecast, want all", n)
			}
			s.set(func(s *hanging) {
				for _, one := range hang {
					if n := s.asked[one+" range"]; n < 15 || n > 22 {
						t.Errorf("the history of %s was asked for %d times in three hours", one, n)
					}
				}
				s.hangs = nil
			})
			if n := strings.Count(log.String(), "history of resources not read"); n != len(hang) {
				t.Errorf("%d lines in the log, want %d:\n%s", n, len(hang), log.String())
			}
			for range 14 {
				at = at.Add(time.Minute)
				w.minute(t, at)
			}
			if got := w.unrecalled(); len(got) > 0 || len(w.Unread()) > 0 {
				t.Errorf("once it is answered not read are %v, named %v", got, w.Unread())
			}
		})
	}
}

// A history that is refused in whatever piece is asked for in a few, and not an instant
// at a time.
func TestARefusedHistoryIsAFewRequests(t *testing.T) {
	s := &hanging{refuse: map[string]bool{"l01": true}}
	w := limited(t, s, 3, io.Discard)
	w.round(t.Context(), monday)
	w.forecast(t.Context())
	before := 0
	s.set(func(s *hanging) { before = s.asked["l01"] })
	for w.recallSome(t.Context()) {
	}
	s.set(func(s *hanging) {
		if n := s.asked["l01"] - before; n == 0 || n > 8 {
			t.Errorf("it was asked for %d times", n)
		}
	})
	if u := w.Unread(); len(u) != 1 || u[0].Limit != "l01" || !strings.Contains(u[0].Why, "its history cannot be read: ") || !strings.Contains(u[0].Why, "too many samples into memory") {
		t.Errorf("unread are %+v", u)
	}
	if p := w.Pending(); len(p) != 3 {
		t.Errorf("pending are %+v", p)
	}
}

// A source that goes away while limits are read is said, and no limit of it; what was
// said of its resources holds.
func TestASourceThatIsAwayBlamesNoLimit(t *testing.T) {
	s := &hanging{}
	var log bytes.Buffer
	w := limited(t, s, 23, &log)
	at := monday
	pass := func(n int) {
		for range n {
			at = at.Add(time.Minute)
			w.minute(t, at)
		}
	}
	pass(8)
	counts := func(when string) {
		t.Helper()
		if n := testutil.ToFloat64(w.metrics.resources); len(w.Forecasts()) != 23 || n != 23 || testutil.ToFloat64(w.metrics.waiting) != 0 {
			t.Errorf("%s: %d forecasts, %v resources", when, len(w.Forecasts()), n)
		}
		if u := w.Unread(); len(u) > 0 {
			t.Errorf("%s: unread are %v", when, u)
		}
	}
	counts("before")
	s.set(func(s *hanging) { s.begins = true })
	for range 5 {
		pass(1)
		counts("away")
	}
	if s := w.Status(); s.State != omen.SourceDown {
		t.Errorf("the source is %s", s.State)
	}
	s.set(func(s *hanging) { s.begins, s.away = false, false })
	for range 3 {
		pass(1)
		counts("back")
	}
	if strings.Contains(log.String(), "limit=") || strings.Count(log.String(), "source does not answer") != 1 {
		t.Errorf("logged\n%s", log.String())
	}
	s.set(func(s *hanging) { s.begins = true }) // while a history is read
	w.limits.mu.Lock()
	for _, r := range w.limits.of {
		r.ready = false
	}
	w.limits.mu.Unlock()
	if w.recallSome(t.Context()) || len(w.Unread()) > 0 || len(w.limits.histories) > 0 {
		t.Errorf("in doubt are %v", w.limits.histories)
	}
}

// A source that is scored, and too slow for what is asked for when a limit was not
// answered, hides that only for some rounds: then the limits are said.
func TestASourceThatIsTooSlowIsSaid(t *testing.T) {
	s := &hanging{}
	w := limited(t, s, 5, io.Discard)
	at := monday
	for range 8 {
		at = at.Add(time.Minute)
		w.minute(t, at)
	}
	for i := range mostMissed + 3 {
		at = at.Add(time.Minute)
		s.set(func(s *hanging) { s.begins, s.away = false, false })
		w.round(t.Context(), at)
		s.set(func(s *hanging) { s.begins = true })
		w.forecast(t.Context())
		if n := len(w.Unread()); n > 0 != (i >= mostMissed) {
			t.Errorf("after %d rounds %d limits are named", i+1, n)
		}
	}
	if n := len(w.Forecasts()); n != 0 {
		t.Errorf("%d forecasts hold for longer than five minutes", n)
	}
}

// uncounted is a source that answers limits, and does not answer what counts those that
// are left out, nor the features that are asked for to find out whether it is there.
type uncounted struct{ *disks }

func (u uncounted) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if !slices.Contains(q.By, "mountpoint") && q.Start.Equal(q.End) {
		return nil, omen.ErrUnavailable
	}
	return u.disks.Read(ctx, q)
}

// That what is left out is not counted is said after some rounds, though the source seems
// to be away each time, and the limits beside it are read.
func TestWhatIsNotCountedIsSaid(t *testing.T) {
	w := watchOf(t, oneDay(), deaf{})
	w.o.Schema = must.Get(feature.NewSchema(feature.Profile{
		Name: "test", Features: []feature.Feature{{Name: "cpu", Expr: "cpu"}},
		Limits: []feature.Limit{{Name: "disk", Used: "used", Limit: "size", By: []string{"mountpoint"}, Unit: omen.Bytes, LeftOut: "count by (instance) (ro)"}},
	}))(t)
	w.minute(t, monday)
	w.o.Source = uncounted{oneDay()}
	for i := range mostMissed + 2 {
		at := monday.Add(time.Duration(i+1) * time.Minute)
		failed := map[string]string{}
		if !w.readLimits(t.Context(), at, time.Minute, failed, func(int, *series.Frame) {}) || len(failed) > 0 {
			t.Fatalf("limits are not read: %v", failed)
		}
		w.countLeftOut(t.Context(), at, time.Minute, 0, failed)
		if len(failed) > 0 != (i >= mostMissed) {
			t.Errorf("after %d rounds: %v", i+1, failed)
		}
	}
}

// What was last said of a resource holds for five minutes while its limit is not read.
func TestWhatWasSaidHolds(t *testing.T) {
	d := oneDay()
	w := watchOf(t, d, deaf{})
	at := monday
	pass := func(n int) {
		for range n {
			at = at.Add(time.Minute)
			w.minute(t, at)
		}
	}
	pass(8)
	used := d.used
	d.set(func(d *disks) {
		none := func(time.Time) float64 { return math.NaN() }
		d.broken, d.used = omen.ErrInvalid, map[string]func(time.Time) float64{"/var": none, "/backup": none}
	})
	for i := range 8 {
		pass(1)
		want := 2
		if i >= 4 {
			want = 0
		}
		if n, all := len(w.Forecasts()), testutil.ToFloat64(w.metrics.resources); n != want || all != float64(want) {
			t.Errorf("%d minutes after the last answer: %d forecasts, %v resources", i+1, n, all)
		}
	}
	d.set(func(d *disks) { d.broken, d.used = nil, used })
	if pass(1); len(w.Forecasts()) != 2 {
		t.Errorf("%d forecasts once it is read again", len(w.Forecasts()))
	}
}
