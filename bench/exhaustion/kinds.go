package exhaustion

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/omenhq/omen/forecast"
)

// Time in the simulator goes in steps of five minutes, from a midnight on.
const (
	perHour  = 12
	perDay   = 24 * perHour
	warmup   = 14 * perDay // of which nothing is judged
	duration = 28 * perDay
)

// track is one simulated resource: the used share of its limit at each step,
// and the steps at which what filled it began.
type track struct {
	Used   []float64 // NaN is a gap
	Begins []int
	Killed int     // step at which it was used up for sure, whether or not a sample shows it; 0: that shows
	Full   float64 // share from which it counts as full; 0: forecast.Full
}

// Kind is a kind of resource. To add one, write a function that fills a track
// by [pen] and list it in [Kinds], or in a set of its own if the method is not yours;
// nothing else knows it.
type Kind struct {
	Name string
	Draw func(*pen)
}

// Kinds are those by the authors of the method, in the order of the report;
// [Others] has the rest. Those whose name begins with "fills" become full after the
// first two weeks.
func Kinds() []Kind {
	return []Kind{
		{"steady", steady},
		{"slow growth", slowGrowth},
		{"nightly backup", nightlyBackup},
		{"weekly backup", weeklyBackup},
		{"rotation by day", dailyRotation},
		{"rotation by size", sizeRotation},
		{"garbage collection", collected},
		{"compaction", compaction},
		{"copies", copies},
		{"deploys", deploys},
		{"package updates", updates},
		{"memory by day", dayMemory},
		{"fills: backup outgrows", growingBackup},
		{"fills: collection fails", collectionFails},
		{"fills: leak of an hour", hourLeak},
		{"fills: leak of hours", hoursLeak},
		{"fills: leak of days", daysLeak},
		{"fills: copy too large", copyTooLarge},
		{"fills: memory leak", memoryLeak},
	}
}

// Others are those by other authors, in pairs: [Apart], [Fresh], [Fourth], [Fifth], [Sixth].
func Others() []Kind { return slices.Concat(Apart(), Fresh(), Fourth(), Fifth(), Sixth()) }

// pen draws a track. What is above the limit is cut off, stays so for some
// hours, and is then cleaned up.
type pen struct {
	*rand.Rand
	track
	hold int // steps for which it stays full
}

func (p *pen) now() int                     { return len(p.Used) }
func (p *pen) more() bool                   { return p.now() < duration }
func (p *pen) begin()                       { p.Begins = append(p.Begins, p.now()) }
func (p *pen) between(a, b float64) float64 { return a + (b-a)*p.Float64() }

// hour is the time of day, in hours.
func (p *pen) hour() float64 { return float64(p.now()%perDay) / perHour }

// put adds a step; it reports whether people cleaned up just now, so that what
// leaks begins again.
func (p *pen) put(x float64) (cleaned bool) {
	if p.hold > 0 {
		p.hold--
		p.Used = append(p.Used, 1)
		return p.hold == 0
	}
	if x >= forecast.Full {
		p.hold, x = 12+p.IntN(48), 1
	}
	p.Used = append(p.Used, max(x, 0))
	return false
}

func steady(p *pen) {
	for base := p.between(.2, .93); p.more(); {
		p.put(base + .001*p.NormFloat64())
	}
}

func slowGrowth(p *pen) {
	x, daily := p.between(.3, .6), p.between(.001, .01)
	for p.more() {
		x += daily / perDay * p.between(0, 2)
		p.put(x)
	}
}

// backup is up by size from an hour of the day on: written over some steps,
// kept, removed.
func (p *pen) backup(start, writes, keeps, size float64) float64 {
	h := p.hour() - start
	switch {
	case h < 0 || h > writes+keeps:
		return 0
	case h < writes:
		return size * h / writes
	}
	return size
}

func nightlyBackup(p *pen) {
	base, size := p.between(.3, .5), p.between(.15, .4)
	start, writes, keeps := p.between(1, 4), p.between(.5, 2), p.between(.2, 2)
	tonight := 1.0
	for p.more() {
		if p.now()%perDay == 0 {
			tonight = p.between(.9, 1.1)
		}
		p.put(base + p.backup(start, writes, keeps, size*tonight) + .001*p.NormFloat64())
	}
}

func weeklyBackup(p *pen) {
	base, size := p.between(.3, .5), p.between(.2, .4)
	day, start := p.IntN(7), p.between(1, 20)
	for p.more() {
		x := base
		if p.now()/perDay%7 == day {
			x += p.backup(start, 2, 1.5, size)
		}
		p.put(x + .001*p.NormFloat64())
	}
}

func growingBackup(p *pen) {
	base, size := p.between(.35, .45), p.between(.3, .35)
	room := 1 - base - size
	perNight := room / p.between(16, 26)
	start, writes := p.between(1, 4), p.between(1, 3)
	cleaned := 0.0
	for p.more() {
		if p.now()%perDay == 0 {
			size += perNight * p.between(.8, 1.2)
			p.begin()
		}
		if p.put(base - cleaned + p.backup(start, writes, 1, size) + .001*p.NormFloat64()) {
			cleaned += .2
		}
	}
}

func dailyRotation(p *pen) {
	base, size, x := p.between(.4, .7), p.between(.05, .25), 0.0
	for p.more() {
		if p.now()%perDay == 0 {
			x = 0
		}
		busy := 1 + .6*math.Sin((p.hour()-9)/24*2*math.Pi)
		x += size / perDay * busy * p.between(.5, 1.5)
		p.put(base + x)
	}
}

func sizeRotation(p *pen) {
	base, size, x := p.between(.4, .75), p.between(.05, .2), 0.0
	hours := p.between(2, 40)
	for p.more() {
		x += size / (hours * perHour) * p.between(.3, 1.7)
		if x > size {
			x = 0
		}
		p.put(base + x)
	}
}

// collect rises to a level and falls below it, until it fails.
func (p *pen) collect(failsAt int) {
	level, x := p.between(.8, .88), p.between(.6, .75)
	speed, left := p.between(.002, .02)/perHour, 0
	failed := false
	for p.more() {
		if left--; left <= 0 {
			left, speed = p.IntN(3*perDay), p.between(.002, .03)/perHour
		}
		x += speed * p.between(0, 2)
		if x > level {
			if p.now() < failsAt {
				x = level - p.between(.05, .2)
			} else if !failed {
				failed = true
				p.begin()
				left, speed = duration, p.between(.01, .04)/perHour
			}
		}
		if p.put(x) {
			x, failsAt, failed, left = level-.2, duration, false, 0
		}
	}
}

func collected(p *pen) { p.collect(duration) }

func collectionFails(p *pen) { p.collect(warmup + p.IntN(8*perDay)) }

func compaction(p *pen) {
	base, x, y := p.between(.5, .75), 0.0, 0.0
	rate := p.between(.005, .02)
	for p.more() {
		x += rate / (2 * perHour) * p.between(.8, 1.2)
		y += rate / (12 * perHour)
		if p.now()%(2*perHour) == 0 {
			x = 0
		}
		if p.now()%(12*perHour) == 5*perHour {
			y = 0
		}
		p.put(base + x + y)
	}
}

// copied is what copies hold: they come at random, are written within hours,
// and are removed.
type copied struct {
	size, have, speed float64
	keep              int
}

func (c *copied) step(p *pen, perDays, largest float64) float64 {
	switch {
	case c.size == 0 && p.Float64() < 1/(perDays*perDay):
		c.size = p.between(.03, largest)
		c.speed, c.keep = c.size/p.between(3, 4*perHour), p.IntN(10*perHour)
	case c.have < c.size:
		c.have = min(c.have+c.speed, c.size)
	case c.keep > 0:
		c.keep--
	default:
		*c = copied{}
	}
	return c.have
}

func copies(p *pen) {
	base := p.between(.4, .6)
	var c copied
	for p.more() {
		p.put(base + c.step(p, 1.5, .3) + .001*p.NormFloat64())
	}
}

func copyTooLarge(p *pen) {
	base, at := p.between(.45, .6), warmup+p.IntN(12*perDay)
	var c copied
	for p.more() {
		if p.now() == at {
			c = copied{size: 1, speed: (1 - base) / p.between(.75*perHour, 6*perHour)}
			p.begin()
		}
		if p.put(base + c.step(p, 1.5, .25) + .001*p.NormFloat64()) {
			c = copied{}
		}
	}
}

func deploys(p *pen) {
	base := p.between(.3, .6)
	x := base
	for p.more() {
		if p.Float64() < 1./(2*perDay) {
			x += p.between(.01, .06)
		}
		if x > base+.25 {
			x = base
		}
		p.put(x + .0005*p.NormFloat64())
	}
}

func updates(p *pen) {
	base := p.between(.5, .85)
	var c copied
	for p.more() {
		p.put(base + c.step(p, 1, .1) + .0005*p.NormFloat64())
	}
}

// load is memory that follows the day.
func (p *pen) load(base, swing float64) float64 {
	return base + swing*math.Sin((p.hour()-9)/24*2*math.Pi) + .012*p.NormFloat64()
}

func dayMemory(p *pen) {
	for base, swing := p.between(.4, .7), p.between(.02, .15); p.more(); {
		p.put(p.load(base, swing))
	}
}

func memoryLeak(p *pen) {
	base, swing := p.between(.35, .5), p.between(.02, .08)
	from, days, leak := warmup+p.IntN(7*perDay), p.between(.3, 3), 0.0
	for p.more() {
		if p.now() == from {
			p.begin()
		}
		if p.now() >= from {
			leak += (1 - base) / (days * perDay)
		}
		if p.put(p.load(base, swing) + leak) {
			leak, from = 0, p.now()+p.IntN(3*perDay)
		}
	}
}

// leak fills from one instant on, at about a constant speed.
func (p *pen) leak(leastHours, mostHours float64) {
	base := p.between(.3, .75)
	x, from := base, warmup+p.IntN(9*perDay)
	hours := math.Exp(p.between(math.Log(leastHours), math.Log(mostHours)))
	var c copied
	for p.more() {
		if p.now() == from {
			p.begin()
		}
		if p.now() >= from {
			x += (1 - base) / (hours * perHour) * p.between(.5, 1.5)
		}
		if p.put(x + c.step(p, 2, .08) + .0005*p.NormFloat64()) {
			x, from = base, duration
		}
	}
}

func hourLeak(p *pen)  { p.leak(.4, 1.5) }
func hoursLeak(p *pen) { p.leak(2, 20) }
func daysLeak(p *pen)  { p.leak(24, 110) }

// draw makes one track of a kind, by a seed and its number alone.
func draw(k Kind, seed uint64, number int) track {
	p := &pen{Rand: rand.New(rand.NewPCG(seed, uint64(number)))}
	for _, c := range k.Name {
		p.Rand = rand.New(rand.NewPCG(p.Uint64(), uint64(c)))
	}
	k.Draw(p)
	return p.track
}
