package store

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// Notified is, oldest first, the change by which people were first notified of
// each incident of hosts, of those at or after since. It reads the whole journal:
// it is for a start, [DB.FollowFrom] and [feedback.Notifies] are for afterwards.
func (db *DB) Notified(ctx context.Context, since time.Time) ([]omen.Change, error) {
	found, err := query(ctx, db.read, scanChange, `SELECT `+journalColumns+` FROM journal WHERE at >= ? AND kind IN ('opened', 'reopened', 'escalated')
		AND coalesce(body ->> '$.incident.suppressed', '') = '' ORDER BY seq`, nanos(since))
	if err != nil {
		return nil, fmt.Errorf("read of what people were notified: %w", err)
	}
	first := found[:0]
	seen := map[string]bool{}
	for _, c := range found {
		if feedback.Notifies(c) && !seen[c.Incident.ID] {
			seen[c.Incident.ID] = true
			first = append(first, c)
		}
	}
	return first, nil
}
