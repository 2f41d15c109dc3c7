package incident

import (
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// Labels gives a host's labels; nil or an empty map where it has none. It is
// called when an incident opens and must be quick.
type Labels interface {
	Labels(omen.Host) map[string]string
}

// LabelMap are the labels of hosts that are known.
type LabelMap map[omen.Host]map[string]string

// Labels are a host's; nil where it is not known.
func (m LabelMap) Labels(h omen.Host) map[string]string { return m[h] }

// nobody knows no host.
type nobody struct{}

func (nobody) Labels(omen.Host) map[string]string { return nil }
func (nobody) Retrain(omen.Host)                  {}

// Tracker turns scores into changes of incidents. It is pure: instants come in
// with the scores, and the same scores give the same changes with the same
// keys. It is not safe for concurrent use; a [Manager] owns one.
type Tracker struct {
	h      Hysteresis
	labels Labels
	rules  rules

	hosts    map[omen.Host]*track
	sources  map[string]*source
	troubles map[string]*trouble       // of Omen itself, by key
	open     map[string]*omen.Incident // by ID, of every kind
	fleets   map[string]*fleet         // by incident ID; open, or may come back

	ready    []*track      // hosts whose evidence suffices, waiting for the tick's end
	toNotify []*track      // hosts of whose incident people are to be notified, at the tick's end
	changes  []omen.Change // of the call that is under way
	swept    time.Time
}

// NewTracker is a tracker that knows no host. The zero Hysteresis means
// [DefaultHysteresis]; labels may be nil.
func NewTracker(h Hysteresis, labels Labels) *Tracker {
	if h.Open.Samples == 0 {
		h = DefaultHysteresis()
	}
	if labels == nil {
		labels = nobody{}
	}
	return &Tracker{
		h: h, labels: labels,
		hosts:    map[omen.Host]*track{},
		sources:  map[string]*source{},
		troubles: map[string]*trouble{},
		open:     map[string]*omen.Incident{},
		fleets:   map[string]*fleet{},
	}
}

// Restore puts in incidents as the journal left them: those that are open, and
// those that closed recently and may come back. It is for before the first tick.
func (t *Tracker) Restore(incidents []omen.Incident) {
	for _, in := range incidents {
		in = in.Clone()
		if in.State != omen.Closed {
			t.open[in.ID] = &in
		}
		switch in.Kind {
		case omen.HostIncident:
			t.restoreHost(&in)
		case omen.FleetIncident:
			t.fleets[in.ID] = restoreFleet(&in)
		case omen.SourceIncident:
			t.source(in.Host.Source).down.restore(&in)
		case omen.OwnIncident:
			if in.Trouble != "" {
				t.trouble(in.Trouble).restore(&in)
				continue
			}
			s := t.source(in.Host.Source)
			s.own.restore(&in)
			if in.ClosedAt.After(s.before.At) { // ticks came again then
				s.before.At = in.ClosedAt
			}
		}
	}
	for _, f := range t.fleets {
		for h := range f.members {
			if k := t.hosts[h]; k != nil && k.in != nil && (k.in.Fleet == f.in.ID || k.in.Fleet == "" && f.in.State != omen.Closed) {
				f.openHosts[h] = true
			}
		}
	}
}

func (t *Tracker) restoreHost(in *omen.Incident) {
	k := t.track(in.Host)
	if in.State == omen.Closed {
		if k.past == nil || k.past.ClosedAt.Before(in.ClosedAt) {
			k.past = in
		}
		return
	}
	k.in, k.at, k.updated = in, in.UpdatedAt, in.UpdatedAt
	k.state = begins(in.UpdatedAt, in.Peak, in.Causes)
	k.shown = in.Peak
}

// tracksOf are the hosts that are chosen, in order, so that the same rounds give
// the same changes in the same order.
func (t *Tracker) tracksOf(chosen func(*track) bool) (found []*track) {
	for _, k := range t.hosts {
		if chosen(k) {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b *track) int { return strings.Compare(a.host.ID(), b.host.ID()) })
	return found
}

func (t *Tracker) track(h omen.Host) *track {
	k := t.hosts[h]
	if k == nil {
		k = &track{host: h}
		t.hosts[h] = k
	}
	return k
}

// Observe takes one score and returns what changed; nil where nothing did,
// which costs no allocation.
func (t *Tracker) Observe(s omen.Score) []omen.Change {
	t.observe(&s)
	return t.settle(s.At)
}

// Tick takes one round of scores of one source and returns what changed, in
// order. Hosts that open an incident in the same round for the same reason
// make one incident together.
func (t *Tracker) Tick(k omen.Tick) []omen.Change {
	if !t.source(k.Source).tick(t, k) {
		return t.take()
	}
	for i := range k.Scores {
		s := &k.Scores[i]
		if d := s.At.Sub(k.At); d > t.h.Clock || d < -t.h.Clock {
			continue // one host's bad clock touches nobody, itself included
		}
		t.observe(s)
	}
	t.sweep(k)
	return t.settle(k.At)
}

func (t *Tracker) take() []omen.Change {
	taken := t.changes
	t.changes = nil
	return taken
}

// emit records a step: the only place where an incident's number grows.
func (t *Tracker) emit(in *omen.Incident, kind omen.ChangeKind, at time.Time, reason string) {
	in.ChangeNumber++
	in.UpdatedAt = at.UTC()
	switch kind {
	case omen.ChangeOpened, omen.ChangeReopened, omen.ChangeClosed:
		in.Reason = reason
	}
	if in.State == omen.Closed {
		delete(t.open, in.ID)
	} else {
		t.open[in.ID] = in
	}
	c := omen.Change{Kind: kind, At: at.UTC(), Incident: in.Clone(), Reason: reason, By: "omen"}
	switch {
	case in.Kind != omen.HostIncident:
	case kind == omen.ChangeOpened:
		c.Comment = t.follows(in)
	case reason == omen.ReasonAnother:
		c.Comment = "Beside or after what was notified before: " + t.track(in.Host).beside
	}
	t.changes = append(t.changes, c)
}

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
	limit := t.rules.limit(s, t.labels)
	if k.model != "" && k.model != s.Model {
		k.taken = s.At
	}
	k.loud, k.model = s.Value > limit, s.Model
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

// gather collects evidence for an incident that is not open yet.
func (t *Tracker) gather(k *track, s *omen.Score, limit float64, d time.Duration) {
	if k.held {
		if k.release(s); k.held {
			return
		}
	}
	begun := !k.run.onset.IsZero()
	k.run.add(s, limit, t.pageLevel(s), t.h.ColdBar)
	if begun && material(s) && s.Unsmoothed > limit {
		k.climb(t.h.Ladder, s, d)
		k.lasted += d
	}
	if k.run.hot > 0 && t.evidence(s.Grade).at(k.step).met(k.run.hot, s.At.Sub(k.run.onset)) {
		if k.run.enough.IsZero() {
			k.run.enough = s.At
		}
		t.ready = append(t.ready, k)
	}
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

func (t *Tracker) evidence(g omen.Grade) Evidence {
	switch g {
	case omen.Provisional:
		return t.h.OpenCold
	case omen.Learning:
		return t.h.OpenYoung
	}
	return t.h.Open
}

// follow goes on with an open incident.
func (t *Tracker) follow(k *track, s *omen.Score, limit float64, d time.Duration) {
	in := k.in
	in.Score = s.Value
	if !k.loud || s.Unsmoothed <= limit {
		if !k.loud {
			k.run.stop()
		}
		if k.quiet == 0 {
			k.calm = s.At
		}
		k.quiet++
		if k.closing(t.h).met(k.quiet, s.At.Sub(k.calm)) {
			t.close(k, s.At, k.over())
			return
		}
	} else {
		k.quiet = 0
		k.after++
		k.state.forget(s, d, t.h)
		k.run.add(s, limit, t.pageLevel(s), t.h.ColdBar)
		t.worsen(k, s, d)
		if material(s) {
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
// is part of, or said that it is real: it does not expire.
func (t *Tracker) wanted(in *omen.Incident) bool {
	if in.State == omen.Acknowledged || in.Verdict == omen.Real {
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
		k.atPeak = keep(s.Causes)
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
		t.show(k, s)
		t.emit(in, omen.ChangeEscalated, s.At, omen.ReasonSeverity)
		return
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
		k.in.Summary = summary(k.in.Causes)
	}
	k.updated, k.shown = s.At, s.Value
}

// close ends a host's incident. It is remembered by its causes at the peak: the
// tail of one, or the jump back to normal, has others.
func (t *Tracker) close(k *track, at time.Time, reason string) {
	in := k.in
	if len(k.atPeak) > 0 {
		in.Causes, in.Summary = k.atPeak, summary(k.atPeak)
		k.atPeak = nil
	}
	in.State, in.ClosedAt = omen.Closed, at.UTC()
	if in.ClosedAt.Before(in.Since) { // the clock was set back
		in.ClosedAt = in.Since
	}
	t.emit(in, omen.ChangeClosed, at, reason)
	k.in, k.past, k.quiet = nil, in, 0
	k.run.stop()
	k.forgetHeight()
	t.leave(k.host, reason)
}

// sweep, once a minute, closes the incidents of hosts that are gone and
// forgets hosts that nobody has heard of for a day.
func (t *Tracker) sweep(tick omen.Tick) {
	if at := tick.At; at.Sub(t.swept) < time.Minute && !at.Before(t.swept) {
		return
	}
	t.swept = tick.At
	for h, k := range t.hosts {
		if h.Source != tick.Source {
			continue
		}
		switch {
		case k.in == nil && tick.At.Sub(k.at) > 24*time.Hour:
			delete(t.hosts, h)
		case k.past != nil && tick.At.Sub(k.past.ClosedAt) > t.h.Reopen+t.h.CloseMost:
			k.past = nil
		}
	}
	if s := t.source(tick.Source); s.bad == 0 && tick.At.Sub(s.upSince) >= t.h.HostGone {
		for _, k := range t.tracksOf(func(k *track) bool {
			return k.host.Source == tick.Source && k.in != nil && tick.At.Sub(k.at) >= t.h.HostGone
		}) {
			t.close(k, tick.At, omen.ReasonHostGone)
		}
	}
	for id, f := range t.fleets {
		if f.in.State == omen.Closed && tick.At.Sub(f.in.ClosedAt) > t.h.Reopen+t.h.CloseMost {
			delete(t.fleets, id)
		}
	}
}
