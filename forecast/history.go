package forecast

import (
	"math"
	"slices"
)

// What is kept. A quarter of an hour is the resolution of the past, two weeks
// its length: that holds two of every weekly job.
const (
	perDay      = 96           // quarters
	keptDays    = 14           //
	quarterSecs = 15 * 60      //
	daySecs     = 24 * 60 * 60 //
	minuteSecs  = 60           //
	// earliest is the first second that samples may have: what is kept reaches
	// back from it to 1970 at most, and no clock that is right is before it.
	earliest = (keptDays + 2) * daySecs
)

// A level is a share of the limit in steps of 1/50000, which is finer than any
// reversal that counts. Shares end at 1.3: what is over-full is full.
const (
	steps    = 50000
	top      = 65000
	gapLevel = math.MaxUint16
)

func levelOf(x float64) uint16 { return uint16(math.Round(min(max(x, 0), 1.3) * steps)) }
func share(l uint16) float64   { return float64(l) / steps }

// quarter is a quarter of an hour of samples: the largest and the last.
type quarter struct{ Max, Last uint16 }

// span is a day's smallest and largest level.
type span struct{ Min, Max uint16 }

var (
	noQuarter = quarter{gapLevel, gapLevel}
	noSpan    = span{gapLevel, gapLevel}
)

// history is a resource's past in rings that are indexed by the number of the
// minute, quarter or day since 1970. Nothing in it depends on when or how often
// it was asked.
type history struct {
	now      int64              // of the last sample, in seconds since 1970; 0 before the first
	minutes  [64]uint16         // last level in each minute
	days     [keptDays + 1]span // with today
	quarters []quarter          // keptDays*perDay; nil while dormant
}

func (h *history) empty() bool { return h.now == 0 }

// add takes a sample that is later than all before.
func (h *history) add(at int64, l uint16) {
	if h.empty() {
		fill(h.minutes[:], gapLevel)
		fill(h.days[:], noSpan)
		h.now = at
	}
	clearBetween(h.minutes[:], h.now/minuteSecs, at/minuteSecs, gapLevel)
	clearBetween(h.days[:], h.now/daySecs, at/daySecs, noSpan)
	h.now = at
	h.minutes[at/minuteSecs%int64(len(h.minutes))] = l
	d := &h.days[at/daySecs%int64(len(h.days))]
	if *d == noSpan {
		*d = span{l, l}
	}
	d.Min, d.Max = min(d.Min, l), max(d.Max, l)
}

// addQuarter is add for the quarters, whose last sample was at before.
func (h *history) addQuarter(before, at int64, l uint16) {
	if h.quarters == nil {
		return
	}
	clearBetween(h.quarters, before/quarterSecs, at/quarterSecs, noQuarter)
	q := &h.quarters[at/quarterSecs%int64(len(h.quarters))]
	if *q == noQuarter {
		q.Max = l
	}
	q.Max, q.Last = max(q.Max, l), l
}

func fill[T any](ring []T, v T) {
	for i := range ring {
		ring[i] = v
	}
}

// clearBetween empties the places after the number from up to the number to.
func clearBetween[T any](ring []T, from, to int64, none T) {
	n := int64(len(ring))
	for i := max(from+1, to-n+1); i <= to; i++ {
		ring[i%n] = none
	}
}

// limits are the smallest and largest level of the kept days, with today.
func (h *history) limits() span {
	out := noSpan
	for _, d := range h.days {
		switch {
		case d == noSpan:
		case out == noSpan:
			out = d
		default:
			out.Min, out.Max = min(out.Min, d.Min), max(out.Max, d.Max)
		}
	}
	return out
}

// known is the number of days with samples, at most 14.
func (h *history) known() int {
	n := 0
	for _, d := range h.days {
		if d != noSpan {
			n++
		}
	}
	return min(n, keptDays)
}

// before is the level some seconds before the last sample, from minutes within
// the hour and else from the quarters, whose last levels are taken to be those
// of their ends; false in a gap.
func (h *history) before(secs int64) (float64, bool) {
	at := h.now - secs
	if secs <= 60*minuteSecs {
		for m := at / minuteSecs; m > at/minuteSecs-15 && m > h.now/minuteSecs-int64(len(h.minutes)); m-- {
			if l := h.minutes[m%int64(len(h.minutes))]; l != gapLevel {
				return share(l), true
			}
		}
	}
	n := int64(len(h.quarters))
	q := at/quarterSecs - 1
	if n == 0 || h.now/quarterSecs-q >= n {
		return 0, false
	}
	a, b := h.quarters[q%n].Last, h.quarters[(q+1)%n].Last
	if a == gapLevel || b == gapLevel {
		return 0, false
	}
	part := float64(at%quarterSecs) / quarterSecs
	return share(a) + part*(share(b)-share(a)), true
}

// reversal is the fall, as a share of the limit, that ends a rise: .4 %, or six
// robust standard deviations (1.48 median absolute deviations) of the last
// day's changes from quarter to quarter, whichever is larger; at most a tenth
// of the limit, which ends a rise on any resource.
func (h *history) reversal() float64 {
	const least, most = .004, .1
	n := int64(len(h.quarters))
	if n == 0 {
		return least
	}
	var buf [perDay]float64
	changes := buf[:0]
	now := h.now / quarterSecs
	for i := now - perDay; i < now-1; i++ {
		a, b := h.quarters[i%n].Last, h.quarters[(i+1)%n].Last
		if a != gapLevel && b != gapLevel {
			changes = append(changes, share(b)-share(a))
		}
	}
	if len(changes) < 8 {
		return least
	}
	m := median(changes)
	for i := range changes {
		changes[i] = math.Abs(changes[i] - m)
	}
	return min(max(least, 6*1.48*median(changes)), most)
}

// rescale follows a limit that became 1/factor times as large.
func (h *history) rescale(factor float64) {
	scaled := func(l *uint16) {
		if *l != gapLevel {
			*l = levelOf(share(*l) * factor)
		}
	}
	for i := range h.minutes {
		scaled(&h.minutes[i])
	}
	for i := range h.days {
		scaled(&h.days[i].Min)
		scaled(&h.days[i].Max)
	}
	for i := range h.quarters {
		scaled(&h.quarters[i].Max)
		scaled(&h.quarters[i].Last)
	}
}

// median sorts v and is NaN if it is empty.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
