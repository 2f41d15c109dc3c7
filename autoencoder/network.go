package autoencoder

import (
	"fmt"

	"github.com/omenhq/omen/internal/simd"
)

// Network is a trained autoencoder. It is immutable and safe for concurrent
// use; the zero value is not usable.
type Network struct {
	width  int // features M
	masked bool
	layers []layer
	params []float32 // weights and biases of all layers, one after the other
}

// layer computes act(x·w + b). Rows of w are inputs, columns outputs, both
// padded with zeros to a multiple of [simd.Lanes], which training leaves at zero;
// w and b alias Network.params.
type layer struct {
	in, out int // true sizes
	k, n    int // padded sizes: k rows of w, n columns
	tanh    bool
	w, b    []float32
}

// newNetwork has the given shape and all parameters zero.
func newNetwork(width int, masked bool, hidden []int) *Network {
	n := &Network{width: width, masked: masked}
	in, k := width, simd.Pad(width)
	if masked {
		in, k = 2*in, 2*k
	}
	total := 0
	for i := range len(hidden) + 1 {
		out := width
		if i < len(hidden) {
			out = hidden[i]
		}
		n.layers = append(n.layers, layer{in: in, out: out, k: k, n: simd.Pad(out), tanh: i < len(hidden)})
		total += (k + 1) * simd.Pad(out)
		in, k = out, simd.Pad(out)
	}
	n.setParams(make([]float32, total))
	return n
}

func (n *Network) setParams(p []float32) {
	n.params = p
	for i := range n.layers {
		l := &n.layers[i]
		l.w, p = p[:l.k*l.n:l.k*l.n], p[l.k*l.n:]
		l.b, p = p[:l.n:l.n], p[l.n:]
	}
}

// clone has its own parameters.
func (n *Network) clone() *Network {
	c := *n
	c.layers = append([]layer(nil), n.layers...)
	c.setParams(append([]float32(nil), n.params...))
	return &c
}

// row is the padded row of layer i's weights that belongs to its input in.
func (n *Network) row(i, in int) int {
	if i == 0 && n.masked && in >= n.width {
		return in - n.width + simd.Pad(n.width)
	}
	return in
}

// Width is the number of features M of a row.
func (n *Network) Width() int { return n.width }

// Masked tells whether the network takes a mask beside each row.
func (n *Network) Masked() bool { return n.masked }

// Hidden returns the units of the hidden layers.
func (n *Network) Hidden() []int {
	var h []int
	for _, l := range n.layers[:len(n.layers)-1] {
		h = append(h, l.out)
	}
	return h
}

// Layer is one dense layer in exchange form: y = act(x·Weights + Bias).
type Layer struct {
	In, Out    int
	Weights    []float32 // In x Out, row-major
	Bias       []float32 // Out
	Activation string    // "tanh" or "linear"
}

// Parameters returns a copy of the layers, from input to output. In a masked
// network the first layer's inputs are the M values x·m, then the M masks m.
func (n *Network) Parameters() []Layer {
	var ls []Layer
	for i, l := range n.layers {
		p := Layer{In: l.in, Out: l.out, Bias: append([]float32(nil), l.b[:l.out]...), Activation: "linear"}
		if l.tanh {
			p.Activation = "tanh"
		}
		for in := range l.in {
			r := n.row(i, in) * l.n
			p.Weights = append(p.Weights, l.w[r:r+l.out]...)
		}
		ls = append(ls, p)
	}
	return ls
}

// Scratch is the working memory of one caller at a time. It belongs to the
// network's shape, not to the network: any network of the same shape may use
// it.
type Scratch struct {
	batch int
	input []float32   // batch x layers[0].k
	acts  [][]float32 // per layer, batch x layers[i].n
}

// NewScratch returns working memory for up to batch rows at a time; longer
// inputs are worked through in pieces of that size.
func (n *Network) NewScratch(batch int) *Scratch {
	batch = max(batch, 1)
	s := &Scratch{batch: batch, input: make([]float32, batch*n.layers[0].k)}
	for _, l := range n.layers {
		s.acts = append(s.acts, make([]float32, batch*l.n))
	}
	return s
}

func (n *Network) fits(s *Scratch) bool {
	if len(s.acts) != len(n.layers) || len(s.input) != s.batch*n.layers[0].k {
		return false
	}
	for i, l := range n.layers {
		if len(s.acts[i]) != s.batch*l.n {
			return false
		}
	}
	return true
}

// Reconstruct writes to dst what the network believes each row should be.
// rows and dst are row-major with Width columns, any number of rows; they may
// be the same slice. mask has the shape of rows: where it is 0 the entry is
// hidden, its value in rows is not looked at (it may be NaN), and dst is
// predicted from the other features; any other value means present. A nil
// mask means that all are present. A network that is not masked takes hidden
// entries as 0. Reconstruct allocates nothing. It panics if lengths disagree
// or the scratch is of another shape.
func (n *Network) Reconstruct(dst, rows, mask []float32, s *Scratch) {
	n.checkCall(dst, rows, mask, s)
	w := n.width
	for lo := 0; lo*w < len(rows); lo += s.batch {
		count := min(s.batch, len(rows)/w-lo)
		var m []float32
		if mask != nil {
			m = mask[lo*w : (lo+count)*w]
		}
		n.fill(s.input, rows[lo*w:(lo+count)*w], m)
		n.forward(s, count)
		out := s.acts[len(s.acts)-1]
		for r := range count {
			copy(dst[(lo+r)*w:(lo+r+1)*w], out[r*simd.Pad(w):])
		}
	}
}

func (n *Network) checkCall(dst, rows, mask []float32, s *Scratch) {
	switch {
	case len(rows)%n.width != 0 || len(dst) != len(rows):
		panic(fmt.Sprintf("autoencoder: %d values in, %d out, for rows of %d", len(rows), len(dst), n.width))
	case mask != nil && len(mask) != len(rows):
		panic(fmt.Sprintf("autoencoder: mask of %d values for %d", len(mask), len(rows)))
	case !n.fits(s):
		panic("autoencoder: scratch of another network's shape")
	}
}

// fill writes the padded network input of the rows.
func (n *Network) fill(input, rows, mask []float32) {
	w, k := n.width, n.layers[0].k
	for r := 0; r*w < len(rows); r++ {
		x, in := rows[r*w:(r+1)*w], input[r*k:(r+1)*k]
		if mask == nil {
			copy(in, x)
			if n.masked {
				present := in[simd.Pad(w):][:w]
				for j := range present {
					present[j] = 1
				}
			}
			continue
		}
		m := mask[r*w : (r+1)*w]
		for j, v := range x {
			p := float32(1)
			if m[j] == 0 {
				v, p = 0, 0
			}
			in[j] = v
			if n.masked {
				in[simd.Pad(w)+j] = p
			}
		}
	}
}

// forward computes the activations of all layers for count rows of s.input.
func (n *Network) forward(s *Scratch, count int) {
	x := s.input
	for i := range n.layers {
		l, y := &n.layers[i], s.acts[i]
		simd.Multiply(y, l.n, x, l.k, 1, l.w, l.n, l.b, count, l.k, l.n)
		if l.tanh {
			simd.Tanh(y[:count*l.n])
		}
		x = y
	}
}
