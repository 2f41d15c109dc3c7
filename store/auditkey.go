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

// errOtherKey is that another key's file is where the chain's was.
var errOtherKey = errors.New("it is another key than the one that signed the audit")

// signingKey is the key by which a row is signed: the chain's, which is made where
// there is no file and no chain yet, or the one that stands in while that is not there.
// Another key in its place is not used to sign: the chain would become one of two
// keys, and who put it there could write what it signed.
func (db *DB) signingKey(ctx context.Context, q rowQuerier) (*auditKey, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.key != nil {
		return db.key, nil
	}
	k, err := db.readKey(ctx, q, true)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errOtherKey) {
		var last, signed int64
		if err := q.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0), count(mac) FROM audit").Scan(&last, &signed); err != nil {
			return nil, err
		}
		if signed > 0 {
			return db.standIn(last, err)
		}
		if err := makeKey(db.keyFile, last); err != nil {
			return nil, keyError(err)
		}
		k, err = db.readKey(ctx, q, true)
	}
	if err == nil && (k.from >= 0 || k.wrong != "") {
		db.key = k
	}
	return k, err
}

// checkingKey is the key by which rows are checked, as its file is now: a process that
// has it in memory is no reason to act without the file. Its error is
// [os.ErrNotExist] where there is none, and errOtherKey where another is in its place.
func (db *DB) checkingKey(ctx context.Context, q rowQuerier) (*auditKey, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.readKey(ctx, q, false)
}

// rememberKey keeps the key of a chain that was found whole: another in its place is noticed
// from then on, whatever it signed.
func (db *DB) rememberKey(k *auditKey) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.key == nil && k.from >= 0 {
		db.key = k
	}
}

// lostKey reports an error of a key that is not there, be another in its place or not.
func lostKey(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, errOtherKey) }

// whyLost is an error of lostKey for people.
func (db *DB) whyLost(err error) string {
	db.mu.Lock()
	defer db.mu.Unlock()
	if errors.Is(err, errOtherKey) {
		return "the key in " + db.keyFile + " is another than the one that signed the audit"
	}
	return "the key of the audit is not there: no file " + db.keyFile
}

// AuditKeyThere reports a key that is not there although rows were signed with it, be
// another in its place or not. What is written then by a process that has not read it
// before proves nothing, and is a break of the chain when it is back.
func (db *DB) AuditKeyThere(ctx context.Context) error { return db.keyThere(ctx, db.read) }

func (db *DB) keyThere(ctx context.Context, q rowQuerier) error {
	_, lost := db.checkingKey(ctx, q)
	if !lostKey(lost) {
		return nil // whether it can sign is said by what signs
	}
	var begun bool
	if err := q.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM audit WHERE mac IS NOT NULL)").Scan(&begun); err != nil {
		return describe(fmt.Errorf("read audit: %w", err))
	}
	if !begun {
		return nil // it is made with the first row
	}
	return lost
}

// AuditKeyMark differs whenever the key's file does. It is zero if that cannot be read.
func (db *DB) AuditKeyMark() (mark [sha256.Size]byte) {
	db.mu.Lock()
	path := db.keyFile
	db.mu.Unlock()
	if text, err := os.ReadFile(path); err == nil {
		mark = sha256.Sum256(text)
	}
	return mark
}

// readKey reads the chain's key; note: where the chain of a key begins that somebody
// else made may be noted. The caller holds mu.
func (db *DB) readKey(ctx context.Context, q rowQuerier, note bool) (*auditKey, error) {
	text, err := os.ReadFile(db.keyFile)
	if err != nil {
		return nil, keyError(err)
	}
	k, err := parseKey(text)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("key of the audit: %s: %w", db.keyFile, err), keyBack)
	}
	if is, err := db.chains(ctx, q, k); err != nil {
		return nil, describe(fmt.Errorf("read audit: %w", err))
	} else if !is {
		return nil, omen.WithHint(fmt.Errorf("key of the audit: %s: %w", db.keyFile, errOtherKey), keyBack)
	}
	if k.from < 0 {
		if err := db.readNote(ctx, q, k, note); err != nil {
			return nil, omen.WithHint(fmt.Errorf("where the audit's chain begins: %w", err), "have Omen's user read and write the data directory")
		}
	}
	return k, nil
}

// chains reports whether a key is the chain's: the one that this process signs with,
// or else one that signed its first row or its last; any where nothing was signed yet.
// Of a chain that was signed anew as a whole it is: who can write the key's file and the
// database can make another one, and a process that begins then cannot tell it from the
// one before. The caller holds mu.
func (db *DB) chains(ctx context.Context, q rowQuerier, k *auditKey) (bool, error) {
	if db.key != nil {
		return hmac.Equal(db.key.secret, k.secret), nil
	}
	for _, end := range []string{"ASC", "DESC"} {
		l, err := scanLink(q.QueryRowContext(ctx, "SELECT seq, at, by, action, subject, detail, action_id, prev, mac FROM audit WHERE mac IS NOT NULL ORDER BY seq "+end+" LIMIT 1"))
		if errors.Is(err, sql.ErrNoRows) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if hmac.Equal(l.MAC, k.sign(l.Prev, l.Audit)) {
			return true, nil
		}
	}
	return false, nil
}

func keyError(err error) error {
	return omen.WithHint(fmt.Errorf("key of the audit: %w", err), keyBack+"; have Omen's user read it")
}

// standInFile is where the key is that signs while the chain's is not there. It is
// another file, so that the chain's can be put back; and no row that it signed is ever
// taken for one of the chain.
func (db *DB) standInFile() string { return db.path + ".key.stand-in" }

// standIn is the key that signs while the chain's is not there and why, made after so
// many rows where there is none. The caller holds mu.
func (db *DB) standIn(last int64, why error) (*auditKey, error) {
	path := db.standInFile()
	k, err := readStandIn(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = makeKey(path, last); err == nil {
			k, err = readStandIn(path)
		}
	}
	if err != nil {
		return nil, keyError(err)
	}
	if !db.saidLost {
		db.log.Error("key of the audit is not there: what people do is signed by one that stands in for it, and proves nothing; nothing is acted on", "path", db.keyFile, "err", why, "hint", keyBack)
		db.saidLost = true
	}
	return k, nil
}

func readStandIn(path string) (*auditKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseKey(text)
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

// makeKey makes a key file, with the row after which it signs.
func makeKey(path string, last int64) error {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	return writeWhole(path, fmt.Appendf(nil, "%s %s %d\n", keyWord, hex.EncodeToString(secret), last))
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
