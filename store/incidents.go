package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// Filter chooses incidents. Its zero value chooses all.
type Filter struct {
	States   []omen.IncidentState // empty: any
	Kinds    []omen.IncidentKind  // empty: any
	Host     omen.Host            // zero: any; a fleet incident is of all its members
	Source   string
	Verdicts []omen.Verdict // empty: any
	From, To time.Time      // zero: no bound; incidents whose time overlaps from…to
	Before   string         // an incident's ID: only older ones, to go on after a page
	Loud     bool           // leave out the suppressed
	Fleet    string         // only what is part of this fleet incident
	TopLevel bool           // leave out what is part of a fleet incident
	Limit    int            // 0: no limit
}

// Incidents is what the filter chooses, the newest onset first.
func (db *DB) Incidents(ctx context.Context, f Filter) ([]omen.Incident, error) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if len(f.States) > 0 {
		add(in("state", f.States, &args))
	}
	if len(f.Kinds) > 0 {
		add(in("kind", f.Kinds, &args))
	}
	if len(f.Verdicts) > 0 {
		add(in("verdict", f.Verdicts, &args))
	}
	if f.Host != (omen.Host{}) {
		add("id IN (SELECT incident FROM incident_host WHERE host = ?)", f.Host.ID())
	}
	if f.Source != "" {
		add("source = ?", f.Source)
	}
	if !f.From.IsZero() {
		add("(closed = 0 OR closed >= ?)", nanos(f.From))
	}
	if !f.To.IsZero() {
		add("since < ?", nanos(f.To))
	}
	if f.Before != "" {
		add("(since, id) < (SELECT since, id FROM incident WHERE id = ?)", f.Before)
	}
	if f.Fleet != "" {
		add("fleet = ?", f.Fleet)
	}
	if f.TopLevel {
		add("fleet = ''")
	}
	if f.Loud {
		add("quiet = 0")
	}
	statement := "SELECT id, body, " + wholeIncident + " FROM incident"
	if len(where) > 0 {
		statement += " WHERE " + strings.Join(where, " AND ")
	}
	statement += " ORDER BY since DESC, id DESC"
	if f.Limit > 0 {
		statement += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return db.incidents(ctx, statement, args...)
}

// in is an SQL condition "column IN (?, …)"; it adds the values to args.
func in[T ~string](column string, values []T, args *[]any) string {
	for _, v := range values {
		*args = append(*args, string(v))
	}
	return column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")"
}

func (db *DB) incidents(ctx context.Context, statement string, args ...any) ([]omen.Incident, error) {
	return bodies[omen.Incident](ctx, db, "incident", statement, args...)
}

// Incident is one incident as it is now, [omen.ErrNotFound], or
// [omen.ErrCorrupt].
func (db *DB) Incident(ctx context.Context, id string) (omen.Incident, error) {
	found, err := db.incidents(ctx, "SELECT id, body, "+wholeIncident+" FROM incident WHERE id = ?", id)
	if err != nil {
		return omen.Incident{}, err
	}
	if len(found) == 0 {
		if db.isAside("incident", id) {
			return omen.Incident{}, describe(fmt.Errorf("read incident %s: %w", id, errAside))
		}
		return omen.Incident{}, fmt.Errorf("incident %s: %w", id, omen.ErrNotFound)
	}
	return found[0], nil
}

// OpenIncidents is every incident that is not closed, the oldest onset first.
func (db *DB) OpenIncidents(ctx context.Context) ([]omen.Incident, error) {
	return db.incidents(ctx, "SELECT id, body, "+wholeIncident+" FROM incident WHERE state <> 'closed' ORDER BY since, id")
}

// RecentlyClosed is every incident that closed at or after since, the oldest
// onset first: the ones that may reopen.
func (db *DB) RecentlyClosed(ctx context.Context, since time.Time) ([]omen.Incident, error) {
	return db.incidents(ctx, "SELECT id, body, "+wholeIncident+" FROM incident WHERE state = 'closed' AND closed >= ? ORDER BY since, id", nanos(since))
}

// RecordDelivery keeps attempts to notify a receiver of changes: all or none, so
// that a message about many of them costs one write.
func (db *DB) RecordDelivery(ctx context.Context, deliveries ...omen.Delivery) error {
	return counted(&db.deliveries, db.tx(ctx, func(tx *sql.Tx) error {
		for _, d := range deliveries {
			if _, err := tx.ExecContext(ctx, `INSERT INTO delivery
				(incident, key, receiver, at, took, outcome, detail, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, omen_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7))`,
				d.Incident, d.Key, d.Receiver, nanos(d.At), int64(d.Took), d.Outcome, d.Detail); err != nil {
				return fmt.Errorf("record delivery to %s: %w", d.Receiver, err)
			}
		}
		return nil
	}))
}

// Deliveries is every attempt to notify somebody of an incident, oldest first.
func (db *DB) Deliveries(ctx context.Context, incident string) ([]omen.Delivery, error) {
	found, err := query(ctx, db.read, func(rows *sql.Rows) (d omen.Delivery, err error) {
		var at, took int64
		err = rows.Scan(&d.Incident, &d.Key, &d.Receiver, &at, &took, &d.Outcome, &d.Detail)
		d.At, d.Took = instant(at), time.Duration(took)
		return d, err
	}, "SELECT incident, key, receiver, at, took, outcome, detail FROM delivery WHERE incident = ? ORDER BY id", incident)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	return found, nil
}
