package remedy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// life is a fleet under a policy, as a loop would live it.
type life struct {
	*rapid.T
	p Policy
	f Facts
	n int // incidents so far
}

func newLife(t *rapid.T) *life {
	var l life
	l.T = t
	mode := rapid.SampledFrom(append(modes[1:], omen.ModeAutomatic, omen.ModeAutomatic)) // mostly it acts, or little is shown
	group := rapid.SampledFrom([]string{"", "role", "zone"})
	l.p = Policy{Mode: mode.Draw(t, "ceiling"), PerHour: rapid.IntRange(1, 5).Draw(t, "per hour")}
	for i := range rapid.IntRange(1, 3).Draw(t, "playbooks") {
		l.p.Playbooks = append(l.p.Playbooks, Playbook{
			Name: fmt.Sprint("b", i), Mode: mode.Draw(t, "mode"), Match: []mute.Matcher{is("profile", "node")}, Does: Step{Name: DoUnit},
			Group:  group.Draw(t, "group"),
			Limits: Limits{PerDay: rapid.IntRange(1, 4).Draw(t, "per day"), TargetPerDay: rapid.IntRange(1, 3).Draw(t, "per target"), Cooldown: time.Minute},
		})
	}
	l.f = Facts{At: noon, Hosts: map[omen.Host]Live{}, Sources: map[string]SourceState{"prod": {Up: true}}, Muted: map[string]string{}}
	for i := range rapid.IntRange(5, 16).Draw(t, "hosts") {
		live := well(noon)
		live.Labels = map[string]string{"role": rapid.SampledFrom([]string{"web", "db", ""}).Draw(t, "role"), "zone": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone")}
		l.f.Hosts[node(fmt.Sprint("h", i))] = live
	}
	return &l
}

func (l *life) host() omen.Host {
	all := slices.SortedFunc(func(yield func(omen.Host) bool) {
		for h := range l.f.Hosts {
			if !yield(h) {
				return
			}
		}
	}, func(a, b omen.Host) int { return cmp.Compare(a.Name, b.Name) })
	return rapid.SampledFrom(all).Draw(l.T, "host")
}

func (l *life) edit(h omen.Host, change func(*Live)) {
	live := l.f.Hosts[h]
	change(&live)
	l.f.Hosts[h] = live
}

// happen is one thing that happens to the fleet.
func (l *life) happen() {
	h := l.host()
	switch rapid.IntRange(0, 11).Draw(l.T, "what") {
	case 0, 1, 2: // time passes, and all are scored, or all but one
		l.f.At = l.f.At.Add(time.Duration(rapid.SampledFrom([]int{10, 50, 100, 300, 1000, 3000}).Draw(l.T, "seconds")) * time.Second)
		late := rapid.Bool().Draw(l.T, "one is late")
		for other := range l.f.Hosts {
			if !late || other != h {
				l.edit(other, func(live *Live) { live.ScoredAt = l.f.At })
			}
		}
	case 3: // the clock is set
		l.f.At = l.f.At.Add(time.Duration(rapid.SampledFrom([]int{-60, 60}).Draw(l.T, "set")) * time.Minute)
	case 4, 5, 6: // an incident opens
		l.n++
		l.edit(h, func(live *Live) { live.Score = 3 })
		l.f.Incidents = append(l.f.Incidents, opened(fmt.Sprintf("i%04d", l.n), h, l.f.At.Add(-3*time.Minute)))
	case 7, 8: // a host recovers
		l.edit(h, func(live *Live) { live.Score = 0.5 })
		l.f.Incidents = slices.DeleteFunc(l.f.Incidents, func(in omen.Incident) bool { return in.Host == h })
	case 9: // scores stop
		l.edit(h, func(live *Live) { live.ScoredAt = l.f.At.Add(-time.Hour) })
	case 10:
		silent := rapid.IntRange(0, 3).Draw(l.T, "silent") == 0
		l.edit(h, func(live *Live) { live.Silent = silent })
	case 11: // the source goes and comes
		l.f.Sources["prod"] = SourceState{Up: rapid.IntRange(0, 3).Draw(l.T, "up") > 0}
	}
}

// looked is what a hand finds.
func (l *life) looked(a omen.Action) (omen.Target, error) {
	t := omen.Target{Kind: "unit", Name: a.Host.Name + ".service", UID: rapid.SampledFrom([]string{"1", "1", "1", "2"}).Draw(l.T, "uid")}
	return t, rapid.SampledFrom([]error{nil, nil, nil, nil, errors.New("no answer"), Refusal{GuardPDB, "none left"}}).Draw(l.T, "looked")
}

// step makes a step of a row, which has to be possible.
func (l *life) step(a *omen.Action, to omen.ActionState) {
	if err := a.Step(to, l.f.At, "so"); err != nil {
		l.Fatal(err)
	}
}

// act does what a loop does at one instant: it plans, writes, has people approve,
// starts and settles.
func (l *life) act() {
	for _, d := range l.p.Plan(l.f) {
		if !d.New {
			continue
		}
		if d.Action.State != omen.ActionRefused {
			t, err := l.looked(d.Action)
			if d = l.p.Check(l.f, d.Action, t, err); d.Action.State == omen.ActionRefused && !d.New {
				continue
			}
		}
		l.write(d.Action)
	}
	if open := l.f.Incidents; len(open) > 0 && rapid.IntRange(0, 3).Draw(l.T, "by hand") == 0 {
		in, b := rapid.SampledFrom(open).Draw(l.T, "incident"), rapid.SampledFrom(l.p.Playbooks).Draw(l.T, "playbook")
		d, err := l.p.Ask(l.f, in.ID, b.Name, "ann", []string{GuardEarly, GuardHealthy, GuardCooldown})
		if err == nil && d.New {
			l.write(d.Action)
		}
	}
	for i := range l.f.Actions {
		a := &l.f.Actions[i]
		switch a.State {
		case omen.ActionWaiting:
			l.decided(a, rapid.SampledFrom([]omen.ActionState{"", omen.ActionApproved, omen.ActionApproved, omen.ActionDeclined, omen.ActionExpired}).Draw(l.T, "answer"))
		case omen.ActionApproved:
			l.decided(a, rapid.SampledFrom([]omen.ActionState{"", omen.ActionStarted}).Draw(l.T, "start"))
		default:
			if next := a.State.Next(); len(next) > 0 && a.State != omen.ActionSuggested {
				if to := rapid.SampledFrom(append([]omen.ActionState{""}, next...)).Draw(l.T, "next"); to != "" {
					l.step(a, to)
				}
			}
		}
	}
}

func (l *life) decided(a *omen.Action, to omen.ActionState) {
	if to == omen.ActionApproved || to == omen.ActionStarted {
		t, err := l.looked(*a)
		d := l.p.Check(l.f, *a, t, err)
		if d.Action.State == omen.ActionRefused {
			to = omen.ActionRefused
		} else {
			l.fresh(a.Host)
			a.Target = t
		}
		if to == omen.ActionApproved {
			a.By = "ann"
		}
	}
	if to != "" {
		l.step(a, to)
	}
}

// write makes a row of a new action.
func (l *life) write(a omen.Action) {
	if a.State == omen.ActionApproved || a.State == omen.ActionWaiting {
		l.fresh(a.Host)
	}
	if a.ID != omen.ActionID(a.Incident, a.Playbook, a.Attempt) {
		l.Fatalf("action %s of %s, %s, %d", a.ID, a.Incident, a.Playbook, a.Attempt)
	}
	for _, row := range l.f.Actions {
		if row.ID == a.ID {
			l.Fatalf("action %s is written twice", a.ID)
		}
		same := row.Incident == a.Incident && row.Playbook == a.Playbook && row.State == a.State && row.Guard == a.Guard
		if same && (a.State == omen.ActionRefused || a.State == omen.ActionSuggested) {
			l.Fatalf("%s by %s of incident %s is written again", a.State, a.Guard, a.Incident)
		}
	}
	l.f.Actions = append(l.f.Actions, a)
}

// fresh asks that nothing is done on stale facts.
func (l *life) fresh(h omen.Host) {
	live := l.f.Hosts[h]
	age := l.f.At.Sub(live.ScoredAt)
	if live.Silent || age > 45*time.Second || age < -15*time.Second || !l.f.Sources["prod"].Up {
		l.Fatalf("acts on %s, whose facts are %s old (%+v)", h.Name, age, live)
	}
}

// holds asks for what must hold at any time.
func (l *life) holds() {
	alive := map[string]string{}
	started := map[string][]time.Time{}
	for _, a := range l.f.Actions {
		if a.State.Live() {
			if other := alive[a.Group]; other != "" {
				l.Fatalf("actions %s and %s are live in group %s", other, a.ID, a.Group)
			}
			alive[a.Group] = a.ID
		}
		if !a.Started.IsZero() {
			for _, k := range []string{"fleet", "book " + a.Playbook, "host " + a.Playbook + a.Host.Name} {
				started[k] = append(started[k], a.Started)
			}
		}
	}
	most := func(k string, span time.Duration, n int) {
		all := slices.SortedFunc(slices.Values(started[k]), time.Time.Compare)
		for i := n; i < len(all); i++ {
			if all[i].Sub(all[i-n]) < span {
				l.Fatalf("%s: %d actions from %s to %s, %d are allowed", k, n+1, all[i-n], all[i], n)
			}
		}
	}
	most("fleet", time.Hour, l.p.PerHour)
	for _, b := range l.p.Playbooks {
		most("book "+b.Name, 24*time.Hour, b.Limits.PerDay)
		for h := range l.f.Hosts {
			most("host "+b.Name+h.Name, 24*time.Hour, b.Limits.TargetPerDay)
		}
	}
}

// No sequence of facts yields two live actions in a group, one over budget, one on
// stale facts, a second row of the same, or a step that is not possible.
func TestNoSequenceOfFacts(t *testing.T) {
	acted, lives := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		for range rapid.IntRange(20, 60).Draw(t, "steps") {
			l.happen()
			for range rapid.IntRange(1, 4).Draw(t, "passes") {
				l.act()
				l.holds()
			}
		}
		lives++
		for _, a := range l.f.Actions {
			if !a.Started.IsZero() {
				acted++
			}
		}
	})
	t.Logf("%d actions in %d lives", acted, lives)
	if acted < lives/10 { // some 14 in 10 lives are usual
		t.Errorf("%d actions were started in %d lives: the test shows little", acted, lives)
	}
}

// The same facts give the same plan, in whatever order the incidents come.
func TestPlanDependsOnFactsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			l.happen()
		}
		ids := func() (all []string) {
			for _, d := range l.p.Plan(l.f) {
				all = append(all, d.Action.ID+" "+string(d.Action.State)+" "+d.Action.Guard)
			}
			return all
		}
		before := ids()
		slices.Reverse(l.f.Incidents)
		if after := ids(); !slices.Equal(before, after) {
			t.Fatalf("%v, and in another order %v", before, after)
		}
	})
}

// More silences never give more actions: where people approve, those that are asked
// for are among those without the silence; where one playbook acts by itself, they
// are as many at most, and none is on what is silenced.
func TestMoreSilencesNeverGiveMoreActions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		automatic := rapid.Bool().Draw(t, "automatic")
		l.p.Mode = omen.ModeApprove
		if automatic {
			l.p.Mode, l.p.Playbooks = omen.ModeAutomatic, l.p.Playbooks[:1]
			l.p.Playbooks[0].Mode = omen.ModeAutomatic
		}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			l.happen()
			l.act()
		}
		wants := func() map[string]string {
			all := map[string]string{}
			for _, d := range l.p.Plan(l.f) {
				if d.Action.State != omen.ActionRefused {
					all[d.Action.ID] = d.Action.Incident
				}
			}
			return all
		}
		before := wants()
		for _, in := range l.f.Incidents {
			if rapid.Bool().Draw(t, "silence") {
				l.f.Muted[in.ID] = "silence s"
			}
		}
		after := wants()
		if len(after) > len(before) {
			t.Fatalf("%d actions, and %d with silences", len(before), len(after))
		}
		for id, in := range after {
			if l.f.Muted[in] != "" || !automatic && before[id] == "" {
				t.Fatalf("action %s on incident %s with silences, and not without", id, in)
			}
		}
	})
}

// The zero policy, a policy that is off, and facts of no instant (the store failed)
// give no plan.
func TestNothingIsPlannedWithoutLeave(t *testing.T) {
	p, f := ready()
	off := p
	off.Mode = omen.ModeOff
	none := p
	none.Playbooks = slices.Clone(p.Playbooks)
	none.Playbooks[0].Mode = ""
	for name, d := range map[string][]Decision{
		"zero policy": Policy{}.Plan(f), "off": off.Plan(f), "a playbook without a mode": none.Plan(f), "no mode": Policy{Playbooks: p.Playbooks}.Plan(f),
		"no facts": p.Plan(Facts{}), "incidents without an instant": p.Plan(Facts{Incidents: f.Incidents}),
	} {
		if len(d) > 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := (Policy{}).Check(f, p.Plan(f)[0].Action, shop, nil); d.Action.State != omen.ActionRefused {
		t.Errorf("the zero policy lets %+v pass", d.Action)
	}
	if d := p.Check(Facts{}, p.Plan(f)[0].Action, shop, nil); d.Action.State != omen.ActionRefused {
		t.Errorf("without facts %+v passes", d.Action)
	}
}
