package forecast

import (
	"time"

	"github.com/omenhq/omen"
)

// When people are notified, and when that is over. The probabilities were set on
// simulated series (seeds 5 to 7) and are reported on others; .9, .6 and .3 before
// [timid].
const (
	warnP24   = .87
	pageP4    = .5
	clearP24  = .2
	inARow    = 2
	clearTime = 30 * time.Minute
)

// Level says how urgent an alarm is.
type Level int

// The levels of an alarm.
const (
	None     Level = iota
	Warning        // full within a day, almost certainly
	Critical       // full within four hours, more likely than not
)

// Alarm is the hysteresis between forecasts and notifications: it takes two
// evaluations in a row to raise it and half an hour below the clearing
// probability to end it. The zero value is off.
type Alarm struct {
	Level    Level
	CameTrue bool // it was on when the resource became full; until the next Evaluate that ends it

	warns, pages int
	low          time.Time // since when P24 is below clearP24; zero if it is not
}

// Evaluate takes the next forecast and reports whether the level changed. A
// forecast of what is full already raises nothing: that is no forecast any more.
func (a *Alarm) Evaluate(f omen.Forecast) (changed bool) {
	if f.Dated() {
		return a.expiring(f)
	}
	before := a.Level
	a.warns = count(a.warns, f.P[omen.Within24h] >= warnP24)
	a.pages = count(a.pages, f.P[omen.Within4h] >= pageP4)
	switch {
	case f.Exhausted:
		*a = Alarm{CameTrue: a.CameTrue || before != None}
		return before != None
	case a.pages >= inARow:
		a.Level = Critical
	case a.warns >= inARow:
		a.Level = max(a.Level, Warning)
	}
	a.CameTrue = false
	switch {
	case f.P[omen.Within24h] >= clearP24:
		a.low = time.Time{}
	case a.low.IsZero():
		a.low = f.At
	}
	if !a.low.IsZero() && f.At.Sub(a.low) >= clearTime {
		a.Level = None
	}
	return a.Level != before
}

// Fading reports whether the alarm is on for what was forecast a while ago only:
// the last evaluation is below the clearing probability.
func (a *Alarm) Fading() bool { return a.Level != None && !a.low.IsZero() }

// expiring takes a known date: that is certain, and so there is nothing to wait
// for. One that has passed is as urgent as can be, whether or not it was foretold.
func (a *Alarm) expiring(f omen.Forecast) (changed bool) {
	before := a.Level
	switch {
	case f.Exhausted:
		*a = Alarm{CameTrue: a.CameTrue || before != None}
	case f.Full <= f.Notice.Critical:
		*a = Alarm{Level: Critical}
	case f.Full <= f.Notice.Warning:
		*a = Alarm{Level: Warning}
	default:
		*a = Alarm{}
	}
	return a.Level != before
}

func count(n int, again bool) int {
	if again {
		return n + 1
	}
	return 0
}
