package alertmanager

import (
	"path/filepath"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/store"
)

// An end is repeated for overFor after it first arrived, so that an
// Alertmanager that restarts then hears of it; then it is forgotten.
func TestEndsAreRepeated(t *testing.T) {
	am := &Client{alerts: map[string]*pushed{}, view: messagetest.View()}
	am.take(messagetest.Step("a", "h", 1, omen.ChangeOpened, messagetest.Noon))
	am.take(messagetest.Step("a", "h", 2, omen.ChangeEscalated, messagetest.Noon.Add(time.Minute)))
	quiet := messagetest.Step("a", "h", 3, omen.ChangeUpdated, messagetest.Noon)
	quiet.Incident.Severity, quiet.Incident.Suppressed = omen.Critical, omen.ReasonSilenced
	am.take(quiet)
	if n := len(am.alerts); n != 2 {
		t.Fatalf("%d alerts, want one for each severity", n)
	}
	now := messagetest.Noon.Add(2 * time.Minute)
	if w := am.postable(am.alerts["a/warning"], now); !w.EndsAt.Equal(messagetest.Noon.Add(time.Minute)) {
		t.Errorf("the warning ends at %s, want when it escalated", w.EndsAt)
	}
	if c := am.postable(am.alerts["a/critical"], now); !c.EndsAt.Equal(now.Add(pushValid)) {
		t.Errorf("an incident silenced after it was pushed ends at %s, want it to go on firing", c.EndsAt)
	}
	end := messagetest.Step("a", "h", 4, omen.ChangeClosed, messagetest.Noon.Add(5*time.Minute))
	end.Incident.Severity = omen.Critical
	am.take(end)
	if c := am.postable(am.alerts["a/critical"], messagetest.Noon.Add(10*time.Minute)); !c.EndsAt.Equal(messagetest.Noon.Add(5 * time.Minute)) {
		t.Errorf("ends at %s", c.EndsAt)
	}
	am.take(messagetest.Step("a", "h", 2, omen.ChangeEscalated, messagetest.Noon)) // replayed
	if am.alerts["a/critical"].over.IsZero() {
		t.Error("a replayed change brought a dead incident back")
	}
}

func TestSuppressedIsNotPushed(t *testing.T) {
	am := &Client{alerts: map[string]*pushed{}, view: messagetest.View()}
	c := messagetest.Step("a", "h", 1, omen.ChangeOpened, messagetest.Noon)
	c.Incident.Suppressed = omen.ReasonColdStart
	am.take(c)
	am.take(messagetest.Step("b", "h", 1, omen.ChangeClosed, messagetest.Noon))
	if len(am.alerts) != 0 {
		t.Errorf("pushes %d alerts nobody is to know", len(am.alerts))
	}
	am.take(messagetest.Step("a", "h", 2, omen.ChangeUpdated, messagetest.Noon))
	if len(am.alerts) != 1 {
		t.Error("what is no longer suppressed is not pushed")
	}
}

// A client that starts after changes that never arrived sends their ends, too,
// however long ago.
func TestClientRemembersWhatNeverArrived(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	long := time.Now().Add(-3 * time.Hour).UTC()
	if err := db.Append(t.Context(), messagetest.Step("a", "h", 1, omen.ChangeOpened, long)); err != nil {
		t.Fatal(err)
	}
	end, other := messagetest.Step("a", "h", 2, omen.ChangeClosed, long.Add(time.Hour)), messagetest.Step("b", "h", 1, omen.ChangeOpened, long)
	if err := db.Append(t.Context(), end, other); err != nil {
		t.Fatal(err)
	}
	am := &Client{store: db, view: messagetest.View()}
	if err := am.Restore(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	changes, err := db.ChangesAfter(t.Context(), am.advanced, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		am.take(c)
	}
	if a := am.alerts["a/warning"]; a == nil || a.over.IsZero() || am.alerts["b/warning"] == nil || !am.news {
		t.Errorf("alerts %v", am.alerts)
	}
}
