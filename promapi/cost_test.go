package promapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series/sourcetest"
	"github.com/omenhq/omen/tsdb"
)

// nested is an expression inside itself.
func nested(n int, format, inner string) string {
	for range n {
		inner = fmt.Sprintf(format, inner)
	}
	return inner
}

// What would take gigabytes or minutes ends at once, with an error that names
// it; what dashboards ask does not.
func TestQueriesAreBounded(t *testing.T) {
	api := promapi.Handler(sourcetest.Store(t))
	at := sourcetest.Time(100).Unix()
	day := fmt.Sprintf("&start=%d&end=%d&step=15", at-86400, at)
	for name, tt := range map[string]struct {
		path, query, want string
	}{
		"steps of a constant":    {"query", "count_over_time(vector(1)[1d:2ms])", "43200001 steps"},
		"steps of a month":       {"query", "count_over_time(vector(1)[30d:1ms])", "steps"},
		"one in another":         {"query", "sum_over_time(sum_over_time(vector(1)[100000s:1s])[100000s:1s])", "samples of each series"},
		"beside another":         {"query", "1+" + nested(300, "(max_over_time(vector(1)[11d:1s])+%s)", "1"), "samples of each series"},
		"long range, many steps": {"query_range", "sum_over_time(node_load1[30d])" + "&start=0&end=10000&step=1", "samples of each series"},
		"many series":            {"query", fmt.Sprintf("count_over_time((node_cpu_seconds_total @ %d)[10d:1s])", at), "too many samples"},
		"long labels":            {"query", nested(20, `label_join(%s,"a","","a","a","a","a")`, "node_load1"), "label_join"},
		"long replacement":       {"query", nested(3, `label_replace(%s,"a","$1$1$1$1$1","a","(.*)")`, "node_load1"), "label_join"},
		"brackets":               {"query", nested(20_000, "(%s)", "1"), "32768"},
		"panel":                  {"query_range", "max_over_time(rate(node_cpu_seconds_total[5m])[1h:15s])" + day, ""},
		"a week's mean":          {"query_range", "avg_over_time(node_load1[1d])&start=" + fmt.Sprint(at-604800) + "&end=" + fmt.Sprint(at) + "&step=600", ""},
		"labels of two":          {"query", `label_replace(node_load1,"a","$1-$2","instance","(.)(.*)")`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			query, rest, _ := strings.Cut(tt.query, "&")
			form := url.Values{"query": {query}}.Encode()
			if rest != "" {
				form += "&" + rest
			}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/"+tt.path, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			api.ServeHTTP(w, r)
			runtime.ReadMemStats(&after)
			if took := time.Since(begin); took > tsdb.GuestTime {
				t.Errorf("took %s", took)
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 300 {
				t.Errorf("took %d MB", mb)
			}
			if (w.Code == 200) != (tt.want == "") || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("status %d, %.300s, want %q", w.Code, w.Body, tt.want)
			}
		})
	}
}

// held is a response that is not read.
type held struct {
	*httptest.ResponseRecorder
	begun chan struct{}
	free  chan struct{}
}

func (h held) Write(b []byte) (int, error) {
	select {
	case h.begun <- struct{}{}:
	default:
	}
	<-h.free
	return h.ResponseRecorder.Write(b)
}

// So many run at once; others wait for their turn, those that wait too long or
// are too many get 503, and those whose client leaves end.
func TestQueriesAtOnce(t *testing.T) {
	db := sourcetest.Store(t)
	synctest.Test(t, func(t *testing.T) {
		api := promapi.Handler(db)
		free := make(chan struct{})
		ask := func(ctx context.Context, w http.ResponseWriter) {
			api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/api/v1/query?query=1", nil))
		}
		running := 0
		for { // take every slot
			h := held{httptest.NewRecorder(), make(chan struct{}, 1), free}
			go ask(t.Context(), h)
			synctest.Wait()
			if len(h.begun) == 0 {
				break // this one waits
			}
			running++
		}
		if running < 2 || running > 4 {
			t.Errorf("%d queries run at once, want 2 to 4", running)
		}
		later := func(ctx context.Context) <-chan *httptest.ResponseRecorder {
			answer := make(chan *httptest.ResponseRecorder, 1)
			go func() {
				w := httptest.NewRecorder()
				ask(ctx, w)
				answer <- w
			}()
			return answer
		}
		gone, leave := context.WithCancel(t.Context())
		left, waits := later(gone), later(t.Context())
		synctest.Wait()
		leave()
		if w := <-left; w.Code != 499 {
			t.Errorf("a client that left: %d, want 499", w.Code)
		}
		answers := make(chan int, 100)
		for range cap(answers) {
			go func() { answers <- (<-later(t.Context())).Code }()
		}
		synctest.Wait()
		refused := len(answers)
		for range refused {
			if code := <-answers; code != 503 {
				t.Errorf("answered %d while every slot is taken", code)
			}
		}
		if refused == 0 || refused == cap(answers) {
			t.Errorf("%d of 100 refused at once, want those that the queue does not hold", refused)
		}
		time.Sleep(time.Minute) // of the bubble's clock
		if w := <-waits; w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "others run") {
			t.Errorf("after a minute in the queue: %d %s", w.Code, w.Body)
		}
		close(free)
		synctest.Wait()
		w := httptest.NewRecorder()
		ask(t.Context(), w)
		if w.Code != 200 {
			t.Errorf("with free slots: %d %s", w.Code, w.Body)
		}
	})
}

// A body that is too large says so.
func TestLargeForm(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/query", strings.NewReader("query="+strings.Repeat("1", 5<<20)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	promapi.Handler(sourcetest.Store(t)).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413: %s", w.Code, w.Body)
	}
}
