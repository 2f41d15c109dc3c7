package feedback_test

import (
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

func TestWhatSettledIsNotLearnedForADay(t *testing.T) {
	since := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	in := omen.Incident{ID: "a", Kind: omen.HostIncident, State: omen.Closed, Severity: omen.Warning, ChangeNumber: 2, Since: since, ClosedAt: since.Add(40 * time.Minute)}
	for reason, want := range map[string]time.Time{omen.ReasonSettled: since.Add(24 * time.Hour), omen.ReasonRecovered: in.ClosedAt} {
		in.Reason = reason
		excluded, _ := feedback.Past{Incidents: []omen.Incident{in}}.Spans(since.Add(-time.Hour), since.Add(72*time.Hour))
		if len(excluded) != 1 || !excluded[0].To.Equal(want) {
			t.Errorf("%s: excluded %v, want up to %s", reason, excluded, want)
		}
	}
}
