package incident

import (
	"maps"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

// source is what the tracker remembers of one source.
type source struct {
	name   string
	at     time.Time     // of the last tick, whatever its profile
	step   time.Duration // the longer of the last two between ticks
	lastly time.Duration // the last one
	parts  map[string]*part

	before Seen // what the process before this one saw last; zero: unknown

	down condition // the source is down, or most hosts of one of its profiles are silent
	own  condition // Omen itself sends no ticks

	storm []time.Time // when people were last notified of single hosts' incidents, oldest first
}

// Seen is the last tick of a source, the step between ticks, and by profile the most
// hosts that lately sent samples at one instant.
type Seen struct {
	At   time.Time      `json:"at"`
	Step time.Duration  `json:"step_ns"`
	Most map[string]int `json:"most,omitempty"`
}

// Seen is the last tick of every source: to be kept over a restart, so that the
// time in which Omen did not run is recorded as its own.
func (t *Tracker) Seen() map[string]Seen {
	all := map[string]Seen{}
	for name, s := range t.sources {
		if !s.at.IsZero() {
			most := map[string]int{}
			for profile, p := range s.parts {
				most[profile] = max(p.most, p.mostBefore)
			}
			all[name] = Seen{s.at, s.step, most}
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

// Silence is that most hosts of a source's profile, or of several, send nothing.
type Silence struct {
	Hosts int       // how many send nothing
	Of    int       // how many hosts those profiles have
	Since time.Time // when the first profile fell silent
}

// Silences are the sources of which most hosts are silent, as their incidents say, and
// for as long as it lasts, whether or not somebody has closed the incident.
func (t *Tracker) Silences() map[string]Silence {
	all := map[string]Silence{}
	for name, s := range t.sources {
		for _, p := range s.parts {
			if p.silent == 0 {
				continue
			}
			one := all[name]
			one.Hosts, one.Of = one.Hosts+p.silent, one.Of+p.known
			if one.Since.IsZero() || p.badSince.Before(one.Since) {
				one.Since = p.badSince
			}
			all[name] = one
		}
	}
	return all
}

func (t *Tracker) source(name string) *source {
	s := t.sources[name]
	if s == nil {
		s = &source{name: name, parts: map[string]*part{}}
		t.sources[name] = s
	}
	return s
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
		in := s.stall(t, at)
		in.Suppressed = omen.ReasonStalled
		s.own.record(t, in, at, omen.ReasonStalled)
	}
	s.own.close(t, at, omen.ReasonRecovered)
	for _, p := range s.parts {
		p.upSince, p.bad, p.good = at, 0, 0
	}
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
func (s *source) stall(t *Tracker, now time.Time) omen.Incident {
	return omen.Incident{
		ID: t.newID(omen.OwnIncident, s.name, s.at), Kind: omen.OwnIncident,
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
			s.own.open(t, s.stall(t, now), now, omen.ReasonStalled)
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
	for id := range t.outlooks {
		others[id.Host.Source] = true
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
	for _, o := range t.outlooksOf(func(o *outlook) bool { return o.id.Host.Source == name }) {
		o.close(t, at, omen.ReasonHostGone)
		delete(t.outlooks, o.id)
	}
	if s := t.sources[name]; s != nil {
		s.down.close(t, at, omen.ReasonHostGone)
		s.own.close(t, at, omen.ReasonHostGone)
		delete(t.sources, name)
	}
}
