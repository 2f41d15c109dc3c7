package feedback

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
)

// What an action did to its host is kept out of training, from its start until that
// is known; what never happened is not.
func TestActionSpans(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2026, 11, 29, 12, minutes, 0, 0, time.UTC)
	}
	got := ActionSpans([]omen.Action{
		{ID: "helped", State: omen.ActionHelped, Started: at(1), Ended: at(16)},
		{ID: "failed", State: omen.ActionFailed, Started: at(2), Ended: at(2)},
		{ID: "refused", State: omen.ActionRefused, Ended: at(3)},
		{ID: "stuck", State: omen.ActionStuck, Started: at(4), Ended: at(5)},
		{ID: "measuring", State: omen.ActionMeasuring, Started: at(20)},
		{ID: "later", State: omen.ActionHelped, Started: at(40), Ended: at(50)},
		{ID: "undone", State: omen.ActionUndone, Started: at(-24 * 60), Ended: at(10)},
	}, at(30))
	want := []omen.Span{
		{From: at(1), To: at(16), Why: "action helped"}, {From: at(4), To: at(30), Why: "action stuck"}, {From: at(20), To: at(30), Why: "action measuring"},
		{From: at(-24 * 60), To: at(-16 * 60), Why: "action undone"}, // it had settled long before
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}
