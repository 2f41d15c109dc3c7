package autoencoder

import (
	"math"
	"testing"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/internal/simd"
)

// loss64 is the training objective of one batch in float64: Huber's loss of
// the errors, weighted as the gradient is, by parameters p.
func loss64(n *Network, p []float64, input, target []float32, rows int, w simd.Weights) float64 {
	k0 := n.layers[0].k
	var sum float64
	for r := range rows {
		x := make([]float64, k0)
		for i := range x {
			x[i] = float64(input[r*k0+i])
		}
		at := 0
		for _, l := range n.layers {
			y := make([]float64, l.n)
			copy(y, p[at+l.k*l.n:])
			for k, v := range x {
				for j := range y {
					y[j] += v * p[at+k*l.n+j]
				}
			}
			if l.tanh {
				for j := range y {
					y[j] = math.Tanh(y[j])
				}
			}
			at += (l.k + 1) * l.n
			x = y
		}
		for j := range n.width {
			e, c := x[j]-float64(target[r*simd.Pad(n.width)+j]), float64(w.Clip)
			h := e * e / 2
			if math.Abs(e) > c {
				h = c*math.Abs(e) - c*c/2
			}
			g := float64(w.Present)
			if n.masked && input[r*k0+simd.Pad(n.width)+j] == 0 {
				g = float64(w.Hidden)
			}
			if math.IsNaN(e) {
				h = 0
			}
			sum += g * h
		}
	}
	return sum
}

// TestGradient compares back-propagation with central differences of the
// objective in float64. Step 1e-5 makes the differences good to about 1e-9 of
// the loss' scale; the float32 sums of a batch are good to some 1e-6 of the
// largest gradient, so 1e-5 of it is asked for.
func TestGradient(t *testing.T) {
	for _, masked := range []bool{false, true} {
		const width, rows = 11, 24
		data := lowRank(rows, width, 3, 0.1, 5)
		for i := range data {
			data[i] *= 2 // so that some errors are beyond the clip
		}
		data[5] = float32(math.NaN())
		o := Options{Masked: masked, Batch: rows, Clip: 1.5, Hidden: []int{10, 3, 9}, Gaps: true, GradientScale: rows}.withDefaults()
		tr := must.Get(newTrainer(data, width, o))(t)
		for r := range rows {
			tr.load(r, r, &tr.masks, tr.threshold)
		}
		tr.errors(rows, func(r int) int { return r })
		tr.backward(rows)

		p := make([]float64, len(tr.net.params))
		for i, v := range tr.net.params {
			p[i] = float64(v)
		}
		largest := 0.0
		for _, g := range tr.gradient {
			largest = max(largest, math.Abs(float64(g)))
		}
		const h = 1e-5
		for i := range p {
			keep := p[i]
			p[i] = keep + h
			up := loss64(tr.net, p, tr.s.input, tr.data, rows, tr.w)
			p[i] = keep - h
			down := loss64(tr.net, p, tr.s.input, tr.data, rows, tr.w)
			p[i] = keep
			want := (up - down) / (2 * h)
			if got := float64(tr.gradient[i]); math.Abs(got-want) > 1e-5*largest {
				t.Fatalf("masked %v: gradient of parameter %d is %v, want %v (largest %v)", masked, i, got, want, largest)
			}
		}
	}
}
