package store

import (
	"context"
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
)

// Told is, oldest first, the change by which people were first told of each
// incident of hosts, of those told of at or after since. It reads the whole
// journal: it is for a start, [DB.FollowFrom] and [Tells] are for afterwards.
func (db *DB) Told(ctx context.Context, since time.Time) ([]omen.Change, error) {
	found, err := query(ctx, db.read, scanChange, `SELECT `+journalColumns+` FROM journal WHERE at >= ? AND kind IN ('opened', 'reopened', 'escalated')
		AND coalesce(body ->> '$.incident.suppressed', '') = '' ORDER BY seq`, nanos(since))
	if err != nil {
		return nil, fmt.Errorf("read of what people were told: %w", err)
	}
	told := found[:0]
	seen := map[string]bool{}
	for _, c := range found {
		if Tells(c) && !seen[c.Incident.ID] {
			seen[c.Incident.ID] = true
			told = append(told, c)
		}
	}
	return told, nil
}

// Tells reports whether people are told of an incident of hosts by a change,
// for the first time or again: not of what is kept quiet or told by a fleet's.
func Tells(c omen.Change) bool {
	if k := c.Incident.Kind; c.Incident.Suppressed != "" || k != omen.HostIncident && k != omen.FleetIncident {
		return false
	}
	return c.Kind == omen.ChangeOpened || c.Kind == omen.ChangeReopened ||
		c.Kind == omen.ChangeEscalated && c.Reason == omen.ReasonLifted
}
