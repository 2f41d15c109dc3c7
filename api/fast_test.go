package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// What writes itself writes what encoding/json would.
func TestPredictionsAreWrittenAsByJSON(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "web-1:9100", "disk_write 240 MB/s, expected 8–15 MB/s", "<&>", "a\"b\\", "\n\x00", "\xff", "\u2028", "ü\u2029", "\x7f"})
	number := rapid.Custom(func(t *rapid.T) Number {
		return Number(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), 1e21, 1e-7, 123456789})).Draw(t, "number"))
	})
	cause := rapid.Custom(func(t *rapid.T) Cause {
		return Cause{
			Feature: text.Draw(t, "feature"), Unit: omen.Unit(text.Draw(t, "unit")), Share: number.Draw(t, "share"), Actual: number.Draw(t, "actual"),
			Expected: number.Draw(t, "expected"), Lower: number.Draw(t, "lower"), Upper: number.Draw(t, "upper"),
			Trivial: rapid.Bool().Draw(t, "trivial"), Clears: rapid.Bool().Draw(t, "clears"), Stuck: number.Draw(t, "stuck"), Text: text.Draw(t, "text"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		p := Prediction{
			Instance: text.Draw(t, "instance"), Host: HostRef{text.Draw(t, "id"), text.Draw(t, "source"), text.Draw(t, "profile"), text.Draw(t, "name")},
			At: Instant(time.UnixMilli(rapid.Int64Range(1, 1<<42).Draw(t, "at"))), Error: number.Draw(t, "error"), Detected: rapid.Bool().Draw(t, "detected"),
			Score: number.Draw(t, "score"), Limit: 1, Grade: omen.Grade(text.Draw(t, "grade")), Model: text.Draw(t, "model"),
			Causes: rapid.SliceOfN(cause, 0, 3).Draw(t, "causes"),
		}
		want, err := json.Marshal(p)
		if got := p.appendTo(nil); err != nil || string(got) != string(want) {
			t.Fatalf("got\n%s\nwant\n%s, %v", got, want, err)
		}
	})
	// No field is left out: each is in the text of a value in which all differ from zero.
	for _, v := range []any{Prediction{}, Cause{}, HostRef{}} {
		got := string(Prediction{Causes: []Cause{{}}}.appendTo(nil))
		for i := range reflect.TypeOf(v).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
			if !strings.Contains(got, `"`+name+`":`) {
				t.Errorf("%T writes no %q: %s", v, name, got)
			}
		}
	}
}

// A vector is read as encoding/json reads it; what is not as it should be is left
// to that.
func TestVectorsAreReadAsByJSON(t *testing.T) {
	for text, own := range map[string]bool{
		`{"instance":"a","features":{"x":1,"y":-2.5e3,"z":null}}`: true,
		` {"features" : { } , "instance" : "\u00fc" } ` + "\n":    true,
		`{}`:                        true,
		`{"instance":"a"} {}`:       false,
		`{"instance":"a"} x`:        false,
		`{"instance":"a","more":1}`: false,
		`{"instance":1}`:            false,
		`{"features":{"x":"1"}}`:    false,
		`{"features":{"x":1}`:       false,
		`[]`:                        false,
		``:                          false,
	} {
		var in given
		if in.read([]byte(text)) != own {
			t.Errorf("%s: is read %t, want %t", text, !own, own)
		}
		if !own {
			continue
		}
		got := Predict{in.instance, in.features()}
		var want Predict
		must.OK(t, json.Unmarshal([]byte(text), &want))
		if got.Instance != want.Instance || len(got.Features) != len(want.Features) {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
		for name, v := range want.Features {
			if g := got.Features[name]; g != v && !(math.IsNaN(float64(g)) && math.IsNaN(float64(v))) {
				t.Errorf("%s: %s is %v, want %v", text, name, g, v)
			}
		}
	}
}

// Values get the places of their features in whatever order they come, and only if
// there is one for each; nothing is allocated for it but the instance's name.
func TestVectorsArePutInOrder(t *testing.T) {
	places := map[string]int{"a": 0, "b": 1, "c": 2}
	for text, want := range map[string][]float64{
		`{"features":{"c":3,"a":1,"b":2}}`:                    {1, 2, 3},
		`{"features":{"a":1,"b":2}}`:                          nil,
		`{"features":{"a":1,"b":2,"d":3}}`:                    nil,
		`{"features":{"a":1,"b":2,"b":3}}`:                    nil,
		`{"features":{"a":1,"b":2,"c":3,"d":4}}`:              nil,
		`{"features":{"d":4},"features":{"a":1,"b":2,"c":3}}`: {1, 2, 3},
	} {
		var g given
		read := g.read([]byte(text))
		got, complete := g.order(places)
		if !read || complete != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%s: read %t, %v complete %t, want %v", text, read, got, complete, want)
		}
	}
	var g given
	text := []byte(`{"instance":"web-1:9100","features":{"a":1.25,"b":2e9,"c":0.031}}`)
	if n := testing.AllocsPerRun(100, func() { g.read(text); g.order(places) }); n > 1 {
		t.Errorf("%v allocations for a vector, want one", n)
	}
}

// A long answer says how long it is, so that a client of HTTP/1.0 keeps its
// connection; a compressed one is read to its end all the same.
func TestAnswersSayTheirLength(t *testing.T) {
	f := newFixture(t)
	for i := range 20 {
		f.hosts = append(f.hosts, scored(omen.Host{Source: "prom", Profile: "node", Name: fmt.Sprint("web-", i)}, 0.5))
	}
	_, body, header := f.call(t, "GET", "/api/v1/omen/hosts", "", "Accept-Encoding", "identity")
	if got := header.Get("Content-Length"); got != fmt.Sprint(len(body)) || len(body) < 4096 {
		t.Errorf("the length is %q of %d bytes", got, len(body))
	}
	_, packed, header := f.call(t, "GET", "/api/v1/omen/hosts", "", "Accept-Encoding", "gzip")
	if header.Get("Content-Encoding") != "gzip" || len(packed) >= len(body) {
		t.Errorf("compressed it has %d bytes of %d: %v", len(packed), len(body), header)
	}
}

// predictor is a Runtime of one host whose predictions cost nothing.
type predictor struct {
	absent
	status  omen.HostStatus
	subject Subject
}

func (p *predictor) Host(omen.Host) (omen.HostStatus, bool) { return p.status, true }
func (p *predictor) Subject(omen.Host) (Subject, bool)      { return p.subject, true }
func (p *predictor) Named(string) []omen.Host               { return []omen.Host{p.status.Host} }

func (p *predictor) Predict(omen.Host, []float64) (omen.Score, error) { return p.status.Score, nil }

// BenchmarkPredict is one POST /predict without the network and the scoring: what of
// it is the API's own.
func BenchmarkPredict(b *testing.B) {
	p := &predictor{status: scored(web1, 0.5), subject: Subject{Instance: web1.Name, Places: map[string]int{}, Model: "m1", Grade: omen.Established}}
	p.status.Features = nil
	values := map[string]float64{}
	for i := range 41 {
		name := fmt.Sprintf("some_feature_%d", i)
		p.status.Features = append(p.status.Features, omen.FeatureValue{Name: name, Unit: omen.Ratio, Actual: 0.5, Expected: 0.5})
		values[name], p.subject.Places[name] = 0.015625*float64(i), i
	}
	for len(p.status.Score.Causes) < omen.MaxCauses {
		p.status.Score.Causes = append(p.status.Score.Causes, p.status.Score.Causes[0])
	}
	body := must.Get(json.Marshal(map[string]any{"instance": web1.Name, "features": values}))(b)
	h := New(Options{Store: newFixture(b).store, Runtime: p}).Handler()
	r := must.Get(http.NewRequestWithContext(b.Context(), http.MethodPost, "http://127.0.0.1/predict", nil))(b)
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = int64(len(body))
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		w := discarded{http.Header{}, new(int)}
		if h.ServeHTTP(w, r); *w.status != http.StatusOK {
			b.Fatal(*w.status)
		}
	}
}

// discarded is a connection that takes an answer.
type discarded struct {
	header http.Header
	status *int
}

func (d discarded) Header() http.Header           { return d.header }
func (d discarded) Write(b []byte) (int, error)   { return len(b), nil }
func (d discarded) WriteHeader(status int)        { *d.status = status }
func (discarded) SetReadDeadline(time.Time) error { return nil }
