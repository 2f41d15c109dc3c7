package incident

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// Which pod an incident comes from is a change of it, which stays with it; nobody has
// acted on it by that, and a closed one has no more of them.
func TestBlameIsAChangeOfTheIncident(t *testing.T) {
	found := omen.Blame{
		PodRef: omen.PodRef{Node: "n1", Namespace: "shop", Pod: "a"}, Why: "it has 87 % of it", Unit: omen.Ratio, Surplus: 0.4,
		Pods: []omen.PodRise{{PodRef: omen.PodRef{Namespace: "shop", Pod: "a"}, Rise: 0.35, Share: 0.875}},
	}
	inBubble(t, filepath.Join(t.TempDir(), "omen.db"), func(t *testing.T, d *Manager, db *store.DB) {
		offer(t, d, 5, 3, "cpu_user", "web-1")
		in := incidents(t, db, store.Filter{})[0]
		c := must.Get(d.Do(t.Context(), Command{Incident: in.ID, Action: Blame, By: "omen", Found: &found}))(t)
		if c.Kind != omen.ChangeUpdated || c.Reason != omen.ReasonBlame || !strings.HasPrefix(c.Comment, "Pod shop/a of node n1 is to blame") || c.Incident.ActedBy != "" || c.Incident.AckedBy != "" {
			t.Errorf("%+v", c)
		}
		if _, err := d.Do(t.Context(), Command{Incident: in.ID, Action: Blame, By: "omen"}); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("of nothing: %v", err)
		}
		if in = incidents(t, db, store.Filter{})[0]; in.Blame == nil || in.Blame.Pod != "a" || len(in.Blame.Pods) != 1 {
			t.Errorf("stored: %+v", in.Blame)
		}
		offer(t, d, 12, .3, "cpu_user")
		if in = incidents(t, db, store.Filter{})[0]; in.State != omen.Closed || in.Blame == nil {
			t.Errorf("closed: %s %+v", in.State, in.Blame)
		}
		if _, err := d.Do(t.Context(), Command{Incident: in.ID, Action: Blame, By: "omen", Found: &found}); !errors.Is(err, omen.ErrConflict) {
			t.Errorf("of a closed one: %v", err)
		}
	})
}
