package autoencoder

import (
	"fmt"
	"unsafe"

	"github.com/omenhq/omen/internal/simd"
)

// Groups is how many groups of features a [Crossing] hides in turn.
const Groups = simd.Groups

// Crossing predicts each feature of a row from the features of the other
// groups: what [Network.Reconstruct] gives for as many copies of the row as
// there are groups, each copy with one group hidden, of which only the hidden
// entries are kept. It computes only those, and what the copies share once;
// sums are formed in another order, so the two agree to some 1e-6, not to the
// bit. A Crossing is immutable and safe for concurrent use.
type Crossing struct {
	net   *Network
	group []uint8 // padded with 0
	order []int32 // features, by group
	first [Groups + 1]int32
	seen  []float32 // per group: its share of the first layer's sums that the masks give where nothing is missing
}

// Crossing binds a masked network to a grouping: group[j] < [Groups] is
// feature j's. It panics if the network is not masked or groups do not fit.
func (n *Network) Crossing(group []uint8) *Crossing {
	if !n.masked || len(group) != n.width {
		panic(fmt.Sprintf("autoencoder: %d groups for %d features, masked %v", len(group), n.width, n.masked))
	}
	c := &Crossing{net: n, group: make([]uint8, simd.Pad(n.width)), order: make([]int32, 0, n.width)}
	copy(c.group, group)
	for g := range Groups {
		for j, of := range group {
			if of >= Groups {
				panic(fmt.Sprintf("autoencoder: feature %d is in group %d of %d", j, of, Groups))
			}
			if int(of) == g {
				c.order = append(c.order, int32(j))
			}
		}
		c.first[g+1] = int32(len(c.order))
	}
	l := &n.layers[0]
	c.seen = make([]float32, Groups*l.n)
	ones := make([]float32, n.width)
	for j := range ones {
		ones[j] = 1
	}
	c.sum(c.seen, ones, l.w[l.k/2*l.n:])
	return c
}

// CrossScratch is the working memory of one caller of [Crossing.Predict] at a
// time. Like [Scratch] it belongs to the network's shape.
type CrossScratch struct {
	sums  []float32   // per group: its share of the first layer's sums
	masks []float32   // the same of the masks, if something is missing
	acts  [][]float32 // per layer but the last, Groups rows
	turn  []float32   // the last of them, transposed
	out   []float32   // padded output
}

// NewCrossScratch returns working memory for crossings of n.
func (n *Network) NewCrossScratch() *CrossScratch {
	last := len(n.layers) - 1
	s := &CrossScratch{
		sums: make([]float32, Groups*n.layers[0].n), masks: make([]float32, Groups*n.layers[0].n),
		turn: make([]float32, Groups*n.layers[last].k), out: make([]float32, n.layers[last].n),
	}
	for _, l := range n.layers[:last] {
		s.acts = append(s.acts, make([]float32, Groups*l.n))
	}
	return s
}

// Memory names what [Crossing.Predict] reads where nothing is missing, for
// callers that fetch memory ahead of its use.
func (c *Crossing) Memory(add func(at unsafe.Pointer, bytes uintptr)) {
	n := c.net
	add(unsafe.Pointer(c), unsafe.Sizeof(*c))
	add(unsafe.Pointer(n), unsafe.Sizeof(*n))
	add(unsafe.Pointer(&n.layers[0]), uintptr(len(n.layers))*unsafe.Sizeof(n.layers[0]))
	add(unsafe.Pointer(&c.order[0]), uintptr(len(c.order))*4)
	add(unsafe.Pointer(&c.seen[0]), uintptr(len(c.seen))*4)
	add(unsafe.Pointer(&c.group[0]), uintptr(len(c.group)))
	l := &n.layers[0]
	values := l.k / 2 * l.n
	add(unsafe.Pointer(&n.params[0]), uintptr(values)*4)
	rest := n.params[2*values:]
	add(unsafe.Pointer(&rest[0]), uintptr(len(rest))*4)
}

// Takes tells whether the scratch is of the network's shape.
func (n *Network) Takes(s *CrossScratch) bool {
	last := len(n.layers) - 1
	if len(s.acts) != last || len(s.sums) != Groups*n.layers[0].n || len(s.turn) != Groups*n.layers[last].k || len(s.out) != n.layers[last].n {
		return false
	}
	for i, a := range s.acts {
		if len(a) != Groups*n.layers[i].n {
			return false
		}
	}
	return true
}

// Predict writes to dst what each feature of the row should be, from the
// features of the other groups that are present. All have Width values;
// present is 1 or 0, a row's value is 0 where it is 0. complete tells that
// present is 1 throughout, and then it is not looked at. Predict allocates
// nothing; it panics if lengths disagree or the scratch is of another shape.
func (c *Crossing) Predict(dst, row, present []float32, complete bool, s *CrossScratch) {
	n := c.net
	w, last := n.width, len(n.layers)-1
	l := &n.layers[0]
	if len(dst) != w || len(row) != w || !complete && len(present) != w {
		panic(fmt.Sprintf("autoencoder: %d values in, %d out, for %d", len(row), len(dst), w))
	}
	if !n.Takes(s) {
		panic("autoencoder: scratch of another network's shape")
	}
	masks := c.seen
	if !complete {
		masks = s.masks
		c.sum(masks, present, l.w[l.k/2*l.n:])
	}
	c.sum(s.sums, row, l.w)
	simd.Others(s.acts[0], s.sums, masks, l.b, l.n)
	simd.Tanh(s.acts[0])
	for i := 1; i < last; i++ {
		l := &n.layers[i]
		simd.Multiply(s.acts[i], l.n, s.acts[i-1], l.k, 1, l.w, l.n, l.b, Groups, l.k, l.n)
		simd.Tanh(s.acts[i])
	}
	l = &n.layers[last]
	simd.Transpose(s.turn, s.acts[last-1], l.k)
	simd.Pick(s.out, s.turn, c.group, l.w, l.b, l.k, l.n)
	copy(dst, s.out)
}

// sum adds up, for each group, its features' rows of w times their x.
func (c *Crossing) sum(dst, x, w []float32) {
	n := c.net.layers[0].n
	for g := range Groups {
		rows := c.order[c.first[g]:c.first[g+1]]
		simd.Gather(dst[g*n:(g+1)*n], x, rows, w)
	}
}
