package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// The kinds of document.
const (
	kindSetting = "setting"
	kindSilence = "silence"
	kindWindow  = "window"
	kindPattern = "pattern"
	kindEvent   = "event"
)

// document is one JSON value under a kind and an ID.
type document struct {
	kind, id  string
	at, until time.Time // sorted by at; no longer of interest after until
	value     any
}

func (db *DB) put(ctx context.Context, d document) error {
	return db.tx(ctx, func(tx *sql.Tx) error { return putDocument(ctx, tx, d) })
}

func putDocument(ctx context.Context, tx *sql.Tx, d document) error {
	what := fmt.Sprintf("store %s %s", d.kind, d.id)
	if d.id == "" {
		return fmt.Errorf("%s: no id: %w", what, omen.ErrInvalid)
	}
	body, err := json.Marshal(d.value)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, omen.ErrInvalid, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO document (kind, id, at, until, body, sum) VALUES (?1, ?2, ?3, ?4, ?5, omen_sum(?1, ?2, ?3, ?4, ?5))
		ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at, until = excluded.until, body = excluded.body, sum = excluded.sum`,
		d.kind, d.id, nanos(d.at), nanos(d.until), body)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// documents are those of a kind that still matter at now, in order of time.
// The zero time means all.
func documents[T any](ctx context.Context, db *DB, kind string, now time.Time) ([]T, error) {
	return bodies[T](ctx, db, kind, "SELECT id, body, "+wholeDocument+" FROM document WHERE kind = ? AND (until = 0 OR until > ?) ORDER BY at, id", kind, nanos(now))
}

// document reads one into value, or says omen.ErrNotFound.
func (db *DB) document(ctx context.Context, kind, id string, value any) error {
	what := fmt.Sprintf("read %s %s", kind, id)
	var body []byte
	var whole bool
	err := db.read.QueryRowContext(ctx, "SELECT body, "+wholeDocument+" FROM document WHERE kind = ? AND id = ?", kind, id).Scan(&body, &whole)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s: %w", what, omen.ErrNotFound)
	}
	if err != nil {
		return describe(fmt.Errorf("%s: %w", what, err))
	}
	if err := decode(body, whole, value); err != nil {
		db.setAside(kind, id, err)
		return describe(fmt.Errorf("%s: %w: %w", what, errAside, err))
	}
	db.isWhole(kind, id)
	return nil
}

// Setting reads the setting key into value (a pointer), and reports whether
// there is one. A damaged one is [omen.ErrCorrupt], with how to fix it as the hint: it
// is not for Omen to say that there was none.
func (db *DB) Setting(ctx context.Context, key string, value any) (bool, error) {
	switch err := db.document(ctx, kindSetting, key, value); {
	case errors.Is(err, omen.ErrNotFound):
		return false, nil
	case errors.Is(err, errAside):
		return false, omen.WithHint(err, db.Mend(key))
	case err != nil:
		return false, err
	}
	return true, nil
}

// Mend is what people can do about a setting that is damaged.
func (db *DB) Mend(key string) string {
	return fmt.Sprintf("restore a backup with omen restore; or, to go on without it, stop Omen and remove the row: DELETE FROM document WHERE kind = '%s' AND id = '%s' in %s", kindSetting, key, db.path)
}

// Kept reads a setting that Omen makes anew by itself, as [DB.Setting] does; a damaged
// one, which is counted and logged as every damaged row, is as though there were none.
func (db *DB) Kept(ctx context.Context, key string, value any) (bool, error) {
	found, err := db.Setting(ctx, key, value)
	if errors.Is(err, errAside) {
		return false, nil
	}
	return found, err
}

// PutSetting stores value, as JSON, under key.
func (db *DB) PutSetting(ctx context.Context, key string, value any) error {
	return db.put(ctx, document{kind: kindSetting, id: key, value: value})
}

// Written is how often this process has stored what people read again only where
// it changed.
type Written struct {
	Rules      int64 // silences, windows (without those of calendar files), events and patterns
	Deliveries int64 // attempts to notify
}

// Written counts since the database was opened.
func (db *DB) Written() Written { return Written{db.rules.Load(), db.deliveries.Load()} }

// counted adds one to a count of [DB.Written] if what was written is stored.
func counted(n *atomic.Int64, err error) error {
	if err == nil {
		n.Add(1)
	}
	return err
}

// PutSilence stores a silence, new or changed, with its audit row.
func (db *DB) PutSilence(ctx context.Context, s mute.Silence, a omen.Audit) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return counted(&db.rules, db.putAudited(ctx, document{kind: kindSilence, id: s.ID, at: s.From, until: s.Until, value: s}, a))
}

// Silences are the silences that have not ended at now, those to come
// included; the zero time means all that ever were.
func (db *DB) Silences(ctx context.Context, now time.Time) ([]mute.Silence, error) {
	return documents[mute.Silence](ctx, db, kindSilence, now)
}

// Silence is one silence, or [omen.ErrNotFound].
func (db *DB) Silence(ctx context.Context, id string) (s mute.Silence, err error) {
	return s, db.document(ctx, kindSilence, id, &s)
}

// PutWindow stores a maintenance window, new or changed, with its audit row.
func (db *DB) PutWindow(ctx context.Context, w mute.Window, a omen.Audit) error {
	if err := w.Validate(); err != nil {
		return err
	}
	return counted(&db.rules, db.putAudited(ctx, document{kind: kindWindow, id: w.ID, at: w.Created, value: w}, a))
}

// PutCalendar replaces all windows of a calendar by windows, with one audit row.
func (db *DB) PutCalendar(ctx context.Context, calendar string, windows []mute.Window, a omen.Audit) error {
	for i, w := range windows {
		if err := w.Validate(); err != nil {
			return err
		}
		windows[i].Calendar = calendar
	}
	return db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM document WHERE kind = ? AND body ->> '$.calendar' = ?", kindWindow, calendar)
		if err != nil {
			return fmt.Errorf("replace calendar %s: %w", calendar, err)
		}
		for _, w := range windows {
			if err := putDocument(ctx, tx, document{kind: kindWindow, id: w.ID, at: w.Created, value: w}); err != nil {
				return err
			}
		}
		return db.putAudit(ctx, tx, a)
	})
}

// DeleteWindow removes a maintenance window, with its audit row.
func (db *DB) DeleteWindow(ctx context.Context, id string, a omen.Audit) error {
	return counted(&db.rules, db.tx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM document WHERE kind = ? AND id = ?", kindWindow, id)
		if err != nil {
			return fmt.Errorf("delete window %s: %w", id, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("delete window %s: %w", id, omen.ErrNotFound), err)
		}
		return db.putAudit(ctx, tx, a)
	}))
}

// Windows are all maintenance windows.
func (db *DB) Windows(ctx context.Context) ([]mute.Window, error) {
	return documents[mute.Window](ctx, db, kindWindow, time.Time{})
}

// Patterns are all patterns of feedback, those taken back included: they are
// never removed, and one that was taken back says by whom.
func (db *DB) Patterns(ctx context.Context) ([]feedback.Pattern, error) {
	return documents[feedback.Pattern](ctx, db, kindPattern, time.Time{})
}

// Pattern is one pattern of feedback, or [omen.ErrNotFound].
func (db *DB) Pattern(ctx context.Context, id string) (p feedback.Pattern, err error) {
	return p, db.document(ctx, kindPattern, id, &p)
}

// keepEvents is how long events can be drawn on timelines.
const keepEvents = 90 * 24 * time.Hour

// PutEvent stores something that happened. Storing the same ID again is
// storing it once.
func (db *DB) PutEvent(ctx context.Context, e mute.Event) error {
	return counted(&db.rules, db.put(ctx, document{kind: kindEvent, id: e.ID, at: e.At, until: e.At.Add(keepEvents), value: e}))
}

// Events are the events from…to, oldest first.
func (db *DB) Events(ctx context.Context, from, to time.Time) ([]mute.Event, error) {
	return bodies[mute.Event](ctx, db, kindEvent, "SELECT id, body, "+wholeDocument+" FROM document WHERE kind = ? AND at >= ? AND at < ? ORDER BY at, id", kindEvent, nanos(from), nanos(to))
}
