package series

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/omenhq/omen/internal/must"
)

var answered = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// decoded is what an answer's text gives, over n instants a second apart.
func decoded(t testing.TB, text string, n int) (*Answer, *decoder, error) {
	t.Helper()
	q := must.Get(Query{Exprs: []Expr{{"x", "x"}}, By: []string{"instance"}, Start: answered, End: answered.Add(time.Duration(n-1) * time.Second), Step: time.Second}.check())(t)
	a := newAnswer(q, nil)
	_, held := newBudget(1<<30, 1).lease(t.Context())
	d := newDecoder(a, 0, n, held)
	return a, d, d.read(strings.NewReader(text))
}

func matrix(series ...string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}`
}

// Whatever order keys and series come in, an answer means the same.
func TestAnswersInAnyOrder(t *testing.T) {
	at := answered.Unix()
	// b is the first of host a by its labels, and has a gap in the middle.
	a := fmt.Sprintf(`{"metric":{"instance":"a","device":"sdb"},"values":[[%d,"1"],[%d,"2"],[%d,"3"]]}`, at, at+1, at+2)
	b := fmt.Sprintf(`{"values":[[%d,"10"],[%d.0,"NaN"],[%d,"3e1"]],"metric":{"device":"sda","instance":"a"}}`, at, at+1, at+2)
	c := fmt.Sprintf(`{"metric":{"instance":"a","device":"sdc"},"values":[[%d,"100"]]}`, at)
	for _, order := range [][]string{{a, b, c}, {b, a, c}, {c, a, b}, {c, b, a}, {a, c, b}, {b, c, a}} {
		for _, text := range []string{matrix(order...), `{"infos":["x"],"warnings":null,"data":{"result":[` + strings.Join(order, " , ") + `],"resultType":"matrix"},"status":"success","stats":{"n":[1,{}]}}`} {
			got, d, err := decoded(t, text, 3)
			if err != nil || d.status != "success" || d.kind != "matrix" {
				t.Fatalf("%s: %v, %+v", text, err, d)
			}
			if v := got.hosts["a"].values; !slices.Equal(v, []float64{10, 2, 30}) || len(got.doubled) != 1 {
				t.Errorf("%v, doubled %v from %s", v, got.doubled, text)
			}
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		matrix(`{"metric":{"instance":"a"},"values":[[1]]}`):                                           "no value",
		matrix(`{"metric":{"instance":"a"},"values":[[1,"2",3]]}`):                                     "more than a time",
		matrix(`{"metric":{"instance":"a"},"values":[[1,"x"]]}`):                                       `"x" is no sample's value`,
		matrix(`{"metric":{"instance":"a"},"histograms":[[1,{"count":"1"}]]}`):                         "histogram",
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"valu`: "EOF",
		`{"status":"success"`: "EOF",
		`hello`:               "unexpected",
	} {
		if _, d, err := decoded(t, text, 3); err == nil || !strings.Contains(fmt.Sprint(innermost(err), d.failed), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	// What is beyond what a number holds is infinite, and a gap of its feature.
	a, _, err := decoded(t, matrix(fmt.Sprintf(`{"metric":{"instance":"a"},"values":[[%d,"1e999"],[%d,"+Inf"]]}`, answered.Unix(), answered.Unix()+1)), 3)
	if err != nil || !math.IsInf(a.hosts["a"].values[0], 1) || !math.IsInf(a.hosts["a"].values[1], 1) {
		t.Errorf("%v, %v", a.hosts, err)
	}
}

// An answer that breaks off leaves nothing of itself: half of the hosts are no
// answer.
func TestAnAnswerThatBreaksOffIsTakenBack(t *testing.T) {
	at := answered.Unix()
	whole := matrix(fmt.Sprintf(`{"metric":{"instance":"a"},"values":[[%d,"1"]]}`, at), fmt.Sprintf(`{"metric":{},"values":[[%d,"1"]]}`, at),
		fmt.Sprintf(`{"metric":{"instance":"b","x":"1"},"values":[[%d,"1"]]}`, at), fmt.Sprintf(`{"metric":{"instance":"b","x":"2"},"values":[[%d,"2"]]}`, at))
	for cut := range len(whole) {
		r := remote(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, whole[:cut]) // the test's client reads it
		}))
		q := must.Get(Query{Exprs: []Expr{{"x", "x"}}, By: []string{"instance"}, Start: answered, End: answered, Step: time.Second}.check())(t)
		a := newAnswer(q, nil)
		if err := r.Evaluate(t.Context(), "x", Range{Start: answered, End: answered}, a); err == nil {
			t.Fatalf("cut at %d it is an answer", cut)
		}
		if len(a.hosts) != 0 || a.samples != 0 || a.unnamed != 0 || a.named || len(a.doubled) != 0 {
			t.Fatalf("cut at %d it leaves %+v", cut, a)
		}
	}
}

// fleetAnswer is an answer of so many hosts and instants, as Prometheus writes it.
func fleetAnswer(hosts, instants int) string {
	var rows []string
	for h := range hosts {
		var points []string
		for i := range instants {
			points = append(points, fmt.Sprintf(`[%d,"0.%09d"]`, answered.Unix()+int64(i), 123456789+h*i))
		}
		rows = append(rows, fmt.Sprintf(`{"metric":{"instance":"host-%04d.example.org:9100","job":"node"},"values":[%s]}`, h, strings.Join(points, ",")))
	}
	return matrix(rows...)
}

// What an answer takes while it comes in is what is kept of it, not its text: far
// more of that passes than the budget holds.
func TestAnswersAreReadAsTheyComeIn(t *testing.T) {
	const hosts, instants = 500, 2000
	text := fleetAnswer(hosts, instants)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text) // the test's client reads it
	}))
	defer server.Close()
	r := must.Get(NewRemote(RemoteOptions{URL: server.URL, MaxBytes: int64(len(text)) / 2}))(t)
	defer r.Close()
	end := answered.Add((instants - 1) * time.Second)
	q := must.Get(Query{Exprs: []Expr{{"x", "x"}}, By: []string{"instance"}, Start: answered, End: end, Step: time.Second}.check())(t)
	a := newAnswer(q, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	must.OK(t, r.Evaluate(t.Context(), "x", Range{Start: answered, End: end, Step: time.Second}, a))
	runtime.ReadMemStats(&after)
	if a.samples != hosts*instants || a.hosts["host-0499.example.org:9100"].values[3] != 0.123458286 {
		t.Errorf("%d samples, %v", a.samples, a.hosts["host-0499.example.org:9100"].values[:4])
	}
	// The values are 8 bytes each, of 27 of text; all that was ever allocated is
	// little more than they.
	if took, kept := after.TotalAlloc-before.TotalAlloc, uint64(8*hosts*instants); took > 2*kept {
		t.Errorf("allocated %d bytes for %d that are kept, of %d bytes of text", took, kept, len(text))
	}
	if r.budget.used != 0 {
		t.Errorf("%d bytes of the budget are not given back", r.budget.used)
	}
}

// canned answers every request with one text.
type canned string

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(c)))}, nil
}

// BenchmarkDecode reads an answer about a fleet as it comes in, and beside it as
// client_golang does, whole.
func BenchmarkDecode(b *testing.B) {
	for _, size := range [][2]int{{10000, 1}, {200, 2000}} {
		text := fleetAnswer(size[0], size[1])
		name := fmt.Sprintf("%d hosts, %d instants/", size[0], size[1])
		b.Run(name+"streamed", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if a, _, err := decoded(b, text, size[1]); err != nil || a.samples != size[0]*size[1] {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"whole", func(b *testing.B) {
			client := must.Get(api.NewClient(api.Config{Address: "http://x", RoundTripper: canned(text)}))(b)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				v, _, _, err := promv1.NewAPI(client).QueryRange(b.Context(), "x", promv1.Range{Start: answered, End: answered, Step: time.Second})
				if all, ok := v.(model.Matrix); err != nil || !ok || len(all) != size[0] {
					b.Fatal(err)
				}
			}
		})
	}
}
