package store

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// One bit of a digit flips and the body is still valid JSON: reading and
// opening both name the row, and the rest of the journal is not believed to be
// that row's.
func TestAFlippedBitInTheJournalIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	batch := []omen.Change{change(1, 1, omen.ChangeOpened), change(2, 1, omen.ChangeOpened), change(1, 2, omen.ChangeClosed)}
	must.OK(t, db.Append(t.Context(), batch...))
	must.OK(t, db.Close())
	db = reopen(t, path) // undamaged: opens
	var before string
	must.OK(t, db.write.QueryRowContext(t.Context(), "SELECT body FROM journal WHERE seq = 2").Scan(&before))
	at := strings.Index(before, "0.9") + 2
	flipped := before[:at] + string(before[at]^1) + before[at+1:] // 9 is 0x39, 8 is 0x38
	must.Get(db.write.ExecContext(t.Context(), "UPDATE journal SET body = ? WHERE seq = 2", []byte(flipped)))(t)
	if _, err := db.Changes(t.Context(), "i1"); err != nil {
		t.Errorf("the other incident cannot be read: %v", err)
	}
	_, changes := db.Changes(t.Context(), "i2")
	_, notifying := db.Notifying(t.Context(), start)
	must.OK(t, db.Close())
	_, opened := Open(t.Context(), path, slog.New(slog.DiscardHandler))
	for what, err := range map[string]error{"timeline": changes, "notifying": notifying, "start": opened} {
		if !errors.Is(err, omen.ErrCorrupt) || !strings.Contains(err.Error(), "journal row 2 (change i2.1)") || !strings.Contains(omen.Hint(err), "seq = 2") {
			t.Errorf("%s: %v (hint %q)", what, err, omen.Hint(err))
		}
	}
}

// The sum covers what a row says of itself beside the body.
func TestRowSum(t *testing.T) {
	base := rowSum("a.1", 7, []byte("x"))
	for what, other := range map[string]int64{
		"key": rowSum("a.2", 7, []byte("x")), "time": rowSum("a.1", 8, []byte("x")), "body": rowSum("a.1", 7, []byte("y")),
	} {
		if other == base {
			t.Errorf("another %s has the same sum", what)
		}
	}
	if rowSum("a.12", 7, []byte("x")) == rowSum("a.1", 7, []byte("2x")) {
		t.Error("a byte may move from one part to another")
	}
}

// A database of the first version, whose rows have no sums, opens and is read;
// what is written from then on is checked.
func TestRowsFromBeforeTheSumsAreAccepted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	must.OK(t, db.Append(t.Context(), change(1, 1, omen.ChangeOpened)))
	for _, back := range []string{
		"ALTER TABLE journal DROP COLUMN sum", "ALTER TABLE document DROP COLUMN sum", "ALTER TABLE incident DROP COLUMN sum", "ALTER TABLE cursor DROP COLUMN sum",
		"DROP INDEX audit_action", "ALTER TABLE audit DROP COLUMN mac", "ALTER TABLE audit DROP COLUMN prev", "ALTER TABLE audit DROP COLUMN action_id", "DROP TABLE action",
		"ALTER TABLE delivery DROP COLUMN sum", "ALTER TABLE audit DROP COLUMN sum", "ALTER TABLE model DROP COLUMN rowsum", "DELETE FROM goose_db_version WHERE version_id >= 2",
	} {
		must.Get(db.write.ExecContext(t.Context(), back))(t)
	}
	must.OK(t, db.Close())
	db = reopen(t, path)
	must.OK(t, db.Append(t.Context(), change(1, 2, omen.ChangeClosed)))
	got, err := db.Changes(t.Context(), "i1")
	if err != nil || len(got) != 2 {
		t.Fatalf("%d changes, %v", len(got), err)
	}
	var without int
	if err := db.write.QueryRowContext(t.Context(), "SELECT count(*) FROM journal WHERE sum IS NULL").Scan(&without); err != nil || without != 1 {
		t.Errorf("%d rows without a sum, %v; want the old one alone", without, err)
	}
}

// A row that is filed under another incident or kind is noticed at the start: no
// timeline would have it.
func TestARowFiledElsewhereIsNoticed(t *testing.T) {
	for _, harm := range []string{"UPDATE journal SET incident = 'i3' WHERE seq = 2", "UPDATE journal SET kind = 'updated' WHERE seq = 2"} {
		path := filepath.Join(t.TempDir(), "omen.db")
		db := reopen(t, path)
		if err := db.Append(t.Context(), change(1, 1, omen.ChangeOpened), change(2, 1, omen.ChangeOpened)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.write.ExecContext(t.Context(), harm); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path, slog.New(slog.DiscardHandler)); !errors.Is(err, omen.ErrCorrupt) || !strings.Contains(err.Error(), "journal row 2") {
			t.Errorf("%s: %v", harm, err)
		}
	}
}
