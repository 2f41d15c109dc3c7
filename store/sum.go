package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	omen "github.com/omenhq/omen"
)

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
	seq  int64
	key  string
	at   int64
	body []byte
	sum  sql.NullInt64
}

// journalColumns are what [journalRow.scan] wants.
const journalColumns = "seq, key, at, body, sum"

func (r *journalRow) scan(rows *sql.Rows) error {
	return rows.Scan(&r.seq, &r.key, &r.at, &r.body, &r.sum)
}

// check reports a row that is not what was written as omen.ErrCorrupt. A row
// without a checksum passes.
func (r *journalRow) check() error {
	if !r.sum.Valid || r.sum.Int64 == rowSum(r.key, r.at, r.body) {
		return nil
	}
	return omen.WithHint(fmt.Errorf("journal row %d (change %s): %w: its checksum is not that of what was written", r.seq, r.key, omen.ErrCorrupt),
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
