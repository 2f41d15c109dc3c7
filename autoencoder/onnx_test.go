package autoencoder

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// onnxruntime runs a model in testdata/onnx; x may hold NaN.
func onnxruntime(t *testing.T, model []byte, x []float64, mask []float32, width int) map[string][]float64 {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the ONNX export is not compared with onnxruntime")
	}
	dir := filepath.Join("testdata", "onnx")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "onnxruntime-web")); err != nil {
		t.Skip("onnxruntime is not installed: `make onnx` (npm ci in autoencoder/testdata/onnx) installs it")
	}
	values := make([]*float64, len(x))
	for i := range x {
		if !math.IsNaN(x[i]) {
			values[i] = &x[i]
		}
	}
	job := must.Get(json.Marshal(map[string]any{"model": model, "rows": len(x) / width, "width": width, "x": values, "mask": mask}))(t)
	cmd := exec.Command(node, "run.mjs")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(job)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("onnxruntime: %v: %s", err, stderr.String())
	}
	var out map[string][]float64
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("onnxruntime answered %.200q: %v", answer, err)
	}
	return out
}

// TestONNXEqualsOurs compares the exported model with our arithmetic: within
// 1e-5 for the network's own numbers, within 1e-5 of the feature's scale for
// expected values, on features whose mean is up to a million deviations and
// rows with gaps, hidden entries and outliers beyond knee and limit.
func TestONNXEqualsOurs(t *testing.T) {
	const width, rows, limit, knee = 11, 50, 100, 5
	rng := rand.New(rand.NewPCG(8, 8))
	e := Export{Limit: limit, Knee: knee, Meta: map[string]string{"host": "web-1"}}
	for j := range width {
		e.Scale = append(e.Scale, math.Pow(10, float64(j-4)))
		e.Shift = append(e.Shift, 1e6*e.Scale[j]*rng.Float64())
		e.Names = append(e.Names, string(rune('a'+j)))
	}
	for _, masked := range []bool{true, false} {
		n, _ := mustTrain(t, lowRank(600, width, 3, 0.1, 1), width, Options{Masked: masked, Epochs: 5})
		x, s := make([]float64, rows*width), make([]float32, rows*width)
		ask, mask := make([]float32, len(x)), make([]float32, len(x))
		for i := range x {
			j := i % width
			z := rng.NormFloat64() * math.Pow(10, float64(i/width%4)-1) // up to some hundreds
			x[i] = e.Shift[j] + z*e.Scale[j]
			z = (x[i] - e.Shift[j]) / e.Scale[j]
			z = max(min(z, limit), -limit)
			if a := math.Abs(z); a > knee {
				z = math.Copysign(knee+math.Log(a-knee+1), z)
			}
			s[i] = float32(z)
			ask[i] = float32(rng.IntN(4) / 3) // 0 for three of four
			mask[i] = ask[i]
			if !masked {
				ask[i], mask[i] = 1, 1
			}
			if rng.IntN(10) == 0 {
				x[i], s[i], mask[i] = math.NaN(), 0, 0
			}
		}
		model := must.Get(n.ONNX(e))(t)
		if !masked {
			ask = nil
		}
		got := onnxruntime(t, model, x, ask, width)
		y := make([]float32, len(s))
		n.Reconstruct(y, s, mask, n.NewScratch(rows))
		for i := range y {
			j := i % width
			near := func(name string, want, tolerance float64) {
				if len(got[name]) != len(y) || !(math.Abs(got[name][i]-want) <= tolerance) {
					t.Fatalf("masked %v: %s of row %d feature %d is %v, want %v ± %v", masked, name, i/width, j, got[name][i], want, tolerance)
				}
			}
			near("standardised", float64(s[i]), 1e-5)
			near("reconstruction", float64(y[i]), 1e-5)
			z := float64(y[i])
			if a := math.Abs(z); a > knee {
				z = math.Copysign(knee-1+math.Exp(a-knee), z)
			}
			// Beyond the knee a difference grows with the exponential.
			near("expected", e.Shift[j]+z*e.Scale[j], e.Scale[j]*1e-5*max(1, math.Abs(z)))
		}
	}
}

// TestONNXWithoutScaling: the bare network, and what the metadata holds.
func TestONNXWithoutScaling(t *testing.T) {
	const width = 5
	n, _ := mustTrain(t, lowRank(300, width, 2, 0.1, 1), width, Options{Masked: true, Epochs: 2})
	model := must.Get(n.ONNX(Export{Names: []string{"cpu", "io", "net", "disk", "memory"}, Meta: map[string]string{"host": "web-1"}}))(t)
	for _, want := range []string{`["cpu","io","net","disk","memory"]`, "web-1"} {
		if !bytes.Contains(model, []byte(want)) {
			t.Errorf("the model does not hold %s", want)
		}
	}
	x, s, mask := make([]float64, width), make([]float32, width), make([]float32, width)
	for j := range x {
		x[j] = float64(j) / 4
		s[j], mask[j] = float32(x[j]), float32(j%2)
	}
	y := make([]float32, width)
	n.Reconstruct(y, s, mask, n.NewScratch(1))
	got := onnxruntime(t, model, x, mask, width)
	for j := range y {
		if !(math.Abs(got["expected"][j]-float64(y[j])) <= 1e-5) {
			t.Errorf("feature %d: %v, want %v", j, got["expected"][j], y[j])
		}
	}
}

func TestONNXRefuses(t *testing.T) {
	n := newNetwork(2, true, []int{3})
	for want, e := range map[string]Export{
		"names": {Names: []string{"a"}},
		"scale": {Scale: []float64{1, 0}},
		"shift": {Shift: []float64{math.NaN(), 0}},
		"knee":  {Knee: -1},
	} {
		if _, err := n.ONNX(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}
