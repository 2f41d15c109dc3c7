package incident

import (
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// observe follows one host by one score.
func (t *Tracker) observe(s *omen.Score) {
	if !finite(s.Value) || !finite(s.Unsmoothed) {
		return
	}
	k := t.track(s.Host)
	d, gap, ok := k.advance(s.At, t.h.Clock)
	if !ok {
		return
	}
	if gap {
		k.run.stop()
		k.quiet = 0
	}
	limit := t.limit(s)
	if k.model != "" && k.model != s.Model {
		k.taken = s.At
	}
	k.loud, k.model, k.level = s.Value > limit, s.Model, s.Level
	switch {
	case k.in != nil:
		t.follow(k, s, limit, d)
	case k.loud:
		t.gather(k, s, limit, d)
	case !k.run.onset.IsZero() || k.held:
		k.run.stop()
		k.forgetHeight()
		k.held = false
	}
}

// limit is the score above which a sample counts. What is violent in its own unit
// counts sooner by a provisional model, whose limit is wide only because it has
// not seen more.
func (t *Tracker) limit(s *omen.Score) float64 {
	limit := t.rules.limit(s, t.labels)
	if s.Grade == omen.Provisional && s.Value > t.h.ColdLimit && violent(s, t.h.ColdTimes) {
		return min(limit, t.h.ColdLimit)
	}
	return limit
}

// gather collects evidence for an incident that is not open yet.
func (t *Tracker) gather(k *track, s *omen.Score, limit float64, d time.Duration) {
	if k.held {
		if t.unlike(k, s, limit) {
			t.ready = append(t.ready, k)
			return
		}
		if k.release(s); k.held {
			return
		}
	}
	begun := !k.run.onset.IsZero()
	k.run.add(s, limit, t.pageLevel(s), t.h.ColdTimes)
	if begun && material(s) && s.Unsmoothed > limit {
		k.climb(t.h.Ladder, s, d)
		k.lasted += d
	}
	if k.run.hot > 0 && t.evidence(s.Grade).at(k.step).Met(k.run.hot, s.At.Sub(k.run.onset)) {
		if k.run.enough.IsZero() {
			k.run.enough = s.At
		}
		t.ready = append(t.ready, k)
	}
}

// unlike reports whether a host whose incident ended by somebody's word, or as the
// new normal, has shown another trouble for as long as opens an incident. Its
// evidence is then the host's.
func (t *Tracker) unlike(k *track, s *omen.Score, limit float64) bool {
	if len(k.state.Said) == 0 || k.state.beyond(s) == 0 {
		k.other.stop()
		return false
	}
	k.other.add(s, limit, t.pageLevel(s), t.h.ColdTimes)
	if !t.evidence(s.Grade).at(k.step).Met(k.other.hot, s.At.Sub(k.other.onset)) {
		return false
	}
	k.run, k.other = k.other, k.run
	k.run.enough = s.At
	k.other.stop()
	return true
}

// pageLevel is the score from which people are notified at once: the model's page
// level, or none for what resembles something that an operator confirmed.
func (t *Tracker) pageLevel(s *omen.Score) float64 {
	if s.PageLevel <= 1 {
		return s.PageLevel
	}
	if _, ok := t.rules.confirmed(s, t.labels); ok {
		return 0
	}
	return s.PageLevel
}

func (t *Tracker) evidence(g omen.Grade) Evidence { return t.h.opens(g) }

// follow goes on with an open incident.
func (t *Tracker) follow(k *track, s *omen.Score, limit float64, d time.Duration) {
	in := k.in
	in.Score = s.Value
	t.levels(in, s)
	switch {
	case !k.loud && k.falling(s):
		k.quiet = 0
		k.run.stop()
		k.state.height(s.At, s.Value, d, t.h.expire(in.Grade))
	case !k.loud || s.Unsmoothed <= limit:
		if !k.loud {
			k.run.stop()
		}
		if settling := k.settling(s); k.quiet == 0 || settling != k.plateau {
			k.quiet, k.calm, k.plateau = 0, s.At, settling
		}
		k.quiet++
		if k.closing(t.h).Met(k.quiet, s.At.Sub(k.calm)) {
			if over := k.over(); over != omen.ReasonSettled || !t.wanted(in) {
				t.close(k, s.At, over)
				return
			}
			k.quiet = 0 // it stays until it recovers, which takes as long as ever
		}
	default:
		k.quiet = 0
		k.state.forget(s, d, t.h)
		k.run.add(s, limit, t.pageLevel(s), t.h.ColdTimes)
		t.worsen(k, s, d)
		if material(s) {
			k.after++
			t.change(k, s, limit, d)
		}
	}
	t.reconsider(k, s.At)
	if s.At.Sub(k.state.Since) >= t.h.expire(in.Grade) && !t.wanted(in) {
		k.hold(in)
		t.close(k, s.At, omen.ReasonExpired)
	}
}

// wanted reports whether somebody has taken an incident, or the fleet's that it
// is part of, or said that it is real, or a playbook has acted on it: it does not
// expire.
func (t *Tracker) wanted(in *omen.Incident) bool {
	if in.State == omen.Acknowledged || in.Verdict == omen.Real || in.Actions > 0 {
		return true
	}
	f := t.fleets[in.Fleet]
	return f != nil && t.wanted(f.in)
}

// worsen follows an incident up the ladder and notes other causes.
func (t *Tracker) worsen(k *track, s *omen.Score, d time.Duration) {
	in := k.in
	top := false
	if material(s) {
		top = k.climb(t.h.Ladder, s, d)
		k.lasted += d
	}
	higher := s.Value > 1.5*k.shown
	if s.Value >= in.Peak && len(s.Causes) > 0 {
		in.AtPeak = &omen.Moment{At: s.At.UTC(), Host: k.host, Causes: keep(s.Causes)}
	}
	in.Peak = max(in.Peak, s.Value)
	if in.Grade != s.Grade && s.Grade != omen.Provisional {
		in.Grade = s.Grade // a grown-up model agrees
	}
	if top && in.Severity == omen.Warning && in.Grade != omen.Provisional && !t.looms(k, s) {
		in.Severity = omen.Critical
		if f := t.fleets[in.Fleet]; f != nil {
			f.critical = true
		}
		if now := keep(s.Causes); in.AtPeak != nil && expected(now) && !expected(in.AtPeak.Causes) {
			s = &omen.Score{At: s.At, Value: s.Value, Causes: in.AtPeak.Causes}
		}
		t.show(k, s)
		t.emit(in, omen.ChangeEscalated, s.At, omen.ReasonSeverity)
		return
	}
	if in.Suppressed == omen.ReasonFeedback {
		return // it is what was judged until another trouble leads that people would be notified of by itself
	}
	if s.At.Sub(k.updated) >= t.h.Update && (higher || !named(in.Causes, leader(s.Causes))) {
		t.show(k, s)
		t.emit(in, omen.ChangeUpdated, s.At, omen.ReasonCauses)
	}
}

// leader is the feature of the largest cause.
func leader(causes []omen.Cause) string {
	if len(causes) == 0 {
		return ""
	}
	return causes[0].Feature
}

// named reports whether a feature is among the causes that an incident is
// known by: that two of them take turns in leading is no news.
func named(causes []omen.Cause, feature string) bool {
	return feature == leader(causes) || slices.ContainsFunc(feedback.Signs(causes), func(s feedback.CauseSign) bool { return s.Feature == feature })
}

// show makes a sample's causes the incident's.
func (t *Tracker) show(k *track, s *omen.Score) {
	if len(s.Causes) > 0 {
		k.in.Causes = keep(s.Causes)
		k.in.Summary = Summary(k.in.Causes)
	}
	k.updated, k.shown = s.At, s.Value
}
