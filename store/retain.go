package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Retain removes changes and deliveries older than before that every reader's
// cursor has passed (without a reader all of them), and documents that have not mattered since. Incidents,
// their opening change, audit rows and feedback stay. It returns how many
// changes it removed.
func (db *DB) Retain(ctx context.Context, before time.Time) (removed int64, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM journal WHERE at < ?1 AND kind <> 'opened'
			AND NOT EXISTS (SELECT 1 FROM cursor WHERE cursor.seq < journal.seq)
			AND incident IN (SELECT id FROM incident WHERE state = 'closed' AND closed < ?1)`, nanos(before))
		if err != nil {
			return err
		}
		if removed, err = done.RowsAffected(); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM delivery WHERE at < ?", nanos(before)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM document WHERE until > 0 AND until < ?", nanos(before))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("retain journal after %s: %w", before.Format(time.RFC3339), err)
	}
	return removed, nil
}
