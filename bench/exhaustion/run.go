// Package exhaustion measures forecasts of resources that become full: a seeded
// simulator of kinds of resources, Omen's forecasts on them, and the threshold
// rules that people run today on the same series. Start at [Run].
//
// It tunes nothing and reads no recorded data; the kinds were invented by us and
// are deliberately nasty, so that rows compare, and absolute numbers do not.
package exhaustion

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/forecast"
)

// Options are what is run.
type Options struct {
	Seeds    []uint64
	PerKind  int // tracks of each kind and seed; 0: 10
	Kinds    []Kind
	Progress func(share float64) // 0…1; may be nil
}

// omenName is our row in a report.
const omenName = "omen"

// step is the length of one in time.
const step = 5 * time.Minute

// begin is the midnight at which tracks begin; which one does not matter.
var begin = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// subject is one track while it is run.
type subject struct {
	track  Track
	series *forecast.Series
	alarm  forecast.Alarm
	rules  []*rule
	votes  []voice // omen's, then the rules'
	probes []forecast.Probe
	kind   *Tally
}

// Run draws all tracks and lets everybody watch them in the order of time, so
// that calibrations know what Omen would have known.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.PerKind == 0 {
		o.PerKind = 10
	}
	r := newReport(o)
	for i, seed := range o.Seeds {
		subjects := r.subjects(o, seed)
		var pool forecast.Pool
		var c *forecast.Calibration
		for now := range duration {
			if err := ctx.Err(); err != nil {
				return r, fmt.Errorf("simulate seed %d: %w", seed, err)
			}
			if now > 0 && now%perDay == 0 {
				c = pool.Fit()
			}
			for n := range subjects {
				subjects[n].observe(now, n, &pool)
				if now >= warmup {
					subjects[n].judge(&r, now, c)
				}
			}
			if o.Progress != nil && now%perDay == 0 {
				o.Progress(float64(i*duration+now) / float64(len(o.Seeds)*duration))
			}
		}
		for n := range subjects {
			subjects[n].end(&r)
		}
	}
	r.finish()
	return r, nil
}

func (r *Report) subjects(o Options, seed uint64) []subject {
	var out []subject
	for k := range o.Kinds {
		for i := range o.PerKind {
			s := subject{track: draw(o.Kinds[k], seed, i), series: forecast.New(forecast.Full), rules: rules(), kind: &r.Kinds[k]}
			s.votes = make([]voice, 1+len(s.rules))
			out = append(out, s)
		}
	}
	return out
}

// full reports whether the resource is full at a step.
func (s *subject) full(now int) bool { return s.track.Used[now] >= forecast.Full }

// untilFull is the number of steps until the resource is full next; false if it
// is not within the track.
func (s *subject) untilFull(now int) (int, bool) {
	for i := now; i < len(s.track.Used); i++ {
		if s.full(i) {
			return i - now, true
		}
	}
	return 0, false
}

// observe takes a step, and tries a level above all that was reached, a few
// times a day.
func (s *subject) observe(now, number int, pool *forecast.Pool) {
	s.series.Observe(begin.Add(time.Duration(now)*step), s.track.Used[now], 1)
	const every = 3 * perHour
	if (now+number)%every != 0 {
		return
	}
	if len(s.probes) > 0 {
		if came, known := s.series.Outcome(s.probes[0]); known {
			pool.Add(s.probes[0], came)
			s.probes = s.probes[1:]
		}
	}
	above := [...]float64{.005, .01, .02, .04, .08}
	if p, ok := s.series.Probe(above[(now/every+number)%len(above)]); ok {
		s.probes = append(s.probes, p)
	}
}

// judge evaluates everybody at a step. While it is full nobody has anything to
// foretell, and what was raised has come true.
func (s *subject) judge(r *Report, now int, c *forecast.Calibration) {
	at := begin.Add(time.Duration(now) * step)
	raw, ok := s.series.Forecast(at, nil)
	if !ok {
		return
	}
	s.alarm.Evaluate(raw)
	if s.full(now) {
		if !s.full(now - 1) {
			s.exhausted(r, now)
		}
		for i := range s.votes {
			s.votes[i] = voice{}
		}
		s.rules = rules()
		return
	}
	left, comes := s.untilFull(now)
	s.votes[0].hear(r, s, 0, now, s.alarm.Level != forecast.None, raw.Full)
	for i, rule := range s.rules {
		s.votes[1+i].hear(r, s, 1+i, now, rule.fires(s.track.Used, now), 0)
	}
	if now%perHour == 0 && now+perDay <= duration {
		corrected, _ := s.series.Forecast(at, c)
		for h := range r.Raw {
			came := comes && left <= int(omen.Horizons()[h]/step)
			r.Raw[h].add(raw.P[h], came)
			r.Calibrated[h].add(corrected.P[h], came)
		}
	}
}

// corrections is the number of horizons that are measured: the longer ones have
// too few outcomes in two weeks.
const corrections = omen.Within24h + 1

// voice is one method on one track.
type voice struct {
	on    bool
	since int
	said  time.Duration // time to full when it was raised
}

func (v *voice) hear(r *Report, s *subject, method, now int, on bool, said time.Duration) {
	if on && !v.on {
		*v = voice{true, now, said}
	}
	if !on && v.on {
		v.close(r, s, method, false)
	}
}

// close counts a notification: it was right if the resource was full while it
// lasted, or within a day of its beginning.
func (v *voice) close(r *Report, s *subject, method int, full bool) {
	left, comes := s.untilFull(v.since)
	right := full || comes && left <= perDay
	for _, t := range []*Tally{&r.All, s.kind} {
		t.Methods[method].count(right)
	}
	v.on = false
}

// exhausted counts an exhaustion for everybody.
func (s *subject) exhausted(r *Report, now int) {
	possible := true
	for _, b := range s.track.Begins {
		if b <= now {
			possible = now-b >= perHour/2
		}
	}
	for _, t := range []*Tally{&r.All, s.kind} {
		t.Exhausted++
		if possible {
			t.Possible++
		}
	}
	for i := range s.votes {
		v := &s.votes[i]
		if !v.on {
			continue
		}
		lead := time.Duration(now-v.since) * step
		for _, t := range []*Tally{&r.All, s.kind} {
			t.Methods[i].found(lead, possible)
		}
		if i == 0 && v.said > 0 {
			r.errors = append(r.errors, math.Abs(math.Log(v.said.Hours()/lead.Hours())))
		}
		v.close(r, s, i, true)
	}
}

// end counts what was raised and not over at the end, as far as a day of it was
// seen, and the days.
func (s *subject) end(r *Report) {
	for i := range s.votes {
		if v := &s.votes[i]; v.on && v.since+perDay <= duration {
			v.close(r, s, i, false)
		}
	}
	for _, t := range []*Tally{&r.All, s.kind} {
		t.Days += (duration - warmup) / perDay
	}
}
