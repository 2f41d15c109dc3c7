package remedy

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// History is what a replay reads.
type History struct {
	From, To time.Time
	// Changes are the journal's, oldest first, from its beginning. They are read up to
	// twice and none is kept: a journal is larger than memory. Nil: there are none.
	Changes iter.Seq2[omen.Change, error]
	Rules   mute.Rules // that were in force in From…To
	// Labels are the labels of a host that are known today, such as those that
	// identify it; nil: none.
	Labels func(omen.Host) map[string]string
	Step   time.Duration // between samples; 0: 15 s
}

// Would is what a playbook would have done about an incident.
type Would struct {
	Incident omen.Incident // as it was last
	Playbook string
	At       time.Time   // when it would have acted; zero: never
	Refused  []GuardSays // what kept it from that until then, in the order in which it came up
}

// Replayed is what a policy would have done.
type Replayed struct {
	From, To time.Time
	Rows     []Would  // by the incidents' openings
	Assumed  []string // for people: what the journal does not know
}

// look is how often a replay looks at what is open between two changes.
const look = time.Minute

// Replay says when a policy would have acted on past incidents if each of its
// playbooks might act by itself, and which guards would have refused. It knows what
// the journal knows: an open incident counts as anomalous, its host as scored; what
// would have had to be looked up (the target, its pods, the other hosts) counts as
// in order. An action that would have been taken ends nothing: what the journal
// says is what happened without it. Each playbook acts once on an incident.
func Replay(p Policy, h History) (Replayed, error) {
	if h.Changes == nil {
		h.Changes = func(func(omen.Change, error) bool) {}
	}
	r := replay{
		History: h, out: Replayed{From: h.From, To: h.To}, open: map[string]omen.Incident{},
		rows: map[[2]string]*Would{}, of: map[string][]*Would{},
	}
	r.Step = cmp.Or(r.Step, usualStep)
	r.muted, _ = h.Rules.Compile() // what does not compile is reported where it is stored
	var assumed []string
	var err error
	if r.policy, assumed, err = r.free(p); err != nil {
		return Replayed{}, err
	}
	var at, began time.Time
	for c, err := range h.Changes {
		if err != nil {
			return Replayed{}, err
		}
		if began.IsZero() {
			began = c.At
		}
		if c.At.After(h.To) {
			break
		}
		r.until(at, c.At)
		r.take(c)
		at = omen.Later(at, c.At)
		r.plan(at)
	}
	r.until(at, h.To)
	for _, w := range r.rows {
		r.out.Rows = append(r.out.Rows, *w)
	}
	slices.SortFunc(r.out.Rows, func(a, b Would) int {
		return cmp.Or(a.Incident.OpenedAt.Compare(b.Incident.OpenedAt), strings.Compare(a.Incident.ID, b.Incident.ID), strings.Compare(a.Playbook, b.Playbook))
	})
	if began.After(h.From) {
		r.out.Assumed = append(r.out.Assumed, "the journal begins at "+day(began)+" UTC")
	}
	r.out.Assumed = append(append(r.out.Assumed, assumed...), "not in the journal, and needs a look: "+strings.Join([]string{GuardTarget, GuardPDB, GuardRollout, GuardChanged, GuardHealthy}, ", "))
	return r.out, nil
}

// replay is a replay under way.
type replay struct {
	History
	policy Policy
	muted  *mute.Set
	open   map[string]omen.Incident // and fleets that closed a moment ago
	past   []omen.Incident          // closed ones that people called real
	acted  []omen.Action
	rows   map[[2]string]*Would // by incident and playbook
	of     map[string][]*Would  // the same by incident
	out    Replayed
}

// free lets every playbook act by itself, and takes as true what is asked of labels
// that are not known: which, it says.
func (r *replay) free(p Policy) (out Policy, assumed []string, err error) {
	known := map[string]bool{mute.MatchHost: true, mute.MatchProfile: true, mute.MatchSource: true, mute.MatchKind: true, mute.MatchSeverity: true, mute.MatchCause: true}
	asked := slices.ContainsFunc(p.Playbooks, func(b Playbook) bool {
		return slices.ContainsFunc(b.Match, func(m mute.Matcher) bool { return !known[m.Name] })
	})
	if asked && r.Labels != nil {
		for c, err := range r.Changes {
			if err != nil {
				return p, nil, err
			}
			for name := range r.labels(c.Incident.Host) {
				known[name] = true
			}
		}
	}
	p.granted = []string{GuardHealthy}
	p.Mode, p.Playbooks = omen.ModeAutomatic, slices.Clone(p.Playbooks)
	for i := range p.Playbooks {
		b := &p.Playbooks[i]
		b.Mode, b.Holdout = omen.ModeAutomatic, 0
		b.Match = slices.DeleteFunc(slices.Clone(b.Match), func(m mute.Matcher) bool {
			if known[m.Name] {
				return false
			}
			assumed = append(assumed, fmt.Sprintf("%s of playbook %s is taken to hold: the journal has no such label", m, b.Name))
			return true
		})
	}
	return p, assumed, nil
}

func (r *replay) labels(h omen.Host) map[string]string {
	if r.Labels == nil {
		return nil
	}
	return r.Labels(h)
}

// until looks at what is open between two instants.
func (r *replay) until(from, to time.Time) {
	from = omen.Later(from, r.From)
	for at := from.Add(look); at.Before(to) && len(r.open) > 0; at = at.Add(look) {
		r.plan(at)
	}
}

// take makes a change what is known.
func (r *replay) take(c omen.Change) {
	in := c.Incident
	r.open[in.ID] = in
	for _, w := range r.of[in.ID] {
		w.Incident = in
	}
	if in.State != omen.Closed {
		return
	}
	r.past = slices.DeleteFunc(r.past, func(p omen.Incident) bool { return p.ID == in.ID })
	if in.Verdict == omen.Real {
		r.past = append(r.past, in)
	}
	if in.Kind != omen.FleetIncident {
		delete(r.open, in.ID)
	}
}

// facts are what the journal knows of an instant.
func (r *replay) facts(at time.Time) Facts {
	f := Facts{At: at, Hosts: map[omen.Host]Live{}, Sources: map[string]SourceState{}, Muted: map[string]string{}, Verdicts: map[string]int{}, Blames: map[string]omen.Blame{}}
	for id, in := range r.open {
		if in.State == omen.Closed && at.Sub(in.ClosedAt) >= StormHold {
			delete(r.open, id)
			continue
		}
		f.Incidents = append(f.Incidents, in)
		f.Sources[in.Host.Source] = SourceState{Up: true} // an incident of its own says if it is not
		if in.Kind != omen.HostIncident && in.Kind != omen.ForecastIncident {
			continue
		}
		level := max(1, in.Level)
		f.Hosts[in.Host] = Live{
			Labels: r.labels(in.Host), Score: max(in.Score, 1.01*level), Level: level, ScoredAt: at, Step: r.Step, Grade: cmp.Or(in.Grade, omen.Established),
		}
		if why := r.muted.Reason(&in, mute.Subjects(&in, r.labels), at); why != "" {
			f.Muted[id] = MutedBy(why)
		}
		f.Verdicts[id] = CalledReal(in, r.past)
		if in.Blame != nil {
			b := *in.Blame
			b.At = at // it is in the journal as it changes
			f.Blames[id] = b
		}
	}
	for i := range r.acted {
		a := &r.acted[i]
		if b, _ := r.policy.Playbook(a.Playbook); at.Sub(a.Started) >= b.Horizon(r.Step) {
			a.State = omen.ActionDeclined // what it did is not known, and it is not done again
		}
	}
	f.Actions = r.acted
	return f
}

// plan notes what the policy says at an instant.
func (r *replay) plan(at time.Time) {
	if at.Before(r.From) {
		return
	}
	for _, d := range r.policy.Plan(r.facts(at)) {
		key := [2]string{d.Action.Incident, d.Action.Playbook}
		w := r.rows[key]
		if w == nil {
			w = &Would{Incident: r.open[d.Action.Incident], Playbook: d.Action.Playbook}
			r.rows[key] = w
			r.of[w.Incident.ID] = append(r.of[w.Incident.ID], w)
		}
		guard := d.Action.Guard
		switch {
		case !w.At.IsZero() || guard == GuardEarly || guard == GuardAsked:
		case d.Action.State == omen.ActionRefused:
			if !slices.ContainsFunc(w.Refused, func(s GuardSays) bool { return s.Guard == guard }) {
				w.Refused = append(w.Refused, GuardSays{guard, d.Action.Why})
			}
		default:
			w.At = at
			a := d.Action
			a.State, a.Started = omen.ActionMeasuring, at
			r.acted = append(r.acted, a)
		}
	}
}
