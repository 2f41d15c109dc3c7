package detect

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

const (
	maxShifts   = 16   // windows that a model learns of, the first in its history
	usualPeak   = 0.9  // of the occurrences' peaks this quantile, of few the largest, is usual…
	shiftMargin = 1.25 // …and how far above it the limit is inside
)

// shift is what a model knows of one window that shifts the expectation
// (mute.EffectShift): how far each feature's level is from the usual one
// inside of it, and how much less can be told there.
//
// The level is taken off the values before anything looks at them, so that
// averages, forecast and network see the host as it is outside, when the
// window begins as well as when it ends. The samples inside teach nothing
// else: what is usual is learned from those outside.
type shift struct {
	id      string
	by      []float64 // per active feature, in its unit: level inside minus level outside
	r, e, u []float32 // per active feature, at least 1: residuals inside, of the forecast, the network and the season, in units of those outside
	ease    float64   // at least 1: what the score is divided by inside and just after, so that a usual occurrence is below the limit
}

// Shift is what a card says of a window that shifts the expectation.
type Shift struct {
	ID          string  `json:"id"`
	Occurrences int     `json:"occurrences"`
	Samples     int     `json:"samples"`
	Ease        float64 `json:"ease"`          // what scores are divided by inside
	Why         string  `json:"why,omitempty"` // why it is not used; its samples are learned like all others
}

// shiftOf is what is known of a window, nil if nothing.
func (m *Model) shiftOf(id string) *shift {
	if id == "" {
		return nil
	}
	for i := range m.shifts {
		if m.shifts[i].id == id {
			return &m.shifts[i]
		}
	}
	return nil
}

// run is consecutive samples, from up to but not including to.
type run struct{ from, to int }

// occurrences are the runs of samples of one window.
func (h history) occurrences(k int16) []run {
	var out []run
	for t, s := range h.shifted {
		if s != k {
			continue
		}
		if n := len(out); n > 0 && out[n-1].to == t {
			out[n-1].to = t + 1
		} else {
			out = append(out, run{t, t + 1})
		}
	}
	return out
}

// keepShifts puts the windows that cannot be learned back among the usual
// samples, and reports on all.
func (h *history) keepShifts() []Shift {
	var report []Shift
	rename := make([]int16, len(h.shifts))
	var kept []string
	for k, id := range h.shifts {
		c := Shift{ID: id, Ease: 1}
		for _, o := range h.occurrences(int16(k)) {
			c.Occurrences++
			c.Samples += o.to - o.from
		}
		rename[k] = -1
		switch {
		case len(kept) == maxShifts:
			c.Why = "more windows than a model learns of"
		case 2*c.Samples > h.len():
			c.Why = "covers most of the history"
		default:
			rename[k] = int16(len(kept))
			kept = append(kept, id)
		}
		report = append(report, c)
	}
	h.shifts = kept
	for t, s := range h.shifted {
		if s >= 0 {
			h.shifted[t] = rename[s]
		}
	}
	return report
}

// usualRows is how many samples lie outside of shifting windows.
func (h history) usualRows() int {
	n := 0
	for _, s := range h.shifted {
		if s < 0 {
			n++
		}
	}
	return n
}

// learnLevels finds how far the level of each feature is shifted inside the
// windows: the median over the occurrences of the mean inside minus the mean
// in as long a time before and after.
func (f *fit) learnLevels() {
	m := f.m
	n := len(m.active)
	for k, id := range f.h.shifts {
		s := shift{id: id, by: make([]float64, n), ease: 1, r: ones(n), e: ones(n), u: ones(n)}
		all := f.h.occurrences(int16(k))
		for j := range m.active {
			var moves []float64
			for _, o := range all {
				if d, ok := f.moved(j, o); ok {
					moves = append(moves, d)
				}
			}
			if len(moves) > 0 {
				slices.Sort(moves)
				s.by[j] = quantile(moves, 0.5)
			}
		}
		m.shifts = append(m.shifts, s)
	}
}

// moved is the mean of feature j inside an occurrence minus the mean around it.
func (f *fit) moved(j int, o run) (by float64, ok bool) {
	h := f.h
	reach := max(o.to-o.from, minRows)
	apart := time.Duration(2*reach) * f.m.step
	inside := f.meanOf(j, o.from, o.to, func(int) bool { return true })
	around := f.meanOf(j, max(0, o.from-reach), min(h.len(), o.to+reach), func(t int) bool {
		return h.shifted[t] < 0 && h.at[o.from].Sub(h.at[t]) < apart && h.at[t].Sub(h.at[o.to-1]) < apart
	})
	if math.IsNaN(around) {
		around = f.m.scales[j].ACentre
	}
	return inside - around, usable(inside - around)
}

// meanOf is the mean of a feature's values in some samples, NaN without any.
func (f *fit) meanOf(j, from, to int, use func(t int) bool) float64 {
	var sum float64
	n := 0
	for t := from; t < to; t++ {
		if v := f.h.values[t][f.m.active[j]]; usable(v) && use(t) {
			sum += v
			n++
		}
	}
	return sum / float64(n)
}

// measureShifts learns how much larger residuals are inside of the windows.
func (f *fit) measureShifts() {
	m, w := f.m, len(f.m.active)
	for k := range m.shifts {
		s := &m.shifts[k]
		for j := range w {
			var r, e, u, n float64
			for t, at := range f.h.shifted {
				i := t*w + j
				if int(at) != k || !f.t.warm[t] || !f.t.ok[i] {
					continue
				}
				r += sq(float64(f.t.r[i] / m.rmsR[j]))
				e += sq(float64(f.t.e[i] / m.rmsE[j]))
				u += sq(float64(f.t.u[i] / m.rmsU[j]))
				n++
			}
			wider := func(sum float64) float32 { return float32(max(1, math.Sqrt(sum/max(1, n)))) }
			s.r[j], s.e[j], s.u[j] = wider(r), wider(e), wider(u)
		}
	}
}

// easeShifts sets what the score is divided by inside the windows, from the
// scores that the history's samples had before.
func (f *fit) easeShifts(inside map[int]float64) {
	m := f.m
	for k := range m.shifts {
		var peaks []float64
		for _, o := range f.h.occurrences(int16(k)) {
			var peak float64
			for t := o.from; t < min(o.to+afterSamples, f.h.len()); t++ {
				peak = max(peak, inside[t])
			}
			peaks = append(peaks, peak)
		}
		slices.Sort(peaks)
		if n := len(peaks); n > 0 {
			usual := peaks[int(math.Ceil(usualPeak*float64(n-1)))]
			m.shifts[k].ease = max(1, shiftMargin*usual/m.limit)
		}
		for i := range m.card.Shifts {
			if m.card.Shifts[i].ID == m.shifts[k].id {
				m.card.Shifts[i].Ease = m.shifts[k].ease
			}
		}
	}
}

// damp is feature i's evidence inside the window.
func (s *shift) damp(evidence *[channels][]float64, i int, t trace, threshold float32) {
	evidence[byForecast][i] /= sq(float64(s.r[i]))
	evidence[byAutoencoder][i] /= sq(float64(s.e[i]))
	evidence[bySeason][i] /= sq(float64(s.u[i]))
	if t.jump[i] <= threshold*s.e[i] {
		evidence[byBreadth][i] = 0
	}
}

// expect is what feature j should be inside the window, given its Z outside,
// and its band, in its unit.
func (s *shift) expect(m *Model, j int, z float64) (expected, low, high float64) {
	sc, by, wide, within := m.scales[j], s.by[j], float64(s.e[j]), m.within[j]
	low, high = sc.UnZ(z+float64(m.bandLow[j])*wide)+by, sc.UnZ(z+float64(m.bandHigh[j])*wide)+by
	expected = sc.UnZ(z) + by
	return within.Clamp(expected), within.Clamp(min(low, expected)), within.Clamp(max(high, expected))
}

// check refuses what would give NaN or panic.
func (s *shift) check(n int) error {
	for _, v := range [][]float32{s.r, s.e, s.u} {
		if len(v) != n || slices.ContainsFunc(v, func(x float32) bool { return !(x >= 1) }) {
			return fmt.Errorf("window %s: %d spreads for %d features, or one below 1", s.id, len(v), n)
		}
	}
	if !(s.ease >= 1) || !finite(s.ease) || slices.ContainsFunc(s.by, func(x float64) bool { return !usable(x) }) {
		return fmt.Errorf("window %s: ease %v or a level is out of range", s.id, s.ease)
	}
	return nil
}

func sq(x float64) float64 { return x * x }

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// shiftAt is the window that a sample of the history is in.
func (f *fit) shiftAt(t int) *shift {
	if k := f.h.shifted[t]; k >= 0 {
		return &f.m.shifts[k]
	}
	return nil
}

// vector is a sample of the history.
func (f *fit) vector(t int) omen.Vector {
	v := omen.Vector{Host: f.m.host, At: f.h.at[t], Values: f.h.values[t]}
	if k := f.h.shifted[t]; k >= 0 {
		v.Shift = f.h.shifts[k]
	}
	return v
}
