package remedy

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// History is what a replay reads.
type History struct {
	From, To time.Time
	Changes  []omen.Change // of the journal, oldest first, from its beginning
	Rules    mute.Rules    // that were in force in From…To
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
func Replay(p Policy, h History) Replayed {
	r := replay{History: h, out: Replayed{From: h.From, To: h.To}, open: map[string]omen.Incident{}, rows: map[[2]string]*Would{}}
	r.Step = cmp.Or(r.Step, 15*time.Second)
	r.muted, _ = h.Rules.Compile() // what does not compile is reported where it is stored
	r.policy = r.free(p)
	if len(h.Changes) > 0 && h.Changes[0].At.After(h.From) {
		r.out.Assumed = append(r.out.Assumed, "the journal begins at "+day(h.Changes[0].At))
	}
	var at time.Time
	for _, c := range h.Changes {
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
		if in, ok := r.last(w.Incident.ID); ok {
			w.Incident = in
		}
		r.out.Rows = append(r.out.Rows, *w)
	}
	slices.SortFunc(r.out.Rows, func(a, b Would) int {
		return cmp.Or(a.Incident.OpenedAt.Compare(b.Incident.OpenedAt), strings.Compare(a.Incident.ID, b.Incident.ID), strings.Compare(a.Playbook, b.Playbook))
	})
	r.out.Assumed = append(r.out.Assumed, "not in the journal, and needs a look: "+strings.Join([]string{GuardTarget, GuardPDB, GuardRollout, GuardChanged, GuardHealthy}, ", "))
	return r.out
}

// replay is a replay under way.
type replay struct {
	History
	policy Policy
	muted  *mute.Set
	open   map[string]omen.Incident // and fleets that closed a moment ago
	past   []omen.Incident          // as they were when they closed
	acted  []omen.Action
	rows   map[[2]string]*Would // by incident and playbook
	out    Replayed
}

// free lets every playbook act by itself, and takes as true what is asked of labels
// that are not known.
func (r *replay) free(p Policy) Policy {
	known := map[string]bool{mute.MatchHost: true, mute.MatchProfile: true, mute.MatchSource: true, mute.MatchKind: true, mute.MatchSeverity: true, mute.MatchCause: true}
	for _, c := range r.Changes {
		for name := range r.labels(c.Incident.Host) {
			known[name] = true
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
			r.out.Assumed = append(r.out.Assumed, fmt.Sprintf("%s of playbook %s is taken to hold: the journal has no such label", m, b.Name))
			return true
		})
	}
	return p
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
	if in.State != omen.Closed {
		return
	}
	r.past = append(slices.DeleteFunc(r.past, func(p omen.Incident) bool { return p.ID == in.ID }), in)
	if in.Kind != omen.FleetIncident {
		delete(r.open, in.ID)
	}
}

// last is an incident as it was last.
func (r *replay) last(id string) (omen.Incident, bool) {
	if in, ok := r.open[id]; ok {
		return in, true
	}
	i := slices.IndexFunc(r.past, func(p omen.Incident) bool { return p.ID == id })
	if i < 0 {
		return omen.Incident{}, false
	}
	return r.past[i], true
}

// facts are what the journal knows of an instant.
func (r *replay) facts(at time.Time) Facts {
	f := Facts{At: at, Hosts: map[omen.Host]Live{}, Sources: map[string]SourceState{}, Muted: map[string]string{}, Verdicts: map[string]int{}}
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

// soonOver is how soon after an action an incident may be over without it for the
// action to have been for nothing: no action can be seen to help before it settles.
const soonOver = 4 * time.Minute

// Summary says what would have come of it: "14 incidents: 5 would act; 3 of them
// closed by themselves within 4 min; median saved 41 min if it had worked".
func (r Replayed) Summary() string {
	incidents, acts, soon := map[string]bool{}, map[string]bool{}, 0
	var saved []time.Duration
	for _, w := range r.Rows {
		incidents[w.Incident.ID] = true
		if w.At.IsZero() || acts[w.Incident.ID] {
			continue
		}
		acts[w.Incident.ID] = true
		if left := r.lasted(w).Sub(w.At); left <= soonOver {
			soon++
		} else {
			saved = append(saved, left-Playbook{}.Settle(0))
		}
	}
	plural := "s"
	if len(incidents) == 1 {
		plural = ""
	}
	text := fmt.Sprintf("%d incident%s: %d would act", len(incidents), plural, len(acts))
	if soon > 0 {
		text += fmt.Sprintf("; %d of them closed by themselves within %s", soon, omen.Soon(soonOver))
	}
	if slices.Sort(saved); len(saved) > 0 {
		text += "; median saved " + omen.Soon(saved[len(saved)/2]) + " if it had worked"
	}
	return text
}

// lasted is until when an incident lasted, as far as is known.
func (r Replayed) lasted(w Would) time.Time {
	if w.Incident.State == omen.Closed {
		return w.Incident.ClosedAt
	}
	return r.To
}

// Write is the replay as a table for people.
func (r Replayed) Write(out io.Writer) error {
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintf(out, "no playbook answers any incident from %s to %s\n", day(r.From), day(r.To))
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "opened\thost\tincident\tplaybook\twould\twithout it")
	for _, one := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", day(one.Incident.OpenedAt), one.Incident.Host.Name, one.Incident.ID, one.Playbook, one.would(), r.without(one))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, r.Summary())
	for _, line := range r.Assumed {
		fmt.Fprintln(out, line)
	}
	return err
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func (w Would) would() string {
	var said []string
	for _, s := range w.Refused {
		said = append(said, s.Guard+" ("+s.Why+")")
	}
	refused := strings.Join(said, ", then ")
	switch {
	case !w.At.IsZero() && refused != "":
		return "act at " + day(w.At) + ", refused before by " + refused
	case !w.At.IsZero():
		return "act at " + day(w.At)
	case refused != "":
		return "be refused by " + refused
	}
	return "not act: it was over too soon"
}

func (r Replayed) without(w Would) string {
	from, what := w.Incident.OpenedAt, "open for "
	if !w.At.IsZero() {
		from, what = w.At, "open for another "
	}
	text := what + omen.Soon(r.lasted(w).Sub(from))
	switch {
	case w.Incident.State != omen.Closed:
		return text + ", and still"
	case w.Incident.Reason == omen.ReasonRecovered || w.Incident.Reason == omen.ReasonWasFull:
		return text + ", then closed by itself"
	}
	return text + ", then " + strings.ReplaceAll(w.Incident.Reason, "_", " ")
}
