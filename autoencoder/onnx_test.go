package autoencoder

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/omenhq/omen/autoencoder/onnxtest"
	"github.com/omenhq/omen/internal/must"
)

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
	n, _ := mustTrain(t, lowRank(600, width, 3, 0.1, 1), width, Options{Masked: true, Epochs: 5})
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
		if rng.IntN(10) == 0 {
			x[i], s[i], mask[i] = math.NaN(), 0, 0
		}
	}
	model := must.Get(n.ONNX(e))(t)
	got := onnxtest.Run(t, "testdata/onnx", model, x, ask, width)
	y := make([]float32, len(s))
	n.Reconstruct(y, s, mask, n.NewScratch(rows))
	for i := range y {
		j := i % width
		near := func(name string, want, tolerance float64) {
			if len(got[name]) != len(y) || !(math.Abs(got[name][i]-want) <= tolerance) {
				t.Fatalf("%s of row %d feature %d is %v, want %v ± %v", name, i/width, j, got[name][i], want, tolerance)
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

// TestONNXRefuses: what would give a file that says nothing.
func TestONNXRefuses(t *testing.T) {
	n := newNetwork(2, true, []int{3})
	for want, change := range map[string]func(*Export){
		"names": func(e *Export) { e.Names = e.Names[:1] },
		"scale": func(e *Export) { e.Scale[1] = 0 },
		"shift": func(e *Export) { e.Shift[0] = math.NaN() },
		"limit": func(e *Export) { e.Limit = 0 },
		"knee":  func(e *Export) { e.Knee = -1 },
	} {
		e := Export{Shift: []float64{0, 0}, Scale: []float64{1, 1}, Limit: 100, Knee: 5, Names: []string{"a", "b"}}
		change(&e)
		if _, err := n.ONNX(e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	if _, err := newNetwork(2, false, []int{3}).ONNX(Export{}); err == nil {
		t.Error("a network without masks is exported")
	}
}
