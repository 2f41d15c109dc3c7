package feedback

import (
	"time"

	"github.com/omenhq/omen"
)

// ActionSpans are the times until to that a host's model must not learn as normal
// because of actions on it, its own rows: from the start of each until what it did
// was known, or until to where it is not known yet. What did not happen left no
// trace.
func ActionSpans(actions []omen.Action, to time.Time) []omen.Span {
	var spans []omen.Span
	for _, a := range actions {
		if a.Started.IsZero() || a.State == omen.ActionFailed || !a.Started.Before(to) {
			continue
		}
		end := to
		if !a.Ended.IsZero() && !a.State.Live() && a.Ended.Before(to) {
			end = a.Ended
		}
		if a.Started.Before(end) {
			spans = append(spans, omen.Span{From: a.Started, To: end, Why: "action " + a.ID})
		}
	}
	return spans
}
