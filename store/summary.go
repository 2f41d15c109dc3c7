package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
)

// LastDeliveries is, of each receiver and outcome, the newest attempt at or after
// since, in no particular order. Only At, Receiver, Outcome and Detail are set.
func (db *DB) LastDeliveries(ctx context.Context, since time.Time) ([]omen.Delivery, error) {
	// Of the bare column detail SQLite takes the row that has the maximum
	// (https://sqlite.org/lang_select.html#bareagg).
	found, err := query(ctx, db.read, func(rows *sql.Rows) (d omen.Delivery, err error) {
		var at int64
		err = rows.Scan(&d.Receiver, &d.Outcome, &at, &d.Detail)
		d.At = instant(at)
		return d, err
	}, "SELECT receiver, outcome, max(at), detail FROM delivery WHERE at >= ? GROUP BY receiver, outcome", nanos(since))
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	return found, nil
}

// NotifiedOf counts incidents of hosts, by themselves or of many together, that
// people were notified of or are, from an instant on, by spans of a length: Span
// is the number of the one in which they began, Verdict what was said of them.
type NotifiedOf struct {
	Span    int
	Verdict omen.Verdict
	N       int
}

// CountNotified counts the incidents that began from…to, of one host or, with
// the zero Host, of all: those that are suppressed as their last change left them
// and those that are part of a fleet incident are not among them.
func (db *DB) CountNotified(ctx context.Context, host omen.Host, from, to time.Time, span time.Duration) ([]NotifiedOf, error) {
	where, args := "", []any{nanos(from), int64(span), nanos(from), nanos(to)}
	if host != (omen.Host{}) {
		where = " AND id IN (SELECT incident FROM incident_host WHERE host = ?)"
		args = append(args, host.ID())
	}
	found, err := query(ctx, db.read, func(rows *sql.Rows) (n NotifiedOf, err error) {
		err = rows.Scan(&n.Span, &n.Verdict, &n.N)
		return n, err
	}, `SELECT (since - ?) / ? AS span, verdict, count(*) FROM incident
		WHERE quiet = 0 AND fleet = '' AND kind IN ('host', 'fleet') AND since >= ? AND since < ?`+where+` GROUP BY span, verdict ORDER BY span, verdict`, args...)
	if err != nil {
		return nil, fmt.Errorf("count incidents: %w", err)
	}
	return found, nil
}
