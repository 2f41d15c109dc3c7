package autoencoder

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestReconstructInPieces: neither the scratch's size nor the neighbours of a
// row change a bit of its result, and dst may be rows.
func TestReconstructInPieces(t *testing.T) {
	const width, rows = 13, 37
	rng := rand.New(rand.NewPCG(1, 1))
	for _, masked := range []bool{true, false} {
		n, _ := mustTrain(t, lowRank(300, width, 3, 0.1, 1), width, Options{Masked: masked, Epochs: 2, Hidden: []int{20, 5, 11}})
		x, mask := noise32(rng, rows*width), make([]float32, rows*width)
		for i := range mask {
			if mask[i] = float32(rng.IntN(2)); mask[i] == 0 {
				x[i] = float32(math.NaN()) // is not looked at
			}
		}
		want := make([]float32, len(x))
		n.Reconstruct(want, x, mask, n.NewScratch(rows))
		for _, batch := range []int{1, 3, 8, 100} {
			got := append([]float32(nil), x...)
			n.Reconstruct(got, got, mask, n.NewScratch(batch))
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("masked %v batch %d: value %d is %v, want %v", masked, batch, i, got[i], want[i])
				}
			}
		}
	}
}

func noise32(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestParametersAreTheNetwork: the exported layers, multiplied out in float64,
// give what Reconstruct gives; float32 sums over at most 26 terms differ by
// well under 1e-5.
func TestParametersAreTheNetwork(t *testing.T) {
	const width = 13
	for _, masked := range []bool{true, false} {
		n, _ := mustTrain(t, lowRank(300, width, 3, 0.1, 1), width, Options{Masked: masked, Epochs: 2})
		rng := rand.New(rand.NewPCG(2, 2))
		x, mask := noise32(rng, width), make([]float32, width)
		h := make([]float64, 0, 2*width)
		for j := range mask {
			mask[j] = float32(j % 2)
			h = append(h, float64(x[j]*mask[j]))
		}
		for j := 0; masked && j < width; j++ {
			h = append(h, float64(mask[j]))
		}
		for _, l := range n.Parameters() {
			if len(h) != l.In || len(l.Weights) != l.In*l.Out || len(l.Bias) != l.Out {
				t.Fatalf("layer %d x %d of %d weights takes %d", l.In, l.Out, len(l.Weights), len(h))
			}
			y := make([]float64, l.Out)
			for j := range y {
				y[j] = float64(l.Bias[j])
				for k, v := range h {
					y[j] += v * float64(l.Weights[k*l.Out+j])
				}
				if l.Activation == "tanh" {
					y[j] = math.Tanh(y[j])
				}
			}
			h = y
		}
		got := make([]float32, width)
		n.Reconstruct(got, x, mask, n.NewScratch(1))
		for j := range got {
			if math.Abs(float64(got[j])-h[j]) > 1e-5 {
				t.Errorf("masked %v feature %d: %v, by the parameters %v", masked, j, got[j], h[j])
			}
		}
	}
}

func TestReconstructAllocatesNothing(t *testing.T) {
	n, _ := mustTrain(t, lowRank(200, 40, 3, 0.1, 1), 40, Options{Masked: true, Epochs: 1})
	x, mask := make([]float32, 160), make([]float32, 160)
	dst, s := make([]float32, 160), n.NewScratch(4)
	if a := testing.AllocsPerRun(100, func() {
		n.Reconstruct(dst, x, mask, s)
		n.Reconstruct(dst, x, nil, s)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// TestCallersBugsPanic: lengths that disagree, a scratch of another shape.
func TestCallersBugsPanic(t *testing.T) {
	n := newNetwork(4, true, []int{3})
	s := n.NewScratch(2)
	other := newNetwork(4, true, []int{9}).NewScratch(2)
	for name, f := range map[string]func(){
		"ragged rows": func() { n.Reconstruct(make([]float32, 7), make([]float32, 7), nil, s) },
		"short dst":   func() { n.Reconstruct(make([]float32, 4), make([]float32, 8), nil, s) },
		"short mask":  func() { n.Reconstruct(make([]float32, 8), make([]float32, 8), make([]float32, 4), s) },
		"scratch":     func() { n.Reconstruct(make([]float32, 8), make([]float32, 8), nil, other) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(r.(string), "autoencoder: ") {
					t.Errorf("%s: recovered %v", name, r)
				}
			}()
			f()
		}()
	}
}

// TestLargeInputsStayFinite: any standardised input, however absurd, gives
// finite numbers: up to 1e30 of either sign.
func TestLargeInputsStayFinite(t *testing.T) {
	const width = 8
	n, _ := mustTrain(t, lowRank(300, width, 3, 0.1, 1), width, Options{Masked: true, Epochs: 2})
	s, y := n.NewScratch(1), make([]float32, width)
	for _, v := range []float32{1e3, 1e10, 1e30, -1e30} {
		x := make([]float32, width)
		for j := range x {
			x[j] = v
			if j%2 == 0 {
				x[j] = -v
			}
			n.Reconstruct(y, x, nil, s)
			for i, o := range y {
				if o-o != 0 || math.Abs(float64(o)) > 100 {
					t.Fatalf("input %v: output %d is %v", x, i, o)
				}
			}
		}
	}
}

// FuzzUnmarshal: arbitrary bytes, also with a right checksum, never panic, and
// what decodes encodes to the same bytes and reconstructs.
func FuzzUnmarshal(f *testing.F) {
	for _, masked := range []bool{true, false} {
		n, _ := mustTrain(f, lowRank(40, 3, 2, 0.1, 1), 3, Options{Masked: masked, Epochs: 1, Hidden: []int{4, 2}})
		b := encoded(f, n)
		f.Add(b, false)
		f.Add(b[:len(b)-4], true)
		f.Add(b[:len(b)/2], true)
		huge := append([]byte(nil), b[:len(b)-4]...)
		binary.LittleEndian.PutUint32(huge[8:], 1<<31)
		f.Add(huge, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, sign bool) {
		if sign {
			b = binary.LittleEndian.AppendUint32(b[:len(b):len(b)], crc32.ChecksumIEEE(b))
		}
		n, err := Unmarshal(b)
		if err != nil {
			return
		}
		if again := encoded(t, n); string(again) != string(b) {
			t.Fatalf("decoded and encoded again: %d bytes became %d", len(b), len(again))
		}
		x := make([]float32, n.Width())
		n.Reconstruct(x, x, nil, n.NewScratch(1))
	})
}

// TestDamageIsFound: every single byte changed or cut off gives an error.
func TestDamageIsFound(t *testing.T) {
	n, _ := mustTrain(t, lowRank(40, 3, 2, 0.1, 1), 3, Options{Epochs: 1, Hidden: []int{4, 2}})
	b := encoded(t, n)
	for i := range b {
		if _, err := Unmarshal(b[:i]); err == nil {
			t.Errorf("the first %d of %d bytes were taken for a network", i, len(b))
		}
		c := append([]byte(nil), b...)
		c[i] ^= 0x10
		if _, err := Unmarshal(c); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
	}
}
