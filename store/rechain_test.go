package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// rekeyed is a database whose audit's key was lost, with an action that waits and one
// that was approved, and whose chain was begun again.
func rekeyed(t *testing.T) (db *DB, path string, row omen.Audit) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "omen.db")
	db = reopen(t, path)
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a", Subject: "s"}))
	must.OK(t, putStep(t, db, "", waiting("i1", "g1")))
	must.OK(t, putStep(t, db, "", waiting("i2", "g2")))
	approved := waiting("i2", "g2")
	approved.State = omen.ActionApproved
	must.OK(t, putStep(t, db, omen.ActionWaiting, approved))
	if _, _, err := db.Rechain(t.Context(), "root", "lost", actionAt); !errors.Is(err, omen.ErrConflict) {
		t.Errorf("of an audit that is what was written: %v", err)
	}
	must.OK(t, db.Close())
	must.OK(t, os.Remove(path+".key"))
	db = reopen(t, path)
	if got := must.Get(db.Verify(t.Context()))(t); got.OK() {
		t.Fatalf("without its key: %+v", got)
	}
	if _, _, err := db.Rechain(t.Context(), "root", "", actionAt); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("without a reason: %v", err)
	}
	row, aside, err := db.Rechain(t.Context(), "root", "the disk of the key broke", actionAt)
	if must.OK(t, err); aside != "" {
		t.Errorf("%s was put aside", aside)
	}
	return db, path, row
}

func TestAChainIsBegunAgain(t *testing.T) {
	db, path, row := rekeyed(t)
	for _, want := range []string{"the disk of the key broke; 4 rows up to row 4 ", "the first that could not be verified was 1 (there is no key", "each follows the one before it"} {
		if !strings.Contains(row.Detail, want) {
			t.Errorf("row %q, want %q in it", row.Detail, want)
		}
	}
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "b"}))
	must.OK(t, db.Close())
	db = reopen(t, path)
	defer func() { must.OK(t, db.Close()) }()
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Former != 4 || got.Rows != 2 || got.Head == "" {
		t.Errorf("%+v", got)
	}
	last := must.Get(db.Audit(t.Context(), "audit", 1))(t)
	if len(last) != 1 || last[0].By != "root" || last[0].Action != rechained {
		t.Errorf("in the audit: %+v", last)
	}
}

// What was approved before, by whomever, is not done; it can be ended.
func TestNothingOfAnEarlierChainIsDone(t *testing.T) {
	db, _, _ := rekeyed(t)
	defer func() { must.OK(t, db.Close()) }()
	one, two := waiting("i1", "g1"), waiting("i2", "g2")
	one.State = omen.ActionApproved
	if err := putStep(t, db, omen.ActionWaiting, one); !errors.Is(err, omen.ErrCorrupt) {
		t.Errorf("an approval of what waited: %v", err)
	}
	two.State, two.Started = omen.ActionStarted, actionAt
	if err := putStep(t, db, omen.ActionApproved, two); !errors.Is(err, omen.ErrCorrupt) {
		t.Errorf("a start of what was approved: %v", err)
	}
	one.State, two.State = omen.ActionExpired, omen.ActionRefused
	two.Started = one.Started
	must.OK(t, putStep(t, db, omen.ActionWaiting, one))
	must.OK(t, putStep(t, db, omen.ActionApproved, two))
	must.OK(t, putStep(t, db, "", waiting("i3", "g1")))
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() {
		t.Errorf("%+v", got)
	}
}

// The rows of before cannot be changed any more without that being seen, nor can the
// row that says that the chain was begun again be missing.
func TestAnEarlierChainIsKeptAsItIs(t *testing.T) {
	for name, c := range map[string]struct{ harm, want string }{
		"a row is changed": {"UPDATE audit SET by = 'eve' WHERE seq = 1", "the rows up to 4 are not what they were"},
		"a row is removed": {"DELETE FROM audit WHERE seq = 1", "the rows up to 4 are not what they were"},
		"a sum is removed": {"UPDATE audit SET mac = NULL WHERE seq = 1", "the rows up to 4 are not what they were"},
		"the new chain":    {"UPDATE audit SET detail = 'nothing was lost' WHERE seq = 5", "it is not what was written"},
		"its first row":    {"DELETE FROM audit WHERE seq > 4", "rechain was not finished"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _, _ := rekeyed(t)
			defer func() { must.OK(t, db.Close()) }()
			must.Get(db.write.ExecContext(t.Context(), c.harm))(t)
			if got := must.Get(db.Verify(t.Context()))(t); got.OK() || !strings.Contains(got.Why, c.want) {
				t.Errorf("%+v, want %q", got, c.want)
			}
		})
	}
}

// A key that is not the one stays where it can be found; a chain may be begun again
// more than once.
func TestAnotherKeyIsPutAside(t *testing.T) {
	db, path, _ := rekeyed(t)
	must.OK(t, db.Close())
	must.OK(t, os.WriteFile(path+".key", []byte("0123456789abcdef0123456789abcdef\n"), 0o600))
	db = reopen(t, path)
	defer func() { must.OK(t, db.Close()) }()
	row, aside, err := db.Rechain(t.Context(), "root", "once more", actionAt)
	must.OK(t, err)
	if text := must.Get(os.ReadFile(aside))(t); !strings.HasPrefix(string(text), "0123456789") || !strings.Contains(row.Detail, "5 rows up to row 5") {
		t.Errorf("%s has %q; row %q", aside, text, row.Detail)
	}
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Former != 5 || got.Rows != 1 {
		t.Errorf("%+v", got)
	}
}
