package remedy

import (
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// Which pod is to blame holds for a few minutes, and not when the clock was set back.
func TestBlameIsFresh(t *testing.T) {
	on := omen.PodRef{Node: "n1", Namespace: "shop", Pod: "a"}
	book := Playbook{Does: Step{Name: DoEvict, With: map[string]string{"which": WhichBlamed}}}
	for age, allows := range map[time.Duration]bool{0: true, blameFresh: true, blameFresh + time.Second: false, -blameFresh - time.Second: false} {
		d := draft{
			facts: &Facts{At: noon, Blames: map[string]omen.Blame{"i1": {At: noon.Add(-age), PodRef: on}}},
			book:  &book, action: omen.Action{Incident: "i1", Blamed: on},
		}
		if why := noBlame(&d); (why == "") != allows {
			t.Errorf("looked at %s ago: %q", age, why)
		}
	}
}

// Whatever its mode, a playbook acts on a pod that is to blame only when a person says
// so; and what people alone do it suggests, once.
func TestNobodyActsOnABlamedPodByItself(t *testing.T) {
	p, f := ready()
	p.Approvers.Users = []string{"ann"}
	p.Playbooks[0].Does = Step{Name: DoEvict, With: map[string]string{"which": WhichBlamed}}
	p.Playbooks[0].Holdout = 0.5
	if err := p.Validate(); err != nil || p.Effective("restart") != omen.ModeApprove {
		t.Fatalf("%v, mode %s", err, p.Effective("restart"))
	}
	alone := p
	alone.Approvers = Approvers{}
	if err := alone.Validate(); err == nil {
		t.Error("nobody may approve, and that is no mistake")
	}
	if d := p.Plan(f)[0]; d.Action.State != omen.ActionRefused || d.Action.Guard != GuardBlame {
		t.Errorf("before anybody looked: %+v", d.Action)
	}
	on := omen.PodRef{Node: "n1", Namespace: "shop", Pod: "a"}
	f.Blames = map[string]omen.Blame{"i1": {At: f.At, PodRef: on}}
	d := p.Plan(f)[0]
	if a := d.Action; a.State != omen.ActionWaiting || a.By != "" || a.Mode != omen.ModeApprove || a.Blamed != on || !d.New {
		t.Fatalf("planned %+v", a)
	}
	pod := omen.Target{Kind: "pod", Namespace: "shop", Name: "a", UID: "u"}
	if got := p.Check(f, d.Action, pod, nil); got.Action.State != omen.ActionWaiting || !got.New {
		t.Errorf("a pod that its workload replaces: %+v", got.Action)
	}
	pod.Manual = "nothing would bring the pod back"
	got := p.Check(f, d.Action, pod, nil)
	if a := got.Action; a.State != omen.ActionSuggested || !a.Expires.IsZero() || !strings.Contains(a.Why, pod.Manual) || !got.New {
		t.Fatalf("a bare pod: %+v", a)
	}
	f.Actions = append(f.Actions, got.Action)
	f.At = f.At.Add(time.Minute)
	for h, l := range f.Hosts {
		l.ScoredAt = f.At
		f.Hosts[h] = l
	}
	f.Blames["i1"] = omen.Blame{At: f.At, PodRef: on}
	if d := p.Plan(f)[0]; d.New || d.Action.Guard != GuardAsked {
		t.Errorf("a minute later: %+v", d.Action)
	}
	asked, err := p.Ask(f, "i1", "restart", "ann", nil)
	if err != nil || asked.Action.State != omen.ActionApproved {
		t.Fatalf("ann asks: %+v, %v", asked.Action, err)
	}
	if got := p.Check(f, asked.Action, pod, nil); got.Action.State != omen.ActionRefused || got.Action.Guard != GuardTarget {
		t.Errorf("ann asks for what people alone do: %+v", got.Action)
	}
	other := on
	other.Pod = "b"
	f.Blames["i1"] = omen.Blame{At: f.At, PodRef: other}
	if d := p.Plan(f)[0]; !d.New || d.Action.State != omen.ActionWaiting || d.Action.Blamed != other {
		t.Errorf("another pod is to blame: %+v", d.Action)
	}
}

// A replay takes from the journal which pod was to blame.
func TestReplayKnowsWhoWasToBlame(t *testing.T) {
	p, _ := ready()
	p.Playbooks[0].Does = Step{Name: DoEvict, With: map[string]string{"which": WhichBlamed}}
	for pod, acts := range map[string]bool{"": false, "a": true} {
		in := opened("i1", node("web-1"), noon)
		in.Blame = &omen.Blame{At: noon, PodRef: omen.PodRef{Node: "n1", Namespace: "shop", Pod: pod}, Why: "two rose"}
		r, err := Replay(p, History{From: noon, To: noon.Add(time.Hour), Changes: func(yield func(omen.Change, error) bool) {
			yield(omen.Change{At: noon, Incident: in}, nil)
		}})
		if err != nil || len(r.Rows) != 1 || r.Rows[0].At.IsZero() == acts {
			t.Errorf("pod %q: %+v, %v", pod, r.Rows, err)
		}
	}
}
