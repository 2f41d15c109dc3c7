package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// Append makes changes durable, in order, together with the incidents as they
// leave them: all or nothing. It sets their Seq. A change whose key is already
// there is not written again; its Seq becomes that of the first.
//
// Followers are woken after the commit. A change that JSON cannot hold, or
// that has no incident, is [omen.ErrInvalid] and nothing is written; a full
// disk is [omen.ErrFull] and trying again later is safe, as it is after every
// error.
func (db *DB) Append(ctx context.Context, changes ...omen.Change) error {
	if len(changes) == 0 {
		return nil
	}
	return db.appendWith(ctx, changes, func(*sql.Tx) error { return nil })
}

// AppendFeedback is Append together with the patterns that a verdict makes or
// takes back, and the verdict's audit row: all or nothing.
func (db *DB) AppendFeedback(ctx context.Context, patterns []feedback.Pattern, a omen.Audit, changes ...omen.Change) error {
	return counted(&db.rules, db.appendWith(ctx, changes, func(tx *sql.Tx) error {
		for _, p := range patterns {
			if err := putDocument(ctx, tx, document{kind: kindPattern, id: p.ID, at: p.Created, value: p}); err != nil {
				return err
			}
		}
		return db.putAudit(ctx, tx, a)
	}))
}

// appendWith appends changes in one transaction with whatever else does.
func (db *DB) appendWith(ctx context.Context, changes []omen.Change, more func(*sql.Tx) error) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		for i := range changes {
			if err := appendOne(ctx, tx, &changes[i]); err != nil {
				return fmt.Errorf("change %s: %w", changes[i].Key(), err)
			}
		}
		return more(tx)
	})
	if err != nil {
		for i := range changes {
			changes[i].Seq = 0
		}
		return fmt.Errorf("append to journal: %w", err)
	}
	db.wake()
	return nil
}

func appendOne(ctx context.Context, tx *sql.Tx, c *omen.Change) error {
	if c.Incident.ID == "" || c.Incident.ChangeNumber <= 0 {
		return fmt.Errorf("incident without id or number: %w", omen.ErrInvalid)
	}
	c.Seq = 0
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("%w: %w", omen.ErrInvalid, err)
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO journal (key, incident, kind, at, body, sum) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO NOTHING RETURNING seq`,
		c.Key(), c.Incident.ID, string(c.Kind), nanos(c.At), body, rowSum(c.Key(), nanos(c.At), body)).Scan(&c.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		return tx.QueryRowContext(ctx, "SELECT seq FROM journal WHERE key = ?", c.Key()).Scan(&c.Seq)
	}
	if err != nil {
		return err
	}
	return project(ctx, tx, c.Incident)
}

// project writes the incident as a change left it, unless a later one did.
func project(ctx context.Context, tx *sql.Tx, in omen.Incident) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%w: %w", omen.ErrInvalid, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO incident
		(id, number, kind, host, source, state, severity, verdict, quiet, fleet, since, closed, body, sum)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, omen_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13))
		ON CONFLICT (id) DO UPDATE SET number = excluded.number, kind = excluded.kind, host = excluded.host,
		source = excluded.source, state = excluded.state, severity = excluded.severity,
		verdict = excluded.verdict, quiet = excluded.quiet, fleet = excluded.fleet, since = excluded.since, closed = excluded.closed, body = excluded.body,
		sum = excluded.sum
		WHERE excluded.number > incident.number`,
		in.ID, in.ChangeNumber, string(in.Kind), in.Host.ID(), in.Host.Source, string(in.State), string(in.Severity),
		string(in.Verdict), in.Suppressed != "", in.Fleet, nanos(in.Since), nanos(in.ClosedAt), body)
	if err != nil {
		return err
	}
	hosts := in.Members
	if in.Kind == omen.HostIncident || in.Kind == omen.ForecastIncident {
		hosts = []omen.Host{in.Host}
	}
	for _, h := range hosts {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO incident_host (host, incident) VALUES (?, ?)", h.ID(), in.ID); err != nil {
			return err
		}
	}
	return nil
}

// ChangesAfter is up to limit changes after seq, oldest first.
func (db *DB) ChangesAfter(ctx context.Context, seq int64, limit int) ([]omen.Change, error) {
	return db.changes(ctx, "WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
}

// Changes is an incident's timeline, oldest first.
func (db *DB) Changes(ctx context.Context, incident string) ([]omen.Change, error) {
	return db.changes(ctx, "WHERE incident = ? ORDER BY seq", incident)
}

// Notifying is, oldest first, the changes at or after since that may have notified
// people of an incident; [feedback.Notifies] says which did. It reads the whole
// journal: it is for a start, [DB.FollowFrom] is for afterwards.
func (db *DB) Notifying(ctx context.Context, since time.Time) ([]omen.Change, error) {
	return db.changes(ctx, `WHERE at >= ? AND kind IN ('opened', 'reopened', 'escalated')
		AND coalesce(body ->> '$.incident.suppressed', '') = '' ORDER BY seq`, nanos(since))
}

func (db *DB) changes(ctx context.Context, where string, args ...any) ([]omen.Change, error) {
	changes, err := query(ctx, db.read, scanChange, "SELECT "+journalColumns+" FROM journal "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return changes, nil
}

// scanChange reads and checks one row of journalColumns.
func scanChange(rows *sql.Rows) (c omen.Change, err error) {
	var r journalRow
	if err := r.scan(rows); err != nil {
		return c, err
	}
	return r.change()
}

// change is what a row holds, if it is what was written.
func (r *journalRow) change() (c omen.Change, err error) {
	if err := r.check(); err != nil {
		return c, err
	}
	if err := json.Unmarshal(r.body, &c); err != nil {
		return c, fmt.Errorf("journal row %d (change %s): %w: %w", r.seq, r.key, omen.ErrCorrupt, err)
	}
	c.Seq = r.seq
	return c, nil
}

// Head is the Seq of the newest change; 0 before the first.
func (db *DB) Head(ctx context.Context) (int64, error) {
	var seq int64
	err := db.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM journal").Scan(&seq)
	if err != nil {
		return 0, describe(fmt.Errorf("read journal: %w", err))
	}
	return seq, nil
}

// Cursor is the Seq of the last change that reader is done with; 0 if it has
// no cursor.
func (db *DB) Cursor(ctx context.Context, reader string) (int64, error) {
	var seq int64
	err := db.read.QueryRowContext(ctx, "SELECT seq FROM cursor WHERE reader = ?", reader).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, describe(fmt.Errorf("read cursor of %s: %w", reader, err))
	}
	return seq, nil
}

// Advance moves reader's durable cursor to seq. It never moves back.
func (db *DB) Advance(ctx context.Context, reader string, seq int64) error {
	return db.exec(ctx, "advance cursor of "+reader, `INSERT INTO cursor (reader, seq, sum) VALUES (?1, ?2, omen_sum(?1, ?2))
		ON CONFLICT (reader) DO UPDATE SET seq = max(cursor.seq, excluded.seq), sum = omen_sum(cursor.reader, max(cursor.seq, excluded.seq))`, reader, seq)
}

// StartHere gives a reader that has no cursor one at the journal's end, so
// that a newly configured receiver does not hear of last month.
func (db *DB) StartHere(ctx context.Context, reader string) error {
	return db.exec(ctx, "start cursor of "+reader, `INSERT OR IGNORE INTO cursor (reader, seq, sum)
		SELECT ?1, head, omen_sum(?1, head) FROM (SELECT coalesce(max(seq), 0) AS head FROM journal)`, reader)
}

// Readers are all readers with a cursor, and where it is.
func (db *DB) Readers(ctx context.Context) (map[string]int64, error) {
	cursors := map[string]int64{}
	_, err := query(ctx, db.read, func(rows *sql.Rows) (struct{}, error) {
		var reader string
		var seq int64
		err := rows.Scan(&reader, &seq)
		cursors[reader] = seq
		return struct{}{}, err
	}, "SELECT reader, seq FROM cursor")
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	return cursors, nil
}

// Forget removes the cursor of a reader that is no more, such as a receiver
// that was taken out of the configuration.
func (db *DB) Forget(ctx context.Context, reader string) error {
	return db.exec(ctx, "forget reader "+reader, "DELETE FROM cursor WHERE reader = ?", reader)
}

// grown is closed when the journal next grows.
func (db *DB) grown() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.woken
}

func (db *DB) wake() {
	db.mu.Lock()
	defer db.mu.Unlock()
	close(db.woken)
	db.woken = make(chan struct{})
}
