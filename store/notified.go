package store

import (
	"context"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// FirstNotified is when people were first notified of an incident, as the journal has
// it: for incidents of before that was kept on them. A member of a fleet's incident was
// notified of with that. The zero time where they were not.
func (db *DB) FirstNotified(ctx context.Context, incident string) (time.Time, error) {
	changes, err := db.Changes(ctx, incident)
	if err != nil {
		return time.Time{}, err
	}
	for _, c := range changes {
		if feedback.Notifies(c) {
			return c.At, nil
		}
		if f := c.Incident.Fleet; f != "" && f != incident && c.Incident.Suppressed == omen.ReasonFleet {
			if at, err := db.FirstNotified(ctx, f); err != nil || !at.IsZero() {
				return at, err
			}
		}
	}
	return time.Time{}, nil
}

// cameBack completes incidents that came back trivial, and of which it is not said
// whether people were notified of them: that is asked of the journal. Their severity
// does not say so, since those that were silenced have one, too. What the journal no longer
// has whole stays not said.
func (db *DB) cameBack(ctx context.Context, all []omen.Incident) {
	for i := range all {
		in := &all[i]
		if in.Kind == omen.HostIncident && in.Suppressed == omen.ReasonTrivial && in.Severity != omen.Info && in.NotifiedAt.IsZero() {
			if at, err := db.FirstNotified(ctx, in.ID); err == nil {
				in.NotifiedAt = at
			}
		}
	}
}
