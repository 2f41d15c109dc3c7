package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// tx runs f in one durable transaction.
func (db *DB) tx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return describe(err)
	}
	if err := f(tx); err != nil {
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) && !rolledBack(back) {
			err = errors.Join(err, back)
		}
		return describe(err)
	}
	return describe(tx.Commit())
}

// rolledBack reports that SQLite had undone the transaction by itself, as it does
// on a full disk (https://www.sqlite.org/lang_transaction.html, section 3).
func rolledBack(err error) bool { return strings.Contains(err.Error(), "no transaction is active") }

// exec runs one durable statement; what says what it is for.
func (db *DB) exec(ctx context.Context, what, statement string, args ...any) error {
	if _, err := db.write.ExecContext(ctx, statement, args...); err != nil {
		return describe(fmt.Errorf("%s: %w", what, err))
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query is the rows of a statement, each made into a T.
func query[T any](ctx context.Context, db querier, row func(*sql.Rows) (T, error), statement string, args ...any) (all []T, err error) {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, describe(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := row(rows)
		if err != nil {
			return nil, describe(err)
		}
		all = append(all, one)
	}
	return all, describe(rows.Err())
}

// The times that 64 bits hold: the years 1677 to 2262.
var earliest, latest = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// nanos is how times are stored; the zero time is 0. A time that 64 bits do not
// hold, such as the end of a silence in the year 9999, is the first or last that
// they do.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(earliest):
		return math.MinInt64
	case t.After(latest):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// instant is the time of which [nanos] is; 0 is the zero time.
func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
