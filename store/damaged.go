package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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
			db.isWhole(kind, id)
			all = append(all, value)
		}
		return struct{}{}, nil
	}, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	return all, nil
}

// aside names a row that is damaged.
type aside struct{ kind, id string }

// setAside counts a damaged row, and logs it the first time.
func (db *DB) setAside(kind, id string, err error) {
	db.mu.Lock()
	_, known := db.damaged[aside{kind, id}]
	db.damaged[aside{kind, id}] = errors.Is(err, errSum)
	db.mu.Unlock()
	if !known {
		db.log.Error("damaged row set aside: restore a backup to have it again", "kind", kind, "err", fmt.Errorf("%s: %w", id, err))
	}
}

// isWhole no longer counts a row that was damaged, and is not.
func (db *DB) isWhole(kind, id string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	delete(db.damaged, aside{kind, id})
}

func (db *DB) isAside(kind, id string) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	_, is := db.damaged[aside{kind, id}]
	return is
}

// Damaged is how many rows were found damaged and are set aside: their checksum is
// not that of what was written, or their JSON does not decode. Those that are whole
// again, or gone, no longer count after [DB.Recheck].
func (db *DB) Damaged() int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.damaged)
}

// places are the tables of rows that are set aside, but for those of documents.
var places = map[string]struct{ id, table, whole string }{
	"incident": {"id", "incident", wholeIncident},
	"model":    {"id", "model", wholeModel},
	"delivery": {"id", "delivery", wholeDelivery},
	"audit":    {"seq", "audit", wholeAudit},
	"action":   {"id", "action", wholeAction},
	"journal":  {"seq", "journal", wholeChange},
}

// Recheck looks at the rows that are set aside: somebody may have put them right,
// written them again, or removed them.
func (db *DB) Recheck(ctx context.Context) error {
	db.mu.Lock()
	all := maps.Clone(db.damaged)
	db.mu.Unlock()
	for row, bySum := range all {
		if row.kind == "cursor" {
			continue // Omen has removed it itself: its reader may have missed something
		}
		statement, args := "SELECT "+wholeDocument+" FROM document WHERE kind = ? AND id = ?", []any{row.kind, row.id}
		if p, ok := places[row.kind]; ok {
			statement, args = "SELECT "+p.whole+" FROM "+p.table+" WHERE CAST("+p.id+" AS TEXT) = ?", []any{row.id}
		}
		var whole bool
		switch err := db.read.QueryRowContext(ctx, statement, args...).Scan(&whole); {
		case errors.Is(err, sql.ErrNoRows):
			whole, bySum = true, true
		case err != nil:
			return describe(fmt.Errorf("look at damaged %s %s: %w", row.kind, row.id, err))
		}
		if whole && bySum { // what does not decode counts until it is read
			db.isWhole(row.kind, row.id)
		}
	}
	return db.keepDamaged(ctx)
}

// settingDamaged holds the rows that are set aside, for a start that does not look at
// all rows: what it does not look at is not whole for that.
const settingDamaged = "store.damaged"

// keptAside is a row that is set aside, as stored.
type keptAside struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	BySum bool   `json:"by_sum"`
}

// keepDamaged stores which rows are set aside, if that is not stored already. Cursors
// are not among them: they are removed.
func (db *DB) keepDamaged(ctx context.Context) error {
	all := []keptAside{}
	db.mu.Lock()
	for row, bySum := range db.damaged {
		if row.kind != "cursor" && row != (aside{kindSetting, settingDamaged}) {
			all = append(all, keptAside{row.kind, row.id, bySum})
		}
	}
	kept := db.kept
	db.mu.Unlock()
	slices.SortFunc(all, func(a, b keptAside) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	if slices.Equal(kept, all) {
		return nil
	}
	if err := db.PutSetting(ctx, settingDamaged, all); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.kept = all
	return nil
}

// recallDamaged takes up the rows that the process before this one had set aside;
// whole: all rows were looked at, and what is damaged is known.
func (db *DB) recallDamaged(ctx context.Context, whole bool) error {
	_, err := db.Kept(ctx, settingDamaged, &db.kept)
	if db.isAside(kindSetting, settingDamaged) {
		db.kept = []keptAside{{}} // it is stored anew, whatever is damaged
		return err
	}
	if err != nil || whole {
		return err
	}
	for _, row := range db.kept {
		why := errSum
		if !row.BySum {
			why = errAside
		}
		db.setAside(row.Kind, row.ID, why)
	}
	return nil
}
