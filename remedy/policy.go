package remedy

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// byOmen is who approves an action of a playbook whose mode is automatic, and the
// author of the steps that nobody asked for.
const byOmen = "omen"

// holdout is the guard of an incident that is left alone to compare with.
const holdout = "holdout"

// Plan says of each open incident and each playbook that answers it what is to be
// done now, and what every guard says of it. What it would do one after the other
// it does not do at once: an action that it approves is live for the rest of the
// plan. Without an instant there are no facts, and no plan.
func (p Policy) Plan(f Facts) []Decision {
	if reach(p.Mode) == 0 || f.At.IsZero() {
		return nil
	}
	f.Actions = slices.Clone(f.Actions)
	answers := make([]func(*omen.Incident) bool, len(p.Playbooks))
	for i := range p.Playbooks {
		answers[i] = p.Playbooks[i].answers(f.Hosts)
	}
	open := slices.DeleteFunc(slices.Clone(f.Incidents), func(in omen.Incident) bool { return in.State == omen.Closed })
	slices.SortStableFunc(open, func(a, b omen.Incident) int {
		return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
	})
	open = slices.CompactFunc(open, func(a, b omen.Incident) bool { return a.ID == b.ID })
	var all []Decision
	for k := range open {
		for i := range p.Playbooks {
			if p.mode(&p.Playbooks[i]) == omen.ModeOff || !answers[i](&open[k]) {
				continue
			}
			d := p.drafted(&f, &p.Playbooks[i], &open[k]).decide()
			if d.New && d.Action.State == omen.ActionApproved {
				f.Actions = append(f.Actions, d.Action)
			}
			all = append(all, d)
		}
	}
	return all
}

// Check asks every guard again of an action: of a planned one before it is
// written, when somebody approves it, and right before it is started. now is its
// target as its hand has just resolved it, looked why it could not be; the action's
// own target is what people were shown. The decision's action is the one given,
// with the target of now; it is refused where a guard objects.
func (p Policy) Check(f Facts, a omen.Action, now omen.Target, looked error) Decision {
	b, configured := p.Playbook(a.Playbook)
	d := &draft{policy: &p, facts: &f, book: &b, action: a, shown: a.Target, looked: true, lookErr: looked, configured: configured}
	d.live, d.known = f.Hosts[a.Host]
	if i := slices.IndexFunc(f.Incidents, func(in omen.Incident) bool { return in.ID == a.Incident && in.State != omen.Closed }); i >= 0 {
		d.in = &f.Incidents[i]
	}
	d.action.Target = now
	d.exists = slices.ContainsFunc(f.Actions, func(row omen.Action) bool { return row.ID == a.ID })
	verdict, first := d.ask()
	if first.Why != "" {
		d.action.State, d.action.Guard, d.action.Why = omen.ActionRefused, first.Guard, first.Why
		if now.Name == "" {
			d.action.Target = a.Target // it is not known any better
		}
	} else if now.Manual != "" {
		d.action.State, d.action.Why, d.action.Expires = omen.ActionSuggested, d.action.Why+"; people alone do it: "+now.Manual, time.Time{}
	}
	return Decision{Action: d.action, Verdict: verdict, New: first.Why != "" && d.exists || !d.exists && d.isNew(first)}
}

// Ask plans a run that a person asks for, who overrides guards by name: it is
// approved by that person, or refused. The playbook has to answer the incident, and
// its mode to allow approval. Whether the person may ask is the caller's matter.
func (p Policy) Ask(f Facts, incident, playbook, by string, override []string) (Decision, error) {
	b, ok := p.Playbook(playbook)
	if !ok {
		return Decision{}, fmt.Errorf("playbook %s: %w", playbook, omen.ErrNotFound)
	}
	i := slices.IndexFunc(f.Incidents, func(in omen.Incident) bool { return in.ID == incident && in.State != omen.Closed })
	if i < 0 || f.At.IsZero() {
		return Decision{}, fmt.Errorf("open incident %s: %w", incident, omen.ErrNotFound)
	}
	if by == "" || by == byOmen {
		return Decision{}, fmt.Errorf("run of playbook %s: nobody asks for it: %w", playbook, omen.ErrInvalid)
	}
	for _, name := range override {
		k := slices.IndexFunc(guards, func(g Guard) bool { return g.Name == name })
		if k < 0 || guards[k].Never {
			return Decision{}, omen.WithHint(fmt.Errorf("override %s: no guard that people may override: %w", name, omen.ErrInvalid),
				"there are: "+strings.Join(overridable(), ", "))
		}
	}
	if reach(p.mode(&b)) < reach(omen.ModeApprove) {
		return Decision{}, omen.WithHint(fmt.Errorf("playbook %s: its mode is %s: %w", playbook, p.mode(&b), omen.ErrConflict),
			"set its mode, and that of remedy, to approve")
	}
	if !b.answers(f.Hosts)(&f.Incidents[i]) {
		return Decision{}, fmt.Errorf("playbook %s does not answer incident %s: %w", playbook, incident, omen.ErrConflict)
	}
	d := p.drafted(&f, &b, &f.Incidents[i])
	d.action.By, d.action.Overridden = by, slices.Compact(slices.Sorted(slices.Values(override)))
	return d.decide(), nil
}

// drafted is the next attempt of a playbook at an incident.
func (p *Policy) drafted(f *Facts, b *Playbook, in *omen.Incident) *draft {
	d := &draft{policy: p, facts: f, book: b, in: in, configured: true}
	d.live, d.known = f.Hosts[in.Host]
	attempt := 1
	for _, row := range f.Actions {
		if row.Incident == in.ID && row.Playbook == b.Name {
			attempt = max(attempt, row.Attempt+1)
		}
	}
	d.action = omen.Action{
		ID: omen.ActionID(in.ID, b.Name, attempt), Incident: in.ID, Playbook: b.Name, Attempt: attempt,
		Host: in.Host, Group: b.group(in.Host, d.live.Labels), Does: b.Does.Name, Mode: p.mode(b), At: f.At.UTC(), Before: d.live.Score, Sampled: d.live.Step,
	}
	if b.Does.Blames() {
		d.action.Blamed = f.Blames[in.ID].PodRef
	}
	return d
}

// draft is what guards judge: one playbook's answer to one incident.
type draft struct {
	policy     *Policy
	facts      *Facts
	book       *Playbook
	configured bool           // the playbook is in the policy
	in         *omen.Incident // nil: it is not open
	live       Live
	known      bool // the host is among the facts
	action     omen.Action
	exists     bool // the action has a row

	looked  bool // the target was resolved, or lookErr is why it could not be
	lookErr error
	shown   omen.Target
}

// decide makes the draft a decision, by what the guards say.
func (d *draft) decide() Decision {
	verdict, first := d.ask()
	a := &d.action
	switch {
	case first.Why != "":
		a.State, a.Guard, a.Why = omen.ActionRefused, first.Guard, first.Why
	case a.By != "":
		a.State, a.Why = omen.ActionApproved, "asked for by "+a.By
		if len(a.Overridden) > 0 {
			a.Why += ", who overrides " + strings.Join(a.Overridden, ", ")
		}
	case a.Mode == omen.ModeAutomatic && heldOut(d.in.ID, d.book.Holdout):
		a.State, a.Guard, a.Why = omen.ActionSuggested, holdout, "left alone to compare with: "+d.because()
	case a.Mode == omen.ModeAutomatic:
		a.State, a.By, a.Why = omen.ActionApproved, byOmen, d.because()
	case a.Mode == omen.ModeApprove:
		a.State, a.Why = omen.ActionWaiting, d.because()
		a.Expires = a.At.Add(min(longestApproval, cmp.Or(d.book.ApproveIn, approveIn)))
	default:
		a.State, a.Why = omen.ActionSuggested, d.because()
	}
	return Decision{Action: *a, Verdict: verdict, New: d.isNew(first)}
}

// isNew reports whether a decision on an action without a row is to be written:
// a refusal once for an incident, playbook and guard, unless it is only too early
// or repeats what another row says; a suggestion once for an incident and playbook.
func (d *draft) isNew(first GuardSays) bool {
	state := d.action.State
	if first.Guard == GuardEarly || first.Guard == GuardAsked {
		return false
	}
	if state != omen.ActionRefused && state != omen.ActionSuggested {
		return true
	}
	return !slices.ContainsFunc(d.facts.Actions, func(row omen.Action) bool {
		return row.Incident == d.action.Incident && row.Playbook == d.action.Playbook && row.State == state &&
			(state == omen.ActionSuggested || row.Guard == first.Guard)
	})
}

// because says for people why the incident may be answered.
func (d *draft) because() string {
	lasts := omen.Soon(d.facts.At.Sub(d.in.OpenedAt))
	if d.in.Kind == omen.ForecastIncident {
		return fmt.Sprintf("%s forecast, open for %s: no guard objects", d.in.Severity, lasts)
	}
	return fmt.Sprintf("%s for %s, score %.2g: no guard objects", d.in.Severity, lasts, d.live.Score)
}

// heldOut reports whether an incident is among the share that is left alone; the
// same for everybody who asks.
func heldOut(incident string, share float64) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(incident))
	x := h.Sum64()
	x ^= x >> 33 // the high bits of FNV hardly change with the last letters
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/(1<<53) < share
}
