package store

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// furnish puts rows of every kind into a database.
func furnish(t *testing.T, db *DB) {
	t.Helper()
	ctx, a := t.Context(), omen.Audit{At: start, By: "ann", Action: "do", Subject: "s"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 12 {
		must(db.Append(ctx, change(i, 1, omen.ChangeOpened), change(i, 2, omen.ChangeUpdated)))
		if i%3 == 0 {
			must(db.Append(ctx, change(i, 3, omen.ChangeClosed)))
		}
		must(db.PutSilence(ctx, mute.Silence{ID: fmt.Sprint("s", i), From: start, Until: start.Add(time.Hour), By: "ann", Reason: "work",
			Match: []mute.Matcher{{Name: "host", Value: fmt.Sprint("web-", i), IsEqual: true}}}, a))
		must(db.PutEvent(ctx, mute.Event{ID: fmt.Sprint("e", i), At: start, Kind: mute.EventBoot}))
		must(db.PutSetting(ctx, fmt.Sprint("setting", i), i))
		must(db.RecordDelivery(ctx, omen.Delivery{Incident: fmt.Sprint("i", i), Key: fmt.Sprint("i", i, ".1"), Receiver: "ops", At: start, Outcome: "sent"}))
		must(db.Advance(ctx, fmt.Sprint("reader", i), int64(i)))
	}
	put(t, db, modelOf("web", 1, false), modelOf("web", 2, true), modelOf("db", 1, true))
}

// dump is every row of ours as text, but for what opening writes.
func dump(t *testing.T, db *DB) (string, error) {
	t.Helper()
	var b strings.Builder
	for _, table := range []string{"journal", "incident", "incident_host", "cursor", "delivery", "audit", "action", "model", "model_blob", "document"} {
		if err := dumpTable(t, db, table, &b); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func dumpTable(t *testing.T, db *DB, table string, to *strings.Builder) error {
	t.Helper()
	rows, err := db.write.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for i := range columns { // a flipped bit may be the case of a name, which says nothing
		columns[i] = strings.ToLower(columns[i])
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if line := fmt.Sprintf("%s %s %q\n", table, columns, values); !strings.Contains(line, `"store.`) {
			to.WriteString(line)
		}
	}
	return rows.Err()
}

// Each of many single flipped bits is refused with a word, or what it hit is set
// aside and said, or all there is reads as it was written: a page that is free, or
// what is only SQLite's.
func TestSingleFlippedBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	furnish(t, db)
	want, err := dump(t, db)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(2, seed))
	var used []int // half of the flips are of bytes that are not empty, or most would hit nothing
	for i, b := range whole {
		if b != 0 {
			used = append(used, i)
		}
	}
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	refused, aside, same := 0, 0, 0
	for round := range rounds {
		at, bit := random.IntN(len(whole)), random.IntN(8)
		if round%2 == 0 {
			at = used[random.IntN(len(used))]
		}
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1 << bit
		copied := filepath.Join(t.TempDir(), "omen.db")
		if err := os.WriteFile(copied, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		db, err := Open(t.Context(), copied, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			refused++
			continue
		}
		got, err := dump(t, db)
		switch {
		case err != nil:
			refused++
		case got == want:
			same++
		case db.Damaged() > 0 && strings.Contains(log.String(), "level=ERROR") || damagedModel(t, db):
			aside++
		default:
			t.Errorf("byte %d, bit %d: what is read differs, without a word", at, bit)
			for _, line := range strings.Split(got, "\n") {
				if !strings.Contains(want, line) {
					t.Log(line)
				}
			}
		}
		_ = db.Close()
	}
	t.Logf("%d refused, %d set aside, %d without effect", refused, aside, same)
	if refused == 0 || aside == 0 {
		t.Error("the flips hit nothing")
	}
}

// damagedModel reports a model whose bytes are not what was stored: it is said
// when it is to serve, and an older one serves.
func damagedModel(t *testing.T, db *DB) bool {
	t.Helper()
	found, err := query(t.Context(), db.write, func(rows *sql.Rows) (bad bool, err error) {
		var sum, data []byte
		err = rows.Scan(&sum, &data)
		is := sha256.Sum256(data)
		return !bytes.Equal(sum, is[:]), err
	}, "SELECT sum, data FROM model JOIN model_blob USING (id)")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range found {
		if bad {
			return true
		}
	}
	return false
}

// An open incident whose row is damaged is made again from its timeline; a
// damaged silence does not apply, and is counted; a damaged cursor starts again.
func TestWhatIsDamagedIsMadeAgainOrSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	furnish(t, db)
	before, err := db.Incident(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	for _, harm := range []string{
		`UPDATE incident SET body = CAST(replace(CAST(body AS TEXT), '0.9', '0.8') AS BLOB) WHERE id = 'i1'`,
		`UPDATE document SET body = CAST(replace(CAST(body AS TEXT), 'web-2', 'web-3') AS BLOB) WHERE kind = 'silence' AND id = 's2'`,
		`UPDATE cursor SET seq = seq + 1048576 WHERE reader = 'reader3'`,
	} {
		done, err := db.write.ExecContext(t.Context(), harm)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := done.RowsAffected(); n != 1 {
			t.Fatalf("%d rows: %s", n, harm)
		}
	}
	if silences, err := db.Silences(t.Context(), time.Time{}); err != nil || len(silences) != 11 || db.Damaged() != 1 {
		t.Errorf("%d silences, %v, %d damaged: want the damaged one set aside as soon as it is read", len(silences), err, db.Damaged())
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = reopen(t, path)
	after, err := db.Incident(t.Context(), "i1")
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("incident %+v, %v, want it as it was\n%+v", after, err, before)
	}
	if db.Damaged() != 2 {
		t.Errorf("%d damaged rows, want 2: the incident is whole again", db.Damaged())
	}
	if at, err := db.Cursor(t.Context(), "reader3"); err != nil || at != 0 {
		t.Errorf("the damaged cursor is at %d, %v", at, err)
	}
}
