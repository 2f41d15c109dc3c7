package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	omen "github.com/omenhq/omen"
)

// rechained is what the first row says was done of a chain that was begun again.
const rechained = "audit.rechained"

// Rechain begins the audit's chain again, with a new key, where the one of before is
// lost for good: until then nothing is acted on, since nobody can tell whether the audit
// is what was written. Nothing is taken as written that was not: the rows of before stay
// as they are, and their sum is kept with the new key, so that whatever is changed in
// them from now on shows; the first row of the new chain has who began it, when and why,
// and what was found of the old one; and what an action of before may still do is not
// done. A key file that is there stays beside the new one, under the name that aside
// gives (empty: there was none).
//
// An audit that is what was written is [omen.ErrConflict].
func (db *DB) Rechain(ctx context.Context, by, why string, at time.Time) (row omen.Audit, aside string, err error) {
	if by == "" || why == "" {
		return row, "", fmt.Errorf("begin the audit again: by %q, since %q: both are wanted: %w", by, why, omen.ErrInvalid)
	}
	c, err := db.Verify(ctx)
	switch {
	case err != nil:
		return row, "", err
	case c.OK():
		return row, "", fmt.Errorf("begin the audit again: it is what was written, in %d rows: %w", c.Rows+c.Former, omen.ErrConflict)
	}
	var undo func() error
	err = db.tx(ctx, func(tx *sql.Tx) error {
		w, last := newWalk(nil, 0), int64(0)
		if err := eachLink(ctx, tx, func(l link) error { w.former(l); last = l.Seq; return nil }); err != nil {
			return err
		}
		if aside, undo, err = db.replaceKey(last, w.before.Sum(nil), at); err != nil {
			return fmt.Errorf("begin the audit again: %w", err)
		}
		row = omen.Audit{At: at, By: by, Action: rechained, Subject: "audit", Detail: fmt.Sprintf(
			"%s; %s up to row %d were signed with a key that is gone: %s; %s; their sum is %x, the last one's %s",
			why, omen.Plural(w.Former, "row", "rows"), last, found(c), w.followed(), w.before.Sum(nil), w.Head)}
		return db.putAudit(ctx, tx, row)
	})
	if err != nil && undo != nil {
		err = errors.Join(err, undo())
	}
	return row, aside, err
}

// found is what was found of a chain that is broken.
func found(c Chain) string {
	if c.Broken > 0 {
		return fmt.Sprintf("the first that could not be verified was %d (%s)", c.Broken, c.Why)
	}
	return c.Why
}

// replaceKey puts a new key in the place of the one that is there, which signs from a
// row on, and remembers the sum of those up to it. undo takes it back.
func (db *DB) replaceKey(from int64, before []byte, at time.Time) (aside string, undo func() error, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	path := db.keyFile
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", nil, err
	}
	if _, err := os.Lstat(path); err == nil {
		aside = path + ".until-" + at.UTC().Format("20060102T150405Z")
		if err := os.Rename(path, aside); err != nil {
			return "", nil, err
		}
	}
	undo = func() error {
		db.mu.Lock()
		defer db.mu.Unlock()
		db.key = nil
		if aside == "" {
			return os.Remove(path)
		}
		return os.Rename(aside, path)
	}
	db.key = nil
	return aside, undo, writeWhole(path, fmt.Appendf(nil, "%s %s %d %s\n", keyWord, hex.EncodeToString(secret), from, hex.EncodeToString(before)))
}

// former takes up a row of an earlier chain: nothing is known of it but that it follows
// the one before, and is as it was when the chain was begun again.
func (w *walk) former(l link) {
	if w.torn == 0 && l.MAC != nil && !bytes.Equal(l.Prev, w.prev) {
		w.torn = l.Seq
	}
	w.before.Write(binary.BigEndian.AppendUint64(nil, uint64(l.Seq)))
	sumUp(w.before, l.Prev, l.Audit)
	w.before.Write(l.MAC)
	w.Former, w.prev, w.Head = w.Former+1, l.MAC, hex.EncodeToString(l.MAC)
}

// followed says whether each row of an earlier chain follows the one before it, which
// can be seen without its key.
func (w *walk) followed() string {
	if w.torn > 0 {
		return fmt.Sprintf("row %d does not follow the one before it", w.torn)
	}
	return "each follows the one before it"
}

// ends compares the rows of an earlier chain with what they were as this one was begun.
func (w *walk) ends() {
	if w.key == nil || w.key.before == nil || !w.OK() {
		return
	}
	switch {
	case !hmac.Equal(w.before.Sum(nil), w.key.before):
		w.Why = fmt.Sprintf("the rows up to %d are not what they were when the chain was begun again", w.from)
	case w.first != rechained:
		w.Broken, w.Why = w.from+1, "it does not say who began the chain again: omen actions rechain was not finished, do it once more"
	}
}

// settles reports whether a step to a state does nothing to the world: it only says what
// became of an action, or that it is not done.
func settles(to omen.ActionState) bool { return to != omen.ActionApproved && to != omen.ActionStarted }
