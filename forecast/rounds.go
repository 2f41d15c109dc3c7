package forecast

import (
	"time"

	"github.com/omenhq/omen"
)

const (
	// youngest is how long a resource has to be known before anybody is
	// notified of it: its first minutes are all that it ever did.
	youngest = 5 * time.Minute
	// warm is how long a resource is handed on after it last was likely to be
	// full within a day: longer than it takes to close an incident.
	warm = 2 * time.Hour
	// likely is the probability within a day from which it is.
	likely = .2
)

// Rounds is what is remembered of a resource from round to round of forecasts. The
// zero value has seen none.
type Rounds struct {
	known bool // there was a forecast in the last round
	full  bool // it was full then
	until time.Time
}

// Said is what a round says of a resource.
type Said struct {
	omen.Forecast
	Known   bool // there is a forecast
	Sudden  bool // it became full since the round before
	Matters bool // it is, or was of late, likely to be full, or it is full: who notifies people has to know
}

// Next is the round of an instant for a resource whose first sample was at first
// and the last at last: without a sample of this round there is no forecast.
func (r *Rounds) Next(s *Series, at, first, last time.Time) Said {
	was := *r
	if r.known = false; !last.Equal(at) || at.Sub(first) < youngest {
		return Said{}
	}
	f, ok := s.Forecast(at, nil)
	if !ok {
		return Said{}
	}
	r.known, r.full = true, f.Exhausted
	if r.until.IsZero() || !f.Exhausted && f.P[omen.Within24h] >= likely {
		r.until = at.Add(warm)
	}
	return Said{Forecast: f, Known: true, Sudden: f.Exhausted && was.known && !was.full, Matters: f.Exhausted || !at.After(r.until)}
}
