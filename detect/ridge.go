package detect

import (
	"errors"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/omenhq/omen/internal/simd"
)

const gramBlock = 256 // rows collected before they are added to the sums

// gram collects the sums of a ridge regression: ΦᵀΦ and ΦᵀA.
type gram struct {
	p, m  int
	rows  int
	phiT  blas64.Symmetric // p x p, upper
	cross blas64.General   // p x m
	x     blas64.General   // block of regressors
	y     blas64.General   // block of targets
	fill  int
}

func newGram(p, m int) *gram {
	return &gram{
		p: p, m: m,
		phiT:  blas64.Symmetric{N: p, Stride: p, Data: make([]float64, p*p), Uplo: blas.Upper},
		cross: blas64.General{Rows: p, Cols: m, Stride: m, Data: make([]float64, p*m)},
		x:     blas64.General{Rows: gramBlock, Cols: p, Stride: p, Data: make([]float64, gramBlock*p)},
		y:     blas64.General{Rows: gramBlock, Cols: m, Stride: m, Data: make([]float64, gramBlock*m)},
	}
}

// add takes in one row of regressors and its targets.
func (g *gram) add(phi []float32, target []float64) {
	x := g.x.Data[g.fill*g.p:][:g.p]
	for i, v := range phi {
		x[i] = float64(v)
	}
	copy(g.y.Data[g.fill*g.m:][:g.m], target)
	g.rows++
	if g.fill++; g.fill == gramBlock {
		g.flush()
	}
}

func (g *gram) flush() {
	if g.fill == 0 {
		return
	}
	x, y := g.x, g.y
	x.Rows, y.Rows = g.fill, g.fill
	blas64.Syrk(blas.Trans, 1, x, 1, g.phiT)
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, x, y, 1, g.cross)
	g.fill = 0
}

// plus is the sum of two, as if the rows of both had been added to one.
func (g *gram) plus(o *gram) {
	g.flush()
	o.flush()
	for i, v := range o.phiT.Data {
		g.phiT.Data[i] += v
	}
	for i, v := range o.cross.Data {
		g.cross.Data[i] += v
	}
	g.rows += o.rows
}

// minus is g without o's rows.
func (g *gram) minus(o *gram) *gram {
	g.flush()
	o.flush()
	d := newGram(g.p, g.m)
	for i, v := range g.phiT.Data {
		d.phiT.Data[i] = v - o.phiT.Data[i]
	}
	for i, v := range g.cross.Data {
		d.cross.Data[i] = v - o.cross.Data[i]
	}
	d.rows = g.rows - o.rows
	return d
}

// turned puts weights, one row per target, into the form that project takes:
// one row per regressor, padded. None give none.
func turned(w []float32, targets int) []float32 {
	if len(w) == 0 {
		return nil
	}
	p, n := len(w)/targets, simd.Pad(targets)
	out := make([]float32, p*n)
	for j := range targets {
		for k, v := range w[j*p : (j+1)*p] {
			out[k*n+j] = v
		}
	}
	return out
}

// unturned is the inverse of turned.
func unturned(w []float32, targets int) []float32 {
	n := simd.Pad(targets)
	p := len(w) / n
	out := make([]float32, 0, targets*p)
	for j := range targets {
		for k := range p {
			out = append(out, w[k*n+j])
		}
	}
	return out
}

// solve returns the ridge weights (ΦᵀΦ + λI)⁻¹ΦᵀA, one row of p weights per
// target.
func (g *gram) solve(lambda float64) ([]float32, error) {
	g.flush()
	sym := mat.NewSymDense(g.p, nil)
	for i := range g.p {
		for j := i; j < g.p; j++ {
			v := g.phiT.Data[i*g.p+j]
			if i == j {
				v += lambda
			}
			sym.SetSym(i, j, v)
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(sym) {
		return nil, errors.New("forecast: the regressors' matrix is not positive definite")
	}
	var b mat.Dense
	if err := chol.SolveTo(&b, mat.NewDense(g.p, g.m, g.cross.Data)); err != nil {
		return nil, err
	}
	w := make([]float32, g.m*g.p)
	for j := range g.m {
		for i := range g.p {
			w[j*g.p+i] = float32(b.At(i, j))
		}
	}
	return w, nil
}
