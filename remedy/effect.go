package remedy

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// Seen is what was seen since an action was started.
type Seen struct {
	At        time.Time
	Step      time.Duration     // between samples of the host
	Scores    []omen.ScorePoint // of the host since the start, oldest first; NaN is a gap
	Incidents []omen.Incident   // of the host, open or closed since the start; the action's own among them
	Labels    map[string]string // of the host
	Events    []mute.Event      // since the start; those that do not concern the host are passed over
	Actions   []omen.Action     // since the start; those of other groups, hosts and targets are passed over
	Changes   []omen.Change     // of the action's incident, since the start
	Closing   Closing           // what closes and reopens an incident
}

// Closing is what closes an incident and reopens it; zeros are incident's defaults.
type Closing struct {
	Samples int           // at or below the limit, without a break; 10
	For     time.Duration // and for so long; a minute
	Reopen  time.Duration // an onset within this continues it; 10 min
}

func (c Closing) orDefaults() Closing {
	if c.Samples <= 0 {
		c.Samples = 10
	}
	if c.For <= 0 {
		c.For = time.Minute
	}
	if c.Reopen <= 0 {
		c.Reopen = 10 * time.Minute
	}
	return c
}

// Measured is what became of an incident after an action.
type Measured struct {
	State     omen.ActionState // helped, not_helped, worse, unmeasurable or interrupted
	Why       string
	Peak      float64       // the highest score once it had settled
	Recovered time.Duration // from the start until the host was normal; 0: it was not
}

const (
	worseBy    = 1.5 // times the score before makes it worse
	relapse    = 3   // samples in a row above the limit are what an incident opens with
	mostMissed = 1. / 3
	// usualStep is the time between samples where that is not known: the
	// configuration's default.
	usualStep = 15 * time.Second
)

// Measure says what became of an action that is done: nothing before it has settled
// and as long as it may still turn out otherwise (false).
//
// It helped if the host is normal within its horizon, for the closing evidence and
// without an onset within the reopening time. It is worse if the score rises above
// one and a half times what it was, or another incident opens on the host. It is interrupted if somebody else did something first, and unmeasurable
// if more than a third of the samples are missing: neither counts as help.
func (b Playbook) Measure(a omen.Action, s Seen) (Measured, bool) {
	m := measurement{Seen: s, a: a, from: a.Started.Add(b.Settle(s.Step)), until: a.Started.Add(b.Horizon(s.Step))}
	m.Closing = m.Closing.orDefaults()
	if s.At.Before(m.from) || a.Started.IsZero() {
		return Measured{}, false
	}
	peak := 0.0
	for _, p := range s.Scores {
		if !p.At.Before(m.from) && !p.At.After(m.until) && p.Value > peak {
			peak = p.Value
		}
	}
	out, decided, ok := m.judge()
	if !ok {
		return Measured{}, false
	}
	out.Peak = peak
	if why := m.interrupted(decided); why != "" {
		out.State, out.Why = omen.ActionInterrupted, why
	}
	return out, true
}

// measurement is one action being measured.
type measurement struct {
	Seen
	a           omen.Action
	from, until time.Time // in which it is judged
}

// judge says what became of it, and when that was decided.
func (m *measurement) judge() (out Measured, decided time.Time, ok bool) {
	if at, why := m.worse(); why != "" {
		return Measured{State: omen.ActionWorse, Why: why}, at, true
	}
	recovered, relapsed := m.recovered()
	wait := max(m.Closing.For, time.Duration(m.Closing.Samples)*m.Step)
	switch end := recovered.Add(m.Closing.Reopen); {
	case !relapsed.IsZero():
		return Measured{State: omen.ActionNotHelped, Why: fmt.Sprintf("normal after %s, and anomalous again %s later",
			omen.Soon(recovered.Sub(m.a.Started)), omen.Soon(relapsed.Sub(recovered)))}, relapsed, true
	case recovered.IsZero() && m.At.Before(m.until.Add(wait)), !recovered.IsZero() && m.At.Before(end):
		return out, decided, false
	case !recovered.IsZero() && m.missing(end):
		return Measured{State: omen.ActionUnmeasurable, Why: "the host sent too little to tell"}, end, true
	case !recovered.IsZero():
		took := max(m.Step, recovered.Sub(m.a.Started))
		return Measured{State: omen.ActionHelped, Why: "normal after " + omen.Soon(took), Recovered: took}, recovered, true
	case m.missing(m.until):
		return Measured{State: omen.ActionUnmeasurable, Why: "the host sent too little to tell"}, m.until, true
	}
	return Measured{State: omen.ActionNotHelped, Why: "still anomalous after " + omen.Soon(m.until.Sub(m.a.Started))}, m.until, true
}

// worse is when and why the action made it worse, if it did.
func (m *measurement) worse() (at time.Time, why string) {
	for _, p := range m.Scores {
		if p.At.Before(m.from) || p.At.After(m.until) || !(p.Value > worseBy*max(1, m.a.Before)) {
			continue
		}
		return p.At, fmt.Sprintf("the score rose from %.2g to %.2g", m.a.Before, p.Value)
	}
	for _, in := range m.Incidents {
		serious := in.Severity == omen.Warning || in.Severity == omen.Critical
		ofHosts := in.Kind == omen.HostIncident || in.Kind == omen.FleetIncident
		if in.ID != m.a.Incident && ofHosts && serious && in.Suppressed != omen.ReasonGrace &&
			in.Since.After(m.a.Started) && !in.OpenedAt.After(m.until) {
			return in.OpenedAt, "incident " + in.ID + " opened after it"
		}
	}
	return at, ""
}

// recovered is since when the host is normal, if it is so in time, and when it was
// anomalous again once the action had settled, if it was so too soon.
func (m *measurement) recovered() (since, relapsed time.Time) {
	normal, above := 0, 0
	var run, onset time.Time // the first sample of the samples that are normal, or above, in a row
	for _, p := range m.Scores {
		switch {
		case p.At.Before(m.a.Started) || math.IsNaN(p.Value):
			continue
		case p.Value <= max(1, p.Level):
			if normal == 0 {
				run = p.At
			}
			normal, above = normal+1, 0
			if since.IsZero() && normal >= m.Closing.Samples && p.At.Sub(run) >= m.Closing.For && !run.After(m.until) {
				since = run
			}
			continue
		}
		if above == 0 {
			onset = p.At
		}
		normal, above = 0, above+1
		if since.IsZero() || above < relapse || onset.Sub(since) > m.Closing.Reopen {
			continue
		}
		if !onset.Before(m.from) {
			return since, onset
		}
		since = time.Time{} // its own upset
	}
	return since, time.Time{}
}

// missing reports whether too many samples until end are gaps.
func (m *measurement) missing(end time.Time) bool {
	if end.After(m.At) {
		end = m.At
	}
	n := 0
	for _, p := range m.Scores {
		if !p.At.Before(m.from) && !p.At.After(end) && !math.IsNaN(p.Value) {
			n++
		}
	}
	want := float64(end.Sub(m.from)) / float64(max(m.Step, time.Second))
	return float64(n) < (1-mostMissed)*math.Floor(want)
}

// interrupted is what else happened between the start and when it was decided that
// may be what helped, or harmed; empty: nothing.
func (m *measurement) interrupted(decided time.Time) string {
	between := func(at time.Time) bool { return at.After(m.a.Started) && !at.After(decided) }
	for _, e := range m.Events {
		detected := e.By == byOmen && !e.At.After(m.from) // most likely the trace of the action itself
		if e.Kind != mute.EventNote && between(e.At) && !detected && e.ID != graceID(m.a) && m.concerns(e) {
			return fmt.Sprintf("a %s came between: %s", e.Kind, e.Title)
		}
	}
	for _, other := range m.Actions {
		near := other.Group == m.a.Group || other.Host == m.a.Host || sameTarget(other.Target, m.a.Target)
		if other.ID != m.a.ID && near && between(other.Started) {
			return "action " + other.ID + " came between"
		}
	}
	acked, spoke := "", ""
	for _, c := range m.Changes {
		switch {
		case c.Kind == omen.ChangeClosed && slices.Contains([]string{omen.ReasonNewModel, omen.ReasonSettled, omen.ReasonExpired}, c.Reason) && between(c.At):
			return "the incident was closed without the host's recovery: " + c.Reason
		case c.Kind == omen.ChangeClosed && c.Reason == omen.ReasonByOperator && between(c.At):
			return c.By + " closed the incident"
		case c.By == byOmen || !between(c.At):
		case c.Kind == omen.ChangeAcknowledged:
			acked = c.By
		case c.Kind == omen.ChangeCommented:
			spoke = c.By
		}
	}
	if acked != "" && spoke != "" {
		return acked + " took the incident, and " + spoke + " wrote of it"
	}
	return ""
}

// concerns reports whether an event is of the host, or cannot be known not to be.
func (m *measurement) concerns(e mute.Event) bool {
	holds, err := mute.Compile(e.Match)
	return err != nil || holds(mute.HostValue(m.a.Host, m.Labels))
}

func graceID(a omen.Action) string { return "action-" + a.ID }

// Grace is the event of an action that upsets its host by itself, such as a restart:
// what it causes opens nothing for as long as it settles. Of an action that touches
// nothing that runs there is none.
func Grace(a omen.Action, b Playbook) (mute.Event, bool) {
	if a.Does == DoCordon || a.Does == DoUncordon || a.Started.IsZero() {
		return mute.Event{}, false
	}
	is := func(name, value string) mute.Matcher { return mute.Matcher{Name: name, Value: value, IsEqual: true} }
	return mute.Event{
		ID: graceID(a), Kind: mute.EventRestart, At: a.Started, By: byOmen, Title: fmt.Sprintf("playbook %s: %s", a.Playbook, a.Does),
		Match: []mute.Matcher{is(mute.MatchSource, a.Host.Source), is(mute.MatchProfile, a.Host.Profile), is(mute.MatchHost, a.Host.Name)},
		Grace: max(mute.EventRestart.Grace(), b.Settle(0)),
	}, true
}
