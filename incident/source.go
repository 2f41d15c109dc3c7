package incident

import (
	"fmt"
	"maps"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

// source is what the tracker remembers of one source.
type source struct {
	name    string
	at      time.Time     // of the last tick
	step    time.Duration // the longer of the last two between ticks
	lastly  time.Duration // the last one
	upSince time.Time     // the first good tick after the last trouble

	before Seen // what the process before this one saw last; zero: unknown

	bad      int // ticks in trouble in a row
	badSince time.Time
	good     int // ticks without trouble in a row
	goodFrom time.Time

	down condition // the source is down, or most of its hosts are silent
	own  condition // Omen itself sends no ticks

	storm []time.Time // when people were last notified of single hosts' incidents, oldest first
}

// Seen is the last tick of a source, and the step between ticks.
type Seen struct {
	At   time.Time     `json:"at"`
	Step time.Duration `json:"step_ns"`
}

// Seen is the last tick of every source: to be kept over a restart, so that the
// time in which Omen did not run is recorded as its own.
func (t *Tracker) Seen() map[string]Seen {
	all := map[string]Seen{}
	for name, s := range t.sources {
		if !s.at.IsZero() {
			all[name] = Seen{s.at, s.step}
		}
	}
	return all
}

// RestoreSeen puts in what Seen gave before the restart.
func (t *Tracker) RestoreSeen(all map[string]Seen) {
	for name, seen := range all {
		s := t.source(name)
		if s.before.At.After(seen.At) { // a gap that was recorded since
			seen.At = s.before.At
		}
		s.before = seen
	}
}

func (t *Tracker) source(name string) *source {
	s := t.sources[name]
	if s == nil {
		s = &source{name: name}
		t.sources[name] = s
	}
	return s
}

// fewHosts is the size of a source below which silent hosts are single cases.
const fewHosts = 5

// tick follows the source's own condition, and reports whether the tick's
// hosts may be judged. A tick that is not newer, such as another profile's of
// the same instant, says nothing new of the source.
func (s *source) tick(t *Tracker, k omen.Tick) bool {
	if back := s.at.Sub(k.At); !s.at.IsZero() && back >= 0 && back < t.h.Clock {
		return k.Err == ""
	}
	if gap := s.resume(t, k.At); !gap && !s.at.IsZero() {
		d := k.At.Sub(s.at)
		s.step, s.lastly = max(d, s.lastly), d
	}
	s.at = k.At
	reason, enough := s.wrong(t.h, k)
	if reason == "" {
		s.fine(t, k)
		return true
	}
	if s.bad == 0 {
		s.badSince = k.At
	}
	s.bad++
	s.good = 0
	if s.down.in == nil && !s.down.held && enough.met(s.bad, k.At.Sub(s.badSince)) {
		s.down.open(t, s.trouble(k, reason), k.At, reason)
	}
	s.down.review(t, k.At)
	return reason != omen.ReasonSourceDown
}

// wrong is what is the matter with a source, empty if nothing is, and the evidence
// that opens an incident of it. What had hosts and has none is blind, be they
// silent or known no more.
func (s *source) wrong(h Hysteresis, k omen.Tick) (reason string, enough Evidence) {
	none := len(k.Scores)+k.Young == 0
	switch {
	case k.Err != "":
		return omen.ReasonSourceDown, h.SourceDown
	case len(k.Silent) >= fewHosts && len(k.Silent) > len(k.Scores)+k.Young:
		return omen.ReasonPartition, h.SourceDown
	case none && (len(k.Silent) > 0 || s.down.in != nil && len(s.down.in.Members) > 0):
		return omen.ReasonPartition, Evidence{h.SourceDown.Samples, h.Stalled} // a few may boot
	}
	return "", Evidence{}
}

// trouble is the source's incident, as it opens.
func (s *source) trouble(k omen.Tick, reason string) omen.Incident {
	in := omen.Incident{
		ID: newID(omen.SourceIncident, s.name, s.badSince), Kind: omen.SourceIncident,
		Host: omen.Host{Source: s.name}, State: omen.Open, Severity: omen.Critical,
		Since: s.badSince.UTC(), OpenedAt: k.At.UTC(), Summary: "source " + s.name + " cannot be read: " + k.Err,
	}
	if reason == omen.ReasonPartition {
		in.Members = slices.Clone(k.Silent)
		in.Summary = fmt.Sprintf("%d of %d hosts of source %s send nothing", len(k.Silent), len(k.Silent)+len(k.Scores)+k.Young, s.name)
	}
	return in
}

// fine counts a good tick and closes the source's incident after enough.
func (s *source) fine(t *Tracker, k omen.Tick) {
	at := k.At
	if s.good == 0 {
		s.goodFrom = at
	}
	if s.bad > 0 || s.upSince.IsZero() {
		s.upSince = at
	}
	s.good++
	s.bad = 0
	if s.down.closing(t.h, t.h.SourceUp).met(s.good, at.Sub(s.goodFrom)) {
		s.down.close(t, at, s.down.over(k))
		s.down.held = false
	}
}

// over is why a source's incident ends: it answers again, unless of the hosts that
// fell silent none is back.
func (c *condition) over(k omen.Tick) string {
	if c.in == nil || len(c.in.Members) == 0 || slices.ContainsFunc(k.Scores, func(s omen.Score) bool { return slices.Contains(c.in.Members, s.Host) }) {
		return omen.ReasonRecovered
	}
	return omen.ReasonHostGone
}

// resume ends Omen's own trouble when ticks come again, and reports whether
// there was any. A gap that nobody noticed while it lasted is recorded and not
// notified: it is over.
func (s *source) resume(t *Tracker, at time.Time) bool {
	stalled := s.stalled(t.h, at)
	if s.at.IsZero() && !s.before.At.IsZero() { // the first tick after a restart
		s.at, s.step = s.before.At, s.before.Step
		stalled = s.stalled(t.h, at)
	}
	known := s.own.held // an operator has closed its incident
	s.own.held = false
	if s.own.in == nil && !stalled {
		return false
	}
	if s.own.in == nil && !known {
		in := s.stall(at)
		in.Suppressed = omen.ReasonStalled
		s.own.record(t, in, at, omen.ReasonStalled)
	}
	s.own.close(t, at, omen.ReasonRecovered)
	s.upSince = at
	s.bad, s.good = 0, 0
	return true
}

// stalled reports whether no tick has come for too long: several steps, if
// steps are long, and longer still while the step is not known.
func (s *source) stalled(h Hysteresis, now time.Time) bool {
	limit := max(h.Stalled, 4*s.step)
	if s.step == 0 {
		limit = 5 * h.Stalled
	}
	return !s.at.IsZero() && now.Sub(s.at) >= limit
}

// stall is the incident of Omen itself, as it opens.
func (s *source) stall(now time.Time) omen.Incident {
	return omen.Incident{
		ID: newID(omen.OwnIncident, s.name, s.at), Kind: omen.OwnIncident,
		Host: omen.Host{Source: s.name}, State: omen.Open, Severity: omen.Critical,
		Since: s.at.UTC(), OpenedAt: now.UTC(), Summary: "Omen scores no host of source " + s.name,
	}
}

// Idle is for when no tick comes: a source that had ticks and has had none for
// Hysteresis.Stalled is Omen's own trouble, one incident. It also reviews the
// troubles that were reported.
func (t *Tracker) Idle(now time.Time) []omen.Change {
	for _, name := range slices.Sorted(maps.Keys(t.sources)) {
		s := t.sources[name]
		if s.own.in == nil && !s.own.held && s.stalled(t.h, now) {
			s.own.open(t, s.stall(now), now, omen.ReasonStalled)
		}
		s.own.review(t, now)
	}
	t.reviewTroubles(now)
	return t.take()
}

// Watch says which sources are watched from now on. Whatever is known of any
// other is dropped, and what is open there is closed as gone.
func (t *Tracker) Watch(names []string, at time.Time) []omen.Change {
	others := map[string]bool{}
	for h := range t.hosts {
		others[h.Source] = true
	}
	for name := range t.sources {
		others[name] = true
	}
	for _, name := range names {
		delete(others, name)
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		t.forget(name, at)
	}
	return t.settle(at)
}

func (t *Tracker) forget(name string, at time.Time) {
	for _, k := range t.tracksOf(func(k *track) bool { return k.host.Source == name }) {
		if k.in != nil {
			t.close(k, at, omen.ReasonHostGone)
		}
		delete(t.hosts, k.host)
	}
	if s := t.sources[name]; s != nil {
		s.down.close(t, at, omen.ReasonHostGone)
		s.own.close(t, at, omen.ReasonHostGone)
		delete(t.sources, name)
	}
}
