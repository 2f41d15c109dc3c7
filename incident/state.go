package incident

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// state is what an open incident is at present: how high, by which causes, and
// since when. It outlives the closing, for an incident that comes back.
type state struct {
	Since time.Time            `json:"since"` // from when on the time until it expires counts
	Level float64              `json:"level"` // the usual logarithm of the score, of late…
	From  float64              `json:"from"`  // …and as it was at Since
	Known []feedback.CauseSign `json:"known"` // that have led for a while
	Said  []feedback.CauseSign `json:"said"`  // that people were notified of, had they been to be
	Told  time.Time            `json:"told"`  // when that was last
	Near  map[string]float64   `json:"near"`  // how high each feature was then and soon after
	Away  map[string]away      `json:"away"`  // of the features of these two: whether they are back to normal
}

// away is for how long a feature has been back to normal, and how often it was for
// so long that it was forgotten.
type away struct {
	Samples int           `json:"samples"`
	For     time.Duration `json:"for_ns"`
	Times   int           `json:"times"`
}

const (
	// otherHeight is how many times as high, or as low, an incident has to be for
	// its height to have changed.
	otherHeight = 1.5
	// heights is the part of the time until an incident expires over which its
	// height is averaged: scores are noisy.
	heights = 12
	// grown is how many times as high as when people were last notified a feature
	// has to be: what came with a trouble and leads as that fades is no other.
	grown = 2
)

// begins is the state of an incident that opens with the evidence of a run.
func begins(at time.Time, r *run) state {
	level := math.Log(max(r.peak, math.SmallestNonzeroFloat64))
	signs := mainCauses(r.causes)
	s := state{Since: at, Level: level, From: level, Known: signs, Near: map[string]float64{}}
	s.said(at, r.height, r.causes)
	return s
}

// said notes that people are notified of causes.
func (s *state) said(at time.Time, height float64, causes []omen.Cause) {
	s.Said, s.Told = adds(s.Said, mainCauses(causes)), at
	s.near(height, causes)
}

// near notes how high features are.
func (s *state) near(height float64, causes []omen.Cause) {
	if s.Near == nil {
		s.Near = map[string]float64{}
	}
	for _, c := range causes {
		if outside(c) {
			sign := feedback.SignOf(c).Feature
			s.Near[sign] = max(s.Near[sign], c.Share*height)
		}
	}
}

// falling reports whether a score that the host's level takes as usual is no
// plateau yet: it is well below what the incident was and still above the model's
// limit. Until it is one or the other the incident is not over.
func (k *track) falling(s *omen.Score) bool {
	return k.settling(s) && math.Log(s.Value) < k.state.Level-math.Log(otherHeight)
}

// settling reports whether a score is below the host's level only.
func (k *track) settling(s *omen.Score) bool { return !k.loud && s.Value > 1 && s.Value <= s.Level }

// over is why an incident whose host is quiet closes: it has recovered, unless
// its score is as high as before and only the host's level has risen, or features
// are at new levels, or it has been quiet from when another model began to judge it.
func (k *track) over() string {
	if k.plateau || len(k.in.NewLevels) > 0 {
		return omen.ReasonSettled
	}
	if k.calm.Before(k.taken) || k.calm.Sub(k.taken) > max(2*k.step, hiccup) {
		return omen.ReasonRecovered
	}
	return omen.ReasonNewModel
}

// clone is a copy that shares nothing.
func (s *state) clone() state {
	c := *s
	c.Known, c.Said, c.Near, c.Away = slices.Clone(s.Known), slices.Clone(s.Said), maps.Clone(s.Near), maps.Clone(s.Away)
	return c
}

// outside reports whether a feature is where it was not expected, or stuck.
func outside(c omen.Cause) bool { return c.Stuck > 0 || c.Actual > c.Upper || c.Actual < c.Lower }

// forget lets go of features that have been back to normal, while the host is not,
// for as long as closes an incident of their own: they belong to a trouble that is over, and the next one
// that shows in them is another. As with returning incidents, each time that people
// are notified of takes twice as long. A sample stands for d.
func (s *state) forget(score *omen.Score, d time.Duration, h Hysteresis) {
	shows := func(c omen.Cause) bool { return !c.Trivial && outside(c) }
	n := len(score.Causes)
	if n == omen.MaxCauses && shows(score.Causes[n-1]) {
		return // there may be more than it names
	}
	gone := func(feature string) bool {
		a := s.Away[feature]
		if slices.ContainsFunc(score.Causes, func(c omen.Cause) bool { return feedback.SignOf(c).Feature == feature && shows(c) }) {
			if a.Samples > 0 {
				s.Away[feature] = away{Times: a.Times}
			}
			return false
		}
		a.Samples, a.For = a.Samples+1, a.For+d
		over := closing(h, a.Times).Met(a.Samples, a.For)
		if over {
			if a = (away{Times: a.Times}); has(s.Said, feature) {
				a.Times++
			}
		}
		if s.Away == nil {
			s.Away = map[string]away{}
		}
		s.Away[feature] = a
		return over
	}
	for feature := range s.Near { // all of Said are in it: what people are notified of is outside
		if gone(feature) {
			delete(s.Near, feature)
			s.Said = slices.DeleteFunc(s.Said, func(sign feedback.CauseSign) bool { return sign.Feature == feature })
		}
	}
}

// height notes a sample's height, and that the incident has changed if its
// usual height is another.
func (s *state) height(at time.Time, value float64, d, expire time.Duration) {
	part := min(1, heights*float64(d)/float64(expire))
	s.Level += part * (math.Log(max(value, math.SmallestNonzeroFloat64)) - s.Level)
	if math.Abs(s.Level-s.From) > math.Log(otherHeight) {
		s.Since, s.From = at, s.Level
	}
}

// has reports whether a feature is among signs, in whichever direction.
func has(signs []feedback.CauseSign, feature string) bool {
	return slices.ContainsFunc(signs, func(s feedback.CauseSign) bool { return s.Feature == feature })
}

// adds puts signs among others that are not there yet.
func adds(signs, more []feedback.CauseSign) []feedback.CauseSign {
	for _, s := range more {
		if !slices.Contains(signs, s) {
			signs = append(signs, s)
		}
	}
	return signs
}

// leads is the largest cause that matters, with its direction; false: none does.
func leads(causes []omen.Cause) (feedback.CauseSign, bool) {
	s := feedback.Signs(causes)
	if len(s) == 0 {
		return feedback.CauseSign{}, false
	}
	return s[0], true
}

// alike reports whether what leads in a host's evidence is what its last incident
// was: another trouble is another incident.
func (k *track) alike() bool {
	lead, ok := leads(k.run.causes)
	return !ok || len(k.past.Causes) == 0 || slices.Contains(k.state.Said, lead) || slices.Contains(feedback.Signs(k.past.Causes), lead)
}

// beyond is the height of what a sample shows beyond the causes that people know
// of, if one such leads and is where it was not expected; 0: none does. What is odd
// only by how features move together, each within its band, opens an incident, but
// as another cause of one that is open it would be a message about a usual value.
func (s *state) beyond(score *omen.Score) (height float64) {
	whole := min(score.Value, score.Unsmoothed)
	other := func(c omen.Cause) bool {
		sign := feedback.SignOf(c).Feature
		return !c.Trivial && !has(s.Said, sign) && c.Share*whole >= grown*s.Near[sign]
	}
	first := slices.IndexFunc(score.Causes, func(c omen.Cause) bool { return !c.Trivial })
	if first < 0 || !outside(score.Causes[first]) || !other(score.Causes[first]) {
		return 0
	}
	for _, c := range score.Causes {
		if other(c) {
			height += c.Share * whole
		}
	}
	return height
}

// change follows what an open incident is: by its causes and its height. Once
// another cause has led for long enough it is another state; once it has at the
// page level, or for long, people are notified of it as of an incident.
func (t *Tracker) change(k *track, s *omen.Score, limit float64, d time.Duration) {
	k.state.height(s.At, s.Value, d, t.h.expire(k.in.Grade))
	height := k.state.beyond(s)
	if height == 0 && t.uncovered(k, s) {
		height = min(s.Value, s.Unsmoothed)
	}
	if height == 0 {
		k.other.stop()
		if s.At.Sub(k.state.Told) <= t.h.Update {
			k.state.near(min(s.Value, s.Unsmoothed), s.Causes)
		}
		return
	}
	page := t.pageLevel(s)
	if height < page || height <= 1 {
		page = math.Inf(1) // it would not have been severe by itself
	}
	k.other.add(s, limit, page, t.h.ColdTimes)
	o := &k.other
	enough := t.evidence(s.Grade).at(k.step)
	if !enough.Met(o.hot, s.At.Sub(o.onset)) {
		return
	}
	if signs := mainCauses(o.causes); len(signs) > 0 && !has(k.state.Known, signs[0].Feature) {
		k.state.Known = adds(k.state.Known, signs)
		k.state.Since = s.At
	}
	if o.severe < max(enough.Samples, leastSevere) && s.At.Sub(o.onset) < t.h.Lasting {
		return
	}
	if s.Grade == omen.Provisional && !t.h.OpenCold.at(k.step).Met(o.violent, s.At.Sub(o.since)) {
		return
	}
	k.state.said(s.At, o.height, o.causes)
	t.another(k, s)
	k.other.stop()
}

// uncovered reports whether a sample of an incident that a pattern keeps quiet is led
// by what no pattern covers, such as a judged feature that is low instead of high, and
// that is not where it was expected: where it comes back to what is usual, what was
// judged has ended.
func (t *Tracker) uncovered(k *track, s *omen.Score) bool {
	if k.in.Suppressed != omen.ReasonFeedback {
		return false
	}
	first := slices.IndexFunc(s.Causes, func(c omen.Cause) bool { return !c.Trivial })
	if first < 0 || !outside(s.Causes[first]) {
		return false
	}
	now := *k.in
	now.Causes = s.Causes
	return !t.rules.rejects(&now, []mute.Subject{{Host: k.host, Labels: t.labels.Labels(k.host)}}, s.At)
}

// looms reports whether a sample shows another trouble than people know of, and not
// for long enough yet: what is to be said of the incident waits for it.
func (t *Tracker) looms(k *track, s *omen.Score) bool {
	enough := t.evidence(s.Grade).at(k.step)
	enough.Samples = max(enough.Samples, leastSevere)
	return k.state.beyond(s) > 0 && (k.other.onset.IsZero() || !enough.Met(k.other.hot, s.At.Sub(k.other.onset)))
}

// another makes another cause the open incident's, and has people notified of it.
// A fleet's member goes on alone: the fleet does not have it. What is recorded
// only is asked about again, as what it is now.
func (t *Tracker) another(k *track, s *omen.Score) {
	in := k.in
	k.beside = in.Summary
	if in.Severity == omen.Warning && in.Grade != omen.Provisional && k.topped(t.h.Ladder) {
		in.Severity = omen.Critical // in the same message
	}
	journalled := leader(in.Causes) == leader(k.other.causes)
	t.show(k, &omen.Score{At: s.At, Value: s.Value, Causes: k.other.causes})
	if in.Fleet != "" {
		t.goAlone(in)
		in.Suppressed = ""
		t.judge(k, s.At, true)
	}
	if in.Suppressed != "" {
		k.checked = time.Time{}
		if !journalled {
			t.emit(in, omen.ChangeUpdated, s.At, omen.ReasonCauses)
		}
		return
	}
	t.notify(k, omen.ChangeEscalated, omen.ReasonAnother)
}

// goAlone takes a host's incident out of the fleet's, which people may have been
// notified of.
func (t *Tracker) goAlone(in *omen.Incident) {
	if f := t.fleets[in.Fleet]; f != nil && in.NotifiedAt.IsZero() {
		in.NotifiedAt = f.in.NotifiedAt
	}
	in.Fleet = ""
}

// follows names the incident of the same host that another trouble follows
// closely: it is not that one come back.
func (t *Tracker) follows(in *omen.Incident) string {
	p := t.track(in.Host).past
	if p == nil || p.Reason == omen.ReasonByOperator {
		return ""
	}
	since := in.Since.Sub(p.ClosedAt)
	if since < 0 || since > t.h.Reopen {
		return ""
	}
	return fmt.Sprintf("Another trouble than incident %s (%s), which closed %s before.", p.ID, p.Summary, omen.Soon(since))
}

// leave notes that a host's incident is over, in the fleets that it is part of, or
// was until another cause led.
func (t *Tracker) leave(h omen.Host, reason string) {
	for _, f := range t.fleets {
		if f.openHosts[h] {
			f.left(h, reason)
		}
	}
}
