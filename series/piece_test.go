package series_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// fleet is a server with some hosts, which all have 1 at each instant, and with
// a limit of values for one answer.
type fleet struct {
	hosts, most int
	refuse      http.HandlerFunc // of what is more; called with lock held

	mu      sync.Mutex
	refused int
	longest int // expression, in bytes
}

var alternatives = regexp.MustCompile(`instance=~"([^"]*)"`)

func (s *fleet) host(i int) string { return fmt.Sprintf("host-%04d.prod.example.org:9100", i) }

func (s *fleet) names() (all []string) {
	for i := range s.hosts {
		all = append(all, s.host(i))
	}
	return all
}

// begin sets how much an answer may have, and has refusals counted from none.
func (s *fleet) begin(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most, s.refused = most, 0
}

// refusals are how many requests were refused.
func (s *fleet) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	query := r.FormValue("query")
	s.longest = max(s.longest, len(query))
	names := s.names()
	if m := alternatives.FindStringSubmatch(query); m != nil {
		names = strings.Split(strings.ReplaceAll(m[1], `\\`, ""), "|")
	}
	number := func(name string) float64 {
		v, _ := strconv.ParseFloat(r.FormValue(name), 64) // the client under test writes them
		return v
	}
	start, end, step := number("start"), number("end"), number("step")
	if step == 0 {
		start, end, step = number("time"), number("time"), 1
	}
	points := int((end-start)/step) + 1
	if points*len(names) > s.most {
		s.refused++
		s.refuse(w, r)
		return
	}
	fake(func(string, url.Values) string {
		var all []string
		for _, name := range names {
			var values []string
			for i := range points {
				values = append(values, fmt.Sprintf(`[%.0f,"1"]`, start+float64(i)*step))
			}
			all = append(all, fmt.Sprintf(`{"metric":{"instance":%q},"values":[%s]}`, name, strings.Join(values, ",")))
		}
		return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(all, ",") + `]}}`
	})(w, r)
}

// failed is what failed of a frame, if there is one.
func failed(f *series.Frame) map[string]error {
	if f == nil {
		return nil
	}
	return f.Failed
}

// Whatever a server refuses since it is too much is asked for in smaller
// pieces: shorter ones, then of fewer hosts.
func TestRemoteAsksForLess(t *testing.T) {
	const js = "application/json"
	refusal := func(status int, kind, text string) http.HandlerFunc {
		return says(status, js, fmt.Sprintf(`{"status":"error","errorType":%q,"error":%q}`, kind, text))
	}
	for name, refuse := range map[string]http.HandlerFunc{
		"VictoriaMetrics, memory":  refusal(422, "422", "cannot execute query: not enough memory for processing 150000 data points across 10 time series with 15000 points in each time series; total available memory for concurrent requests: 1 bytes; requested memory: 2 bytes"),
		"VictoriaMetrics, samples": refusal(422, "422", "cannot select more than -search.maxSamplesPerQuery=1000 samples; possible solutions: to increase the -search.maxSamplesPerQuery"),
		"VictoriaMetrics, series":  refusal(422, "422", "the number of matching timeseries exceeds 300000; either narrow down the search or increase -search.max* command-line flag values"),
		"Prometheus, samples":      refusal(422, "execution", "query processing would load too many samples into memory in query execution"),
		"Prometheus, points":       refusal(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"),
		"Prometheus, time":         refusal(503, "timeout", "query timed out in expression evaluation"),
		"Mimir, chunks":            refusal(422, "execution", "the query exceeded the maximum number of chunks (limit: 2000000 chunks) (err-mimir-max-chunks-per-query)"),
		"Cortex, series":           refusal(422, "execution", "the query hit the max number of series limit (limit: 100000 series)"),
		"Thanos, series":           refusal(500, "internal", "expanding series: proxy Series(): rpc error: code = ResourceExhausted desc = exceeded series limit"),
		"overloaded":               says(503, "text/plain", "query too heavy\n"),
		"a limit in other words":   refusal(422, "execution", "this tenant may not do so"),
		"a proxy, time":            says(504, "text/html", "<html>"),
		"a proxy, size":            says(413, "text/html", "<html>"),
		"a gateway, size":          says(413, js, `{"message":"Response size limit"}`),
		"a proxy, nobody behind":   says(502, "text/html", "<html>"),
		"Cloudflare, time":         says(524, "text/html", "<html>"),
		"Google, resources":        refusal(400, "bad_data", "expanding series: generic::resource_exhausted: query"),
		"cost":                     refusal(400, "bad_data", "query cost is too high"),
		"broken off":               func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100000")
			says(200, js, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":`)(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Six hosts at the least span of sixty instants are allowed.
			s := &fleet{hosts: 20, most: 400, refuse: refuse}
			r := sourcetest.Serve(t, s, series.RemoteOptions{})
			q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Hosts: s.names(), Window: time.Minute,
				Start: sourcetest.Start, End: sourcetest.Start.Add(999 * 15 * time.Second), Step: 15 * time.Second}
			f, err := r.Read(t.Context(), q)
			if err != nil || len(f.Failed) > 0 {
				t.Fatalf("%v, failed %v", err, failed(f))
			}
			if !slices.Equal(f.Hosts, s.names()) {
				t.Fatalf("%d hosts", len(f.Hosts))
			}
			for h := range f.Hosts {
				for i := range f.Instants {
					if f.At(h, i, 0) != 1 {
						t.Fatalf("host %s has %v at instant %d", f.Hosts[h], f.At(h, i, 0), i)
					}
				}
			}
			if n := s.refusals(); n == 0 || n > 40 {
				t.Errorf("%d requests were refused, want some, and it to learn from them", n)
			}

			// Down to a floor; then it says so.
			s.begin(0)
			_, err = r.Read(t.Context(), q)
			if n := s.refusals(); err == nil || omen.Hint(err) == "" || n > 20 {
				t.Errorf("after %d refusals: %v, hint %q", n, err, omen.Hint(err))
			}
		})
	}
}

// Where whatever is longer than an instant is refused, a long range is not read an
// instant at a time, and a short one is.
func TestRemoteStopsAtAPiece(t *testing.T) {
	s := &fleet{hosts: 1, most: 1, refuse: says(422, "application/json", `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`)}
	r := sourcetest.Serve(t, s, series.RemoteOptions{})
	q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Hosts: s.names(), Window: time.Minute,
		Start: sourcetest.Start, End: sourcetest.Start.Add(13 * 24 * time.Hour), Step: 15 * time.Minute}
	_, err := r.Read(t.Context(), q)
	if n := s.refusals(); err == nil || !strings.Contains(err.Error(), "in the smallest piece, too") || !strings.Contains(err.Error(), "too many samples") || n < 4 || n > 8 {
		t.Errorf("after %d refusals: %v", n, err)
	}
	q.End = sourcetest.Start.Add(59 * 15 * time.Minute)
	if f, err := r.Read(t.Context(), q); err != nil || len(f.Failed) > 0 || f.Instants != 60 {
		t.Errorf("a range of sixty instants: %v, %v", err, failed(f))
	}
}

// What is asked for once is not asked for again where it is not answered in time, and a
// bounded piece is no longer than that.
func TestRemoteAsksOnce(t *testing.T) {
	s := &fleet{hosts: 1, refuse: says(503, "application/json", `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`)}
	r := sourcetest.Serve(t, s, series.RemoteOptions{})
	q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Hosts: s.names(), Window: time.Minute, Once: true, Piece: 25,
		Start: sourcetest.Start, End: sourcetest.Start.Add(999 * 15 * time.Second), Step: 15 * time.Second}
	if _, err := r.Read(t.Context(), q); !errors.Is(err, omen.ErrUnavailable) || s.refusals() != 1 {
		t.Errorf("%d requests: %v", s.refusals(), err)
	}
	s.begin(25)
	var done []string
	q.Done = func(feature string) { done = append(done, feature) }
	if f, err := r.Read(t.Context(), q); err != nil || len(f.Failed) > 0 || s.refusals() != 0 || !slices.Equal(done, []string{"x"}) {
		t.Errorf("in pieces: %v, %v, %d refusals, done %v", err, failed(f), s.refusals(), done)
	}
}

// A refusal of the expression itself, or of so many questions, is not asked again
// in smaller pieces, which are more.
func TestRemoteKnowsWhatIsNotTooMuch(t *testing.T) {
	for name, refuse := range map[string]http.HandlerFunc{
		"expression":         says(422, "application/json", `{"status":"error","errorType":"execution","error":"found duplicate series for the match group {job=\"a\"} on the right hand-side of the operation: many-to-many matching not allowed"}`),
		"queued":             says(429, "application/json", `{"status":"error","errorType":"too_many_requests","error":"too many outstanding requests"}`),
		"often":              says(429, "text/plain", "rate limit exceeded"),
		"VictoriaMetrics":    says(429, "application/json", `{"status":"error","errorType":"429","error":"couldn't start executing the request in 10 seconds, since -search.maxConcurrentRequests=8 concurrent requests are executed"}`),
		"often, with a page": says(429, "text/html", "<html>"),
	} {
		s := &fleet{hosts: 20, refuse: refuse}
		r := sourcetest.Serve(t, s, series.RemoteOptions{})
		_, err := r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Hosts: s.names(), Window: time.Minute,
			Start: sourcetest.Start, End: sourcetest.Start.Add(time.Hour), Step: 15 * time.Second})
		if n := s.refusals(); err == nil || n != 1 {
			t.Errorf("%s: asked %d times: %v", name, n, err)
		}
		if name != "expression" && !strings.Contains(omen.Hint(err), "how often") {
			t.Errorf("%s: hint %q", name, omen.Hint(err))
		}
	}
}

// A query that names hosts is short, however many they are and whatever limit
// the server says it has.
func TestRemoteKeepsQueriesShort(t *testing.T) {
	s := &fleet{hosts: 1200, most: math.MaxInt}
	r := sourcetest.Serve(t, s, series.RemoteOptions{})
	q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: `sum by (instance) (x) / sum by (instance) (y)`}}, Window: time.Minute,
		Hosts: s.names()[:250], Start: sourcetest.Start, End: sourcetest.Start.Add(time.Minute), Step: 15 * time.Second}
	f, err := r.Read(t.Context(), q)
	if err != nil || len(f.Failed) > 0 || !slices.Equal(f.Hosts, q.Hosts) {
		t.Fatalf("%v, failed %v", err, failed(f))
	}
	if s.longest > 8000 || s.longest < 2000 {
		t.Errorf("the longest expression has %d bytes, want it near 8,000, and not over", s.longest)
	}

	// Where a smaller limit holds, in fewer hosts: the span is not the trouble.
	limit := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if n := len(req.FormValue("query")); n > 1000 {
			says(400, "application/json", fmt.Sprintf(`{"status":"error","errorType":"400","error":"too long query; got %d bytes; mustn't exceed `+"`-search.maxQueryLen=1000`"+` bytes"}`, n))(w, req)
			return
		}
		s.ServeHTTP(w, req)
	})
	f, err = sourcetest.Serve(t, limit, series.RemoteOptions{}).Read(t.Context(), q)
	if err != nil || len(f.Failed) > 0 || !slices.Equal(f.Hosts, q.Hosts) {
		t.Fatalf("with a limit of 1,000 bytes: %v, failed %v", err, failed(f))
	}

	// For a great part of a fleet everybody is asked for; who was not named is
	// not in the frame.
	s.longest = 0
	q.Hosts = s.names()[:1000]
	f, err = r.Read(t.Context(), q)
	if err != nil || len(f.Failed) > 0 || !slices.Equal(f.Hosts, q.Hosts) || s.longest != len(q.Exprs[0].PromQL) {
		t.Fatalf("%v, failed %v, longest expression %d bytes", err, failed(f), s.longest)
	}
}

// Series without the labels that name a host are left out, counted and named:
// the others' feature is as good as without them.
func TestRemoteLeavesOutWhatNamesNoHost(t *testing.T) {
	at := sourcetest.Start
	r := sourcetest.Serve(t, fake(func(string, url.Values) string {
		return vector(fmt.Sprintf(`{"metric":{"instance":"a"},"value":[%d,"7"]},{"metric":{"job":"odd"},"value":[%d,"8"]}`, at.Unix(), at.Unix()))
	}), series.RemoteOptions{})
	f, err := r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: at, End: at, Window: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Failed) != 0 || !slices.Equal(f.Hosts, []string{"a"}) || f.At(0, 0, 0) != 7 {
		t.Errorf("hosts %v, failed %v", f.Hosts, f.Failed)
	}
	if said := f.LeftOut["x"]; !strings.Contains(said, `1 series without the label instance, such as {job="odd"}`) {
		t.Errorf("left out: %q", said)
	}
}
