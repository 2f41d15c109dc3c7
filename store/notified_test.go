package store

import (
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/internal/must"
)

// Incidents of before it was kept on them when people were notified, and that came
// back trivial, are those that people were notified of by what the journal has; what
// was silenced is not, though its severity is the same.
func TestIncidentsOfBeforeNotifiedAtWasKept(t *testing.T) {
	db := openTest(t)
	fleet := change(9, 1, omen.ChangeOpened)
	fleet.Incident.ID, fleet.Incident.Kind = "f", omen.FleetIncident
	must.OK(t, db.Append(t.Context(), fleet))
	for i, first := range []string{"", omen.ReasonSilenced, omen.ReasonFleet} {
		opened, closed := change(i, 1, omen.ChangeOpened), change(i, 3, omen.ChangeClosed)
		if opened.Incident.Suppressed = first; first == omen.ReasonFleet {
			opened.Incident.Fleet = "f"
		}
		back := change(i, 2, omen.ChangeReopened)
		back.Incident.Suppressed, closed.Incident.Suppressed = omen.ReasonTrivial, omen.ReasonTrivial
		must.OK(t, db.Append(t.Context(), opened, back, closed))
		want := map[string]time.Time{"": opened.At, omen.ReasonFleet: fleet.At}[first]
		in := must.Get(db.Incident(t.Context(), opened.Incident.ID))(t)
		if !in.NotifiedAt.Equal(want) || feedback.Weak(in) == (first == omen.ReasonSilenced) {
			t.Errorf("suppressed by %q at first: notified at %s, want %s; weak: %t", first, in.NotifiedAt, want, feedback.Weak(in))
		}
	}
}
