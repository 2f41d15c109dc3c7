package forecast

import (
	"math"
	"math/bits"
	"slices"
)

// What is kept. A quarter of an hour is the resolution of the past, two weeks
// its length: that holds two of every weekly job.
const (
	perDay      = 96 // quarters
	keptDays    = 14
	quarterSecs = 15 * 60
	daySecs     = 24 * 60 * 60
	minuteSecs  = 60
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

// span is a day's smallest and largest level.
type span struct{ Min, Max uint16 }

var noSpan = span{gapLevel, gapLevel}

// quarters are what is kept of a resource that moves: of each quarter of an hour
// the largest level, and how far below it the last one was. It is 4 KB.
type quarters struct {
	max  [keptDays * perDay]uint16 // gapLevel: no sample
	fell [keptDays * perDay]uint8  // see fellOf

	// What follows from whole days is worked out once a day, and what follows from
	// troughs at each.
	trend  trend
	floors *floors
	record *record
}

// set takes a quarter's largest and last level.
func (q *quarters) set(i int64, most, last uint16) { q.max[i], q.fell[i] = most, fellOf(most-last) }

// last is the last level of a quarter that is no gap.
func (q *quarters) last(i int64) uint16 { return q.max[i] - min(levels(q.fell[i]), q.max[i]) }

// fellOf writes levels in a byte: exactly up to 31, then to within 3 %.
func fellOf(d uint16) uint8 {
	if d < 32 {
		return uint8(d)
	}
	e := bits.Len16(d) - 1 // 5…15
	return uint8(32 + 16*(e-5) + int(d>>(e-4))&15)
}

// levels reads what fellOf wrote.
func levels(f uint8) uint16 {
	if f < 32 {
		return uint16(f)
	}
	e := 1 + (f-32)/16 // of the step between two codes
	return (16+uint16(f-32)%16)<<e + 1<<e/2
}

// history is a resource's past in rings that are indexed by the number of the
// minute, quarter or day since 1970. Nothing in it depends on when or how often
// it was asked.
type history struct {
	now      int64              // of the last sample, in seconds since 1970; 0 before the first
	minutes  [64]uint16         // last level in each minute
	days     [keptDays + 1]span // with today
	all      span               // of all of days together
	quarters *quarters          // nil while dormant
}

func (h *history) empty() bool { return h.now == 0 }

// add takes a sample that is later than all before.
func (h *history) add(at int64, l uint16) {
	if h.empty() {
		fill(h.minutes[:], gapLevel)
		fill(h.days[:], noSpan)
		h.now, h.all = at, span{l, l}
	}
	clearBetween(h.minutes[:], h.now/minuteSecs, at/minuteSecs, gapLevel)
	if at/daySecs != h.now/daySecs {
		clearBetween(h.days[:], h.now/daySecs, at/daySecs, noSpan)
		if h.limits(); h.all == noSpan {
			h.all = span{l, l}
		}
	}
	h.now = at
	h.all.Min, h.all.Max = min(h.all.Min, l), max(h.all.Max, l)
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
	q := h.quarters
	clearBetween(q.max[:], before/quarterSecs, at/quarterSecs, gapLevel)
	i := at / quarterSecs % int64(len(q.max))
	most := l
	if q.max[i] != gapLevel {
		most = max(l, q.max[i])
	}
	q.set(i, most, l)
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

// limits works out the smallest and largest level of the kept days, with today.
func (h *history) limits() {
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
	h.all = out
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
	q := at/quarterSecs - 1
	if h.quarters == nil || h.now/quarterSecs-q >= int64(len(h.quarters.max)) {
		return 0, false
	}
	a, b, ok := h.pair(q)
	part := float64(at%quarterSecs) / quarterSecs
	return a + part*(b-a), ok
}

// pair is the last level of a quarter and of the next; false if one is a gap.
func (h *history) pair(number int64) (a, b float64, ok bool) {
	q, n := h.quarters, int64(len(h.quarters.max))
	i, j := number%n, (number+1)%n
	if q.max[i] == gapLevel || q.max[j] == gapLevel {
		return 0, 0, false
	}
	return share(q.last(i)), share(q.last(j)), true
}

// reversal is the fall, as a share of the limit, that ends a rise: .4 %, or six
// robust standard deviations (1.48 median absolute deviations) of the last
// day's changes from quarter to quarter, whichever is larger; at most a tenth
// of the limit, which ends a rise on any resource.
func (h *history) reversal() float64 {
	const least = .004
	if h.quarters == nil {
		return least
	}
	var buf [perDay]float64
	changes := buf[:0]
	now := h.now / quarterSecs
	for i := now - perDay; i < now-1; i++ {
		if a, b, ok := h.pair(i); ok {
			changes = append(changes, b-a)
		}
	}
	return reversalOf(changes, 8, least)
}

// reversalOf changes from level to level, if there are enough; it changes them.
func reversalOf(changes []float64, enough int, least float64) float64 {
	if len(changes) < enough {
		return least
	}
	m := median(changes)
	for i := range changes {
		changes[i] = math.Abs(changes[i] - m)
	}
	return min(max(least, 6*1.48*median(changes)), .1)
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
	h.limits()
	if q := h.quarters; q != nil {
		for i := range int64(len(q.max)) {
			if q.max[i] != gapLevel {
				q.set(i, levelOf(share(q.max[i])*factor), levelOf(share(q.last(i))*factor))
			}
		}
		q.trend = trend{}
		q.floors.rescale(factor)
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
