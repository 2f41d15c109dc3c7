package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	omen "github.com/omenhq/omen"
)

// errAside is of a row whose JSON is damaged.
var errAside = fmt.Errorf("%w: the row is damaged and set aside", omen.ErrCorrupt)

// decode reads a row's body, if the row is what was written.
func decode(body []byte, whole bool, value any) error {
	if !whole {
		return errSum
	}
	return json.Unmarshal(body, value)
}

// bodies are the values of a statement's rows of id, body and whether the row is
// whole. One that is not, or does not decode, is set aside: a flipped bit in a silence must not stop Omen.
func bodies[T any](ctx context.Context, db *DB, kind, statement string, args ...any) ([]T, error) {
	var all []T
	_, err := query(ctx, db.read, func(rows *sql.Rows) (struct{}, error) {
		var id string
		var body []byte
		var whole bool
		if err := rows.Scan(&id, &body, &whole); err != nil {
			return struct{}{}, err
		}
		var value T
		if err := decode(body, whole, &value); err != nil {
			db.setAside(kind, id, err)
		} else {
			all = append(all, value)
		}
		return struct{}{}, nil
	}, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	return all, nil
}

// setAside counts a damaged row, and logs it the first time.
func (db *DB) setAside(kind, id string, err error) {
	db.mu.Lock()
	known := db.damaged[kind+" "+id]
	db.damaged[kind+" "+id] = true
	db.mu.Unlock()
	if !known {
		db.log.Error("damaged row set aside: restore a backup to have it again", "kind", kind, "err", fmt.Errorf("%s: %w", id, err))
	}
}

func (db *DB) isAside(kind, id string) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.damaged[kind+" "+id]
}

// Damaged is how many rows were found damaged and set aside since the database
// was opened: their checksum is not that of what was written, or their JSON does
// not decode.
func (db *DB) Damaged() int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.damaged)
}
