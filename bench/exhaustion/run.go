// Package exhaustion measures forecasts of resources that become full: a seeded
// simulator of kinds of resources, Omen's forecasts on them, and the threshold
// rules that people run today on the same series. Start at [Run].
//
// [RunRecorded] does the same on recordings of real file systems and processes
// that were used up.
//
// It tunes nothing; the simulator's kinds were invented, by the authors of the
// method ([Kinds]) and by five others ([Others]), and are deliberately nasty,
// so that rows compare, and absolute numbers do not.
package exhaustion

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
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
	track  track
	series *forecast.Series
	alarm  forecast.Alarm
	rules  []*rule
	votes  []voice // omen's, then the rules'
	kind   *Tally
}

// Run draws all tracks and lets everybody watch them in the order of time.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.PerKind == 0 {
		o.PerKind = 10
	}
	var names []string
	for _, k := range o.Kinds {
		names = append(names, k.Name)
	}
	r := newReport(names)
	for i, seed := range o.Seeds {
		progress := func(share float64) {
			if o.Progress != nil {
				o.Progress((float64(i) + share) / float64(len(o.Seeds)))
			}
		}
		if err := r.watch(ctx, r.subjects(o, seed), progress); err != nil {
			return r, fmt.Errorf("simulate seed %d: %w", seed, err)
		}
	}
	r.finish()
	return r, nil
}

// RunRecorded is Run on recordings, all at the same time.
func RunRecorded(ctx context.Context, all []Recording, progress func(share float64)) (Report, error) {
	var names []string
	for i := range all {
		if !slices.Contains(names, all[i].Kind) {
			names = append(names, all[i].Kind)
		}
	}
	r := newReport(names)
	var subjects []subject
	for i := range all {
		track, err := all[i].track()
		if err != nil {
			return r, err
		}
		subjects = append(subjects, newSubject(track, &r.Kinds[slices.Index(names, all[i].Kind)]))
	}
	if err := r.watch(ctx, subjects, progress); err != nil {
		return r, fmt.Errorf("judge recordings: %w", err)
	}
	r.finish()
	return r, nil
}

// watch has everybody watch the subjects.
func (r *Report) watch(ctx context.Context, subjects []subject, progress func(share float64)) error {
	for now := range duration {
		if err := ctx.Err(); err != nil {
			return err
		}
		for n := range subjects {
			subjects[n].observe(now)
			if now >= warmup {
				subjects[n].judge(r, now)
			}
		}
		if progress != nil && now%perDay == 0 {
			progress(float64(now) / duration)
		}
	}
	for n := range subjects {
		subjects[n].end(r)
	}
	return nil
}

func newSubject(track track, kind *Tally) subject {
	s := subject{track: track, series: forecast.New(cmp.Or(track.Full, forecast.Full)), rules: rules(), kind: kind}
	s.votes = make([]voice, 1+len(s.rules))
	return s
}

func (r *Report) subjects(o Options, seed uint64) []subject {
	var out []subject
	for k := range o.Kinds {
		for i := range o.PerKind {
			out = append(out, newSubject(draw(o.Kinds[k], seed, i), &r.Kinds[k]))
		}
	}
	return out
}

// full reports whether the resource is full at a step.
func (s *subject) full(now int) bool {
	return s.track.Used[now] >= cmp.Or(s.track.Full, forecast.Full) || now > 0 && now == s.track.Killed
}

// fullOfLate reports whether it was full within the hour before: what falls a little
// below its limit and is back, until the kernel kills it, is used up once.
func (s *subject) fullOfLate(now int) bool {
	for i := max(now-perHour, 0); i < now; i++ {
		if s.full(i) {
			return true
		}
	}
	return false
}

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

// observe takes a step.
func (s *subject) observe(now int) {
	s.series.Observe(begin.Add(time.Duration(now)*step), s.track.Used[now], 1)
}

// judge evaluates everybody at a step. While it is full nobody has anything to
// foretell, and what was raised has come true.
func (s *subject) judge(r *Report, now int) {
	at := begin.Add(time.Duration(now) * step)
	f, ok := s.series.Forecast(at)
	if ok = ok && !math.IsNaN(s.track.Used[now]); ok {
		s.alarm.Evaluate(f)
	}
	if s.full(now) {
		if now == s.track.Killed {
			s.alarm = forecast.Alarm{}
		}
		if !s.fullOfLate(now) {
			s.exhausted(r, now)
		}
		for i := range s.votes {
			s.votes[i] = voice{}
		}
		s.rules = rules()
		return
	}
	if !ok {
		return
	}
	left, comes := s.untilFull(now)
	s.votes[0].hear(r, s, 0, now, s.alarm.Level != forecast.None, f.Full)
	for i, rule := range s.rules {
		s.votes[1+i].hear(r, s, 1+i, now, rule.fires(s.track.Used, now), 0)
	}
	if now%perHour == 0 && now+perDay <= duration {
		for h := range r.Said {
			r.Said[h].add(f.P[h], comes && left <= int(omen.Horizons()[h]/step))
		}
	}
}

// measured is the number of horizons that are: the longer ones have too few
// outcomes in two weeks.
const measured = omen.Within24h + 1

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

// longest is for how long a notification may be on before the resource is full: one
// that is always on foretells nothing.
const longest = 3 * perDay

// close counts a notification: it was right if the resource was full within a day of
// its beginning, or within three of it while it lasted.
func (v *voice) close(r *Report, s *subject, method int, full bool) {
	left, comes := s.untilFull(v.since)
	right := comes && (left <= perDay || full && left <= longest)
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
		if now-v.since > longest {
			v.close(r, s, i, true)
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
