package incident

import (
	"time"

	omen "github.com/omenhq/omen"
)

// Evidence is what must have been seen without a break before something
// happens: both so many samples and so much time.
type Evidence struct {
	Samples int
	For     time.Duration
}

// Met reports whether n samples over d are enough.
func (e Evidence) Met(n int, d time.Duration) bool { return n >= e.Samples && d >= e.For }

// countedStep is the step for which the counts of samples that open an
// incident are meant, and the slowest at which they hold.
const countedStep = 15 * time.Second

// at is the evidence that opens an incident at a step between samples (0: not
// known yet): at slow steps as many samples suffice as stand for the same time.
// A sample of five minutes has waited for long enough by itself; to ask for
// three of them misses half of the trouble that three of a second show.
func (e Evidence) at(step time.Duration) Evidence {
	if step > countedStep {
		stands := time.Duration(e.Samples) * countedStep
		e.Samples = max(1, int((stands+step-1)/step))
	}
	return e
}

// rung is a step of the severity ladder: so far above the limit, for so long
// altogether.
type rung struct {
	score float64
	total time.Duration
}

// Hysteresis holds every number that decides when an incident opens,
// escalates, closes and comes back. docs/incidents.md explains each; the
// counts of samples rule at slow steps and the durations at fast ones.
type Hysteresis struct {
	Open        Evidence      // above the limit, by an established model; fewer samples at slow steps
	OpenYoung   Evidence      // the same by a learning one
	OpenCold    Evidence      // the same by a provisional one, whose incidents are recorded only…
	ColdTimes   float64       // …unless a cause stays so many of its smallest deviations outside of its band as long…
	ColdLimit   float64       // …which counts from this score on: the limit of a provisional model is wide by caution
	Close       Evidence      // at or below the limit
	Reopen      time.Duration // an onset within this of the closing continues the old incident
	CloseMost   time.Duration // each return doubles the time that closing takes, up to this
	HostGone    time.Duration // a host that sent nothing for so long has its incident closed
	Expire      time.Duration // an unacknowledged incident that lasts so long is the new normal…
	ExpireYoung time.Duration // …by a learning model…
	ExpireCold  time.Duration // …and by a provisional one, which has seen less than it lasts
	SourceDown  Evidence      // failed reads before a source counts as down
	SourceUp    Evidence      // good reads before it counts as up again
	Stalled     time.Duration // no tick for so long is Omen's own trouble
	Lasting     time.Duration // below the model's page level, people are notified only of what lasts so long altogether
	Update      time.Duration // at most one update of an incident's causes in this
	Ladder      []rung        // to critical; any of them suffices
	Clock       time.Duration // a sample further than this from its tick's time is left out

	FalseForecasts float64 // so many false forecasts of a kind of resource are acceptable for a host within a week; beyond, people are notified of critical ones only

	FleetHosts  int           // so many hosts with the same trouble are one incident
	FleetWindow time.Duration // and their onsets are this close, each to the last
	StormHosts  int           // so many unrelated openings within StormWindow are folded into one
	StormWindow time.Duration
	Announce    time.Duration // a fleet incident notifies of new members at most once in this
}

// Opens is what has to be seen, without a break, of scores by a model of a grade for
// an incident to open, at a step between samples.
func (h Hysteresis) Opens(g omen.Grade, step time.Duration) Evidence {
	return h.opens(g).at(step)
}

func (h Hysteresis) opens(g omen.Grade) Evidence {
	switch g {
	case omen.Provisional:
		return h.OpenCold
	case omen.Learning:
		return h.OpenYoung
	}
	return h.Open
}

// DefaultHysteresis are the numbers that docs/incidents.md gives reasons for.
func DefaultHysteresis() Hysteresis {
	return Hysteresis{
		Open:        Evidence{3, 5 * time.Second},
		OpenYoung:   Evidence{4, 8 * time.Second},
		OpenCold:    Evidence{5, 12 * time.Second},
		ColdTimes:   6,
		ColdLimit:   0.5,
		Close:       Evidence{10, time.Minute},
		Reopen:      10 * time.Minute,
		CloseMost:   30 * time.Minute,
		HostGone:    time.Hour,
		Expire:      24 * time.Hour,
		ExpireYoung: 6 * time.Hour,
		ExpireCold:  30 * time.Minute,
		SourceDown:  Evidence{3, 30 * time.Second},
		SourceUp:    Evidence{3, 0},
		Stalled:     3 * time.Minute,
		Lasting:     15 * time.Minute,
		Update:      5 * time.Minute,
		Ladder:      []rung{{1, 2 * time.Hour}, {2, 15 * time.Minute}, {4, 2 * time.Minute}},
		Clock:       10 * time.Minute,

		FalseForecasts: .25,

		FleetHosts:  5,
		FleetWindow: 5 * time.Minute,
		StormHosts:  30,
		StormWindow: time.Minute,
		Announce:    time.Minute,
	}
}

// expire is how long an incident that nobody takes up lasts, by its model's
// grade.
func (h Hysteresis) expire(g omen.Grade) time.Duration {
	switch g {
	case omen.Provisional:
		return min(h.Expire, h.ExpireCold)
	case omen.Learning:
		return min(h.Expire, h.ExpireYoung)
	}
	return h.Expire
}
