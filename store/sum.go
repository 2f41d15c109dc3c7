package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"

	"modernc.org/sqlite"

	omen "github.com/omenhq/omen"
)

var (
	errSum   = errors.New("its checksum is not that of what was written")
	errAhead = errors.New("it is beyond the journal's end, where nothing comes from")
)

// The rows that are what was written, or have no checksum: they are of before
// there were any, or somebody's own.
const (
	wholeDocument = "coalesce(sum = omen_sum(kind, id, at, until, body), 1)"
	wholeIncident = "coalesce(sum = omen_sum(id, number, kind, host, source, state, severity, verdict, quiet, fleet, since, closed, body), 1)"
	wholeModel    = "coalesce(rowsum = omen_sum(id, host, trained, serving, sum, info, card), 1)"
	wholeCursor   = "coalesce(sum = omen_sum(reader, seq), 1)"
	wholeDelivery = "coalesce(sum = omen_sum(incident, key, receiver, at, took, outcome, detail), 1)"
	wholeChange   = "coalesce(sum = omen_row_sum(key, at, body), 1)"
	wholeAudit    = "coalesce(sum = iif(mac IS NULL, omen_sum(at, by, action, subject, detail), omen_sum(at, by, action, subject, detail, action_id, prev, mac)), 1)"
	wholeAction   = "sum = omen_sum(" + actionRow + ")"
)

// inJournal holds of cursors but those beyond the last change that there ever
// was: a journal that was recovered in part begins again before them.
const inJournal = `seq <= max(coalesce((SELECT max(seq) FROM journal), 0),
	coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0))`

// register gives SQL the functions omen_row_sum, which is [rowSum], and omen_sum: CRC-32C over its arguments, each
// with its type and its length before it.
var register = sync.OnceValue(func() error {
	err := sqlite.RegisterDeterministicScalarFunction("omen_row_sum", 3, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		key, _ := args[0].(string)
		at, _ := args[1].(int64)
		switch body := args[2].(type) { // as Go reads it, a flipped type of the column is no damage
		case []byte:
			return rowSum(key, at, body), nil
		case string:
			return rowSum(key, at, []byte(body)), nil
		}
		return nil, nil //nolint:nilnil // SQL's NULL: such a row is damaged
	})
	if err != nil {
		return err
	}
	return sqlite.RegisterDeterministicScalarFunction("omen_sum", -1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		sum := uint32(0)
		add := func(kind byte, part []byte) {
			sum = crc32.Update(sum, castagnoli, binary.BigEndian.AppendUint64([]byte{kind}, uint64(len(part))))
			sum = crc32.Update(sum, castagnoli, part)
		}
		for _, a := range args {
			switch v := a.(type) {
			case nil:
				add('n', nil)
			case int64:
				add('i', binary.BigEndian.AppendUint64(nil, uint64(v)))
			case string:
				add('t', []byte(v))
			case []byte:
				add('b', v)
			default: // no column of ours
				add('o', fmt.Append(nil, v))
			}
		}
		return int64(sum), nil
	})
})

// checkRows looks at every row of the other tables. What is damaged is counted
// and logged; an incident of which the journal still has all is made again from
// it, and a reader whose place is damaged starts at the journal's end.
func (db *DB) checkRows(ctx context.Context) error {
	for _, t := range []struct {
		kind, id, table, whole string
		why                    error
	}{
		{"kind", "id", "document", wholeDocument, errSum},
		{"'incident'", "id", "incident", wholeIncident, errSum},
		{"'model'", "id", "model", wholeModel, errSum},
		{"'cursor'", "reader", "cursor", wholeCursor, errSum},
		{"'cursor'", "reader", "cursor", inJournal, errAhead},
		{"'delivery'", "id", "delivery", wholeDelivery, errSum},
		{"'audit'", "seq", "audit", wholeAudit, errSum},
		{"'action'", "id", "action", wholeAction, errSum},
	} {
		bad, err := query(ctx, db.write, func(rows *sql.Rows) (id [2]string, err error) {
			err = rows.Scan(&id[0], &id[1])
			return id, err
		}, "SELECT "+t.kind+", "+t.id+" FROM "+t.table+" WHERE NOT ("+t.whole+")")
		if err != nil {
			return err
		}
		for _, id := range bad {
			db.setAside(id[0], id[1], t.why)
		}
		if len(bad) == 0 {
			continue
		}
		switch t.table {
		case "cursor":
			err = db.exec(ctx, "remove damaged cursors", "DELETE FROM cursor WHERE NOT ("+t.whole+")")
		case "incident":
			err = db.rebuild(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rebuild makes incidents that are damaged, or no longer found by their ID,
// again from the last row of their timeline, if that is whole: a closed one's may
// have been thinned out.
func (db *DB) rebuild(ctx context.Context) error {
	return db.tx(ctx, func(tx *sql.Tx) error {
		last, err := lastOfDamaged(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range last {
			if _, err := tx.ExecContext(ctx, "DELETE FROM incident WHERE id = ?", c.Incident.ID); err != nil {
				return err
			}
			if err := project(ctx, tx, c.Incident); err != nil {
				return err
			}
			db.log.Warn("damaged incident made again from its timeline", "incident", c.Incident.ID)
		}
		return nil
	})
}

// lastOfDamaged is the last change of each incident that is damaged or lost and
// whose timeline is whole.
func lastOfDamaged(ctx context.Context, tx *sql.Tx) (last []omen.Change, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+journalColumns+` FROM journal WHERE seq IN (SELECT max(seq) FROM journal
		WHERE incident NOT IN (SELECT id FROM incident WHERE `+wholeIncident+`) GROUP BY incident
		HAVING count(*) = max(CAST(body ->> '$.incident.change_number' AS INTEGER)))`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanChange(rows)
		if err != nil {
			return nil, err
		}
		last = append(last, c)
	}
	return last, rows.Err()
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rowSum is a journal row's checksum: CRC-32C (RFC 3720, appendix B.4) over
// its key, the time and the body, each with its length before it. It finds a
// flipped bit that leaves the body valid JSON, which SQLite's own check, that
// of its pages' structure, cannot.
func rowSum(key string, at int64, body []byte) int64 {
	sum := uint32(0)
	add := func(part []byte) {
		sum = crc32.Update(sum, castagnoli, binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		sum = crc32.Update(sum, castagnoli, part)
	}
	add([]byte(key))
	add(binary.BigEndian.AppendUint64(nil, uint64(at)))
	add(body)
	return int64(sum)
}

// journalRow is a row as it is read, to be checked before it is believed.
type journalRow struct {
	seq                 int64
	key, incident, kind string
	at                  int64
	body                []byte
	sum                 sql.NullInt64
}

// journalColumns are what [journalRow.scan] wants.
const journalColumns = "seq, key, incident, kind, at, body, sum"

func (r *journalRow) scan(rows *sql.Rows) error {
	return rows.Scan(&r.seq, &r.key, &r.incident, &r.kind, &r.at, &r.body, &r.sum)
}

// check reports a row that is not what was written as omen.ErrCorrupt: its sum
// differs, or it is filed under an incident or a kind that its key and its body,
// which the sum covers, do not name. A row without a checksum passes the first.
func (r *journalRow) check() error {
	switch {
	case r.sum.Valid && r.sum.Int64 != rowSum(r.key, r.at, r.body):
		return r.corrupt(errSum)
	case !strings.HasPrefix(r.key, r.incident+"."), !bytes.Contains(r.body, []byte(`"kind":"`+r.kind+`"`)):
		return r.corrupt(errors.New("it is filed under what it is not"))
	}
	return nil
}

func (r *journalRow) corrupt(why error) error {
	return omen.WithHint(fmt.Errorf("journal row %d (change %s): %w: %w", r.seq, r.key, omen.ErrCorrupt, why),
		fmt.Sprintf("restore a backup; or, if the incident's timeline may lack this change, stop Omen and run "+
			"`sqlite3 omen.db 'DELETE FROM journal WHERE seq = %d'`", r.seq))
}

// checkJournal checks every row of the journal.
func (db *DB) checkJournal(ctx context.Context) (err error) {
	rows, err := db.write.QueryContext(ctx, "SELECT "+journalColumns+" FROM journal ORDER BY seq")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r journalRow
		if err := r.scan(rows); err != nil {
			return err
		}
		if err := r.check(); err != nil {
			return err
		}
	}
	return rows.Err()
}
