package remedy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/omenhq/omen"
)

// Effect is what became of a playbook's actions.
type Effect struct {
	Measured     int // helped, not helped or worse
	Helped       int
	NotHelped    int
	Worse        int
	Unmeasurable int
	Interrupted  int
	Recovery     time.Duration // the median time until the host was normal, where it helped; 0: it never did
	Benefit      Benefit
	Disable      string // why the playbook is to be switched off; empty: it is not
	Promote      string // why people may let it act by itself; empty: there is no reason to
}

// Effect says what became of a playbook's actions, and what follows. rows are those
// of all playbooks, oldest first, past the incidents of the same time, some 90 days,
// closed or not. since is when a person last switched the playbook on: what was
// before counts for nothing; zero: everything counts.
func (b Playbook) Effect(rows []omen.Action, past []omen.Incident, since, at time.Time) Effect {
	acted, byID := map[string]time.Time{}, map[string]*omen.Incident{}
	for i := range past {
		byID[past[i].ID] = &past[i]
	}
	var e Effect
	var latest []omen.ActionState // what is known of each, oldest first
	var took []time.Duration
	var mine []omen.Action
	for _, row := range rows {
		if row.Started.IsZero() || row.State == omen.ActionFailed {
			continue
		}
		if first, ok := acted[row.Incident]; !ok || row.Started.Before(first) {
			acted[row.Incident] = row.Started
		}
		if row.Playbook != b.Name || row.Started.Before(since) {
			continue
		}
		switch row.State {
		case omen.ActionHelped:
			e.Helped++
			took = append(took, row.Recovered)
		case omen.ActionNotHelped:
			e.NotHelped++
		case omen.ActionWorse:
			e.Worse++
		case omen.ActionUnmeasurable:
			e.Unmeasurable++
			latest = append(latest, row.State)
			continue
		case omen.ActionInterrupted:
			e.Interrupted++
			continue
		default:
			continue
		}
		latest, mine = append(latest, row.State), append(mine, row)
	}
	e.Measured = e.Helped + e.NotHelped + e.Worse
	if slices.Sort(took); len(took) > 0 {
		e.Recovery = took[len(took)/2]
	}
	e.Benefit = b.benefit(mine, byID, spells(past, acted, cmp.Or(b.MinSeverity, omen.Warning), at))
	e.Disable = e.disable(latest)
	if b.Mode == omen.ModeApprove && e.Disable == "" && e.Benefit.Known && e.Measured >= proveBy && e.Benefit.Low > promoteAbove {
		e.Promote = fmt.Sprintf("its %d actions helped: it saves at least %.0f of 100 incidents (%s)", e.Measured, 100*e.Benefit.Low, e.Benefit.Why)
	}
	return e
}

// benefit compares rows that were measured with past incidents of the same age.
func (b *Playbook) benefit(rows []omen.Action, incidents map[string]*omen.Incident, past map[string][]spell) Benefit {
	closing := b.Closing.orDefaults()
	var cases []treated
	var like [][]spell
	places, most := map[string]int{}, 0
	for _, row := range rows {
		in := incidents[row.Incident]
		if in == nil {
			continue
		}
		step := cmp.Or(row.Sampled, usualStep)
		c := treated{age: row.Started.Sub(in.Since), helped: row.State == omen.ActionHelped}
		c.horizon = b.Horizon(step) + max(closing.For, time.Duration(closing.Samples)*step) // it closes so much after its host is normal
		for _, name := range strata(*in) {
			known := controls(past[name], c.age)
			most = max(most, known)
			if known < leastControls {
				continue
			}
			if _, ok := places[name]; !ok {
				places[name] = len(like)
				like = append(like, past[name])
			}
			c.like = places[name]
			cases = append(cases, c)
			break
		}
	}
	switch {
	case len(rows) < leastTreated:
		return Benefit{Why: fmt.Sprintf("not enough to compare: %d actions were measured, %d are needed", len(rows), leastTreated)}
	case len(cases) < leastTreated:
		return Benefit{Why: fmt.Sprintf("not enough to compare: %d past incidents without an action were open as long, %d are needed", most, leastControls)}
	}
	return compared(cases, like)
}

const (
	// proveBy is by when a playbook must have been shown to help, and from when on it
	// may be proposed to act by itself.
	proveBy = 10
	// hopeless is the probability of a benefit below which a playbook goes off early.
	hopeless = 0.2
	// promoteAbove is what the benefit has to exceed for a playbook to be proposed.
	promoteAbove = 0.3

	worseOf, worseAmong = 2, 5
	blindInARow         = 3
)

// disable is why a playbook is to be switched off; latest is what became of its
// actions, as far as that is known, oldest first.
//
// That a benefit is unlikely (P < .2 after five actions) alone leaves one in two
// useless playbooks on after twelve: where nothing is known, P wanders between 0
// and 1. So from its tenth action on a playbook has to have been shown to help: the
// interval that people see is above 0. What helps one incident in three is off too,
// about as often as not, until that many actions can show it: people may switch it
// on again, and then only what follows counts.
func (e *Effect) disable(latest []omen.ActionState) string {
	count := func(last int, state omen.ActionState) (n int) {
		for _, s := range latest[max(0, len(latest)-last):] {
			if s == state {
				n++
			}
		}
		return n
	}
	if n := count(worseAmong, omen.ActionWorse); n >= worseOf {
		return fmt.Sprintf("%d of its last %d actions made it worse", n, min(worseAmong, len(latest)))
	}
	if count(blindInARow, omen.ActionUnmeasurable) >= blindInARow {
		return fmt.Sprintf("what its last %d actions did could not be measured", blindInARow)
	}
	switch {
	case e.Measured < leastTreated:
		return ""
	case e.Benefit.Known && e.Benefit.Positive < hopeless:
		return "it does not help: " + e.Benefit.Why
	case e.Benefit.Known && e.Measured >= proveBy && e.Benefit.Low <= 0:
		return fmt.Sprintf("%d actions do not show that it helps: %s", e.Measured, e.Benefit.Why)
	case !e.Benefit.Known && moreThanHalf(e.Helped, e.Measured) < hopeless:
		return fmt.Sprintf("it helped %d of %d times, and nothing is known to compare that with", e.Helped, e.Measured)
	}
	return ""
}

// moreThanHalf is the probability that more than half of all actions help, where k
// of n did: of the posterior with Jeffreys' prior.
func moreThanHalf(k, n int) float64 {
	return distuv.Beta{Alpha: float64(k) + 0.5, Beta: float64(n-k) + 0.5}.Survival(0.5)
}

// Chronic is a target that needs an action again and again: even if each helps,
// what it needs is a repair.
type Chronic struct {
	Playbook string
	Host     omen.Host
	Target   string    // [omen.Target.ID] of what the actions were done to, or, of what is another each time, the host's name
	Actions  int       // within the last seven days
	Since    time.Time // when the first of them was started
	Why      string    // for people
}

const (
	chronicActions = 5
	chronicWithin  = 7 * 24 * time.Hour
)

// lasting is what an action was done to by a name that stays: of what is another one
// each time, such as a pod, that of the host.
func lasting(row *omen.Action) string {
	if t := row.Target; t.Name != "" && t.Kind != "url" && t.Kind != "pod" && row.Does != DoScript {
		return t.ID()
	}
	return row.Host.Name
}

// known is what tells the target of a host from one of the same name elsewhere, such
// as of another source: for keys, not for people.
func known(h omen.Host, target string) string {
	if target == h.Name {
		return h.ID()
	}
	return h.ID() + "/" + target
}

// GivenUp is a target that a playbook is no longer done to, since it did not help there.
type GivenUp struct {
	Playbook string
	Host     omen.Host
	Target   string // as [Chronic] has it
	Why      string // for people
}

// GivenUp are the targets at which playbooks have stopped by themselves, as
// [GuardIneffective] says, of those that would act; in the order of the latest actions
// there. Nobody else says so: what a guard refuses is written beside its incident only.
func (p Policy) GivenUp(f Facts) (all []GivenUp) {
	type key struct {
		playbook string
		host     omen.Host
	}
	seen := map[key]bool{}
	for i := len(f.Actions) - 1; i >= 0; i-- {
		row := f.Actions[i]
		k := key{row.Playbook, row.Host}
		b, ok := p.Playbook(row.Playbook)
		if seen[k] || row.Started.IsZero() || !ok || reach(p.mode(&b)) < reach(omen.ModeApprove) {
			continue
		}
		seen[k] = true
		next := draft{policy: &p, facts: &f, book: &b, action: row}
		next.action.ID = ""
		if why := ineffective(&next); why != "" {
			all = append(all, GivenUp{row.Playbook, row.Host, lasting(&row), fmt.Sprintf(
				"playbook %s is no longer done to %s of source %s: %s; resolve it by hand, and let the playbook begin there again with the web UI or the API (enable)", row.Playbook, lasting(&row), row.Host.Source, why)})
		}
	}
	slices.Reverse(all)
	return all
}

// Chronics are the targets of which a playbook's actions no longer are a remedy;
// in the order of their latest actions.
func Chronics(rows []omen.Action, at time.Time) []Chronic {
	type key struct {
		playbook string
		host     omen.Host
		target   string
	}
	found := map[key]*Chronic{}
	var order []key
	for _, row := range rows {
		if row.Started.IsZero() || row.State == omen.ActionFailed || at.Sub(row.Started) >= chronicWithin {
			continue
		}
		k := key{row.Playbook, row.Host, lasting(&row)}
		c := found[k]
		if c == nil {
			c = &Chronic{Playbook: row.Playbook, Host: row.Host, Target: k.target, Since: row.Started}
			found[k] = c
		}
		c.Actions++
		order = append(slices.DeleteFunc(order, func(o key) bool { return o == k }), k)
	}
	var all []Chronic
	for _, k := range order {
		if c := found[k]; c.Actions >= chronicActions {
			c.Why = fmt.Sprintf("%s of source %s needed playbook %s %d times since %s: it needs a repair",
				c.Target, c.Host.Source, c.Playbook, c.Actions, c.Since.UTC().Format("2 Jan 15:04 UTC"))
			all = append(all, *c)
		}
	}
	return all
}
