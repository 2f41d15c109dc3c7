package remedy

import (
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func node(name string) omen.Host { return omen.Host{Source: "prod", Profile: "node", Name: name} }

func is(name, value string) mute.Matcher {
	return mute.Matcher{Name: name, Value: value, IsEqual: true}
}

// opened is a host's incident that every guard lets pass.
func opened(id string, h omen.Host, since time.Time) omen.Incident {
	return omen.Incident{
		ID: id, Kind: omen.HostIncident, Host: h, State: omen.Open, Severity: omen.Warning, Grade: omen.Established,
		Since: since, OpenedAt: since, Score: 3, Peak: 3,
		Causes: []omen.Cause{{Feature: "memory_used", Share: 0.8, Actual: 0.9, Expected: 0.4}},
	}
}

func well(at time.Time) Live {
	return Live{Score: 0.4, ScoredAt: at, Step: 15 * time.Second, Grade: omen.Established}
}

func ill(at time.Time) Live {
	l := well(at)
	l.Score = 3
	return l
}

// ready is a policy of one playbook, and facts on which it acts: web-1 has an
// incident, web-2…web-5 are well.
func ready() (Policy, Facts) {
	p := Policy{Mode: omen.ModeAutomatic, Playbooks: []Playbook{{
		Name: "restart", Mode: omen.ModeAutomatic, Match: []mute.Matcher{is("profile", "node")}, Does: Step{Name: DoUnit},
	}}}
	f := Facts{
		At: noon, Incidents: []omen.Incident{opened("i1", node("web-1"), noon.Add(-5*time.Minute))},
		Hosts:   map[omen.Host]Live{node("web-1"): ill(noon)},
		Sources: map[string]SourceState{"prod": {Up: true}},
	}
	for i := 2; i <= 5; i++ {
		f.Hosts[node(fmt.Sprint("web-", i))] = well(noon)
	}
	return p, f
}

var shop = omen.Target{Kind: "unit", Name: "shop.service", UID: "invocation-1"}

// row is what is left of an action.
func row(id string, state omen.ActionState, h omen.Host, started time.Time) omen.Action {
	a := omen.Action{
		ID: id, Incident: "before-" + id, Playbook: "restart", Attempt: 1, Host: h, Group: "prod/node", Does: DoUnit,
		State: state, At: started, Started: started,
	}
	if !state.Live() {
		a.Ended = started.Add(20 * time.Minute)
	}
	return a
}

// world is what a case of a guard changes.
type world struct {
	p      Policy
	f      Facts
	a      omen.Action
	now    omen.Target
	looked error
}

func (w *world) in() *omen.Incident { return &w.f.Incidents[0] }

func (w *world) live(edit func(*Live)) {
	l := w.f.Hosts[node("web-1")]
	edit(&l)
	w.f.Hosts[node("web-1")] = l
}

func (w *world) another(in omen.Incident, kind omen.IncidentKind) *omen.Incident {
	in.Kind = kind
	w.f.Incidents = append(w.f.Incidents, in)
	return &w.f.Incidents[len(w.f.Incidents)-1]
}

// written makes the action a row in a state.
func (w *world) written(state omen.ActionState) {
	w.a.State, w.a.Target = state, shop
	w.f.Actions = append(w.f.Actions, w.a)
}

func (w *world) ago(state omen.ActionState, since ...time.Duration) {
	for i, d := range since {
		w.f.Actions = append(w.f.Actions, row(fmt.Sprint("r", i), state, node("web-1"), w.f.At.Add(-d)))
	}
}

// blamed has the playbook act on the pod that is to blame; empty: nobody has looked.
func (w *world) blamed(name string) {
	w.p.Playbooks[0].Does = Step{Name: DoEvict, With: map[string]string{"which": WhichBlamed}}
	w.a.Does, w.f.Blames = DoEvict, map[string]omen.Blame{}
	if name != "" {
		w.a.Blamed = omen.PodRef{Node: "n1", Namespace: "shop", Pod: name}
		w.f.Blames["i1"] = omen.Blame{At: noon, PodRef: w.a.Blamed}
	}
}

// refused are attempts that Omen approved itself and a guard then refused.
func (w *world) refused(guard string, ago ...time.Duration) {
	for i, d := range ago {
		at := w.f.At.Add(-d)
		w.f.Actions = append(w.f.Actions, omen.Action{
			ID: fmt.Sprint("f", guard, i), Incident: "i1", Playbook: "restart", State: omen.ActionRefused, Guard: guard, By: byOmen, At: at, Ended: at,
		})
	}
}

// own opens an incident of Omen's own.
func own(trouble string) func(*world) {
	return func(w *world) {
		w.another(omen.Incident{ID: "o", State: omen.Open, Trouble: trouble}, omen.OwnIncident)
	}
}
