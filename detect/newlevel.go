package detect

import (
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

const (
	// movedAfter is how long a feature must keep a new level until that is what is
	// expected of it: a whole day, so that what a host does daily, and a fault of
	// some hours, is none.
	movedAfter = 24 * time.Hour
	// moveBlocks are the parts of that time; the mean of each must show the level.
	moveBlocks = 8
	// quickBlocks of them are enough for as long as movedAfter after the host was
	// restarted: then there is a reason for it.
	quickBlocks = 2
	// leastBlock is how many steps a part takes at least.
	leastBlock = 3
	// moveAlike is how many times as far, or as little, as all together a part may
	// be from what is expected.
	moveAlike = 2
	// steady is how much further, in scales, the second half of the time may be
	// than the first, and climbing how many of the moveBlocks-1 steps between the
	// parts may lead on while it is further by more than creeping of the level:
	// what goes on is a leak and no level.
	steady   = 0.5
	climbing = 5
	creeping = 0.05
	// leapt is which part of the level must have been reached by the end of the
	// second of the parts: what has climbed there is a leak, too.
	leapt = 0.75
	// moveRests is after how long at its old level a feature's new one is forgotten,
	// and within which time one that goes on the same way after it was moved is a
	// leak.
	moveRests = day
)

// moved is a feature at a new level. That is for people: its expected value, its band
// and the mark on the timeline; the score does not know of it. Scores come down by
// themselves, as the centres of the residuals follow and the next models learn the
// level, and were worse where both that and the move took it up (docs/bench.md). A
// value that is nearer to the old level is expected there: what comes back is known.
type moved struct {
	feature         int     // among the active ones
	by              float64 // new level minus old, in its unit; not 0
	level, was      float64
	since, at, back time.Time
	off             float64 // what is added to what is expected of the last value: by, or nothing
	used            int     // samples of this block at the new level
}

// near is what is to be added to what is expected, of a value d above that; a gap
// leaves it as it was.
func (l *moved) near(d float64) float64 {
	switch part := d / l.by; {
	case part > 0.5:
		return l.by
	case part <= 0.5:
		return 0
	}
	return l.off
}

// has reports whether a feature has a new level, or is back from one for less than a day.
func (v *mover) has(j int) bool {
	return slices.ContainsFunc(v.moved, func(l moved) bool { return l.feature == j })
}

// atNewLevel reports whether a feature is at a new level.
func (v *mover) atNewLevel(j int) bool {
	return slices.ContainsFunc(v.moved, func(l moved) bool { return l.feature == j && l.off != 0 })
}

// expectMoved puts the new levels into what is expected of a sample in Z.
func (s *Stream) expectMoved(values, z []float64) {
	for k := range s.mover.moved {
		l := &s.mover.moved[k]
		j, i := l.feature, s.m.active[l.feature]
		sc, within := s.m.scales[j], s.m.within[j]
		old := sc.UnZ(z[j])
		if s.front.shift != nil {
			old += s.front.shift.by[j]
		}
		if l.off = l.near(values[i] - old); l.off == 0 {
			continue
		}
		l.used++
		at := old + l.off
		s.expected[i] = within.Clamp(at)
		s.low[i] = within.Clamp(min(at, at+float64(s.m.bandLow[j])*sc.ZWidth))
		s.high[i] = within.Clamp(max(at, at+float64(s.m.bandHigh[j])*sc.ZWidth))
	}
}

// mover finds the features that have a new level: how far each is from what is
// expected of it, in its unit, as means over parts of movedAfter.
type mover struct {
	moved  []moved   // features at new levels
	sums   []float64 // per active feature, since the block began
	seen   []float64 // samples of it in that
	means  []float32 // moveBlocks x M, a ring: of the last blocks
	first  []float32 // per feature: mean of the first block since it is away,
	early  []float32 // and of that or the next the one that is further away
	away   []int64   // and when that began, in nanoseconds since 1970; 0: it is not away
	began  time.Time // of the block
	last   time.Time // of the last sample
	blocks int       // whole ones, without a gap between them
	taken  int       // samples of this one
	quick  time.Time // until then quickBlocks are enough
	turns  int       // how often new levels came, or ended
}

// moverFloats is how many float64 a mover keeps per feature.
const moverFloats = 2

func (v *mover) init(n int, memory []float64) {
	v.sums, v.seen = memory[:n:n], memory[n:2*n:2*n]
	v.means, v.first, v.early, v.away = make([]float32, moveBlocks*n), make([]float32, n), make([]float32, n), make([]int64, n)
}

// restart forgets the blocks.
func (v *mover) restart(at time.Time) {
	v.blocks = 0
	clear(v.away)
	v.begin(at)
}

func (v *mover) begin(at time.Time) {
	v.began, v.taken = at, 0
	clear(v.sums)
	clear(v.seen)
}

// Restarted says that the host, or what it runs, has just begun afresh: it may
// take up new levels sooner.
func (s *Stream) Restarted(at time.Time) {
	s.mover.restart(at)
	s.mover.quick = at.Add(s.m.movedAfter())
}

// movedAfter is at coarse steps so long that there are samples enough.
func (m *Model) movedAfter() time.Duration { return moveBlocks * m.moveBlock() }

// moveBlock is one of its parts.
func (m *Model) moveBlock() time.Duration { return max(movedAfter/moveBlocks, leastBlock*m.step) }

// follow takes in how far the sample's features were from what was expected.
func (s *Stream) follow(at time.Time) {
	v := &s.mover
	switch {
	case s.m.net == nil || s.m.without.Moving || s.front.shift != nil: // what is expected in a window is its own
		return
	case v.last.IsZero() || at.Sub(v.last) > restartSteps*s.m.step || !at.After(v.last):
		v.restart(at)
	}
	v.last = at
	v.taken++
	ok := s.front.ok
	for j, i := range s.m.active {
		if ok[j] {
			v.sums[j] += s.actual[j] - s.expected[i]
			v.seen[j]++
		}
	}
	if at.Sub(v.began) >= s.m.moveBlock() {
		s.closeBlock(at)
		v.begin(at)
	}
}

// closeBlock looks for new levels at the end of a block.
func (s *Stream) closeBlock(at time.Time) {
	v, n := &s.mover, len(s.m.active)
	row := v.means[v.blocks%moveBlocks*n:][:n]
	for j := range row {
		mean := math.NaN()
		if 2*v.seen[j] >= float64(v.taken) {
			mean = v.sums[j] / v.seen[j]
		}
		row[j] = float32(mean)
		switch out := math.Abs(mean) >= s.unit(j); {
		case !out:
			v.away[j] = 0
		case v.away[j] == 0 || (v.first[j] < 0) != (mean < 0):
			v.away[j], v.first[j], v.early[j] = v.began.UnixNano(), row[j], row[j]
		case at.Sub(time.Unix(0, v.away[j])) < 5*s.m.moveBlock()/2 && math.Abs(mean) > math.Abs(float64(v.early[j])):
			v.early[j] = row[j]
		}
	}
	v.blocks++
	s.review(at)
	enough := moveBlocks
	if at.Before(v.quick) {
		enough = quickBlocks
	}
	if v.blocks < enough {
		return
	}
	// Those that are furthest away first: what others are expected to be
	// follows from them.
	far, heights := 0.0, v.sums
	for j := range heights {
		heights[j] = s.plateau(j, enough)
		far = max(far, math.Abs(heights[j])/s.unit(j))
	}
	for j, d := range heights {
		if d != 0 && math.Abs(d)/s.unit(j) >= far/moveAlike {
			s.move(j, d, at)
		}
	}
}

// unit is the scale of a feature's evidence, in its unit: half of what is worth
// waking somebody for, or more.
func (s *Stream) unit(j int) float64 { return float64(s.m.rmsE[j]) * s.m.scales[j].ZWidth }

// plateau is how far feature j has been from what is expected in each of the last
// blocks, 0 if that is not far or no level.
func (s *Stream) plateau(j, enough int) float64 {
	v, n := &s.mover, len(s.m.active)
	if v.away[j] == 0 {
		return 0
	}
	mean := func(k int) float64 { return float64(v.means[(v.blocks-enough+k)%moveBlocks*n+j]) }
	var sum, half float64
	for k := range enough {
		if sum += mean(k); k < enough/2 {
			half += mean(k)
		}
	}
	d := sum / float64(enough)
	if !(math.Abs(d) >= wakeSigmas*s.unit(j)) {
		return 0
	}
	on := 0
	for k := range enough {
		if part := mean(k) / d; !(part >= 1.0/moveAlike && part <= moveAlike) {
			return 0
		}
		if k > 0 && (mean(k)-mean(k-1))*d > 0 {
			on++
		}
	}
	if float64(v.early[j])/d < leapt {
		return 0
	}
	further := (sum - 2*half) / float64(enough/2)
	if d < 0 {
		further = -further
	}
	if further > max(steady*s.unit(j), creeping*math.Abs(d)) || on > climbing && further > creeping*math.Abs(d) {
		return 0
	}
	return d
}

// move makes d more than expected feature j's level, unless it goes on the way that it
// was moved a short while ago.
func (s *Stream) move(j int, d float64, at time.Time) {
	v, i := &s.mover, s.m.active[j]
	k := slices.IndexFunc(v.moved, func(l moved) bool { return l.feature == j })
	if k < 0 {
		v.moved = append(v.moved, moved{feature: j})
		k = len(v.moved) - 1
	}
	l := &v.moved[k]
	if l.off*d > 0 && at.Sub(l.at) < moveRests {
		return
	}
	first := min(1, max(0, float64(v.first[j])/d))
	since := time.Unix(0, v.away[j]).Add(time.Duration((1 - first) * float64(s.m.moveBlock())))
	was, level := s.expected[i]-l.off, s.m.within[j].Clamp(s.expected[i]+d)
	*l = moved{feature: j, by: level - was, off: level - was, level: level, was: was, since: since, at: at}
	v.away[j] = 0
	for b := range moveBlocks { // they were of the old level
		v.means[b*len(s.m.active)+j] = float32(math.NaN())
	}
	v.turns++
}

// review follows the new levels: what is back at its old level, and what is known
// to the model by now.
func (s *Stream) review(at time.Time) {
	v, n := &s.mover, len(s.mover.moved)
	v.moved = slices.DeleteFunc(v.moved, func(l moved) bool {
		return l.back.IsZero() && l.used == 0 && !s.isBack(&l) || !l.back.IsZero() && at.Sub(l.back) >= moveRests
	})
	v.turns += n - len(v.moved)
	for k := range v.moved {
		l := &v.moved[k]
		switch {
		case l.used == 0 && l.back.IsZero():
			l.back = v.began
			v.turns++
		case 2*l.used > v.taken && !l.back.IsZero():
			l.back, l.since, l.at = time.Time{}, v.began, at
			v.turns++
		}
		l.used = 0
	}
}

// isBack reports whether a feature that is not at its new level is at its old one;
// if not, the model that serves now has learned the new one.
func (s *Stream) isBack(l *moved) bool {
	x := s.actual[l.feature]
	return !(math.Abs(x-l.was) >= math.Abs(x-l.level))
}

// Turns counts the new levels and drifts that came or ended: as long as it is the same,
// [Stream.NewLevels] and [Stream.SlowDrifts] are.
func (s *Stream) Turns() int { return s.mover.turns + s.leaner.turns }

// NewLevels are the features whose level has moved, and those that are back for
// less than a day; nil: none.
func (s *Stream) NewLevels() []omen.NewLevel {
	var all []omen.NewLevel
	for _, l := range s.mover.moved {
		sp := &s.m.specs[s.m.active[l.feature]]
		all = append(all, omen.NewLevel{Feature: sp.name, Unit: sp.unit, Level: l.level, Was: l.was, Since: l.since, At: l.at, Back: l.back})
	}
	return all
}

// takeUp takes up new levels that were found by another stream. What this model
// has learned meanwhile is soon forgotten.
func (s *Stream) takeUp(levels []omen.NewLevel) {
	for _, o := range levels {
		j := slices.IndexFunc(s.m.active, func(i int32) bool { return s.m.specs[i].name == o.Feature })
		by := o.Level - o.Was
		if j < 0 || by == 0 || !usable(o.Level) || !usable(o.Was) || s.m.net == nil || s.m.without.Moving {
			continue
		}
		l := moved{feature: j, by: by, level: o.Level, was: o.Was, since: o.Since, at: o.At, back: o.Back}
		if o.Back.IsZero() {
			l.off = by
		}
		s.mover.moved = append(s.mover.moved, l)
	}
}
