package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// Steps that are made while the audit is walked are no change of it.
func TestVerifyBesideSteps(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range 100 {
			if err := putStep(t, db, "", waiting(fmt.Sprint("i", i), fmt.Sprint("g", i))); err != nil {
				t.Error(err)
			}
		}
	})
	done := make(chan struct{})
	go func() { writer.Wait(); close(done) }()
	for {
		if c := must.Get(db.Verify(t.Context()))(t); !c.OK() {
			t.Fatalf("%+v", c)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// tampered is a database with three audit rows, one of them of an action, in which
// somebody who has not the key has done something.
func tampered(t *testing.T, harm string) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a", Subject: "s"}))
	must.OK(t, putStep(t, db, "", waiting("i1", "g")))
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "bob", Action: "b", Subject: "s"}))
	if harm != "" {
		must.Get(db.write.ExecContext(t.Context(), harm))(t)
	}
	return db, path
}

func TestVerifyNamesTheFirstRowThatWasChanged(t *testing.T) {
	sum := "sum = omen_sum(at, by, action, subject, detail, action_id, prev, mac)"
	for _, c := range []struct {
		name, harm string
		broken     int64
		why        string
	}{
		{"nothing", "", 0, ""},
		{"an author", "UPDATE audit SET by = 'eve' WHERE seq = 2", 2, "not what was written"},
		{"an author, and the checksum", "UPDATE audit SET by = 'eve', " + strings.ReplaceAll(sum, "by", "'eve'") + " WHERE seq = 2", 2, "not what was written"},
		{"a row is gone", "DELETE FROM audit WHERE seq = 2", 3, "another than when it was written"},
		{"a row out of the chain", "INSERT INTO audit (at, by, action, subject, detail) VALUES (1, 'eve', 'x', '', '')", 4, "not in the chain"},
		{"the chain was taken out", "UPDATE audit SET mac = NULL, prev = NULL", 1, "not in the chain"},
		{"an action", "UPDATE action SET body = replace(body, 'webhook', 'evict_pod')", 0, "not as its last audit row has it"},
		{"an action is gone", "DELETE FROM action", 0, "there are 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, _ := tampered(t, c.harm)
			defer db.Close()
			got := must.Get(db.Verify(t.Context()))(t)
			if got.Broken != c.broken || got.OK() != (c.why == "") || !strings.Contains(got.Why, c.why) {
				t.Errorf("%+v, want row %d: %s", got, c.broken, c.why)
			}
			if c.harm == "" && (got.Rows != 3 || len(got.Head) != 64) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Who can write to the database can make a checksum, and has not the key: an approval
// that nobody gave is not followed by a step, which would cover it.
func TestNoStepFollowsAForgedOne(t *testing.T) {
	sum := ", sum = omen_sum(id, incident, playbook, grp, target, host, attempt, 'approved', epoch, at, started, ended, %[1]s)"
	body := "CAST(replace(CAST(body AS TEXT), '\"state\":\"waiting\"', '\"state\":\"approved\",\"by\":\"ann\"') AS BLOB)"
	forge := "UPDATE action SET state = 'approved', body = " + body + fmt.Sprintf(sum, body)
	for name, harm := range map[string][]string{
		"an approval":                     {forge},
		"with an audit row without a sum": {forge, "INSERT INTO audit (at, by, action, subject, detail, action_id) SELECT at, 'ann', 'action.approved', incident, CAST(body AS TEXT), id FROM action"},
		"with the sum of another row":     {forge, "INSERT INTO audit (at, by, action, subject, detail, action_id, prev, mac) SELECT a.at, 'ann', 'action.approved', a.incident, CAST(a.body AS TEXT), a.id, u.prev, u.mac FROM action a, audit u LIMIT 1"},
		"with no audit row of it":         {forge, "DELETE FROM audit WHERE action_id <> ''"},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := tampered(t, "")
			defer db.Close()
			for _, statement := range harm {
				must.Get(db.write.ExecContext(t.Context(), statement))(t)
			}
			a := must.Get(db.Action(t.Context(), waiting("i1", "g").ID))(t)
			if a.State != omen.ActionApproved || a.By != "ann" {
				t.Fatalf("nothing is forged: %+v", a)
			}
			must.OK(t, a.Step(omen.ActionStarted, actionAt, "every guard allows it"))
			if err := putStep(t, db, omen.ActionApproved, a); !errors.Is(err, omen.ErrCorrupt) {
				t.Errorf("started: %v", err)
			}
			if got := must.Get(db.Verify(t.Context()))(t); got.OK() {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Without its key a chain proves nothing: a key that is made anew does not make it
// whole.
func TestTheKeyIsOutsideOfTheDatabase(t *testing.T) {
	db, path := tampered(t, "")
	must.OK(t, db.Close())
	key := must.Get(os.ReadFile(path + ".key"))(t)
	if info := must.Get(os.Stat(path + ".key"))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	text := must.Get(os.ReadFile(path))(t)
	if secret := bytes.Fields(key)[1]; bytes.Contains(text, secret) || bytes.Contains(text, must.Get(parseKey(key))(t).secret) {
		t.Error("the key is in the database")
	}
	must.OK(t, os.Remove(path+".key"))
	db = reopen(t, path)
	var log strings.Builder
	db.log = slog.New(slog.NewTextHandler(&log, nil))
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 1 || !got.NoKey || log.Len() > 0 {
		t.Errorf("without a key: %+v, logged\n%s", got, log.String())
	}
	for range 2 {
		must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "c"}))
	}
	if got := strings.Count(log.String(), "key of the audit is not there"); got != 1 {
		t.Errorf("that it is not there is logged %d times, want once:\n%s", got, log.String())
	}
	if got := must.Get(db.Verify(t.Context()))(t); got.OK() || !got.NoKey {
		t.Errorf("with a key that stands in: %+v", got)
	}
	if _, err := os.Stat(path + ".key"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file where the key is to be put back: %v", err)
	}
	must.OK(t, db.Close())
	must.OK(t, os.WriteFile(path+".key", key, 0o600))
	db = reopen(t, path)
	defer db.Close()
	// That was signed by the other one: it proves nothing, and is not said to be changed.
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 4 || got.NoKey || !strings.Contains(got.Why, "written while the key was not there") {
		t.Errorf("with its key: %+v", got)
	}
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "d"}))
	must.Get(db.write.ExecContext(t.Context(), "UPDATE audit SET by = 'eve' WHERE seq = 4"))(t)
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 4 || !strings.Contains(got.Why, "not what was written") {
		t.Errorf("a changed row of the key that stood in: %+v", got)
	}
}

// A key that is gone while Omen runs is missed at once: neither is the chain whole nor
// is a step made. Nothing that was signed meanwhile is lost once the file is back; and
// a key that was made later in its place is distinguished from a changed row.
func TestAKeyThatIsGoneWhileOmenRuns(t *testing.T) {
	db, path := tampered(t, "")
	defer db.Close()
	key := must.Get(os.ReadFile(path + ".key"))(t)
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "c"})) // it is in memory
	must.OK(t, os.Remove(path+".key"))
	if got := must.Get(db.Verify(t.Context()))(t); !got.NoKey {
		t.Errorf("without its file: %+v", got)
	}
	a := must.Get(db.Actions(t.Context(), ActionFilter{}))(t)[0]
	step := func() error {
		return db.tx(t.Context(), func(tx *sql.Tx) error { return db.asAudited(t.Context(), tx, a.ID) })
	}
	if err := step(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a step without the key: %v", err)
	}
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "d"}))
	must.OK(t, os.WriteFile(path+".key", key, 0o600))
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() {
		t.Errorf("with its file back: %+v", got)
	}
	must.OK(t, step())
	must.OK(t, os.Remove(path+".key"))
	must.OK(t, makeKey(path+".key", 99))
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 1 || !got.NoKey || !strings.Contains(got.Why, "another than the one that signed") {
		t.Errorf("with a later one in its place: %+v", got)
	}
}

// Another key in the place of the chain's is not used to sign, whoever made it, and is no reason
// to act: what is written meanwhile is signed by the one that stands in, so that who put it
// there can write nothing that it signed; and with the chain's back, where nothing was
// written, nothing is lost, the note of where the chain begins included.
func TestAnotherKeySignsNothing(t *testing.T) {
	for _, own := range []bool{false, true} {
		for name, other := range map[string]string{
			"by Omen": keyWord + " 00112233445566778899aabbccddeeff 3\n", "by Omen, for all": keyWord + " 00112233445566778899aabbccddeeff 0\n", "by somebody": "0123456789abcdef\n",
		} {
			t.Run(fmt.Sprint(name, ", in the place of one of somebody's: ", own), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "omen.db")
				if own {
					must.OK(t, os.WriteFile(path+".key", []byte("the key that somebody made\n"), 0o600))
				}
				db := reopen(t, path)
				must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a"}))
				must.OK(t, putStep(t, db, "", waiting("i1", "g")))
				key := must.Get(os.ReadFile(path + ".key"))(t)
				swap := func(text []byte) {
					must.OK(t, db.Close())
					must.OK(t, os.WriteFile(path+".key", text, 0o600))
					db = reopen(t, path)
				}
				defer func() { must.OK(t, db.Close()) }()

				swap([]byte(other))
				if got := must.Get(db.Verify(t.Context()))(t); got.OK() || !got.NoKey {
					t.Errorf("%+v", got)
				}
				if err := db.AuditKeyThere(t.Context()); err == nil || omen.Hint(err) == "" {
					t.Errorf("the key is there: %v", err)
				}
				if err := putStep(t, db, "", waiting("i2", "h")); !errors.Is(err, omen.ErrCorrupt) {
					t.Errorf("a refusal of Omen's own: %v", err)
				}
				if text, err := os.ReadFile(path + ".chain"); own != (err == nil) || own && bytes.Contains(text, []byte(must.Get(parseKey([]byte(other)))(t).note(0))) {
					t.Errorf("the note of the beginning: %q, %v", text, err)
				}
				swap(key)
				if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Rows != 2 {
					t.Errorf("with the key back: %+v", got)
				}

				swap([]byte(other))
				must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "b"}))
				l := must.Get(scanLink(db.read.QueryRowContext(t.Context(), "SELECT seq, at, by, action, subject, detail, action_id, prev, mac FROM audit ORDER BY seq DESC LIMIT 1")))(t)
				if bytes.Equal(l.MAC, must.Get(parseKey([]byte(other)))(t).sign(l.Prev, l.Audit)) {
					t.Error("what somebody did is signed by the other key")
				}
				swap(key)
				if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 3 || !strings.Contains(got.Why, "written while the key was not there") {
					t.Errorf("with the key back: %+v", got)
				}
			})
		}
	}
}

// Who can write both the key's file and the database can sign a ledger of their own: a
// process that has found the one before whole notices it, whatever was signed.
func TestALedgerSignedAnewIsNoticed(t *testing.T) {
	db, path := tampered(t, "")
	defer func() { must.OK(t, db.Close()) }()
	must.OK(t, db.Close())
	db = reopen(t, path)
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() {
		t.Fatalf("%+v", got)
	}
	other := &auditKey{secret: []byte("0123456789abcdef")}
	var rows []link
	must.OK(t, eachLink(t.Context(), db.read, func(l link) error { rows = append(rows, l); return nil }))
	prev := []byte{}
	for _, l := range rows {
		mac := other.sign(prev, l.Audit)
		must.Get(db.write.ExecContext(t.Context(), "UPDATE audit SET prev = ?, mac = ? WHERE seq = ?", prev, mac, l.Seq))(t)
		prev = mac
	}
	must.OK(t, os.WriteFile(path+".key", fmt.Appendf(nil, "%s %x 0\n", keyWord, other.secret), 0o600))
	if got := must.Get(db.Verify(t.Context()))(t); got.OK() || !got.NoKey {
		t.Errorf("%+v", got)
	}
	if err := putStep(t, db, "", waiting("i2", "h")); !errors.Is(err, omen.ErrCorrupt) {
		t.Errorf("an action: %v", err)
	}
}

// No action is begun while the key is not there: its row would be signed by the one that
// stands in, and break the chain for good. Where there is no chain yet the key is made.
func TestNoActionIsBegunWithoutTheKey(t *testing.T) {
	for name, reopened := range map[string]bool{"which Omen has read": false, "at a start": true} {
		t.Run(name, func(t *testing.T) {
			db, path := tampered(t, "")
			defer func() { must.OK(t, db.Close()) }()
			key := must.Get(os.ReadFile(path + ".key"))(t)
			must.OK(t, db.AuditKeyThere(t.Context()))
			mark := db.AuditKeyMark()
			must.OK(t, os.Remove(path+".key"))
			if reopened {
				must.OK(t, db.Close())
				db = reopen(t, path)
			}
			if err := db.AuditKeyThere(t.Context()); !errors.Is(err, os.ErrNotExist) || omen.Hint(err) == "" {
				t.Errorf("the key is gone: %v", err)
			}
			if err := putStep(t, db, "", waiting("i2", "h")); !errors.Is(err, omen.ErrCorrupt) || !errors.Is(err, os.ErrNotExist) || omen.Hint(err) == "" {
				t.Errorf("begun: %v", err)
			}
			if db.AuditKeyMark() == mark {
				t.Error("the mark is the same without the key")
			}
			must.OK(t, os.WriteFile(path+".key", key, 0o600))
			if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Rows != 3 || db.AuditKeyMark() != mark {
				t.Errorf("with the key back: %+v", got)
			}
			must.OK(t, putStep(t, db, "", waiting("i2", "h")))
		})
	}
}

// A key that somebody else made does not say from which row on it signs: that is
// remembered, so that a ledger whose sums were all taken out is not taken for one
// from before there were any; nor is one with steps of actions in it, key or not.
func TestTheStartOfSigningIsRemembered(t *testing.T) {
	path, key := filepath.Join(t.TempDir(), "omen.db"), filepath.Join(t.TempDir(), "audit.key")
	must.OK(t, os.WriteFile(key, []byte("0123456789abcdef\n"), 0o600))
	db := reopen(t, path)
	again := func() Chain {
		t.Helper()
		must.OK(t, db.Close())
		db = reopen(t, path)
		db.SetAuditKeyFile(key)
		return must.Get(db.Verify(t.Context()))(t)
	}
	defer func() { must.OK(t, db.Close()) }()
	must.Get(db.write.ExecContext(t.Context(), "INSERT INTO audit (at, by, action, subject, detail) VALUES (1, 'ann', 'x', '', '')"))(t)
	if got := again(); !got.OK() || got.Unchained != 1 {
		t.Errorf("before anything is signed: %+v", got)
	}
	for range 2 {
		must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a"}))
	}
	if got := again(); !got.OK() || got.Unchained != 1 || got.Rows != 2 {
		t.Errorf("signed: %+v", got)
	}
	must.Get(db.write.ExecContext(t.Context(), "UPDATE audit SET mac = NULL, prev = NULL"))(t)
	if got := again(); got.Broken != 2 || !strings.Contains(got.Why, "not in the chain") {
		t.Errorf("all sums are gone: %+v, want row 2", got)
	}
	note := must.Get(os.ReadFile(path + ".chain"))(t)
	must.OK(t, os.WriteFile(path+".chain", bytes.Replace(note, []byte(" 1 "), []byte(" 3 "), 1), 0o600))
	if got := again(); got.OK() || !strings.Contains(got.Why, "where the chain begins") {
		t.Errorf("the note was changed, too: %+v", got)
	}
}

// Steps of actions came with the chain: without their sums they are none.
func TestUnsignedStepsAreABreak(t *testing.T) {
	db, path := tampered(t, "UPDATE audit SET mac = NULL, prev = NULL")
	must.OK(t, db.Close())
	must.OK(t, os.Remove(path+".key"))
	db = reopen(t, path)
	defer db.Close()
	if got := must.Get(db.Verify(t.Context()))(t); got.Broken != 2 {
		t.Errorf("%+v, want row 2, the action's", got)
	}
}

func TestAuditKeyFiles(t *testing.T) {
	for text, good := range map[string]bool{
		"omen-audit-key 00112233445566778899aabbccddeeff 7\n": true, "0123456789abcdef\n": true,
		"short": false, "": false, "omen-audit-key zz 7": false, "omen-audit-key 0011 7": false,
	} {
		if _, err := parseKey([]byte(text)); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A row without a time has none, and not the year 1970, to people and to the chain.
func TestAnAuditRowWithoutATime(t *testing.T) {
	db := must.Get(Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
	defer func() { must.OK(t, db.Close()) }()
	must.OK(t, db.Record(t.Context(), omen.Audit{By: "ann", Action: "note", Subject: "x"}))
	if rows := must.Get(db.Audit(t.Context(), "x", 0))(t); len(rows) != 1 || !rows[0].At.IsZero() {
		t.Errorf("read back: %+v", rows)
	}
	if c := must.Get(db.Verify(t.Context()))(t); !c.OK() {
		t.Errorf("the chain: %s", c.Why)
	}
}

// What was written before there was a chain is taken as it is, and counted.
func TestAuditFromBeforeTheChain(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	defer db.Close()
	for range 3 {
		must.Get(db.write.ExecContext(t.Context(), "INSERT INTO audit (at, by, action, subject, detail) VALUES (1, 'ann', 'x', '', '')"))(t)
	}
	must.OK(t, db.Record(t.Context(), omen.Audit{At: actionAt, By: "ann", Action: "a"}))
	if got := must.Get(db.Verify(t.Context()))(t); !got.OK() || got.Unchained != 3 || got.Rows != 1 {
		t.Errorf("%+v", got)
	}
}
