package remedy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// lookAtOnce is how many actions are looked at at once, each for [callWithin] at most:
// a target that does not answer keeps no other from being settled.
const lookAtOnce = 8

// settle makes the next step of every action that has one of itself: what is in doubt
// is observed, what was done is measured.
func (l *Loop) settle(ctx context.Context, f Facts) error {
	var wrong []error
	var mu sync.Mutex
	keep := func(err error) {
		if err != nil && !errors.Is(err, omen.ErrConflict) { // a person, or the call itself, was quicker
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, err)
		}
	}
	var looking errgroup.Group
	looking.SetLimit(lookAtOnce)
	aside := func(step func() error) { looking.Go(func() error { keep(step()); return nil }) }
	stuck := map[string]bool{}
	for _, a := range f.Actions {
		switch a.State {
		case omen.ActionStarted:
			l.mu.Lock()
			r, known := l.calls[a.ID]
			l.mu.Unlock()
			switch {
			case r != nil:
				keep(l.storeResult(ctx, *r))
			case !known:
				keep(l.step(ctx, a, omen.ActionUnknown, byOmen, "nobody knows what became of the call: it is observed, and not repeated"))
			}
		case omen.ActionUnknown, omen.ActionDone:
			aside(func() error { return l.observe(ctx, f.At, a) })
		case omen.ActionMeasuring:
			aside(func() error { return l.measure(ctx, f, a) })
		case omen.ActionStuck:
			stuck[troubleStuck+a.ID] = true
			l.say(ctx, troubleStuck+a.ID, omen.Critical, fmt.Sprintf("nobody can tell whether action %s (%s on %s) was done: look, and say so with omen actions resolve %s", a.ID, a.Does, a.Target.ID(), a.ID))
		}
	}
	_ = looking.Wait() // what went wrong is kept
	l.resolveGone(ctx, f, troubleStuck, stuck)
	l.judge(ctx, f)
	return errors.Join(wrong...)
}

// resolveGone resolves the open troubles below a prefix that are no more; a process
// before this one may have reported them.
func (l *Loop) resolveGone(ctx context.Context, f Facts, prefix string, still map[string]bool) {
	for _, in := range f.Incidents {
		if key := in.Trouble; strings.HasPrefix(key, prefix) && in.State != omen.Closed && !still[key] {
			l.said[key] = "an earlier process said so"
			l.say(ctx, key, "", "")
		}
	}
}

// expire ends what waits for an approval that nobody gave in time, or that is not
// needed any more. It asks nobody but the store: no request is left standing because
// hosts cannot be looked at.
func (l *Loop) expire(ctx context.Context) error {
	waiting, err := l.o.Store.Actions(ctx, store.ActionFilter{States: []omen.ActionState{omen.ActionWaiting}})
	if err != nil || len(waiting) == 0 {
		return err
	}
	open, err := l.o.Store.OpenIncidents(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	var wrong []error
	for _, a := range waiting {
		why := ""
		switch {
		case !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.ID == a.Incident }):
			a.Guard, why = GuardEvidence, "the incident is over"
		case !now.Before(a.Expires):
			why = "nobody approved it in time"
		default:
			continue
		}
		if err := l.step(ctx, a, omen.ActionExpired, byOmen, why); !errors.Is(err, omen.ErrConflict) { // a person was quicker
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// observe looks whether an action had its effect. Nothing is repeated.
func (l *Loop) observe(ctx context.Context, at time.Time, a omen.Action) error {
	answer, err := CannotTell, error(nil)
	h, gone := l.hand(a.Playbook)
	if gone == nil {
		within, cancel := context.WithTimeout(ctx, callWithin)
		answer, err = h.Happened(within, a)
		cancel()
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		answer = CannotTell // a wrong answer of a healthy peer and a broken peer are the same here
	}
	age := at.Sub(a.Started)
	unknown := a.State == omen.ActionUnknown
	switch {
	case answer == Yes && unknown:
		return l.step(ctx, a, omen.ActionDone, byOmen, "it is seen that it happened")
	case answer == Yes:
		return l.step(ctx, a, omen.ActionMeasuring, byOmen, "it happened; whether it helps is being measured")
	case answer == No && age >= observeAfter:
		return l.step(ctx, a, omen.ActionFailed, byOmen, "it is seen that it did not happen")
	case age < observeWithin:
		return nil
	case unknown:
		if since, err := l.doubted(ctx, a); err != nil || at.Sub(since) < observeWithin {
			return err
		}
		if said := errors.Join(gone, err, errText(a.Err)); said != nil { // a crash says nothing
			a.Err = said.Error()
		}
		return l.step(ctx, a, omen.ActionStuck, byOmen, "nobody can tell whether it happened: a person has to look")
	}
	why := "the other side took it, and does not say what became of it"
	if asked := errors.Join(gone, err); asked != nil {
		why = "the other side took it, and cannot be asked what became of it: " + asked.Error()
	}
	return l.step(ctx, a, omen.ActionMeasuring, byOmen, why+"; whether it helps is being measured")
}

// doubted is when an action came into doubt: a call may take as long as that is
// observed for.
func (l *Loop) doubted(ctx context.Context, a omen.Action) (time.Time, error) {
	steps, err := l.o.Store.ActionSteps(ctx, a.ID)
	if err != nil || len(steps) == 0 {
		return a.Started, err
	}
	return steps[len(steps)-1].At, nil
}

// errText is an error of what is not empty.
func errText(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// measure says what became of the incident after an action, once that can be said.
func (l *Loop) measure(ctx context.Context, f Facts, a omen.Action) error {
	p, ok := l.o.Policy.Playbook(a.Playbook)
	if !ok {
		return l.step(ctx, a, omen.ActionUnmeasurable, byOmen, "its playbook is not in the configuration any more")
	}
	within, cancel := context.WithTimeout(ctx, callWithin)
	s, err := l.seen(within, f, a, p)
	cancel()
	if err != nil {
		return fmt.Errorf("measure action %s: %w", a.ID, err)
	}
	m, done := p.Measure(a, s)
	if !done {
		return nil
	}
	a.Peak, a.Recovered = m.Peak, m.Recovered
	return l.step(ctx, a, m.State, byOmen, m.Why)
}

// seen is what a measurement is made of.
func (l *Loop) seen(ctx context.Context, f Facts, a omen.Action, p Playbook) (s Seen, err error) {
	step := cmp.Or(a.Sampled, f.Hosts[a.Host].Step, usualStep)
	s = Seen{At: f.At, Step: step, Labels: f.Hosts[a.Host].Labels, Actions: f.Actions, Closing: p.Closing}
	from := a.Started.Add(-step)
	if s.Scores, err = l.o.World.Scores(ctx, a.Host, from, f.At); err != nil {
		return s, err
	}
	if s.Incidents, err = l.o.Store.Incidents(ctx, store.Filter{Host: a.Host, From: from}); err != nil {
		return s, err
	}
	if s.Events, err = l.o.Store.Events(ctx, from, f.At); err != nil {
		return s, err
	}
	s.Changes, err = l.o.Store.Changes(ctx, a.Incident)
	return s, err
}

// judgeEvery is how often playbooks are judged by their past: what they are measured
// by comes minutes later.
const judgeEvery = time.Minute

// judge switches off what does not help, and says what recurs however often it is
// put right.
func (l *Loop) judge(ctx context.Context, f Facts) {
	if f.At.Sub(l.judged).Abs() < judgeEvery {
		return
	}
	l.judged = f.At
	off, effects := map[string]bool{}, map[string]Effect{}
	rows, past, err := l.past(ctx, f.At)
	if err != nil {
		if ctx.Err() == nil {
			l.o.Log.Error("effect of playbooks not known", "err", err)
		}
		return
	}
	for _, p := range l.o.Policy.Playbooks {
		why, disabled := f.Disabled[p.Name]
		if slices.ContainsFunc(rows, func(a omen.Action) bool { return a.Playbook == p.Name && !a.Started.IsZero() }) {
			e := p.Effect(rows, past, f.Enabled[p.Name], f.At)
			effects[p.Name] = e
			if !disabled && e.Disable != "" {
				if err := l.Disable(ctx, p.Name, byOmen, e.Disable); err != nil {
					l.o.Log.Error("playbook not disabled", "kind", p.Name, "err", err)
					continue
				}
				why, disabled = "by "+byOmen+": "+e.Disable, true
			}
		}
		if disabled {
			off[troubleOff+p.Name] = true
			l.say(ctx, troubleOff+p.Name, omen.Warning, fmt.Sprintf("playbook %s is off (%s): switch it on again with the web UI or the API once that is resolved", p.Name, why))
		}
	}
	l.mu.Lock()
	l.health.Effects = effects
	l.mu.Unlock()
	l.resolveGone(ctx, f, troubleOff, off)
	often := map[string]bool{}
	for _, c := range Chronics(f.Actions, f.At) {
		key := troubleOften + c.Playbook + "/" + known(c.Host, c.Target)
		often[key] = true
		l.say(ctx, key, omen.Warning, c.Why)
	}
	l.resolveGone(ctx, f, troubleOften, often)
	l.sayGivenUp(ctx, f)
}

// sayGivenUp says at which targets playbooks have stopped by themselves.
func (l *Loop) sayGivenUp(ctx context.Context, f Facts) {
	spent, targets := map[string]bool{}, map[string]int{}
	for _, g := range l.o.Policy.GivenUp(f) {
		if _, off := f.Disabled[g.Playbook]; off {
			continue
		}
		key := troubleSpent + g.Playbook + "/" + known(g.Host, g.Target)
		spent[key] = true
		targets[g.Playbook]++
		l.say(ctx, key, omen.Warning, g.Why)
	}
	l.resolveGone(ctx, f, troubleSpent, spent)
	l.mu.Lock()
	l.health.GivenUp = targets
	l.mu.Unlock()
}

// effectBack is how far back past incidents are compared with.
const effectBack = 90 * 24 * time.Hour

// past is what effects are worked out from: the actions that were started, and the
// incidents of the same time. Where no playbook ever acted there are none.
func (l *Loop) past(ctx context.Context, at time.Time) (rows []omen.Action, past []omen.Incident, err error) {
	rows, err = l.o.Store.Actions(ctx, store.ActionFilter{Since: at.Add(-effectBack), ToPlan: true})
	if err != nil || !slices.ContainsFunc(rows, func(a omen.Action) bool { return !a.Started.IsZero() }) {
		return rows, nil, err
	}
	past, err = l.o.Store.Incidents(ctx, store.Filter{From: at.Add(-effectBack), Kinds: []omen.IncidentKind{omen.HostIncident}})
	return rows, past, err
}
