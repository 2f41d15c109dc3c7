package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// fleet is one incident of many hosts.
type fleet struct {
	in        *omen.Incident
	key       string             // source/profile
	sign      feedback.CauseSign // the cause that its members share; zero in a storm
	members   map[omen.Host]bool // the set of in.Members
	openHosts map[omen.Host]bool // members whose own incident is open
	last      time.Time          // the latest onset of a member
	joined    time.Time          // when the last member joined
	announced time.Time          // when its members were last journalled
	notified  int                // how many they were when people were last notified
	dirty     bool
	critical  bool   // a member is
	ended     string // why the last member's incident ended
	checked   time.Time
	rules     int
	lifted    time.Time // as of a track
}

func restoreFleet(in *omen.Incident) *fleet {
	f := &fleet{in: in, key: fleetKey(in.Host), members: map[omen.Host]bool{}, openHosts: map[omen.Host]bool{},
		last: in.UpdatedAt, joined: in.UpdatedAt, announced: in.UpdatedAt, notified: len(in.Members)}
	for _, h := range in.Members {
		f.members[h] = true
	}
	if s := feedback.Signs(in.Causes); len(s) > 0 {
		f.sign = s[0] // found put the shared one first
	}
	return f
}

// left notes that a member's own incident is over.
func (f *fleet) left(h omen.Host, reason string) {
	delete(f.openHosts, h)
	f.ended = reason
}

// leading is causes with the one first that a fleet shares, which need not be
// its first host's largest.
func leading(causes []omen.Cause, sign feedback.CauseSign) []omen.Cause {
	shared := func(c omen.Cause) bool {
		return !c.Trivial && feedback.SignOf(c) == sign
	}
	all := slices.DeleteFunc(slices.Clone(causes), func(c omen.Cause) bool { return !shared(c) })
	return append(all, slices.DeleteFunc(slices.Clone(causes), shared)...)
}

func fleetKey(h omen.Host) string { return h.Source + "/" + h.Profile }

// mainSigns is how many of an incident's causes make it like another's.
const mainSigns = 3

func mainCauses(causes []omen.Cause) []feedback.CauseSign {
	s := feedback.Signs(causes)
	return s[:min(len(s), mainSigns)]
}

// group opens the incidents of hosts that people should hear of: in a fleet
// incident that is open, in a new one, folded into a storm, or each alone.
func (t *Tracker) group(at time.Time) {
	loud := slices.Clone(t.toNotify)
	t.toNotify = t.toNotify[:0]
	slices.SortFunc(loud, func(a, b *track) int {
		return cmp.Or(a.in.Since.Compare(b.in.Since), strings.Compare(a.host.ID(), b.host.ID()))
	})
	loud = slices.DeleteFunc(loud, func(k *track) bool { return t.join(k, at) })
	for len(loud) > 0 {
		key, sign, n := t.commonest(loud, at)
		if n < t.h.FleetHosts {
			break
		}
		members := slices.DeleteFunc(slices.Clone(loud), func(k *track) bool { return !shares(k, key, sign) })
		loud = slices.DeleteFunc(loud, func(k *track) bool { return shares(k, key, sign) })
		t.found(append(members, t.single(key, sign, at)...), sign, omen.ReasonShared, at)
	}
	for len(loud) > 0 {
		same := fleetKey(loud[0].host)
		mine := slices.DeleteFunc(slices.Clone(loud), func(k *track) bool { return fleetKey(k.host) != same })
		loud = slices.DeleteFunc(loud, func(k *track) bool { return fleetKey(k.host) == same })
		t.alone(mine, at)
	}
}

func shares(k *track, key string, sign feedback.CauseSign) bool {
	return fleetKey(k.host) == key && slices.Contains(mainCauses(k.in.Causes), sign)
}

// alone opens the incidents of one source and profile that nothing connects,
// or folds them where they are too many for people to read.
func (t *Tracker) alone(mine []*track, at time.Time) {
	s := t.source(mine[0].host.Source)
	s.storm = slices.DeleteFunc(s.storm, func(notified time.Time) bool { return at.Sub(notified) > t.h.StormWindow })
	if len(s.storm)+len(mine) > t.h.StormHosts {
		t.found(mine, feedback.CauseSign{}, omen.ReasonStorm, at)
		return
	}
	for _, k := range mine {
		s.storm = append(s.storm, at)
		t.emit(k.in, k.notify, at, k.notifyReason)
		k.notify = ""
	}
}

// join makes a host part of an open fleet incident with the same cause, if it
// began about when the others did.
func (t *Tracker) join(k *track, at time.Time) bool {
	main := mainCauses(k.in.Causes)
	for _, f := range t.fleetsInOrder() {
		storm := f.in.Storm()
		if f.in.State == omen.Closed || f.key != fleetKey(k.host) || k.in.Since.Sub(f.last).Abs() > t.h.FleetWindow ||
			storm && at.Sub(f.joined) > t.h.StormWindow || !storm && !slices.Contains(main, f.sign) {
			continue
		}
		t.enter(f, k, at)
		return true
	}
	return false
}

// fleetsInOrder makes the choice among fleet incidents repeatable.
func (t *Tracker) fleetsInOrder() []*fleet {
	all := make([]*fleet, 0, len(t.fleets))
	for _, f := range t.fleets {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *fleet) int { return strings.Compare(a.in.ID, b.in.ID) })
	return all
}

// enter makes a host's incident part of a fleet's: recorded, and people are notified of the fleet's.
func (t *Tracker) enter(f *fleet, k *track, at time.Time) {
	k.in.Fleet, k.in.Suppressed = f.in.ID, omen.ReasonFleet
	if !f.members[k.host] {
		f.members[k.host] = true
		f.in.Members = append(f.in.Members, k.host)
	}
	f.openHosts[k.host] = true
	f.joined = at
	f.dirty, f.critical = true, f.critical || k.in.Severity == omen.Critical
	if k.in.Since.After(f.last) {
		f.last = k.in.Since
	}
	switch k.notify {
	case omen.ChangeOpened:
		t.emit(k.in, omen.ChangeOpened, at, omen.ReasonFleet)
	case omen.ChangeReopened:
		t.emit(k.in, omen.ChangeReopened, at, omen.ReasonReopened)
	default:
		t.emit(k.in, omen.ChangeSuppressed, at, omen.ReasonFleet)
	}
	k.notify = ""
}

// where is a cause within a source and profile.
type where struct {
	key  string
	sign feedback.CauseSign
}

// before makes the choice between causes that are as common repeatable.
func (w where) before(key string, sign feedback.CauseSign) bool {
	return cmp.Or(strings.Compare(w.key, key), strings.Compare(w.sign.Feature, sign.Feature)) < 0 ||
		w.key == key && w.sign.Feature == sign.Feature && !w.sign.Up && sign.Up
}

// commonest is the cause that most hosts share: those that open now, those
// whose own incident people were notified of a moment ago, and those on their way.
func (t *Tracker) commonest(loud []*track, at time.Time) (key string, sign feedback.CauseSign, n int) {
	counts := map[where]int{}
	sure := map[where]int{}
	for _, k := range loud {
		tally(sure, k, k.in.Causes)
	}
	for _, k := range t.hosts {
		switch {
		case t.isComing(k, at):
			tally(counts, k, k.run.causes)
		case t.isSingle(k, at):
			tally(sure, k, k.in.Causes)
		}
	}
	for w, n := range sure {
		counts[w] += n
	}
	best := where{}
	for w, c := range counts {
		if sure[w] < 2 { // one host alone is no fleet, however many may follow
			continue
		}
		if c > n || c == n && w.before(best.key, best.sign) {
			best, n = w, c
		}
	}
	return best.key, best.sign, n
}

// tally counts a host's main causes.
func tally(counts map[where]int, k *track, causes []omen.Cause) {
	for _, s := range mainCauses(causes) {
		counts[where{fleetKey(k.host), s}]++
	}
}

// isComing reports whether a host is about to open an incident, or has one that
// began just now and is below what people are notified of, so far.
func (t *Tracker) isComing(k *track, at time.Time) bool {
	opens := k.in == nil && k.run.hot > 0 || k.in != nil && k.in.Fleet == "" && minor(k.in.Suppressed)
	return opens && k.loud && at.Sub(k.run.onset) <= t.h.FleetWindow
}

// isSingle reports whether a host has an incident that people were notified of
// just now and that is part of none.
func (t *Tracker) isSingle(k *track, at time.Time) bool {
	return k.in != nil && k.notify == "" && k.in.Suppressed == "" && k.in.State == omen.Open &&
		at.Sub(k.in.Since) <= t.h.FleetWindow
}

func (t *Tracker) single(key string, sign feedback.CauseSign, at time.Time) []*track {
	return t.tracksOf(func(k *track) bool { return t.isSingle(k, at) && shares(k, key, sign) })
}

// found opens a fleet incident of members. Its likely first host is the one
// with the earliest onset, of several the one that is furthest from normal.
func (t *Tracker) found(members []*track, sign feedback.CauseSign, reason string, at time.Time) {
	first := slices.MinFunc(members, func(a, b *track) int {
		return cmp.Or(a.in.Since.Compare(b.in.Since), cmp.Compare(b.in.Peak, a.in.Peak), strings.Compare(a.host.ID(), b.host.ID()))
	})
	key := fleetKey(first.host)
	f := &fleet{key: key, sign: sign, members: map[omen.Host]bool{}, openHosts: map[omen.Host]bool{}, last: first.in.Since,
		announced: at, checked: at, rules: t.rules.version}
	subject := fmt.Sprintf("%s/%s/%t", key, sign.Feature, sign.Up)
	f.in = &omen.Incident{
		ID: t.newID(omen.FleetIncident, subject, first.in.Since), Kind: omen.FleetIncident, Host: first.host, State: omen.Open, Severity: omen.Warning,
		Grade: first.in.Grade, Since: first.in.Since, OpenedAt: at.UTC(),
		Causes: leading(first.in.Causes, sign), Model: first.in.Model,
	}
	if reason == omen.ReasonStorm {
		f.in.Causes = []omen.Cause{} // each member has its own
	}
	t.fleets[f.in.ID] = f
	before := len(t.changes)
	for _, k := range members {
		t.enter(f, k, at)
	}
	t.sum(f)
	f.notified, f.dirty = len(f.in.Members), false
	if f.critical {
		f.in.Severity = omen.Critical
	}
	f.in.Suppressed = t.rules.muted.Reason(f.in, t.subjects(f.in), at)
	mine := slices.Clone(t.changes[before:])
	t.changes = t.changes[:before]
	t.emit(f.in, omen.ChangeOpened, at, reason) // before its members: they refer to it
	t.changes = append(t.changes, mine...)
}

// sum makes the fleet incident say what its members add up to.
func (t *Tracker) sum(f *fleet) {
	in := f.in
	in.Score = 0
	for _, h := range in.Members {
		k := t.hosts[h]
		if k == nil || k.in == nil || k.in.Fleet != in.ID {
			continue
		}
		in.Score = max(in.Score, k.in.Score)
		if k.in.Peak <= in.Peak {
			continue
		}
		in.Peak = k.in.Peak
		if p := k.in.AtPeak; p != nil && !in.Storm() {
			in.AtPeak = &omen.Moment{At: p.At, Host: h, Causes: leading(p.Causes, f.sign)}
		}
	}
	in.Summary = fmt.Sprintf("%s, %s first: %s", omen.Plural(len(in.Members), "host", "hosts"), in.Host.Name, Summary(in.Causes))
	if in.Storm() {
		in.Summary = fmt.Sprintf("storm: %s within minutes, without a common cause", omen.Plural(len(in.Members), "host", "hosts"))
	}
}

// reviewFleets journals what moved: members that joined, a member that became
// critical, and the end of the last member's incident.
func (t *Tracker) reviewFleets(at time.Time) {
	for _, f := range t.fleetsInOrder() {
		switch {
		case f.in.State == omen.Closed && len(f.openHosts) > 0:
			f.in.State, f.in.ClosedAt = omen.Open, time.Time{}
			if f.in.AckedBy != "" {
				f.in.State = omen.Acknowledged
			}
			f.checked, f.rules, f.lifted = at, t.rules.version, time.Time{}
			f.in.Suppressed = t.whyFleet(f, at)
			t.emit(f.in, omen.ChangeReopened, at, omen.ReasonReopened)
		case f.in.State == omen.Closed:
		case len(f.openHosts) == 0:
			f.in.State, f.in.ClosedAt = omen.Closed, at.UTC()
			t.emit(f.in, omen.ChangeClosed, at, cmp.Or(f.ended, omen.ReasonRecovered))
		default:
			t.reviewFleet(f, at)
		}
	}
}

// whyFleet is why nobody is notified that a fleet's trouble came back: a quiet time,
// or one that is just over, in which it did.
func (t *Tracker) whyFleet(f *fleet, at time.Time) string {
	who := t.subjects(f.in)
	reason := t.rules.muted.Reason(f.in, who, at)
	for _, h := range f.in.Members {
		if reason == "" && f.openHosts[h] {
			reason = t.rules.muted.Reason(f.in, who, t.hosts[h].run.onset)
		}
	}
	return reason
}

func (t *Tracker) reviewFleet(f *fleet, at time.Time) {
	if at.Sub(f.checked) >= recheck || f.rules != t.rules.version || !f.lifted.IsZero() {
		t.reconsiderFleet(f, at)
	}
	escalate := f.critical && f.in.Severity != omen.Critical
	if at.Sub(f.announced) < t.h.Announce && !escalate {
		return
	}
	f.announced = at
	t.sum(f)
	members := len(f.in.Members)
	switch {
	case escalate:
		f.in.Severity = omen.Critical
		t.emit(f.in, omen.ChangeEscalated, at, omen.ReasonSeverity)
		f.notified = members
	case f.dirty && members >= 2*f.notified:
		t.emit(f.in, omen.ChangeEscalated, at, omen.ReasonJoined)
		f.notified = members
	case f.dirty:
		t.emit(f.in, omen.ChangeUpdated, at, omen.ReasonMembers)
	}
	f.dirty = false
}

// reconsiderFleet looks whether an open fleet incident should now notify, or
// be suppressed. What ended with the members' quiet time is no news.
func (t *Tracker) reconsiderFleet(f *fleet, at time.Time) {
	who, was := t.subjects(f.in), f.in.Suppressed
	byOperator := f.rules != t.rules.version && t.rules.byOperator(f.in, who, at)
	f.checked, f.rules = at, t.rules.version
	now := t.rules.muted.Reason(f.in, who, at)
	if was != "" && now == "" && !byOperator && !t.seenAgain(f, at) {
		return
	}
	f.in.Suppressed, f.lifted = now, time.Time{}
	t.announce(f.in, was, at)
}

// subjects are whom the rules are asked about.
func (t *Tracker) subjects(in *omen.Incident) []mute.Subject {
	return mute.Subjects(in, t.labels.Labels)
}
