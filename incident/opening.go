package incident

import (
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// settle opens what the tick's evidence suffices for, together where it
// belongs together, and brings fleet incidents up to date.
func (t *Tracker) settle(at time.Time) []omen.Change {
	if len(t.ready) > 0 {
		t.wait(at)
	}
	for _, k := range t.ready {
		if k.in == nil {
			t.begin(k, at)
		}
	}
	t.ready = t.ready[:0]
	if len(t.toNotify) > 0 {
		t.group(at)
	}
	if len(t.fleets) > 0 {
		t.reviewFleets(at)
	}
	if t.changes == nil {
		return nil
	}
	return t.take()
}

// hold is how long, at least, a host waits for others that are on their way
// with the same trouble; at slow steps two samples.
const hold = 10 * time.Second

// wait leaves out, for this tick, a host that would open an incident alone
// while enough others are about to join it: so that people hear of one fleet
// and not of its first host before.
func (t *Tracker) wait(at time.Time) {
	ready, coming := map[where]int{}, map[where]int{}
	for _, k := range t.ready {
		tally(ready, k, k.run.causes)
	}
	for _, k := range t.hosts {
		if t.isComing(k, at) {
			tally(coming, k, k.run.causes)
		}
	}
	t.ready = slices.DeleteFunc(t.ready, func(k *track) bool {
		if at.Sub(k.run.enough) >= max(hold, 2*k.step) {
			return false
		}
		return slices.ContainsFunc(mainCauses(k.run.causes), func(s feedback.CauseSign) bool {
			w := where{fleetKey(k.host), s}
			return ready[w] < 2 && coming[w] >= t.h.FleetHosts
		})
	})
}

// notify has people notified of a host's incident at the tick's end, when it is
// known which other hosts have the same trouble.
func (t *Tracker) notify(k *track, kind omen.ChangeKind, reason string) {
	k.notify, k.notifyReason = kind, reason
	t.toNotify = append(t.toNotify, k)
}

// begin makes the incident of a host whose evidence suffices, or continues the
// one that closed a moment ago.
func (t *Tracker) begin(k *track, at time.Time) {
	if p := k.past; p != nil && k.run.onset.Sub(p.ClosedAt) <= t.h.Reopen && (p.Reason == omen.ReasonRecovered || p.Reason == omen.ReasonNewModel || p.Reason == omen.ReasonSettled) && k.alike() {
		t.reopen(k, at)
		return
	}
	r := &k.run
	k.in = &omen.Incident{
		ID: t.newID(omen.HostIncident, k.host.ID(), r.onset), Kind: omen.HostIncident, Host: k.host,
		State: omen.Open, Severity: omen.Warning, Grade: r.grade,
		Since: r.onset.UTC(), OpenedAt: at.UTC(), Score: r.peak, Peak: r.peak,
		Causes: keep(r.causes), Model: r.model, Level: k.level,
	}
	k.in.Summary = Summary(k.in.Causes)
	k.in.AtPeak = r.moment(k.host)
	k.returns, k.quiet, k.updated, k.shown = 0, 0, at, r.peak
	before := k.state
	k.state = begins(at, r)
	if k.held { // what it was held for goes on beside it, and is no news
		k.state.Said, k.held = adds(k.state.Said, before.Said), false
		for feature, height := range before.Near {
			k.state.Near[feature] = max(k.state.Near[feature], height)
		}
	}
	k.other.stop()
	k.lifted = time.Time{}
	t.judge(k, at, false)
	if k.in.Suppressed != "" {
		t.emit(k.in, omen.ChangeOpened, at, k.in.Suppressed)
		return
	}
	t.notify(k, omen.ChangeOpened, omen.ReasonAnomalous)
}

// minor reports whether an incident is kept quiet for what it is, and not by
// somebody's wish: it is of no severity yet.
func minor(suppressed string) bool {
	return suppressed == omen.ReasonTrivial || suppressed == omen.ReasonColdStart || suppressed == omen.ReasonMinor
}

// judge decides whether a host's incident is for people to hear of; again: it
// has just come back.
func (t *Tracker) judge(k *track, at time.Time, again bool) {
	in := k.in
	k.checked, k.rules = at, t.rules.version
	var slight bool
	in.Suppressed, slight = t.why(k, at, again)
	switch {
	case in.Severity == omen.Critical: // it never falls
	case slight && in.ChangeNumber == 0:
		in.Severity = omen.Info
	case !slight && in.Severity == omen.Info:
		in.Severity = omen.Warning
	}
}

// leastSevere is how many samples at the page level wake somebody at least, at
// however slow a step: to notify of one, which is shown, doubles the false pages
// of machines that are measured once a minute.
const leastSevere = 2

// why is the first reason for which nobody is notified of a host's incident, and
// whether it is slight: of no severity yet. again: it has just come back, and is
// weighed again.
func (t *Tracker) why(k *track, at time.Time, again bool) (reason string, slight bool) {
	// What was once worth notifying stays so until it is over.
	// What is kept quiet for what it is only ever rises: after a gap the evidence
	// begins again, and it stays what it was meanwhile.
	was := k.in.Suppressed
	who := []mute.Subject{{Host: k.host, Labels: t.labels.Labels(k.host)}}
	if again = again || k.in.ChangeNumber == 0; again || minor(was) || was == omen.ReasonFeedback && k.in.Severity == omen.Info {
		switch need := k.need(t.h.Open); {
		case (again || was == omen.ReasonTrivial) && k.run.material < need:
			return omen.ReasonTrivial, true
		case k.in.Grade == omen.Provisional:
			if (again || was == omen.ReasonTrivial || was == omen.ReasonColdStart) && !t.h.OpenCold.at(k.step).Met(k.run.violent, at.Sub(k.run.since)) {
				return omen.ReasonColdStart, true
			}
			// Worth notifying, whatever the page level of a model that has seen no week.
		case k.run.severe >= max(need, leastSevere) || k.lasted >= t.h.Lasting: // worth notifying
		case t.rules.rejects(k.in, who, at):
			return omen.ReasonFeedback, true // somebody has said more of it than that it is slight
		default:
			return omen.ReasonMinor, true
		}
	}
	reason = t.rules.why(k.in, who, at)
	if reason == "" && (again || k.in.ChangeNumber == 0) {
		// What began in a quiet time that is just over has to be seen after it.
		reason = t.rules.muted.Reason(k.in, who, k.run.onset)
	}
	if reason == "" && (again || k.in.ChangeNumber == 0 || was != "") && t.foretold(k) {
		reason = omen.ReasonSameCause
	}
	return reason, false
}

// recheck is how often the rules are asked about an open incident: silences
// end and begin.
const recheck = 15 * time.Second

// reconsider looks whether an open incident should now notify, or be suppressed.
func (t *Tracker) reconsider(k *track, at time.Time) {
	in := k.in
	if in.Fleet != "" {
		return // its fleet incident speaks for it
	}
	need := k.need(t.h.Open)
	grown := in.Suppressed == omen.ReasonTrivial && k.run.material >= need ||
		in.Suppressed == omen.ReasonColdStart && k.run.violent >= k.need(t.h.OpenCold) ||
		in.Suppressed == omen.ReasonColdStart && in.Grade != omen.Provisional ||
		in.Suppressed == omen.ReasonMinor && (k.run.severe >= max(need, leastSevere) || k.lasted >= t.h.Lasting)
	if !grown && at.Sub(k.checked) < recheck && k.rules == t.rules.version {
		return
	}
	if in.Suppressed != "" && k.quiet > 0 {
		return // it is ending: nobody needs to hear of it now
	}
	was := in.Suppressed
	if was == "" && k.rules == t.rules.version {
		// Only what depends on the clock can have changed: feedback is asked
		// when the incident opens and when the feedback changes.
		k.checked = at
		if now := t.rules.muted.Reason(in, []mute.Subject{{Host: k.host, Labels: t.labels.Labels(k.host)}}, at); now != "" {
			in.Suppressed = now
			t.emit(in, omen.ChangeSuppressed, at, now)
		}
		return
	}
	severity := in.Severity
	byOperator := k.rules != t.rules.version && t.rules.byOperator(in, []mute.Subject{{Host: k.host, Labels: t.labels.Labels(k.host)}}, at)
	t.judge(k, at, false)
	if lulled(was) && in.Suppressed == "" && !byOperator && !k.seenAgain(at, need) {
		in.Suppressed, in.Severity = was, severity
		k.checked = time.Time{} // look again at the next sample
		return
	}
	k.lifted = time.Time{}
	if was != "" && in.Suppressed == "" {
		if (minor(was) || was == omen.ReasonSameCause) && len(k.run.causes) > 0 { // it is not what it opened for that is worth notifying
			k.state.said(at, k.run.height, k.run.causes)
			t.show(k, &omen.Score{At: at, Value: k.run.height, Causes: k.run.causes})
		}
		t.notify(k, omen.ChangeEscalated, omen.ReasonLifted)
		return
	}
	t.announce(in, was, at)
}

// lulled reports whether an incident is kept quiet for a time: by a silence, a
// window or a grace period, or beside a forecast of the same trouble.
func lulled(suppressed string) bool {
	return suppressed == omen.ReasonSilenced || suppressed == omen.ReasonMaintenance || suppressed == omen.ReasonGrace || suppressed == omen.ReasonSameCause
}

// seenAgain reports whether the host was above the limit, by what is worth waking
// somebody for, for n more samples since its quiet time ended by the clock: what
// ends with a job in its window is no news when the window does, and neither is a
// full disk that was emptied when its forecast ends.
func (k *track) seenAgain(at time.Time, n int) bool {
	if k.lifted.IsZero() {
		k.lifted, k.after = at, 0
		return false
	}
	return k.after >= n
}

// seenAgain is track.seenAgain of a fleet: of any member.
func (t *Tracker) seenAgain(f *fleet, at time.Time) bool {
	if f.lifted.IsZero() {
		f.lifted = at
		for h := range f.openHosts {
			t.hosts[h].after = 0
		}
		return false
	}
	for h := range f.openHosts {
		if k := t.hosts[h]; k.after >= k.need(t.h.Open) {
			return true
		}
	}
	return false
}

// announce records that people are notified of an incident from now on, or no longer.
func (t *Tracker) announce(in *omen.Incident, was string, at time.Time) {
	switch {
	case in.Suppressed == was:
	case in.Suppressed == "":
		t.emit(in, omen.ChangeEscalated, at, omen.ReasonLifted)
	default:
		t.emit(in, omen.ChangeSuppressed, at, in.Suppressed)
	}
}

// reopen continues the host's last incident.
func (t *Tracker) reopen(k *track, at time.Time) {
	in := k.past
	k.in, k.past = in, nil
	k.returns++
	k.quiet, k.updated, k.shown = 0, at, k.run.peak
	k.other.stop()
	if k.state.Since.IsZero() { // it closed before a restart
		k.state = begins(at, &k.run)
	}
	k.lifted = time.Time{}
	in.State, in.ClosedAt = omen.Open, time.Time{}
	if in.AckedBy != "" {
		in.State = omen.Acknowledged // who took it has it still
	}
	in.AtPeak = &omen.Moment{Host: k.host, Causes: in.Causes} // of the peak, since it closed
	if k.run.peak >= in.Peak {
		in.AtPeak = k.run.moment(k.host)
	}
	in.Score, in.Peak = k.run.peak, max(in.Peak, k.run.peak)
	in.Causes = keep(k.run.causes)
	in.Summary = Summary(in.Causes)
	if f := t.fleets[in.Fleet]; f != nil && f.in.Reason != omen.ReasonByOperator {
		f.openHosts[k.host] = true
		t.emit(in, omen.ChangeReopened, at, omen.ReasonReopened)
		return
	}
	t.goAlone(in)
	t.judge(k, at, true)
	if in.Suppressed != "" {
		t.emit(in, omen.ChangeReopened, at, omen.ReasonReopened)
		return
	}
	t.notify(k, omen.ChangeReopened, omen.ReasonReopened)
}
