package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
)

// Record adds a row to the audit. Rows are never changed or removed.
func (db *DB) Record(ctx context.Context, a omen.Audit) error {
	return db.tx(ctx, func(tx *sql.Tx) error { return putAudit(ctx, tx, a) })
}

// putAudited stores a document and its audit row together.
func (db *DB) putAudited(ctx context.Context, d document, a omen.Audit) error {
	return db.tx(ctx, func(tx *sql.Tx) error {
		if err := putDocument(ctx, tx, d); err != nil {
			return err
		}
		return putAudit(ctx, tx, a)
	})
}

func putAudit(ctx context.Context, tx *sql.Tx, a omen.Audit) error {
	if a.By == "" || a.Action == "" {
		return fmt.Errorf("audit row of %s: no author or action: %w", a.Subject, omen.ErrInvalid)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO audit (at, by, action, subject, detail, sum) VALUES (?1, ?2, ?3, ?4, ?5, omen_sum(?1, ?2, ?3, ?4, ?5))",
		nanos(a.At), a.By, a.Action, a.Subject, a.Detail)
	if err != nil {
		return fmt.Errorf("record audit row of %s: %w", a.Subject, err)
	}
	return nil
}

// Audit is the audit's rows, the newest first. An empty subject means all; a
// limit of 0 means no limit.
func (db *DB) Audit(ctx context.Context, subject string, limit int) ([]omen.Audit, error) {
	if limit <= 0 {
		limit = -1
	}
	found, err := query(ctx, db.read, func(rows *sql.Rows) (a omen.Audit, err error) {
		var at int64
		err = rows.Scan(&a.Seq, &at, &a.By, &a.Action, &a.Subject, &a.Detail)
		a.At = time.Unix(0, at).UTC()
		return a, err
	}, "SELECT seq, at, by, action, subject, detail FROM audit WHERE ? IN ('', subject) ORDER BY seq DESC LIMIT ?", subject, limit)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	return found, nil
}
