package autoencoder

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/omenhq/omen/internal/simd"
)

// trainer is the state of one training.
type trainer struct {
	o           Options
	net         *Network
	s           *Scratch
	data        []float32 // all rows, padded with NaN
	rows, train int       // all rows; those before the held-out tail
	order       []int32   // of training rows in this epoch
	pcg         *rand.PCG // initial weights, order
	masks       simd.Random
	threshold   int32
	w           simd.Weights
	gradient    []float32   // as net.params
	m, v        []float32   // Adam's moments
	deltas      [][]float32 // per layer, batch x n: gradient by its pre-activation
	transposed  []float32   // weights of one layer, transposed
	ones        []float32   // the mask of a network that has none
	step, steps int
}

func newTrainer(rows []float32, width int, o Options) (*trainer, error) {
	t := &trainer{o: o, rows: len(rows) / width, pcg: rand.NewPCG(o.Seed, 0x6f6d656e)}
	held := int(o.Holdout * float64(t.rows))
	t.train = t.rows - held
	t.net = newNetwork(width, o.Masked, o.Hidden)
	t.seed(&t.masks)
	t.initialise()
	if o.Warm != nil {
		if !sameShape(o.Warm, t.net) {
			return nil, fmt.Errorf("train autoencoder: warm start from another shape (%d features, hidden %v, masked %v)",
				o.Warm.width, o.Warm.Hidden(), o.Warm.masked)
		}
		copy(t.net.params, o.Warm.params)
	}
	batch := min(o.Batch, t.rows)
	t.s = t.net.NewScratch(batch)
	p := simd.Pad(width)
	t.data = make([]float32, t.rows*p)
	gap := float32(math.NaN())
	for r := range t.rows {
		row := t.data[r*p : (r+1)*p]
		copy(row, rows[r*width:(r+1)*width])
		for j := width; j < p; j++ {
			row[j] = gap
		}
	}
	t.order = make([]int32, t.train)
	for i := range t.order {
		t.order[i] = int32(i)
	}
	n := len(t.net.params)
	t.gradient, t.m, t.v = make([]float32, n), make([]float32, n), make([]float32, n)
	widest := 0
	for _, l := range t.net.layers {
		t.deltas = append(t.deltas, make([]float32, batch*l.n))
		widest = max(widest, l.k*l.n)
	}
	t.transposed = make([]float32, widest)
	t.ones = make([]float32, p)
	for i := range t.ones {
		t.ones[i] = 1
	}
	t.steps = o.Epochs * ((t.train + o.Batch - 1) / o.Batch)
	scale := o.GradientScale / float64(o.Batch)
	t.w = simd.Weights{Clip: float32(o.Clip), Present: float32(scale), Hidden: float32(scale), CountPresent: 1}
	if o.Masked {
		t.threshold = int32(o.MaskRate * (1 << 31))
		t.w.Present = float32(scale * o.PlainWeight)
		t.w.CountPresent, t.w.CountHidden = 0, 1
	}
	return t, nil
}

func sameShape(a, b *Network) bool {
	if a.width != b.width || a.masked != b.masked || len(a.layers) != len(b.layers) {
		return false
	}
	for i := range a.layers {
		if a.layers[i].out != b.layers[i].out {
			return false
		}
	}
	return true
}

// seed fills generators from the trainer's own, never with all zeros.
func (t *trainer) seed(s *simd.Random) {
	for i := range s {
		for j := range s[i] {
			s[i][j] = uint32(t.pcg.Uint64()>>32) | uint32(i&1)
		}
	}
}

// initialise draws the weights from U(±1/√fan-in); biases start at 0.
func (t *trainer) initialise() {
	for i := range t.net.layers {
		l := &t.net.layers[i]
		bound := 1 / math.Sqrt(float64(l.in))
		for in := range l.in {
			r := t.net.row(i, in) * l.n
			for j := range l.out {
				u := float64(t.pcg.Uint64()>>11) / (1 << 52) // [0, 2)
				l.w[r+j] = float32(bound * (u - 1))
			}
		}
	}
}

// shuffle is Fisher and Yates', with the multiply-shift of a 64-bit draw.
func (t *trainer) shuffle() {
	for i := len(t.order) - 1; i > 0; i-- {
		j := int((t.pcg.Uint64() >> 32) * uint64(i+1) >> 32)
		t.order[i], t.order[j] = t.order[j], t.order[i]
	}
}

// epoch trains once on every row and returns the mean loss.
func (t *trainer) epoch(ctx context.Context) (float64, error) {
	t.shuffle()
	var loss, count float64
	for lo := 0; lo < t.train; lo += t.o.Batch {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		part := t.order[lo:min(lo+t.o.Batch, t.train)]
		for r, i := range part {
			t.load(r, int(i), &t.masks, t.threshold)
		}
		l, c := t.errors(len(part), func(r int) int { return int(part[r]) })
		loss += l
		count += c
		t.backward(len(part))
		t.update()
	}
	return loss / count, nil
}

// validate is the mean loss on the held-out rows, under the same masks each
// time.
func (t *trainer) validate() float64 {
	masks := simd.Random{}
	for i := range masks {
		for j := range masks[i] {
			masks[i][j] = uint32(i*simd.Lanes+j+1) * 0x9e3779b9
		}
	}
	var loss, count float64
	for lo := t.train; lo < t.rows; lo += t.s.batch {
		n := min(t.s.batch, t.rows-lo)
		for r := range n {
			t.load(r, lo+r, &masks, t.threshold)
		}
		l, c := t.errors(n, func(r int) int { return lo + r })
		loss += l
		count += c
	}
	return loss / count
}

func (t *trainer) diverged() bool {
	for _, p := range t.net.params {
		if p-p != 0 {
			return true
		}
	}
	return false
}

func (t *trainer) row(i int) []float32 {
	p := simd.Pad(t.net.width)
	return t.data[i*p : (i+1)*p]
}

// load makes row i of the data row r of the batch.
func (t *trainer) load(r, i int, masks *simd.Random, threshold int32) {
	k := t.net.layers[0].k
	in, x := t.s.input[r*k:(r+1)*k], t.row(i)
	if t.net.masked {
		simd.Hide(in, x, threshold, masks)
		return
	}
	for j, v := range x {
		if v != v {
			v = 0
		}
		in[j] = v
	}
}

// errors runs the batch forward and leaves the gradient by the outputs in the
// last deltas; source tells which data row is behind a row of the batch.
func (t *trainer) errors(count int, source func(int) int) (loss, weight float64) {
	last := len(t.net.layers) - 1
	t.net.forward(t.s, count)
	k, n := t.net.layers[0].k, t.net.layers[last].n
	var sum simd.Tally
	d := t.deltas[last]
	copy(d, t.s.acts[last][:count*n])
	for r := range count {
		mask := t.ones
		if t.net.masked {
			mask = t.s.input[r*k+n : (r+1)*k]
		}
		simd.Differ(d[r*n:(r+1)*n], t.row(source(r)), mask, &t.w, &sum)
	}
	for i := range simd.Lanes {
		loss += float64(sum.Loss[i])
		weight += float64(sum.Count[i])
	}
	return loss, weight
}

// one is the matrix of a single 1, which with strides 0 sums rows.
var one = []float32{1}

// backward turns the output gradients of count rows into that of the
// parameters.
func (t *trainer) backward(count int) {
	g := len(t.gradient)
	for i := len(t.net.layers) - 1; i >= 0; i-- {
		l := &t.net.layers[i]
		d := t.deltas[i]
		x := t.s.input
		if i > 0 {
			x = t.s.acts[i-1]
		}
		g -= l.n
		simd.Multiply(t.gradient[g:], l.n, one, 0, 0, d, l.n, nil, 1, count, l.n)
		g -= l.k * l.n
		simd.Multiply(t.gradient[g:], l.n, x, 1, l.k, d, l.n, nil, l.k, count, l.n)
		if i == 0 {
			break
		}
		for r := range l.k {
			for j, w := range l.w[r*l.n : (r+1)*l.n] {
				t.transposed[j*l.k+r] = w
			}
		}
		below := t.deltas[i-1]
		simd.Multiply(below, l.k, d, l.n, 1, t.transposed, l.k, nil, count, l.n, l.k)
		simd.Derive(below[:count*l.k], x[:count*l.k])
	}
}

// update makes one step of Adam at the learning rate of the cosine.
func (t *trainer) update() {
	const beta1, beta2 = 0.9, 0.999
	rate := t.o.LearningRate * (1 + math.Cos(math.Pi*float64(t.step)/float64(t.steps))) / 2
	t.step++
	n := float64(t.step)
	simd.Adam(t.net.params, t.gradient, t.m, t.v, &simd.AdamStep{
		Rate:    float32(rate / (1 - math.Pow(beta1, n))),
		Correct: float32(1 / math.Sqrt(1-math.Pow(beta2, n))),
		KeepM:   beta1, AddM: 1 - beta1, KeepV: beta2, AddV: 1 - beta2,
		Epsilon: 1e-8,
	})
}
