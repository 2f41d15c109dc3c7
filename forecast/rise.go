package forecast

import (
	"math"
	"slices"
)

// keptRises bounds the completed rises of a series; the smallest goes first,
// because the question is always how often it rose as far as now.
const keptRises = 64

// rise is a completed one: how far it went, where it ended, and when, in minutes
// since 1970.
type rise struct {
	Height, Top uint16
	End         uint32
}

// zigzag cuts a series into rises and falls: a fall of more than the reversal ends a
// rise, and so does a day in which it rose by no more than that, so that what comes in
// steps and stays is as many rises. It starts falling, at the first sample.
type zigzag struct {
	Up     bool
	begins bool   // Low and High are of a sample
	Low    uint16 // the trough below the current rise
	High   uint16 // the highest level since
	mark   uint16 // the level from which it has hardly risen
	eps    uint16 // the reversal, in levels
	since  uint32 // when it came to that, in minutes since 1970
	Onset  int64  // the last instant near the trough
	rises  []rise
}

func (z *zigzag) restart(at int64, l uint16) {
	z.Up, z.Low, z.High, z.Onset, z.begins = false, l, l, at, true
	z.mark, z.since = l, uint32(at/minuteSecs)
}

// add takes a level. It reports whether a rise began, and the one that ended; its top
// is 0 if none did.
func (z *zigzag) add(at int64, l uint16) (began bool, ended rise) {
	eps, minute := int(z.eps), uint32(at/minuteSecs)
	switch {
	case !z.begins || !z.Up && l <= z.Low:
		z.restart(at, l)
	case z.Up && (int(l) < int(z.High)-eps || minute-z.since >= daySecs/minuteSecs && int(l) <= int(z.mark)+eps):
		ended = rise{z.High - z.Low, z.High, minute}
		z.keep(ended)
		z.restart(at, l)
	case int(l) <= int(z.Low)+eps/2:
		z.Onset = at
		z.High = max(z.High, l)
	default:
		z.High = max(z.High, l)
		began = !z.Up && int(l) > int(z.Low)+eps
		z.Up = z.Up || began
	}
	if int(l) > int(z.mark)+eps {
		z.mark, z.since = l, minute
	}
	return began, ended
}

func (z *zigzag) keep(r rise) {
	if len(z.rises) == keptRises {
		least := 0
		for i := range z.rises {
			if z.rises[i].Height < z.rises[least].Height {
				least = i
			}
		}
		z.rises = slices.Delete(z.rises, least, least+1)
	}
	z.rises = append(z.rises, r)
}

// forget drops what ended more than two weeks before an instant.
func (z *zigzag) forget(at int64) {
	z.rises = slices.DeleteFunc(z.rises, func(r rise) bool { return at-int64(r.End)*minuteSecs > keptDays*daySecs })
}

func (z *zigzag) rescale(factor float64) {
	for i := range z.rises {
		z.rises[i].Height = levelOf(share(z.rises[i].Height) * factor)
		z.rises[i].Top = levelOf(share(z.rises[i].Top) * factor)
	}
}

// sameLevel is how near to each other tops are of one level.
const sameLevel = .01

// ceiling is a level below which rises usually end, as a garbage collector
// makes them: at least three of them began to fall within 1 % of the highest
// top.
type ceiling struct {
	level float64 // 0: there is none
	ended int     // rises
	// firm: they differ by more than 5 % in how far they went, so that it is the level
	// that ends them, as the size of a pool does.
	firm bool
}

func (z *zigzag) ceiling() (c ceiling) {
	highest := uint16(0)
	for _, r := range z.rises {
		highest = max(highest, r.Top)
	}
	heights := span{gapLevel, 0}
	for _, r := range z.rises {
		if share(highest)-share(r.Top) <= sameLevel {
			c.ended++
			heights = span{min(heights.Min, r.Height), max(heights.Max, r.Height)}
		}
	}
	if c.ended < 3 {
		return ceiling{}
	}
	c.level, c.firm = share(highest), share(heights.Max)-share(heights.Min) > 5*sameLevel
	return c
}

// capped is the most that can be expected of a level above a firm ceiling, also at the
// ceiling itself, by whatever is asked: none of the rises that came to it went on. It is
// 1 without one, and once it is broken.
func (c ceiling) capped(used, level float64) float64 {
	if !c.firm || used > c.level+sameLevel || c.level >= level {
		return 1
	}
	return tail(level-c.level) / (float64(c.ended) + 1)
}

// tail is the weight of one more rise, of a height that none had, that reaches
// z: Lindy's law, that what went so far goes on for as much again, from 5 % on,
// with an exponent that was chosen by the calibration on seeds 5 to 7 of all kinds.
func tail(z float64) float64 { return math.Pow(1+z/.05, -.5) }

// records are the heights, appended to by, by which rises outgrew all before
// them, in turn, and the height of the last.
func (z *zigzag) records(by []uint16) (_ []uint16, highest uint16) {
	for _, r := range z.rises {
		if r.Height > highest {
			if highest > 0 {
				by = append(by, r.Height-highest)
			}
			highest = r.Height
		}
	}
	return by, highest
}

// reach is the probability that a rise that has grown so far goes on until it
// has grown by what is free, too: by the survival of rise heights up to the
// highest, and beyond it by that of the records. A nightly backup that grows a
// little each night is always higher than ever, but hardly so. With it come the number
// of rises that got as far, and of those that went on.
func (z *zigzag) reach(grown, free float64) (p float64, rises, longer int) {
	for _, r := range z.rises {
		if share(r.Height) >= grown {
			rises++
		}
		if share(r.Height) >= grown+free {
			longer++
		}
	}
	var buf [keptRises]uint16
	by, record := z.records(buf[:0])
	highest := share(record)
	over := grown - highest
	if over <= 0 {
		beyond := tail(min(grown+free, highest)) * tail(max(grown+free-highest, 0))
		return (float64(longer) + beyond) / (float64(rises) + tail(grown)), rises, longer
	}
	as, more := tail(over), tail(over+free)
	for _, d := range by {
		if share(d) >= over {
			as++
		}
		if share(d) >= over+free {
			more++
		}
	}
	return more / as, rises, longer
}

// climb is reach of what ends at a level, wherever it began: how many of the rises that
// ended at no less than what is used ended at no less than a level.
func (z *zigzag) climb(used, level float64) (p float64, rises, longer int) {
	highest := 0.0
	for _, r := range z.rises {
		highest = max(highest, share(r.Top))
		if share(r.Top) >= used {
			rises++
		}
		if share(r.Top) >= level {
			longer++
		}
	}
	free := max(level-used, 0)
	if over := used - highest; over > 0 {
		return tail(over+free) / tail(over), rises, longer
	}
	return (float64(longer) + tail(free)) / (float64(rises) + 1), rises, longer
}

// rising is what the current rise says.
type rising struct {
	reach  float64 // probability that it goes on until full
	speed  float64 // share of the limit per second
	secs   float64 // until full at that speed; +Inf if it stands
	spread float64 // standard deviation of the logarithm of those seconds
	onset  int64   // seconds since 1970
	rises  int
	longer int
}

// rising asks whether the current rise goes as far as a level: of the rises
// that got as far as this one, how many would have reached it (the survival of
// rise heights and of their tops, by what ends rises; of tops alone if what rises is
// collected), and how fast this one is.
func (s *Series) rising(level float64) rising {
	z := &s.zigzag
	x := share(s.last)
	grown, free := max(x-share(z.Low), 0), max(level-x, 0)
	out := rising{secs: math.Inf(1), spread: steady, onset: z.Onset}
	climb, rises, longer := z.climb(x, level)
	if f := s.quarters.floors; f.collected {
		out.reach, out.rises, out.longer = climb, rises, longer
	} else {
		out.reach, out.rises, out.longer = z.reach(grown, free)
		out.reach += f.byLevel() * (climb - out.reach)
	}
	if !z.Up {
		return out
	}
	speed, unsure := s.speed(x, grown, free)
	if speed > 0 {
		out.speed, out.secs, out.spread = speed, free/speed, math.Hypot(steady, unsure)
	}
	return out
}

// windows are the spans over which the speed of a rise is measured, in seconds.
var windows = [...]int64{15 * 60, 30 * 60, 2 * 3600, 6 * 3600, daySecs}

// speed is what is expected of a rise until full; 0 when it stands: when its last
// quarter, or ten minutes, gained less than a quarter of what its speed says. What
// rises by day and rests by night is not extrapolated from its busy hours: once it
// is known how long it takes about, only windows of a quarter of that count, and
// of six hours for what takes longer than a day. With it comes the standard error of
// its logarithm.
func (s *Series) speed(x, grown, free float64) (speed, unsure float64) {
	age := s.now - s.zigzag.Onset
	if age <= 0 {
		return 0, 0
	}
	speed, unsure = s.slope(x, grown, age, 0)
	if speed > 0 {
		speed, unsure = s.slope(x, grown, age, int64(min(free/speed, daySecs)/4))
	}
	recent := max(10*60, age/4)
	if was, ok := s.before(recent); ok && recent <= age && x-was < speed*float64(recent)/4 {
		return 0, 0
	}
	return speed, unsure
}

// slope is the median of those over the windows that lie within a rise of some age
// and have a least length, and over the whole rise. Its logarithm's standard error is
// half of the standard deviation of theirs, as of the mean of four.
func (s *Series) slope(x, grown float64, age, least int64) (middle, unsure float64) {
	var buf [len(windows) + 1]float64
	slopes := append(buf[:0], grown/float64(age))
	for _, secs := range windows {
		if secs < least || secs > age {
			continue
		}
		if was, ok := s.before(secs); ok {
			slopes = append(slopes, (x-was)/float64(secs))
		}
	}
	return max(median(slopes), 0), disagreement(slopes) / 2
}

// disagreement is the standard deviation of the logarithms of those numbers that are
// positive; 0 of fewer than two.
func disagreement(v []float64) float64 {
	var n, mean, squares float64
	for _, x := range v {
		if x <= 0 {
			continue
		}
		n++
		off := math.Log(x) - mean
		mean += off / n
		squares += off * off * (n - 1) / n
	}
	return math.Sqrt(squares / max(n, 1))
}

// steady is the spread of a rise when all spans agree on its speed.
const steady = .35

// within is the probability that the rise fills the resource within some
// seconds: the logarithm of the time that it takes is logistic about that at
// the present speed, the wider the less the spans agree on it.
func (r *rising) within(secs float64) float64 {
	if r.speed <= 0 {
		return 0
	}
	if r.secs <= 0 {
		return r.reach
	}
	return r.reach / (1 + math.Exp(-1.7*math.Log(secs/r.secs)/r.spread))
}
