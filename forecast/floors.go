package forecast

import (
	"math"
	"slices"
)

const (
	// keptTroughs bounds the troughs of a series, and troughSecs is how far apart they
	// are at least: of several within so many seconds the lowest counts. So there are
	// four days of what is collected many times a day, and all of what is by the day.
	keptTroughs = 32
	troughSecs  = 3 * 60 * 60
	// lateRises is over how many of the last rises, about, it is seen what ends them.
	lateRises = 16
)

// trough is where and when, in minutes since 1970, a rise began.
type trough struct {
	At  uint32
	Low uint16
}

// floors are a resource's troughs: what is left after each collection, rotation or
// clean-up. Of what rises to a level and is collected there, the climbs say nothing
// about when it is full: that is when nothing is left to collect.
type floors struct {
	troughs []trough
	zigzag  zigzag  // the floors rise and fall as the resource does
	slope   float64 // of their current rise, as a share of the limit per second; 0: there is none
	level   float64 // of the line through it, at
	at      int64   // seconds since 1970

	// collected: rises end at a level, wherever they began, rather than after a height.
	collected     bool
	last          rise
	ended         int
	tops, heights float64 // mean squares of their changes from rise to rise
}

// end takes a rise that ended. What changes less from one rise to the next, the top
// or the height, is what ends them: a base that moves is in the tops alone, and a
// collection that leaves more is in the heights alone. A difference of a quarter, of
// five rises, is more than the noise of troughs.
func (f *floors) end(r rise) {
	if f.ended++; f.ended > 1 {
		part := max(1/float64(f.ended-1), 1./lateRises)
		top, height := share(r.Top)-share(f.last.Top), share(r.Height)-share(f.last.Height)
		f.tops += part * (top*top - f.tops)
		f.heights += part * (height*height - f.heights)
		f.collected = f.ended > 5 && f.tops < .75*f.heights
	}
	f.last = r
}

// byLevel is the weight of the level against the height in what ends rises, by which of
// them changes less from one to the next; a half as long as nothing is known.
func (f *floors) byLevel() float64 {
	if f.tops+f.heights == 0 {
		return .5
	}
	return f.heights / (f.tops + f.heights)
}

// shownByLevel is how much more rises have shown that a level ends them than that a
// height does, from 0, if they have not, to 1. What is always the same shows nothing.
func (f *floors) shownByLevel() float64 {
	return max(f.heights-f.tops, 0) / (f.tops + f.heights + sameLevel*sameLevel)
}

// begin takes the trough of a rise that began.
func (f *floors) begin(at int64, low uint16) {
	t := trough{uint32(at / minuteSecs), low}
	if n := len(f.troughs); n > 0 && at/troughSecs == int64(f.troughs[n-1].At)*minuteSecs/troughSecs {
		if low < f.troughs[n-1].Low {
			f.troughs[n-1] = t
		}
	} else {
		if n == keptTroughs {
			f.troughs = slices.Delete(f.troughs, 0, 1)
		}
		f.troughs = append(f.troughs, t)
	}
	f.zigzag.eps = levelOf(f.reversal())
	f.zigzag.add(at, low)
	f.fit(at)
}

// reversal is that of [history.reversal], of troughs: of what is left after a
// collection a hundredth of the limit is the least that counts.
func (f *floors) reversal() float64 {
	var buf [keptTroughs]float64
	changes := buf[:0]
	for i := 1; i < len(f.troughs); i++ {
		changes = append(changes, share(f.troughs[i].Low)-share(f.troughs[i-1].Low))
	}
	return reversalOf(changes, 4, .01)
}

// fit draws the line through the current rise of at least three troughs, by Theil
// and Sen.
func (f *floors) fit(at int64) {
	f.slope, f.at = 0, at
	since := uint32(f.zigzag.Onset / minuteSecs)
	from := slices.IndexFunc(f.troughs, func(t trough) bool { return t.At >= since })
	if !f.zigzag.Up || from < 0 || len(f.troughs)-from < 3 {
		return
	}
	var buf [keptTroughs * (keptTroughs - 1) / 2]float64
	var offs [keptTroughs]float64
	slopes, levels, rise := buf[:0], offs[:0], f.troughs[from:]
	for j := range rise {
		for i := range j {
			slopes = append(slopes, (share(rise[j].Low)-share(rise[i].Low))/float64(int64(rise[j].At-rise[i].At)*minuteSecs))
		}
	}
	f.slope = max(median(slopes), 0)
	for _, t := range rise {
		levels = append(levels, share(t.Low)+f.slope*float64(at-int64(t.At)*minuteSecs))
	}
	f.level = median(levels)
}

// rising is what the rise of the floors says, of what is collected: as of any other,
// how many went on, and how fast it is. No floor is above what is used.
func (f *floors) rising(now int64, used, level float64) rising {
	out := rising{secs: math.Inf(1), spread: steady}
	if !f.collected || f.slope <= 0 {
		return out
	}
	x := min(f.level+f.slope*float64(now-f.at), used)
	grown, free := max(x-share(f.zigzag.Low), 0), max(level-x, 0)
	out.reach, out.rises, out.longer = f.zigzag.reach(grown, free)
	out.speed, out.secs, out.onset = f.slope, free/f.slope, f.zigzag.Onset
	return out
}

// restart begins a new rise at the next trough.
func (f *floors) restart() { f.zigzag.begins, f.slope = false, 0 }

// rescale follows a limit that became 1/factor times as large.
func (f *floors) rescale(factor float64) {
	for i := range f.troughs {
		f.troughs[i].Low = levelOf(share(f.troughs[i].Low) * factor)
	}
	f.last.Top, f.last.Height = levelOf(share(f.last.Top)*factor), levelOf(share(f.last.Height)*factor)
	most := share(gapLevel) * share(gapLevel) // no difference of levels is larger
	f.tops, f.heights = min(f.tops*factor*factor, most), min(f.heights*factor*factor, most)
	f.zigzag.rescale(factor)
}
