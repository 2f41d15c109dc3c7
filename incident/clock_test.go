package incident

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// The clock is set back and ahead, by less and by more than what a bad clock may
// be off: nothing opens, closes, expires or stands still for it, and the trouble
// that was there is noticed to end.
func TestTheClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, -time.Minute, 2 * time.Minute, time.Hour, 26 * time.Hour} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			tr, at := NewTracker(Hysteresis{}, nil), noon
			var made []omen.Change
			round := func(samples int, value float64) {
				for range samples {
					k := omen.Tick{Source: "prod", At: at}
					for i := range 6 {
						k.Scores = append(k.Scores, scoreOf(fmt.Sprint("web-", i), at, .3, "cpu"))
					}
					k.Scores[0].Value, k.Scores[0].Unsmoothed = value, value
					made = append(made, tr.Tick(k)...)
					at = at.Add(15 * time.Second)
				}
			}
			round(10, 1.5)
			at = at.Add(by)
			tr.ClockSet(by)
			made = append(made, tr.Idle(at)...)
			round(10, 1.5)
			if len(made) != 1 || made[0].Kind != omen.ChangeOpened {
				t.Fatalf("%+v, want one incident, open", made)
			}
			round(12, .3)
			if len(made) != 2 || made[1].Reason != omen.ReasonRecovered || made[1].Incident.ClosedAt.Before(made[1].Incident.Since) {
				t.Errorf("%+v, want one incident, recovered", made)
			}
		})
	}
}

// The clock is set back by more than the time for which IDs are known to be used: what is
// found at an instant that comes again is another incident, with changes of its own.
func TestAnOnsetThatComesAgainAfterDays(t *testing.T) {
	db := openStore(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	d := NewManager(Options{Store: db})
	d.tracker = newTracker(d.o)
	onset := noon
	id := d.tracker.newID(omen.ForecastIncident, "web-1", onset)
	in := omen.Incident{ID: id, Kind: omen.ForecastIncident, Host: hostNamed("web-1"), State: omen.Closed, Since: onset, ClosedAt: onset.Add(time.Hour), ChangeNumber: 2}
	must.OK(t, db.Append(t.Context(), omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in}))
	d.tracker.used[id] = onset
	d.tracker.Tick(omen.Tick{Source: "prod", At: onset.Add(3 * 24 * time.Hour)})
	d.rememberUsed(t.Context(), onset.Add(-time.Hour)) // three days and an hour back
	if again := d.tracker.newID(omen.ForecastIncident, "web-1", onset); again == id {
		t.Errorf("what is found at %s again has the ID %s of what was", onset, id)
	}
}
