package omen

import "time"

// Gap is a feature of a host that has had no value for a while although the host sends
// others: nothing of it is judged, or learned.
type Gap struct {
	Feature string    `json:"feature"`
	Since   time.Time `json:"since"` // its last value, as far as was seen
	// Stepping is set where its series are there and a counter among them steps back, or
	// begins again, more often than what its rate is over is long.
	Stepping bool `json:"stepping"`
	Used     bool `json:"used"` // the host's model uses it
}

// String is the gap the way a person would say it, with the time in the zone of its
// time. Whether its series are gone, or idle, is not known: an expression that divides
// by what there was none of, or leaves it out, has no result, either.
func (g Gap) String() string {
	why := "its series are gone, or it is undefined, as a share of nothing is"
	if g.Stepping {
		why = "one of its counters steps back or begins again so often that it has no rate"
	}
	return g.Feature + " has had no value since " + g.Since.Format("2 Jan 15:04 MST") + ": " + why
}
