package feedback

import (
	"time"

	"github.com/omenhq/omen"
)

// longestSpan is longer than what an action did is measured for: what ended later,
// such as one that was undone after days, had settled long before.
const longestSpan = 8 * time.Hour

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
		if !a.Ended.IsZero() && !a.State.Live() {
			for _, t := range []time.Time{a.Ended, a.Started.Add(longestSpan)} {
				if t.Before(end) {
					end = t
				}
			}
		}
		if a.Started.Before(end) {
			spans = append(spans, omen.Span{From: a.Started, To: end, Why: "action " + a.ID})
		}
	}
	return spans
}
