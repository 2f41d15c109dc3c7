package incident

import (
	"time"
)

// ClockSet takes up that the wall clock was set, ahead by so much or back: no time
// passed, so nothing has become old, came back or stood still. Evidence begins
// again where it was not enough yet.
func (t *Tracker) ClockSet(by time.Duration) {
	move := func(times ...*time.Time) {
		for _, at := range times {
			if !at.IsZero() {
				*at = at.Add(by)
			}
		}
	}
	for _, k := range t.hosts {
		k.run.stop()
		k.other.stop()
		k.quiet, k.checked = 0, time.Time{}
		move(&k.at, &k.updated, &k.state.Since, &k.state.Told, &k.lifted, &k.taken)
	}
	for _, s := range t.sources {
		move(&s.at, &s.before.At)
		for _, p := range s.parts {
			p.bad, p.good = 0, 0
			move(&p.at, &p.upSince, &p.swept)
		}
		for i := range s.storm {
			move(&s.storm[i])
		}
	}
	for _, c := range t.conditions() {
		c.checked = time.Time{}
	}
	for _, o := range t.troubles {
		move(&o.over)
	}
	for _, o := range t.outlooks {
		move(&o.at, &o.calm, &o.due)
	}
	for _, ends := range t.falsely {
		for i := range ends {
			move(&ends[i])
		}
	}
	for _, f := range t.fleets {
		f.checked = time.Time{}
		move(&f.last, &f.joined, &f.announced, &f.lifted)
	}
}
