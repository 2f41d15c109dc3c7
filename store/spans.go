package store

import (
	"context"
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
)

// ExcludedSpans are the times within from…to that host's model must not learn
// as normal: its open incidents (until to), those that an operator confirmed,
// and closed ones that nobody has judged. Rejected and expected incidents,
// trivial ones, those of a model too young to page, and those that expired as
// the new normal are learnable again.
// Silences and windows are the caller's to add; see package incident.
func (db *DB) ExcludedSpans(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.Span, error) {
	found, err := db.Incidents(ctx, Filter{Host: host, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("excluded spans of host %s: %w", host.ID(), err)
	}
	var spans []omen.Span
	for _, in := range found {
		if !excludes(in) {
			continue
		}
		end := in.ClosedAt
		if in.State != omen.Closed || end.After(to) {
			end = to
		}
		begin := in.Since
		if begin.Before(from) {
			begin = from
		}
		spans = append(spans, omen.Span{From: begin, To: end, Why: "incident " + in.ID})
	}
	return spans, nil
}

// excludes reports whether an incident's time is kept out of training.
func excludes(in omen.Incident) bool {
	switch {
	case in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident:
		return false // there are no samples to learn from
	case in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected:
		return false
	case in.Verdict == omen.Real:
		return true
	case in.Suppressed == omen.ReasonTrivial || in.Suppressed == omen.ReasonColdStart:
		return false // or a young model would never grow up
	case in.State != omen.Closed:
		return true
	}
	return in.Suppressed == "" && in.Reason != omen.ReasonExpired
}
