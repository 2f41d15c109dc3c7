package remedy

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// hours are one instant.
type hours struct{ at time.Time }

func (h hours) Holds(at time.Time) string {
	if at.Equal(h.at) {
		return "nights"
	}
	return ""
}

// In quiet hours a playbook that asks people asks them, and one that acts by itself is
// run by hand alone; after them it acts.
func TestQuietHours(t *testing.T) {
	p, f := ready()
	p.Quiet = hours{f.At}
	if d, err := p.Ask(f, "i1", "restart", "ann", nil); err != nil || d.Action.State != omen.ActionApproved {
		t.Errorf("ann asks: %+v, %v", d.Action, err)
	}
	refused := p.Plan(f)[0]
	if refused.Action.Guard != GuardHours || !refused.New {
		t.Errorf("by itself: %+v", refused.Action)
	}
	f.Actions = append(f.Actions, refused.Action)
	if d := p.Plan(f)[0]; d.New {
		t.Errorf("the same refusal is written again: %+v", d.Action)
	}
	asks := p
	asks.Playbooks = []Playbook{p.Playbooks[0]}
	asks.Playbooks[0].Mode = omen.ModeApprove
	if d := asks.Plan(f)[0]; d.Action.State != omen.ActionWaiting {
		t.Errorf("one that asks: %+v", d.Action)
	}
	p.Quiet = hours{f.At.Add(-time.Hour)}
	if d := p.Plan(f)[0]; d.Action.State != omen.ActionApproved {
		t.Errorf("after them: %+v", d.Action)
	}
}
