package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	omen "github.com/omenhq/omen"
)

// The audit is a chain: each row carries a keyed sum (HMAC-SHA-256, RFC 2104) over
// itself and the sum of the row before. Who can write to the database and has not
// the key, which is in a file outside of it, can neither change nor remove nor add
// a row without the chain breaking; only what is cut off at the end shows nowhere
// but in a head that was noted elsewhere.

// sign is a row's place in the chain.
func (k *auditKey) sign(prev []byte, a omen.Audit) []byte {
	h := hmac.New(sha256.New, k.secret)
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	part(prev)
	part(binary.BigEndian.AppendUint64(nil, uint64(nanos(a.At))))
	for _, s := range []string{a.By, a.Action, a.Subject, a.Detail, a.ActionID} {
		part([]byte(s))
	}
	return h.Sum(nil)
}

// putAudit adds a row to the audit's chain.
func (db *DB) putAudit(ctx context.Context, tx *sql.Tx, a omen.Audit) error {
	if a.By == "" || a.Action == "" {
		return fmt.Errorf("audit row of %s: no author or action: %w", a.Subject, omen.ErrInvalid)
	}
	key, err := db.signingKey(ctx, tx)
	if err != nil {
		return fmt.Errorf("record audit row of %s: %w", a.Subject, err)
	}
	prev := []byte{}
	err = tx.QueryRowContext(ctx, "SELECT coalesce(mac, x'') FROM audit ORDER BY seq DESC LIMIT 1").Scan(&prev)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("record audit row of %s: %w", a.Subject, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (at, by, action, subject, detail, action_id, prev, mac, sum)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, omen_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))`,
		nanos(a.At), a.By, a.Action, a.Subject, a.Detail, a.ActionID, prev, key.sign(prev, a))
	if err != nil {
		return fmt.Errorf("record audit row of %s: %w", a.Subject, err)
	}
	return nil
}

// link is an audit row as it stands in the chain.
type link struct {
	omen.Audit
	Prev, MAC []byte
}

// eachLink reads the audit, oldest first.
func eachLink(ctx context.Context, db querier, f func(link) error) (err error) {
	rows, err := db.QueryContext(ctx, "SELECT seq, at, by, action, subject, detail, action_id, prev, mac FROM audit ORDER BY seq")
	if err != nil {
		return describe(fmt.Errorf("read audit: %w", err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		l, err := scanLink(rows)
		if err != nil {
			return describe(fmt.Errorf("read audit: %w", err))
		}
		if err := f(l); err != nil {
			return err
		}
	}
	return describe(rows.Err())
}

// scanLink reads a row of seq, at, by, action, subject, detail, action_id, prev and mac.
func scanLink(row interface{ Scan(...any) error }) (l link, err error) {
	var at int64
	err = row.Scan(&l.Seq, &at, &l.By, &l.Action, &l.Subject, &l.Detail, &l.ActionID, &l.Prev, &l.MAC)
	l.At = instant(at)
	return l, err
}

// AuditHead is the sum of the audit's last row, in hexadecimal; empty: nothing is in
// the chain.
func (db *DB) AuditHead(ctx context.Context) (head string, err error) {
	err = db.read.QueryRowContext(ctx, "SELECT lower(coalesce((SELECT hex(mac) FROM audit ORDER BY seq DESC LIMIT 1), ''))").Scan(&head)
	if err != nil {
		return "", describe(fmt.Errorf("read audit: %w", err))
	}
	return head, nil
}

// Chain is what [DB.Verify] found.
type Chain struct {
	Rows      int    // in the chain
	Unchained int    // before it began
	Head      string // the last row's sum, in hexadecimal; empty: nothing is in the chain
	Broken    int64  // the first row that is not what was written; 0: all are
	Why       string // it is not; or why an action is not as its last audit row has it
	NoKey     bool   // the key is not there, or another is in its place, so that nothing can be said of any row
}

// OK reports whether nothing was changed.
func (c Chain) OK() bool { return c.Why == "" }

// Verify walks the audit's chain and names the first row that is not what was
// written, and compares each action with its last audit row. What was written
// before there was a chain is taken as it is, and counted: no step of an action is,
// nor what came after the row from which on the key is known to sign.
func (db *DB) Verify(ctx context.Context) (Chain, error) {
	key, err := db.checkingKey(ctx, db.read)
	if err != nil && !lostKey(err) {
		return Chain{}, err
	}
	lost := db.whyLost(err)
	tx, err := db.read.BeginTx(ctx, nil) // one snapshot: a step that comes meanwhile would be in one of them only
	if err != nil {
		return Chain{}, describe(fmt.Errorf("read audit: %w", err))
	}
	standIn, standInErr := readStandIn(db.standInFile())
	if standInErr != nil && !errors.Is(standInErr, os.ErrNotExist) {
		db.log.Warn("key that stood in for the audit's cannot be read: rows that it signed are not distinguished from changed ones", "err", standInErr)
	}
	w := walk{key: key, lost: lost, standIn: standIn, from: db.signedFrom(key), last: map[string][sha256.Size]byte{}}
	if key != nil {
		w.Why = key.wrong
	}
	err = eachLink(ctx, tx, func(l link) error { w.row(l); return nil })
	if err == nil && w.OK() {
		w.Why, err = actionsAsAudited(ctx, tx, w.last)
	}
	if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
		err = errors.Join(err, describe(back))
	}
	if err != nil {
		return Chain{}, err
	}
	if w.OK() && w.Rows > 0 {
		db.rememberKey(key)
	}
	return w.Chain, nil
}

// walk is one walk along the chain.
type walk struct {
	Chain
	key     *auditKey
	lost    string    // why there is no key
	standIn *auditKey // signed while the key was not there; nil: none ever did
	from    int64     // rows after this one have to be in the chain; -1: not known
	prev    []byte
	last    map[string][sha256.Size]byte // of each action, as its last row has it
}

// row takes up the next row.
func (w *walk) row(l link) {
	breaks := func(why string) {
		if w.OK() {
			w.Broken, w.Why = l.Seq, why
		}
	}
	if l.ActionID != "" {
		w.last[l.ActionID] = sha256.Sum256([]byte(l.Detail))
	}
	switch {
	case l.MAC == nil && l.ActionID == "" && w.Rows == 0 && (w.from < 0 || l.Seq <= w.from):
		w.Unchained++
		return
	case l.MAC == nil:
		breaks("it is not in the chain, which had begun")
		return
	case w.key == nil:
		w.NoKey = w.NoKey || w.OK()
		breaks(w.lost + "; " + keyBack)
	case !bytes.Equal(l.Prev, w.prev):
		breaks("the row before it is another than when it was written")
	case hmac.Equal(l.MAC, w.key.sign(l.Prev, l.Audit)):
	case w.standIn != nil && hmac.Equal(l.MAC, w.standIn.sign(l.Prev, l.Audit)):
		breaks("it was written while the key was not there, and is signed by the one that stood in for it, which proves nothing: keep this data directory apart, and begin with an empty one to act again (docs/remediation.md, The audit)")
	case l.Seq <= w.key.from: // an earlier release signed with what was there
		breaks(fmt.Sprintf("the key that is there was made after row %d, and this one was signed by another: the chain's key was lost, and another file is in its place: %s", w.key.from, keyBack))
	default:
		breaks("it is not what was written, or another key signed it")
	}
	w.Rows, w.prev, w.Head = w.Rows+1, l.MAC, hex.EncodeToString(l.MAC)
}

// actionsAsAudited says which action is not as its last audit row has it.
func actionsAsAudited(ctx context.Context, db querier, last map[string][sha256.Size]byte) (why string, err error) {
	seen := 0
	_, err = query(ctx, db, func(rows *sql.Rows) (none struct{}, err error) {
		var id string
		var body []byte
		if err := rows.Scan(&id, &body); err != nil {
			return none, err
		}
		if want, ok := last[id]; !ok || want != sha256.Sum256(body) {
			if why == "" {
				why = "action " + id + " is not as its last audit row has it"
			}
		}
		seen++
		return none, nil
	}, "SELECT id, body FROM action ORDER BY id")
	if err != nil {
		return "", fmt.Errorf("read actions: %w", err)
	}
	if why == "" && seen != len(last) {
		why = fmt.Sprintf("the audit knows %d actions, and there are %d", len(last), seen)
	}
	return why, nil
}

// asAudited reports an action that is not what its last audit row says, or whose row
// was not signed with the key: somebody wrote to the database who has it not, such as
// an approval that nobody gave. The step that follows would cover it.
func (db *DB) asAudited(ctx context.Context, tx *sql.Tx, id string) error {
	var body []byte
	err := tx.QueryRowContext(ctx, "SELECT body FROM action WHERE id = ?", id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // whose step it would be says that
	}
	if err != nil {
		return fmt.Errorf("read action %s: %w", id, err)
	}
	key, err := db.checkingKey(ctx, tx)
	if err != nil {
		return omen.WithHint(fmt.Errorf("action %s: no step of it is made: %w: %w", id, omen.ErrCorrupt, err), omen.Hint(err))
	}
	l, err := scanLink(tx.QueryRowContext(ctx, "SELECT seq, at, by, action, subject, detail, action_id, prev, mac FROM audit WHERE action_id = ? AND action_id <> '' ORDER BY seq DESC LIMIT 1", id))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read audit of action %s: %w", id, err)
	}
	if err == nil && l.Detail == string(body) && hmac.Equal(l.MAC, key.sign(l.Prev, l.Audit)) {
		return nil
	}
	return omen.WithHint(fmt.Errorf("action %s: it is not as the audit has it, and no step of it is made: %w", id, omen.ErrCorrupt), "see what was changed with: omen actions verify")
}

// ExportAudit writes the audit, oldest first, one JSON object a line.
func (db *DB) ExportAudit(ctx context.Context, to io.Writer) error {
	e := json.NewEncoder(to)
	return eachLink(ctx, db.read, func(l link) error {
		return e.Encode(struct {
			omen.Audit
			Prev string `json:"prev"`
			MAC  string `json:"mac"`
		}{l.Audit, hex.EncodeToString(l.Prev), hex.EncodeToString(l.MAC)})
	})
}
