package forecast

import (
	"math"
	"time"

	"github.com/omenhq/omen"
)

// corrected is how many of the horizons are: a day's outcome is known after a
// day, and the drift of weeks has too few outcomes.
const corrected = omen.Within24h + 1

// Probe is a forecast for a level that the resource never reached in two weeks,
// asked to see whether it then does: the only outcomes that a resource which is
// never full has.
type Probe struct {
	At    time.Time
	Level float64 // share of the limit
	P     [corrected]float64
}

// Probe asks about a level that is a step above the largest one of two weeks.
// It is false if there is no room for one below full, or nothing is known.
func (s *Series) Probe(step float64) (Probe, bool) {
	level := share(s.limits().Max) + step
	if s.quarters == nil || level >= s.full || s.known() < 3 {
		return Probe{}, false
	}
	e := s.experts(level)
	p := e.horizons()
	return Probe{time.Unix(s.now, 0).UTC(), level, [corrected]float64(p[:corrected])}, true
}

// Outcome says within which horizons a probe's level was reached. It is false
// before a day has passed, and if too much of the day is missing.
func (s *Series) Outcome(p Probe) (came [corrected]bool, known bool) {
	n, from := int64(len(s.quarters)), p.At.Unix()/quarterSecs
	now := s.now / quarterSecs
	if n == 0 || now-from <= perDay || now-from >= n {
		return came, false
	}
	spans := [corrected]int64{3600, 4 * 3600, daySecs}
	level, missing := uint16(p.Level*steps), 0
	for k := int64(1); k <= perDay; k++ {
		q := s.quarters[(from+k)%n]
		if q == noQuarter {
			missing++
			continue
		}
		for i := range came {
			came[i] = came[i] || q.Max >= level && k*quarterSecs <= spans[i]
		}
	}
	return came, missing <= 4
}

// bins divide what was said. Each has its own mean, so that their number only
// bounds the steps of a calibration.
const bins = 40

type bin struct {
	Said  float64 // sum
	Cases float64
	Came  float64
}

// Pool gathers what was said and what came of it, for one kind of resource over
// all hosts. The zero value is empty.
type Pool struct {
	Bins [corrected][bins]bin
}

// Add counts a probe and its outcome.
func (p *Pool) Add(probe Probe, came [corrected]bool) {
	for h, said := range probe.P {
		p.count(h, said, came[h])
	}
}

func (p *Pool) count(h int, said float64, came bool) {
	b := &p.Bins[h][min(int(said*bins), bins-1)]
	b.Said += said
	b.Cases++
	if came {
		b.Came++
	}
}

// Merge adds another pool's cases.
func (p *Pool) Merge(o *Pool) {
	for h := range p.Bins {
		for i, b := range o.Bins[h] {
			p.Bins[h][i].Said += b.Said
			p.Bins[h][i].Cases += b.Cases
			p.Bins[h][i].Came += b.Came
		}
	}
}

// knot is a point of a calibration: who says this is right that often.
type knot struct{ said, came float64 }

// Calibration maps what the experts say to how often it happens, by horizon.
type Calibration struct {
	knots [corrected][]knot
	trust [corrected]float64
}

// trusted is the number of levels reached from which a calibration is believed
// wholly; with fewer it is mixed with what the experts said.
const trusted = 200

// Fit is the isotonic regression of what came on what was said, by pooling
// adjacent violators (Barlow et al., Statistical Inference under Order
// Restrictions, 1972).
func (p *Pool) Fit() *Calibration {
	c := &Calibration{}
	for h := range p.Bins {
		var stack []bin
		reached := 0.0
		for _, b := range p.Bins[h] {
			if b.Cases == 0 {
				continue
			}
			reached += b.Came
			for len(stack) > 0 && stack[len(stack)-1].Came*b.Cases >= b.Came*stack[len(stack)-1].Cases {
				last := stack[len(stack)-1]
				b = bin{b.Said + last.Said, b.Cases + last.Cases, b.Came + last.Came}
				stack = stack[:len(stack)-1]
			}
			stack = append(stack, b)
		}
		for _, b := range stack {
			c.knots[h] = append(c.knots[h], knot{b.Said / b.Cases, b.Came / b.Cases})
		}
		c.trust[h] = min(reached/trusted, 1)
	}
	return c
}

// correct keeps what is not corrected, and that no horizon is less likely than
// a shorter one.
func (c *Calibration) correct(p [5]float64) [5]float64 {
	for h := range c.knots {
		if p[h] > 0 && p[h] < 1 && len(c.knots[h]) > 0 {
			p[h] += c.trust[h] * (interpolate(c.knots[h], p[h]) - p[h])
		}
	}
	return monotone(p)
}

// interpolate goes straight from (0, 0) through the knots to (1, 1).
func interpolate(knots []knot, said float64) float64 {
	a, b := knot{}, knot{1, 1}
	for _, k := range knots {
		if k.said > said {
			b = k
			break
		}
		a = k
	}
	if b.said <= a.said {
		return b.came
	}
	return math.Min(a.came+(said-a.said)/(b.said-a.said)*(b.came-a.came), 1)
}
