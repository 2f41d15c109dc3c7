package remedy

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// A storm of 200 incidents: nothing is done while it lasts, nor for ten minutes
// after it; then one in the group, and no more than the budget however long the
// hosts stay ill.
func TestStorm(t *testing.T) {
	p, f := ready()
	f.Incidents = nil
	for i := range 200 {
		h := node(fmt.Sprintf("n%03d", i))
		f.Hosts[h] = ill(f.At)
		f.Incidents = append(f.Incidents, opened(fmt.Sprintf("i%03d", i), h, f.At.Add(-3*time.Minute)))
	}
	p.Playbooks[0].Limits.MinHealthy = 1
	for i := range 300 {
		f.Hosts[node(fmt.Sprint("well", i))] = well(f.At)
	}
	calm := len(f.Incidents)
	f.Incidents = append(f.Incidents, omen.Incident{ID: "storm", Kind: omen.FleetIncident, State: omen.Open, Host: node("n000"), Members: []omen.Host{node("n000")}})
	rows, acts := 0, 0
	pass := func() (now int) {
		for h, l := range f.Hosts {
			l.ScoredAt = f.At
			f.Hosts[h] = l
		}
		for _, d := range p.Plan(f) {
			if !d.New {
				continue
			}
			rows++
			if d.Action.State == omen.ActionApproved {
				now++
				d.Action.Started, d.Action.State = f.At, omen.ActionMeasuring
			}
			f.Actions = append(f.Actions, d.Action)
		}
		f.At = f.At.Add(10 * time.Second)
		return now
	}
	for range 60 {
		acts += pass()
	}
	if acts != 0 || rows != 200 {
		t.Errorf("in the storm: %d acts and %d rows, want none and one refusal for each incident", acts, rows)
	}
	f.Incidents[calm].State, f.Incidents[calm].ClosedAt = omen.Closed, f.At
	for range 59 {
		acts += pass()
	}
	if acts != 0 {
		t.Errorf("in the ten minutes after it: %d acts", acts)
	}
	for range 60 {
		acts += pass()
		if acts > 1 {
			t.Fatalf("%d acts in one group", acts)
		}
	}
	if acts != 1 {
		t.Errorf("after that %d acts, want the one that the group allows", acts)
	}
	for range 20 * 6 { // each is measured at once, and helps nobody else
		for i := range f.Actions {
			if f.Actions[i].State == omen.ActionMeasuring {
				f.Actions[i].State = omen.ActionHelped
			}
		}
		acts += pass()
		f.At = f.At.Add(10 * time.Minute)
	}
	if acts != perDay {
		t.Errorf("%d acts within a day, want the playbook's budget of %d", acts, perDay)
	}
}

// While the source is away nothing is done, however bad the last scores were; when
// it is back, what is still wrong is answered.
func TestSourceOutage(t *testing.T) {
	p, f := ready()
	f.Sources["prod"] = SourceState{Why: "connection refused"}
	for range 100 {
		f.At = f.At.Add(time.Minute)
		for _, d := range p.Plan(f) {
			if d.Action.State != omen.ActionRefused || d.Action.Guard != GuardSource {
				t.Fatalf("%s by %s", d.Action.State, d.Action.Guard)
			}
			if d.New {
				f.Actions = append(f.Actions, d.Action)
			}
		}
	}
	if len(f.Actions) != 1 {
		t.Errorf("%d rows of one refusal", len(f.Actions))
	}
	f.Sources["prod"] = SourceState{Up: true}
	if d := p.Plan(f)[0]; d.Action.Guard != GuardStale {
		t.Errorf("on the scores from before the outage it is %s by %s", d.Action.State, d.Action.Guard)
	}
	for h, l := range f.Hosts {
		l.ScoredAt = f.At
		f.Hosts[h] = l
	}
	if d := p.Plan(f)[0]; d.Action.State != omen.ActionApproved || d.Action.Attempt != 2 {
		t.Errorf("once it is back: %+v", d.Action)
	}
}

// A host that flaps every three minutes: one incident that reopens. It is acted on
// within the limits of its target, with the cool-down between, and not at each onset.
func TestFlapping(t *testing.T) {
	p, f := ready()
	begin := f.At
	var starts []time.Time
	for f.At = begin; f.At.Before(begin.Add(24 * time.Hour)); f.At = f.At.Add(time.Minute) {
		for h := range f.Hosts {
			f.Hosts[h] = well(f.At)
		}
		if int(f.At.Sub(begin).Minutes())%6 < 3 {
			f.Hosts[node("web-1")] = ill(f.At)
		}
		for _, d := range p.Plan(f) {
			if d.New && d.Action.State == omen.ActionApproved {
				d.Action.Started, d.Action.State = f.At, omen.ActionHelped
				starts = append(starts, f.At)
				f.Actions = append(f.Actions, d.Action)
			} else if d.New {
				f.Actions = append(f.Actions, d.Action)
			}
		}
	}
	if len(starts) != targetPerDay {
		t.Errorf("acted %d times in a day, want %d: %v", len(starts), targetPerDay, starts)
	}
	for i := 1; i < len(starts); i++ {
		if starts[i].Sub(starts[i-1]) < cooldown {
			t.Errorf("acted %s after the one before", starts[i].Sub(starts[i-1]))
		}
	}
}

// The clock is set by an hour: behind, nothing is done before it is again what it
// was, since scores and rows are of the future; ahead, what is known is too old.
func TestClockIsSet(t *testing.T) {
	for _, set := range []time.Duration{-time.Hour, time.Hour} {
		p, f := ready()
		f.Actions = []omen.Action{row("r", omen.ActionHelped, node("web-1"), noon.Add(-40*time.Minute))}
		if d := p.Plan(f)[0]; d.Action.State != omen.ActionApproved {
			t.Fatalf("before: %+v", d.Action)
		}
		f.At = f.At.Add(set)
		d := p.Plan(f)[0]
		if d.Action.State != omen.ActionRefused {
			t.Errorf("set by %s: it is %s", set, d.Action.State)
		}
		said := map[string]bool{}
		for _, s := range d.Verdict {
			said[s.Guard] = s.Why != ""
		}
		if !said[GuardStale] || set < 0 && (!said[GuardCooldown] || !said[GuardEarly]) {
			t.Errorf("set by %s: %+v", set, d.Verdict)
		}
	}
}

// What nobody approves expires and is not asked again by itself; a person may ask
// again, and every guard is asked again.
func TestExpired(t *testing.T) {
	p, f := ready()
	p.Mode = omen.ModeApprove
	a := p.Plan(f)[0].Action
	if a.State != omen.ActionWaiting || a.Expires != noon.Add(approveIn) {
		t.Fatalf("%+v", a)
	}
	f.Actions = []omen.Action{a}
	later := func(d time.Duration) {
		f.At = noon.Add(d)
		for h, l := range f.Hosts {
			l.ScoredAt = f.At
			f.Hosts[h] = l
		}
	}
	later(approveIn - time.Second)
	if d := p.Check(f, a, shop, nil); d.Action.State != omen.ActionWaiting {
		t.Errorf("a second before it expires: %+v", d.Action)
	}
	later(approveIn)
	if d := p.Check(f, a, shop, nil); d.Action.Guard != GuardExpired {
		t.Errorf("as it expires: %+v", d.Action)
	}
	if err := f.Actions[0].Step(omen.ActionExpired, f.At, "nobody approved it"); err != nil {
		t.Fatal(err)
	}
	if d := p.Plan(f)[0]; d.Action.State != omen.ActionRefused || d.New {
		t.Errorf("after it: %+v", d)
	}
	d, err := p.Ask(f, "i1", "restart", "ann", nil)
	if err != nil || d.Action.State != omen.ActionApproved || d.Action.By != "ann" || d.Action.Attempt != 2 {
		t.Errorf("ann asks again: %+v, %v", d.Action, err)
	}
	f.Paused = "by bob"
	if d, err = p.Ask(f, "i1", "restart", "ann", overridable()); err != nil || d.Action.Guard != GuardPaused {
		t.Errorf("ann asks, and it is paused: %+v, %v", d.Action, err)
	}
}

// Between the question and the answer the host recovers, or the incident ends: the
// approval does nothing.
func TestRecoveredBeforeApproval(t *testing.T) {
	p, f := ready()
	p.Mode = omen.ModeApprove
	a := p.Plan(f)[0].Action
	a.Target = shop
	f.Actions = []omen.Action{a}
	f.Hosts[node("web-1")] = well(f.At)
	if d := p.Check(f, a, shop, nil); d.Action.State != omen.ActionRefused || d.Action.Guard != GuardEvidence || !d.New {
		t.Errorf("the host is normal: %+v", d)
	}
	f.Incidents = nil
	if d := p.Check(f, a, shop, nil); d.Action.Guard != GuardEvidence {
		t.Errorf("the incident is over: %+v", d.Action)
	}
}

// A leak that comes back each night for 14 days is acted on each time, since each
// time that helps, and is called chronic from the fifth day on.
func TestLeakThatRecurs(t *testing.T) {
	p, f := ready()
	for day := 1; day <= 14; day++ {
		f.At = noon.Add(time.Duration(day) * 24 * time.Hour)
		for h := range f.Hosts {
			f.Hosts[h] = well(f.At)
		}
		f.Hosts[node("web-1")] = ill(f.At)
		f.Incidents = []omen.Incident{opened(fmt.Sprint("i", day), node("web-1"), f.At.Add(-5*time.Minute))}
		d := p.Plan(f)[0]
		if d = p.Check(f, d.Action, shop, nil); d.Action.State != omen.ActionApproved {
			t.Fatalf("day %d: %s by %s: %s", day, d.Action.State, d.Action.Guard, d.Action.Why)
		}
		a := d.Action
		a.Started, a.Ended, a.State, a.Recovered = f.At, f.At.Add(15*time.Minute), omen.ActionHelped, 3*time.Minute
		f.Actions = append(f.Actions, a)
		chronic := Chronics(f.Actions, f.At.Add(time.Hour))
		if (len(chronic) == 1) != (day >= chronicActions) {
			t.Fatalf("day %d: %+v", day, chronic)
		}
		if day == 14 && (chronic[0].Actions != 7 || chronic[0].Target != shop.ID()) {
			t.Errorf("day 14: %+v", chronic)
		}
	}
	if e := p.Playbooks[0].Effect(f.Actions, nil, time.Time{}, f.At); e.Helped != 14 || e.Disable != "" || e.Recovery != 3*time.Minute {
		t.Errorf("%+v", e)
	}
}

// What is another thing each time, such as a pod of a workload or the instance of a
// script, is chronic by its host.
func TestChronicByHost(t *testing.T) {
	for does, kind := range map[string]string{DoEvict: "pod", DoDelete: "pod", DoScript: "unit"} {
		var rows []omen.Action
		for i := range chronicActions {
			rows = append(rows, omen.Action{
				ID: fmt.Sprint("a", i), Playbook: "clean", Host: node("web-1"), Does: does, State: omen.ActionHelped,
				Target: omen.Target{Kind: kind, Name: fmt.Sprint("web-", i)}, Started: noon.Add(time.Duration(i) * time.Hour),
			})
		}
		if all := Chronics(rows, noon.Add(24*time.Hour)); len(all) != 1 || all[0].Target != "web-1" {
			t.Errorf("%s: %+v", does, all)
		}
	}
}

func TestAsk(t *testing.T) {
	p, f := ready()
	for name, c := range map[string]struct {
		incident, playbook, by string
		override               []string
		want                   error
	}{
		"another incident":          {"i9", "restart", "ann", nil, omen.ErrNotFound},
		"another playbook":          {"i1", "reboot", "ann", nil, omen.ErrNotFound},
		"nobody":                    {"i1", "restart", "", nil, omen.ErrInvalid},
		"Omen":                      {"i1", "restart", "omen", nil, omen.ErrInvalid},
		"no such guard":             {"i1", "restart", "ann", []string{"all"}, omen.ErrInvalid},
		"a guard that never yields": {"i1", "restart", "ann", []string{GuardSelf}, omen.ErrInvalid},
	} {
		if _, err := p.Ask(f, c.incident, c.playbook, c.by, c.override); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	other := p
	other.Mode = omen.ModeSuggest
	if _, err := other.Ask(f, "i1", "restart", "ann", nil); !errors.Is(err, omen.ErrConflict) {
		t.Errorf("suggest: %v", err)
	}
	f.Muted = map[string]string{"i1": "silence s1"}
	d, err := p.Ask(f, "i1", "restart", "ann", nil)
	if err != nil || d.Action.Guard != GuardQuiet {
		t.Errorf("silenced: %+v, %v", d.Action, err)
	}
	d, err = p.Ask(f, "i1", "restart", "ann", []string{GuardQuiet})
	if err != nil || d.Action.State != omen.ActionApproved || d.Action.Overridden[0] != GuardQuiet || !slices.ContainsFunc(d.Verdict, func(s GuardSays) bool { return s.Guard == GuardQuiet && s.Why != "" }) {
		t.Errorf("silenced, and overridden: %+v, %v", d, err)
	}
	f.Actions = []omen.Action{d.Action}
	if d = p.Check(f, d.Action, shop, nil); d.Action.State != omen.ActionApproved {
		t.Errorf("as it is called: %s by %s: %s", d.Action.State, d.Action.Guard, d.Action.Why)
	}
}

// Of a playbook that acts by itself a share of incidents is left alone: always the
// same ones, about as many as asked for.
func TestHoldout(t *testing.T) {
	p, f := ready()
	p.Playbooks[0].Holdout = 0.25
	left := 0
	for i := range 400 {
		f.Incidents[0].ID = fmt.Sprintf("20261129T120000-%012x", i)
		a, b := p.Plan(f)[0].Action, p.Plan(f)[0].Action
		if a.State != b.State {
			t.Fatal("it is left to chance")
		}
		if a.State == omen.ActionSuggested && a.Guard == holdout {
			left++
		}
	}
	if left < 70 || left > 130 { // 100 ± 3.5 deviations of a binomial
		t.Errorf("%d of 400 are left alone, want about 100", left)
	}
}

func TestValidate(t *testing.T) {
	good, _ := ready()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := (Policy{}).Validate(); err != nil {
		t.Errorf("the zero policy: %v", err)
	}
	for name, edit := range map[string]func(*Policy, *Playbook){
		"mode of all":       func(p *Policy, _ *Playbook) { p.Mode = "yes" },
		"budget":            func(p *Policy, _ *Playbook) { p.PerHour = -1 },
		"mode":              func(_ *Policy, b *Playbook) { b.Mode = "on" },
		"name":              func(_ *Policy, b *Playbook) { b.Name = "Restart it" },
		"two of a name":     func(p *Policy, b *Playbook) { p.Playbooks = append(p.Playbooks, *b) },
		"no match":          func(_ *Policy, b *Playbook) { b.Match = nil },
		"match":             func(_ *Policy, b *Playbook) { b.Match[0].IsRegex, b.Match[0].Value = true, "(" },
		"kind":              func(_ *Policy, b *Playbook) { b.Kinds = []omen.IncidentKind{omen.FleetIncident} },
		"severity":          func(_ *Policy, b *Playbook) { b.MinSeverity = omen.Info },
		"does nothing":      func(_ *Policy, b *Playbook) { b.Does = Step{} },
		"after":             func(_ *Policy, b *Playbook) { b.After = -time.Second },
		"approval of a day": func(_ *Policy, b *Playbook) { b.ApproveIn = 24 * time.Hour },
		"effect of a day":   func(_ *Policy, b *Playbook) { b.EffectIn = 24 * time.Hour },
		"cooldown":          func(_ *Policy, b *Playbook) { b.Limits.Cooldown = -1 },
		"limit":             func(_ *Policy, b *Playbook) { b.Limits.TargetPerDay = -1 },
		"holdout":           func(_ *Policy, b *Playbook) { b.Holdout = 0.6 },
		"holdout of approval": func(p *Policy, b *Playbook) {
			b.Holdout, b.Mode, p.Approvers.Users = 0.1, omen.ModeApprove, []string{"ann"}
		},
		"nobody approves": func(_ *Policy, b *Playbook) { b.Mode = omen.ModeApprove },
	} {
		p, _ := ready()
		edit(&p, &p.Playbooks[0])
		if err := p.Validate(); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
