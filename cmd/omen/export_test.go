package main

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/autoencoder/onnxtest"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// usage is a host whose 40 features follow one load; the last samples are odd.
func usage(host omen.Host, schema *feature.Schema, n int) []omen.Vector {
	rng := rand.New(rand.NewPCG(4, 4))
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	all := make([]omen.Vector, n)
	for i := range all {
		load := 0.3 + 0.1*math.Sin(float64(i)/40)
		v := omen.Vector{Host: host, At: start.Add(time.Duration(i) * time.Minute), Values: make([]float64, schema.Len())}
		for j := range v.Values {
			v.Values[j] = load*(0.5+float64(j%5)/5) + 0.01*rng.NormFloat64()
			if i >= n-10 && j%7 == 0 {
				v.Values[j] = 0.9
			}
		}
		all[i] = v
	}
	return all
}

// learned is a model of a host in a new data directory, and its history.
func learned(t *testing.T) (dir string, schema *feature.Schema, m *detect.Model, all []omen.Vector) {
	t.Helper()
	schema, err := feature.NewSchema(feature.Node())
	if err != nil {
		t.Fatal(err)
	}
	host := omen.Host{Source: "local", Profile: feature.Node().Name, Name: "web-1"}
	all = usage(host, schema, 700)
	if m, err = detect.Fit(t.Context(), schema, all[:600], nil, detect.Options{Step: time.Minute, Epochs: 3}); err != nil {
		t.Fatal(err)
	}
	blob := must.Get(m.MarshalBinary())(t)
	dir = filepath.Join(t.TempDir(), "data")
	must.OK(t, app.MakeStorage(dir))
	db := must.Get(store.Open(context.Background(), app.DatabasePath(dir), nil))(t)
	info := m.Info()
	info.Serving = true
	must.OK(t, db.PutModel(t.Context(), info, blob))
	must.OK(t, db.Close())
	return dir, schema, m, all
}

// meta reads a JSON list of the file's metadata.
func meta(t *testing.T, model []byte, key string, into any) {
	t.Helper()
	found := regexp.MustCompile(`(?s)` + key + `\x12.{1,3}?(\[[^\]]*\])`).FindSubmatch(model)
	if found == nil {
		t.Fatalf("no %q in the metadata", key)
	}
	must.OK(t, json.Unmarshal(found[1], into))
}

// What `omen models export --onnx` writes gives the expected values and the
// reconstruction error of the detector's scores: onnxruntime run four times,
// each with one group of features hidden, and again without what is odd, within
// 1e-5 of a feature's deviation.
func TestExportEqualsScores(t *testing.T) {
	dir, schema, m, all := learned(t)
	file := filepath.Join(t.TempDir(), "m.onnx")
	if code := run(t.Context(), []string{"models", "export", "web-1", file, "--onnx", "--storage.path=" + dir}, io.Discard, os.Stderr); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	model := must.Get(os.ReadFile(file))(t)
	var names []string
	var group []int
	meta(t, model, "features", &names)
	meta(t, model, "groups", &group)
	if len(names) != len(m.Card().Active) || len(group) != len(names) {
		t.Fatalf("%d names, %d groups, %d active features", len(names), len(group), len(m.Card().Active))
	}
	at, width := make([]int, len(names)), len(names)
	for j, name := range names {
		at[j] = slices.Index(schema.Names(), name)
	}
	rows := all[600:]
	x := make([]float64, 0, len(rows)*width)
	for _, v := range rows {
		for _, i := range at {
			x = append(x, v.Values[i])
		}
	}
	var witness []float64
	meta(t, model, "witness", &witness)
	got := crossed(t, model, x, group, nil)
	odd, some := make([]bool, len(x)), 0
	for k, y := range got["reconstruction"] {
		if z := hardened(got["standardised"][k]); math.Abs(z-y) > witness[k%width] {
			odd[k] = true
			some++
		}
	}
	if some == 0 || some > len(x)/2 {
		t.Fatalf("%d of %d values are odd: the last rows' were to be", some, len(x))
	}
	compareScores(t, schema, m, all, at, crossed(t, model, x, group, odd))
}

// crossed runs the network four times, each with one group of features hidden
// and those that are odd, and keeps of each run what it says of the group.
func crossed(t *testing.T, model []byte, x []float64, group []int, odd []bool) map[string][]float64 {
	t.Helper()
	width, got := len(group), map[string][]float64{}
	for g := range slices.Max(group) + 1 {
		mask := make([]float32, len(x))
		for k := range mask {
			if group[k%width] != g && (odd == nil || !odd[k]) {
				mask[k] = 1
			}
		}
		for name, values := range onnxtest.Run(t, "../../autoencoder/testdata/onnx", model, x, mask, width) {
			if got[name] == nil {
				got[name] = make([]float64, len(x))
			}
			for k, y := range values {
				if group[k%width] == g {
					got[name][k] = y
				}
			}
		}
	}
	return got
}

// hardened takes the softening off a standardised value.
func hardened(s float64) float64 {
	if math.Abs(s) < 5 {
		return s
	}
	return math.Copysign(math.Exp(math.Abs(s)-5)+4, s)
}

func compareScores(t *testing.T, schema *feature.Schema, m *detect.Model, all []omen.Vector, at []int, got map[string][]float64) {
	t.Helper()
	width, features := len(at), schema.Features()
	stream := m.Stream(all[:600])
	for r, v := range all[600:] {
		score := must.Get(stream.Score(v))(t)
		var sum float64
		for j, i := range at {
			k := r*width + j
			d := got["standardised"][k] - got["reconstruction"][k]
			sum += d * d
			want := score.Expected[i]
			have := min(max(got["expected"][k], features[i].Min), features[i].Max)
			if tolerance := 1e-5 * inputUnit(all[:600], i, features[i].Scale) * math.Exp(max(0, math.Abs(got["reconstruction"][k])-5)); !(math.Abs(have-want) <= tolerance) {
				t.Fatalf("row %d, %s: onnxruntime expects %v, the score %v ± %v", r, features[i].Name, have, want, tolerance)
			}
		}
		if have := sum / float64(width); !(math.Abs(have-score.ReconstructionError) <= 1e-5*max(1, have)) {
			t.Fatalf("row %d: reconstruction error %v by onnxruntime, %v in the score", r, have, score.ReconstructionError)
		}
	}
}

// inputUnit is what one of the network's input is in a feature's own unit: its
// deviation and a hundredth of its range in training, or of the profile's scale
// where it moved less.
func inputUnit(all []omen.Vector, i int, scale float64) float64 {
	var sum, square float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range all {
		x := v.Values[i]
		sum += x
		square += x * x
		lo, hi = min(lo, x), max(hi, x)
	}
	n := float64(len(all))
	return math.Sqrt(max(0, square/n-sum/n*sum/n)) + 0.01*max(hi-lo, scale)
}
