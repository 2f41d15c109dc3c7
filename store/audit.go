package store

import (
	"context"
	"database/sql"
	"fmt"

	omen "github.com/omenhq/omen"
)

// Record adds a row to the audit. Rows are never changed or removed.
func (db *DB) Record(ctx context.Context, a omen.Audit) error {
	return db.tx(ctx, func(tx *sql.Tx) error { return db.putAudit(ctx, tx, a) })
}

// putAudited stores a document and its audit row together.
func (db *DB) putAudited(ctx context.Context, d document, a omen.Audit) error {
	return db.tx(ctx, func(tx *sql.Tx) error {
		if err := putDocument(ctx, tx, d); err != nil {
			return err
		}
		return db.putAudit(ctx, tx, a)
	})
}

// Audit is the audit's rows, the newest first. An empty subject means all; a
// limit of 0 means no limit.
func (db *DB) Audit(ctx context.Context, subject string, limit int) ([]omen.Audit, error) {
	if limit <= 0 {
		limit = -1
	}
	found, err := query(ctx, db.read, scanAudit, "SELECT seq, at, by, action, subject, detail, action_id FROM audit WHERE ? IN ('', subject) ORDER BY seq DESC LIMIT ?", subject, limit)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	return found, nil
}

// ActionSteps are the audit's rows of an action's steps, oldest first; the detail of
// each is the action as it was then, as JSON.
func (db *DB) ActionSteps(ctx context.Context, id string) ([]omen.Audit, error) {
	found, err := query(ctx, db.read, scanAudit, "SELECT seq, at, by, action, subject, detail, action_id FROM audit WHERE action_id = ? AND action_id <> '' ORDER BY seq", id)
	if err != nil {
		return nil, fmt.Errorf("read audit of action %s: %w", id, err)
	}
	return found, nil
}

// LedgerPosition is the number of the audit's last row: while it is the same, no step
// of an action was made and no switch was moved.
func (db *DB) LedgerPosition(ctx context.Context) (seq int64, err error) {
	err = db.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM audit").Scan(&seq)
	if err != nil {
		return 0, describe(fmt.Errorf("read audit: %w", err))
	}
	return seq, nil
}

func scanAudit(rows *sql.Rows) (a omen.Audit, err error) {
	var at int64
	err = rows.Scan(&a.Seq, &at, &a.By, &a.Action, &a.Subject, &a.Detail, &a.ActionID)
	a.At = instant(at)
	return a, err
}
