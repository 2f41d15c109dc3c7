package api

import (
	"encoding/json"
	"math"
	"reflect"
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

// A body that reads itself is what encoding/json makes of it; what is not as it
// should be is left to that.
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
		var got Predict
		if got.read([]byte(text)) != own {
			t.Errorf("%s: reads itself %t, want %t", text, !own, own)
		}
		if !own {
			continue
		}
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
