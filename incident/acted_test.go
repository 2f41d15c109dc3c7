package incident

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// A step of an action is a change of its incident, with its row and who made it, or
// is not there at all; from its start on the incident counts as acted on.
func TestActionsAreChangesOfTheirIncident(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "memory", "web-1")
		in := incidents(t, db, store.Filter{})[0]
		a := omen.Action{ID: omen.ActionID(in.ID, "restart", 1), Incident: in.ID, Playbook: "restart", Attempt: 1, Host: in.Host, Group: "g", At: time.Now().UTC()}
		for _, to := range []omen.ActionState{omen.ActionWaiting, omen.ActionApproved, omen.ActionStarted, omen.ActionDone} {
			from := a.State
			must.OK(t, a.Step(to, time.Now(), "because"))
			c := must.Get(d.Do(t.Context(), Command{Incident: in.ID, Action: Act, By: "omen", Do: &a, From: from}))(t)
			if c.Kind != omen.ChangeActed || c.Reason != "action_"+string(to) || c.Action == nil || c.Action.State != to || c.Incident.Remedy == "" {
				t.Errorf("%s: %+v", to, c)
			}
			if acted := c.Incident.Actions == 1 && c.Incident.ActedBy == "playbook restart"; acted != (to == omen.ActionStarted || to == omen.ActionDone) {
				t.Errorf("%s: %d actions, acted on by %q", to, c.Incident.Actions, c.Incident.ActedBy)
			}
		}
		changes := must.Get(db.Changes(t.Context(), in.ID))(t)
		checkLives(t, changes)
		before := must.Get(db.Head(t.Context()))(t)
		if _, err := d.Do(t.Context(), Command{Incident: in.ID, Action: Act, By: "omen", Do: &a, From: omen.ActionStarted}); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("the same step twice: %v", err)
		}
		if head := must.Get(db.Head(t.Context()))(t); head != before {
			t.Error("the step that was not made is in the journal")
		}
		for _, c := range []Command{{Incident: in.ID, Action: Act, By: "ann"}, {Incident: "i-other", Action: Act, By: "ann", Do: &a}} {
			if _, err := d.Do(t.Context(), c); !errors.Is(err, omen.ErrInvalid) {
				t.Errorf("%+v: %v", c, err)
			}
		}
		offer(t, d, 12, .3, "memory")
		if in = incidents(t, db, store.Filter{})[0]; in.State != omen.Closed || in.Actions != 1 {
			t.Errorf("closed: %s, %d actions", in.State, in.Actions)
		}
	})
}

// What a playbook acted on does not become the new normal, however long it lasts.
func TestWhatWasActedOnDoesNotExpire(t *testing.T) {
	for _, acted := range []bool{false, true} {
		tr := NewTracker(DefaultHysteresis(), nil)
		var in omen.Incident
		expired := false
		for i := range 26 * 60 {
			for _, c := range tr.Observe(scoreOf("web-1", noon.Add(time.Duration(i)*time.Minute), 3, "memory")) {
				in = c.Incident
				expired = expired || c.Kind == omen.ChangeClosed
			}
			if acted && in.ID != "" && in.Actions == 0 {
				a := omen.Action{ID: "a1", Incident: in.ID, Playbook: "restart", State: omen.ActionStarted, Started: noon}
				changes, err := tr.Prepare(in, Command{Incident: in.ID, Action: Act, By: "omen", Do: &a, From: omen.ActionApproved}, noon)
				must.OK(t, err)
				tr.Commit(changes)
				in = changes[0].Incident
			}
		}
		if in.ID == "" || expired == acted {
			t.Errorf("acted on %t: expired %t", acted, expired)
		}
	}
}
