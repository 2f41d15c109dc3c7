package autoencoder

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/internal/simd"
)

// lowRank makes rows of width features that are linear in rank hidden
// factors, each feature with variance about 1, plus noise of deviation sd.
func lowRank(rows, width, rank int, sd float64, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	mix := make([]float64, rank*width)
	for i := range mix {
		mix[i] = rng.NormFloat64() / math.Sqrt(float64(rank))
	}
	x := make([]float32, 0, rows*width)
	z := make([]float64, rank)
	for range rows {
		for k := range z {
			z[k] = rng.NormFloat64()
		}
		for j := range width {
			v := sd * rng.NormFloat64()
			for k := range z {
				v += z[k] * mix[k*width+j]
			}
			x = append(x, float32(v))
		}
	}
	return x
}

func mustTrain(t testing.TB, rows []float32, width int, o Options) (*Network, Report) {
	t.Helper()
	n, r, err := Train(context.Background(), rows, width, o)
	if err != nil {
		t.Fatal(err)
	}
	return n, r
}

// meanSquaredError is that of the reconstruction with nothing but gaps hidden,
// over what is no gap.
func meanSquaredError(n *Network, rows []float32) float64 {
	dst, mask := make([]float32, len(rows)), make([]float32, len(rows))
	for i, v := range rows {
		if v == v {
			mask[i] = 1
		}
	}
	n.Reconstruct(dst, rows, mask, n.NewScratch(128))
	var sum, count float64
	for i, v := range rows {
		if mask[i] == 1 {
			sum += math.Pow(float64(dst[i]-v), 2)
			count++
		}
	}
	return sum / count
}

func encoded(t testing.TB, n *Network) []byte {
	t.Helper()
	return must.Get(n.MarshalBinary())(t)
}

func TestSameSeedSameModel(t *testing.T) {
	rows := lowRank(500, 11, 3, 0.1, 1)
	for _, masked := range []bool{false, true} {
		o := Options{Masked: masked, Seed: 7, Epochs: 3, Holdout: 0.2}
		a, _ := mustTrain(t, rows, 11, o)
		b, _ := mustTrain(t, rows, 11, o)
		if !bytes.Equal(encoded(t, a), encoded(t, b)) {
			t.Errorf("masked %v: two trainings with one seed differ", masked)
		}
		o.Seed = 8
		c, _ := mustTrain(t, rows, 11, o)
		if bytes.Equal(encoded(t, a), encoded(t, c)) {
			t.Errorf("masked %v: another seed gave the same network", masked)
		}
	}
}

func TestSavedEqualsLoaded(t *testing.T) {
	for _, masked := range []bool{false, true} {
		n, _ := mustTrain(t, lowRank(300, 13, 3, 0.1, 1), 13, Options{Masked: masked, Epochs: 2, Hidden: []int{9, 3, 17}})
		b := encoded(t, n)
		m := must.Get(Unmarshal(b))(t)
		for i := range n.params {
			if math.Float32bits(n.params[i]) != math.Float32bits(m.params[i]) {
				t.Fatalf("masked %v: parameter %d was %v, is %v", masked, i, n.params[i], m.params[i])
			}
		}
		if !bytes.Equal(b, encoded(t, m)) {
			t.Error("encoded again, the bytes differ")
		}
	}
}

func TestRefusesBadInput(t *testing.T) {
	nan := float32(math.NaN())
	ok := make([]float32, 12)
	bad := append([]float32(nil), ok...)
	bad[7] = nan
	inf := append([]float32(nil), ok...)
	inf[11] = float32(math.Inf(-1))
	other := newNetwork(4, true, []int{2})
	for name, c := range map[string]struct {
		rows  []float32
		width int
		o     Options
		want  string
	}{
		"nan":        {bad, 3, Options{}, "row 2 column 1"},
		"inf":        {inf, 3, Options{Gaps: true}, "row 3 column 2"},
		"ragged":     {ok, 5, Options{}, "whole rows"},
		"empty":      {nil, 3, Options{}, "whole rows"},
		"width":      {ok, 0, Options{}, "width"},
		"mask rate":  {ok, 3, Options{MaskRate: 1}, "mask rate"},
		"rate":       {ok, 3, Options{LearningRate: math.NaN()}, "learning rate"},
		"holdout":    {ok, 3, Options{Holdout: 1}, "holdout"},
		"hidden":     {ok, 3, Options{Hidden: []int{4, 0}}, "hidden"},
		"warm shape": {ok, 3, Options{Warm: other}, "another shape"},
	} {
		_, _, err := Train(context.Background(), c.rows, c.width, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, _, err := Train(context.Background(), bad, 3, Options{Gaps: true, Masked: true}); err != nil {
		t.Errorf("a gap where gaps are allowed: %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("enough")
	epochs := 0
	o := Options{Epochs: 1000, Progress: func(e, of int) {
		if epochs = e; e == 2 {
			cancel(reason)
		}
	}}
	n, _, err := Train(ctx, lowRank(200, 5, 2, 0.1, 1), 5, o)
	if !errors.Is(err, reason) || n != nil || epochs != 2 {
		t.Errorf("network %v, error %v after %d epochs; want none, the cause, 2", n != nil, err, epochs)
	}
}

// TestKeepsBestWeights: the network returned is that of the best epoch: its
// validation loss can be had again from the weights. A high rate on few noisy
// rows overfits soon.
func TestKeepsBestWeights(t *testing.T) {
	const width = 12
	rows := lowRank(120, width, 6, 1, 2)
	n, r := mustTrain(t, rows, width, Options{Seed: 1, Epochs: 400, LearningRate: 0.02, Holdout: 0.5, Hidden: []int{64, 10, 64}})
	if len(r.Epochs) != 400 || r.Best == 399 {
		t.Fatalf("%d epochs, best the one at %d; want 400, and an earlier one than the last", len(r.Epochs), r.Best)
	}
	if r.Rows != 60 || r.HeldOut != 60 {
		t.Errorf("%d rows, %d held out, want 60 and 60", r.Rows, r.HeldOut)
	}
	for i, e := range r.Epochs {
		if e.Validation < r.Epochs[r.Best].Validation {
			t.Errorf("epoch %d has validation loss %v, below the best %v", i, e.Validation, r.Epochs[r.Best].Validation)
		}
	}
	// Errors beyond the clip count linearly in the loss: compare as it does.
	s, y := n.NewScratch(60), make([]float32, 60*width)
	n.Reconstruct(y, rows[60*width:], nil, s)
	var sum float64
	for i, v := range rows[60*width:] {
		e := math.Abs(float64(y[i] - v))
		c := min(e, 3)
		sum += c * (2*e - c)
	}
	if got := sum / (60 * width); math.Abs(got-r.Epochs[r.Best].Validation) > 1e-5*got {
		t.Errorf("validation loss of the network returned is %v, reported %v", got, r.Epochs[r.Best].Validation)
	}
}

// TestWarmStart: from a trained network the first epoch begins near where the
// last ended, far below a fresh network's first.
func TestWarmStart(t *testing.T) {
	rows := lowRank(2000, 10, 2, 0.1, 3)
	n, cold := mustTrain(t, rows, 10, Options{Masked: true, Epochs: 20})
	before := encoded(t, n)
	_, warm := mustTrain(t, rows, 10, Options{Masked: true, Epochs: 2, LearningRate: 1e-3, Warm: n, Seed: 9})
	if warm.Epochs[0].Train > 1.2*cold.Epochs[cold.Best].Train || warm.Epochs[0].Train > cold.Epochs[0].Train/2 {
		t.Errorf("first warm loss %v after %v (first cold loss %v)", warm.Epochs[0].Train, cold.Epochs[cold.Best].Train, cold.Epochs[0].Train)
	}
	if !bytes.Equal(before, encoded(t, n)) {
		t.Error("the warm start changed the network it started from")
	}
}

// TestGapsAreNotLearnt: what a gap hides does not matter, so filling the gaps
// of one feature that is always missing changes nothing else, and a network
// trained with gaps is finite.
func TestGapsAreNotLearnt(t *testing.T) {
	const width = 9
	rows := lowRank(400, width, 3, 0.1, 3)
	nan := float32(math.NaN())
	for i := range rows {
		if i%7 == 0 || i%width == 4 {
			rows[i] = nan
		}
	}
	for _, masked := range []bool{true, false} {
		n, r := mustTrain(t, rows, width, Options{Masked: masked, Gaps: true, Holdout: 0.2})
		if !finite(r.Epochs[r.Best].Train) || !finite(r.Epochs[r.Best].Validation) || r.Epochs[r.Best].Train > 1 {
			t.Errorf("masked %v: losses %+v", masked, r.Epochs[r.Best])
		}
		if mse := meanSquaredError(n, rows); !finite(mse) || mse > 1 {
			t.Errorf("masked %v: mean squared error %v", masked, mse)
		}
		// The feature that is never there has no gradient: its output's bias
		// is where it began.
		if b := n.layers[len(n.layers)-1].b[4]; b != 0 {
			t.Errorf("masked %v: the missing feature's bias moved to %v", masked, b)
		}
	}
}

// TestTrainingEqualsPlain: a whole training gives the same bytes either way.
func TestTrainingEqualsPlain(t *testing.T) {
	if !simd.Plainly(func() {}) {
		t.Skip("this build or processor has only the plain kernels")
	}
	rows := lowRank(700, 13, 3, 0.1, 1)
	rows[50] = float32(math.NaN())
	for _, masked := range []bool{false, true} {
		o := Options{Masked: masked, Seed: 3, Epochs: 4, Holdout: 0.1, Gaps: true}
		fast, fastReport := mustTrain(t, rows, 13, o)
		simd.Plainly(func() {
			slow, slowReport := mustTrain(t, rows, 13, o)
			if !bytes.Equal(encoded(t, fast), encoded(t, slow)) {
				t.Errorf("masked %v: the networks differ", masked)
			}
			if fastReport.Epochs[fastReport.Best] != slowReport.Epochs[slowReport.Best] {
				t.Errorf("masked %v: losses %v, plain %v", masked, fastReport.Epochs[fastReport.Best], slowReport.Epochs[slowReport.Best])
			}
		})
	}
}
