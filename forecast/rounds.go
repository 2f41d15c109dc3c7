package forecast

import (
	"time"

	"github.com/omenhq/omen"
)

const (
	// Youngest is how long a resource has to be known before it is forecast: its
	// first minutes are all that it ever did.
	Youngest = 5 * time.Minute
	// warm is how long a resource is handed on after it last was likely to be
	// full within a day: longer than it takes to close an incident.
	warm = 2 * time.Hour
	// likely is the probability within a day from which it is.
	likely = .2
)

// Stretch is a part of the time before now, and how far apart its samples are.
type Stretch struct{ From, To, Step time.Duration }

// Stretches are what is to be read of a resource's history, the oldest first: the
// two weeks that a series knows, finer the nearer they are.
func Stretches() []Stretch {
	return []Stretch{
		{keptDays * 24 * time.Hour, 24 * time.Hour, 15 * time.Minute},
		{24 * time.Hour, time.Hour, 5 * time.Minute},
		{time.Hour, 0, time.Minute},
	}
}

// Rounds is what is remembered of a resource from round to round of forecasts. The
// zero value has seen none.
type Rounds struct {
	known bool // there was a forecast in the last round
	full  bool // it was full then
	until time.Time
}

// Next is a round, with the resource's forecast, if there is one. It reports
// whether it became full since the round before; and whether that is to be handed on
// to who notifies people: it is full, or likely to be, or was of late.
func (r *Rounds) Next(at time.Time, f omen.Forecast, known bool) (sudden, matters bool) {
	was := *r
	if r.known, r.full = known, known && f.Exhausted; !known {
		return false, false
	}
	if r.until.IsZero() || !f.Exhausted && (f.P[omen.Within24h] >= likely || f.Due()) {
		r.until = at.Add(warm)
	}
	return f.Exhausted && was.known && !was.full, f.Exhausted || !at.After(r.until)
}
