package incident

import (
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// condition is a trouble that is there or not: a source that is down, Omen that
// stands still. It has at most one incident at a time, and one that comes back
// soon is the same.
type condition struct {
	in      *omen.Incident // open
	past    *omen.Incident // the last one that recovered; it may come back
	returns int            // how often the open one came back
	held    bool           // an operator closed it: no new one before it is over
	unread  bool           // of a source whose hosts are silent: people know that it cannot be read, either
	checked time.Time      // when the rules were last asked
	rules   int            // which version of the rules that was
}

// restore puts in an incident as the journal left it.
func (c *condition) restore(in *omen.Incident) {
	switch {
	case in.State != omen.Closed:
		c.in = in
	case in.Suppressed != omen.ReasonStalled && (c.past == nil || c.past.ClosedAt.Before(in.ClosedAt)):
		c.past = in
	}
}

// open opens the condition's incident, or goes on with the one that closed a
// moment ago.
func (c *condition) open(t *Tracker, in omen.Incident, at time.Time, reason string) {
	kind := omen.ChangeOpened
	c.returns++
	if p := c.past; p != nil && (p.Reason == omen.ReasonRecovered || p.Reason == omen.ReasonWasFull) && in.Since.Sub(p.ClosedAt) <= t.h.Reopen {
		again := p.Clone()
		again.State, again.ClosedAt, again.Severity, again.Summary, again.Members = in.State, time.Time{}, in.Severity, in.Summary, in.Members
		again.Forecast = in.Forecast
		if again.AckedBy != "" {
			again.State = omen.Acknowledged
		}
		in, kind, reason = again, omen.ChangeReopened, omen.ReasonReopened
	} else {
		c.returns = 0
	}
	in.Suppressed = c.ask(t, &in, at)
	c.in, c.past = &in, nil
	t.emit(c.in, kind, at, reason)
}

// record opens an incident that nobody is notified of, whatever was before.
func (c *condition) record(t *Tracker, in omen.Incident, at time.Time, reason string) {
	c.in, c.returns = &in, 0
	t.emit(c.in, omen.ChangeOpened, at, reason)
}

// ask is why nobody is notified of the incident at an instant; empty: people are.
func (c *condition) ask(t *Tracker, in *omen.Incident, at time.Time) string {
	c.checked, c.rules = at, t.rules.version
	who := mute.Subject{Host: in.Host}
	if in.Host.Name != "" {
		who.Labels = t.labels.Labels(in.Host)
	}
	reason := t.rules.muted.Reason(in, []mute.Subject{who}, at)
	switch {
	case reason != "":
	case in.Kind == omen.ForecastIncident:
		return t.known(in)
	case in.Kind == omen.SourceIncident && (c.in == nil || c.in.Suppressed != "") && t.unstored(in.Host.Source, at):
		return omen.ReasonSameCause
	}
	return reason
}

// review looks whether an open incident should now notify, or be suppressed.
func (c *condition) review(t *Tracker, at time.Time) {
	if c.in == nil || at.Sub(c.checked) < recheck && c.rules == t.rules.version {
		return
	}
	was := c.in.Suppressed
	c.in.Suppressed = c.ask(t, c.in, at)
	t.announce(c.in, was, at)
}

// closing is the evidence that it is over: more of it, the more often it came
// back, as of hosts.
func (c *condition) closing(h Hysteresis, e Evidence) Evidence {
	if c.returns > 0 {
		e.For = max(e.For, min(h.Close.For<<min(c.returns, 10), max(h.CloseMost, h.Close.For)))
	}
	return e
}

// close ends the open incident, if there is one.
func (c *condition) close(t *Tracker, at time.Time, reason string) {
	if c.in == nil {
		return
	}
	in := c.in
	in.State, in.ClosedAt = omen.Closed, at.UTC()
	c.in = nil
	if in.Suppressed != omen.ReasonStalled {
		c.past = in
	}
	t.emit(in, omen.ChangeClosed, at, reason)
}

// letGo forgets an incident that an operator closed while it lasted.
func (c *condition) letGo() { c.in, c.past, c.held, c.unread = nil, nil, true, false }
