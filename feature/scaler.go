package feature

import (
	"fmt"
	"math"
	"slices"

	"github.com/omenhq/omen"
)

// Scaler maps features to comparable numbers by what they were in training,
// and only there: it is learned once and applied to what comes later. It is
// immutable. All slices are in schema order; a feature that had no value in
// training has NaN in Lowest, Highest, Median and IQR.
type Scaler struct {
	Lowest   []float64 // smallest training value
	Highest  []float64 // largest training value
	Median   []float64
	IQR      []float64 // between the quartiles
	Span     []float64 // what [Scaler.MinMax] divides by: Highest-Lowest, or the feature's scale where it hardly moved
	Constant []bool    // Highest-Lowest is below a millionth of the feature's scale
}

// LearnScaler learns from training rows in schema order; gaps are left out. It
// fails with [omen.ErrTooFew] if there are no rows.
func LearnScaler(s *Schema, rows []omen.Vector) (*Scaler, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("learn scaling: no rows: %w", omen.ErrTooFew)
	}
	n := s.Len()
	c := &Scaler{
		Lowest: make([]float64, n), Highest: make([]float64, n), Median: make([]float64, n),
		IQR: make([]float64, n), Span: make([]float64, n), Constant: make([]bool, n),
	}
	column := make([]float64, 0, len(rows))
	for j, f := range s.Features() {
		column = column[:0]
		for _, r := range rows {
			if v := r.Values[j]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				column = append(column, v)
			}
		}
		slices.Sort(column)
		c.Lowest[j], c.Highest[j] = quantile(column, 0), quantile(column, 1)
		c.Median[j] = quantile(column, 0.5)
		c.IQR[j] = quantile(column, 0.75) - quantile(column, 0.25)
		c.Span[j] = c.Highest[j] - c.Lowest[j]
		if !(c.Span[j] > 1e-6*f.Scale) {
			c.Constant[j], c.Span[j] = true, f.Scale
		}
	}
	return c, nil
}

// MinMax writes to dst where in its training range each value lies: 0 is the
// smallest training value, 1 the largest; later values may be outside. A
// feature that was constant in training is measured from that constant in
// units of its scale. Gaps, and features without training values, stay NaN.
// dst and values may be the same.
func (c *Scaler) MinMax(dst, values []float64) {
	for j, v := range values {
		dst[j] = (v - c.Lowest[j]) / c.Span[j]
	}
}

// Undo is the inverse of [Scaler.MinMax].
func (c *Scaler) Undo(dst, scaled []float64) {
	for j, v := range scaled {
		dst[j] = v*c.Span[j] + c.Lowest[j]
	}
}

// normalIQR is how many standard deviations lie between the quartiles of a
// normal distribution: 2 Φ⁻¹(0.75).
const normalIQR = 1.3489795

// Robust writes to dst how many robust standard deviations (IQR/1.349) each
// value is from the training median; a feature whose quartiles coincide uses
// its span instead. Gaps stay NaN. dst and values may be the same.
func (c *Scaler) Robust(dst, values []float64) {
	for j, v := range values {
		sd := c.IQR[j] / normalIQR
		if !(sd > 1e-6*c.Span[j]) {
			sd = c.Span[j]
		}
		dst[j] = (v - c.Median[j]) / sd
	}
}

// quantile is of sorted values, linear between neighbours; NaN if there are
// none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
