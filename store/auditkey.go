package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	omen "github.com/omenhq/omen"
)

// auditKey is the key of the chain.
type auditKey struct {
	secret []byte
	from   int64  // rows after this one have to be in the chain; -1: not known
	wrong  string // what is wrong with the note of that; empty: nothing
}

// keyWord begins a key file that Omen made, which also says where the chain begins.
// A key that somebody else made does not: for it that is noted in a file of its own,
// which begins with noteWord.
const (
	keyWord  = "omen-audit-key"
	noteWord = "omen-audit-chain"
)

// keyBack is what to do when the key is not there or another.
const keyBack = "put the key file back as it was (remedy.audit_key_file says where it is); if it is lost for good, keep this data directory apart, and begin with an empty one to act again (docs/remediation.md, The audit)"

// leastKey is the fewest bytes of a key file that somebody else made: a key of 128 bits.
const leastKey = 16

// SetAuditKeyFile names the file with the chain's key. Without it, that is the
// database's name with ".key" behind it. A file that is not there is made at the
// first audit row.
func (db *DB) SetAuditKeyFile(path string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if path == "" {
		path = db.path + ".key"
	}
	if path != db.keyFile {
		db.keyFile, db.key = path, nil
	}
}

// auditKey reads the chain's key; create: it makes one where there is no file.
func (db *DB) auditKey(ctx context.Context, q rowQuerier, create bool) (*auditKey, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.key != nil {
		return db.key, nil
	}
	path := db.keyFile
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && create {
		text, err = db.makeKey(ctx, q, path)
	}
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("key of the audit: %w", err), keyBack+"; have Omen's user read it")
	}
	k, err := parseKey(text)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("key of the audit: %s: %w", path, err), keyBack)
	}
	if k.from < 0 {
		if err := db.readNote(ctx, q, k, create); err != nil {
			return nil, omen.WithHint(fmt.Errorf("where the audit's chain begins: %w", err), "have Omen's user read and write the data directory")
		}
	}
	if k.from >= 0 || k.wrong != "" {
		db.key = k
	}
	return k, nil
}

// noteFile is where it is noted from which row on a key that somebody else made
// signs: beside the database, since the key may not be Omen's to write, and not in
// it, where who changes the audit would change the note, too.
func (db *DB) noteFile() string { return db.path + ".chain" }

// readNote reads where the chain of a key begins, or notes it if no row was signed
// since there are notes.
func (db *DB) readNote(ctx context.Context, q rowQuerier, k *auditKey, create bool) error {
	text, err := os.ReadFile(db.noteFile())
	if errors.Is(err, os.ErrNotExist) {
		if !create {
			return nil
		}
		// Rows in the chain may be older than the note.
		err := q.QueryRowContext(ctx, "SELECT coalesce(min(seq) FILTER (WHERE mac IS NOT NULL) - 1, max(seq), 0) FROM audit").Scan(&k.from)
		if err != nil {
			return err
		}
		return writeWhole(db.noteFile(), fmt.Appendf(nil, "%s %d %s\n", noteWord, k.from, k.note(k.from)))
	}
	if err != nil {
		return err
	}
	from, sum := parseNote(text)
	if from < 0 || !hmac.Equal([]byte(sum), []byte(k.note(from))) {
		k.wrong = db.noteFile() + ", which says where the chain begins, is not what was written, or the key is another"
		return nil
	}
	k.from = from
	return nil
}

// note is the sum of a note, by which nobody without the key can make one.
func (k *auditKey) note(from int64) string {
	h := hmac.New(sha256.New, k.secret)
	_, _ = fmt.Fprintf(h, "%s %d", noteWord, from)
	return hex.EncodeToString(h.Sum(nil))
}

// parseNote is what a note says; -1: it is none.
func parseNote(text []byte) (from int64, sum string) {
	if n, err := fmt.Sscanf(string(text), noteWord+" %d %s", &from, &sum); err != nil || n != 2 || from < 0 {
		return -1, ""
	}
	return from, sum
}

// rowQuerier is a database or a transaction.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// makeKey makes the key file. Where the chain has begun its key was lost: that is
// logged, and that rows are signed by another one from here on, [DB.Verify] says.
func (db *DB) makeKey(ctx context.Context, q rowQuerier, path string) ([]byte, error) {
	var last, signed int64
	if err := q.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0), count(mac) FROM audit").Scan(&last, &signed); err != nil {
		return nil, err
	}
	if signed > 0 {
		db.log.Error("key of the audit is lost: another one is made, which proves none of the rows before, and nothing is acted on", "path", path, "count", signed, "hint", keyBack)
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, "%s %s %d\n", keyWord, hex.EncodeToString(secret), last)
	return text, writeWhole(path, text)
}

// writeWhole makes a file for Omen's user alone: a crash leaves no part of it.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: %w", omen.ErrFull, err)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			err = fmt.Errorf("%w: %w", omen.ErrFull, err)
		}
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func parseKey(text []byte) (*auditKey, error) {
	var secret string
	var from int64
	if n, err := fmt.Sscanf(string(text), keyWord+" %s %d", &secret, &from); err == nil && n == 2 {
		key, err := hex.DecodeString(secret)
		if err != nil || len(key) < leastKey {
			return nil, fmt.Errorf("it is no key: %w", omen.ErrInvalid)
		}
		return &auditKey{secret: key, from: from}, nil
	}
	key := bytes.TrimSpace(text)
	if len(key) < leastKey {
		return nil, fmt.Errorf("it has %d bytes, want at least %d: %w", len(key), leastKey, omen.ErrInvalid)
	}
	return &auditKey{secret: key, from: -1}, nil
}

// signedFrom is the row after which all have to be in the chain, as far as that is
// remembered, also where the key is gone; -1: it is not.
func (db *DB) signedFrom(key *auditKey) int64 {
	if key != nil {
		return key.from
	}
	text, err := os.ReadFile(db.noteFile())
	if err != nil {
		return -1 // there was none, or it is as good as none: the chain itself is checked all the same
	}
	from, _ := parseNote(text)
	return from
}
