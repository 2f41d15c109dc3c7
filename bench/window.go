package bench

import (
	"math"

	"github.com/omenhq/omen"
	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	windowDefault = 125    // where no period is found
	windowRows    = 20_000 // what TSB-AD looks at
	windowBase    = 3      // shorter lags are not periods
	windowLags    = 400
	windowLongest = 300
)

// longestBuffer is TSB-AD's rule for the longest buffer of [vusPR] (find_length_rank):
// the lag of the highest local maximum of the autocorrelation of the first
// metric, from 6 to 300; otherwise 125.
func longestBuffer(s *Series) int {
	all := make([]float64, 0, len(s.Train)+len(s.Test))
	for _, part := range [][]omen.Vector{s.Train, s.Test} {
		for _, v := range part {
			all = append(all, v.Values[0])
		}
	}
	return window(all)
}

func window(x []float64) int {
	x = x[:min(len(x), windowRows)]
	r := autocorrelation(x, windowLags)
	best := -1
	for lag := windowBase + 1; lag+1 < len(r); lag++ {
		if r[lag] > r[lag-1] && r[lag] > r[lag+1] && (best < 0 || r[lag] > r[best]) {
			best = lag
		}
	}
	if best < 2*windowBase || best > windowLongest {
		return windowDefault
	}
	return best
}

// autocorrelation of lags 0…lags, normalised by the one at 0, through a
// Fourier transform padded against wrap-around. Gaps count as the mean.
func autocorrelation(x []float64, lags int) []float64 {
	var sum, n float64
	for _, v := range x {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	mean := sum / max(n, 1)
	size := 1
	for size < 2*len(x) {
		size *= 2
	}
	padded := make([]float64, size)
	for i, v := range x {
		if !math.IsNaN(v) {
			padded[i] = v - mean
		}
	}
	fft := fourier.NewFFT(size)
	c := fft.Coefficients(nil, padded)
	for i, v := range c {
		c[i] = complex(real(v)*real(v)+imag(v)*imag(v), 0)
	}
	r := fft.Sequence(nil, c)[:min(lags+1, len(x))]
	if r[0] <= 0 {
		return nil
	}
	for i := len(r) - 1; i >= 0; i-- {
		r[i] /= r[0]
	}
	return r
}
