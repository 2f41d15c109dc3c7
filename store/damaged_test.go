package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// A journal row that is damaged while Omen runs is counted and stops no reader: in
// its place comes the incident as it is. Put right, or removed, it no longer counts.
func TestADamagedChangeStopsNoReader(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	exec := func(statement string) { t.Helper(); must.Get(db.write.ExecContext(ctx, statement))(t) }
	must.OK(t, db.Append(ctx, change(1, 1, omen.ChangeOpened), change(2, 1, omen.ChangeOpened), change(2, 2, omen.ChangeUpdated), change(3, 1, omen.ChangeOpened)))
	exec(`CREATE TABLE kept AS SELECT seq, body FROM journal`)
	exec(`UPDATE journal SET body = '{' WHERE seq IN (2, 3)`)
	exec(`DELETE FROM incident WHERE id = 'i3'`) // whole in the journal
	var got []string
	for c, err := range db.FollowFrom(ctx, 0) {
		must.OK(t, err)
		got = append(got, c.Key())
		if c.Seq == 4 {
			break
		}
	}
	if len(got) != 4 || got[1] != "i2.2" || got[2] != "i2.2" || got[3] != "i3.1" {
		t.Errorf("followed %q, want i2 as it is in place of its damaged rows", got)
	}
	for _, step := range []struct {
		harm string
		want int
	}{
		{`SELECT 1`, 2},
		{`UPDATE journal SET body = (SELECT body FROM kept WHERE kept.seq = journal.seq) WHERE seq = 2`, 1},
		{`DELETE FROM journal WHERE seq = 3`, 0},
	} {
		exec(step.harm)
		must.OK(t, db.Recheck(ctx))
		if n := db.Damaged(); n != step.want {
			t.Errorf("after %q %d damaged rows, want %d", step.harm, n, step.want)
		}
	}
}

// Of documents, too: written anew or removed they are damaged no more.
func TestWhatIsWrittenAnewIsDamagedNoMore(t *testing.T) {
	db := reopen(t, filepath.Join(t.TempDir(), "omen.db"))
	furnish(t, db)
	before := must.Get(db.Silences(t.Context(), time.Time{}))(t)
	must.Get(db.write.ExecContext(t.Context(), `UPDATE document SET body = '{' WHERE kind = 'silence'`))(t)
	must.Get(db.write.ExecContext(t.Context(), `UPDATE incident SET body = '{' WHERE id = 'i1'`))(t)
	read := func(damaged int) (left []mute.Silence) {
		t.Helper()
		left = must.Get(db.Silences(t.Context(), time.Time{}))(t)
		must.Get(db.Incidents(t.Context(), Filter{}))(t)
		must.OK(t, db.Recheck(t.Context()))
		if n := db.Damaged(); n != damaged {
			t.Errorf("%d damaged rows, want %d", n, damaged)
		}
		return left
	}
	read(len(before) + 1)
	must.OK(t, db.PutSilence(t.Context(), before[0], omen.Audit{At: start, By: "ann", Action: "silence", Subject: before[0].ID}))
	if left := read(len(before)); len(left) != 1 {
		t.Errorf("%d silences apply, want the one written anew", len(left))
	}
	must.Get(db.write.ExecContext(t.Context(), `DELETE FROM document WHERE kind = 'silence'`))(t)
	read(1)
}

// A reader whose place is beyond the journal's end, as after a journal that was
// recovered in part, hears again: it starts at the end, and that is said.
func TestAReaderBeyondTheEndHearsAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	furnish(t, db)
	head := must.Get(db.Head(t.Context()))(t)
	must.OK(t, db.Advance(t.Context(), "beyond", head+1000))
	must.OK(t, db.Advance(t.Context(), "at the end", head))
	must.OK(t, db.Close())
	var log bytes.Buffer
	db = must.Get(Open(t.Context(), path, slog.New(slog.NewTextHandler(&log, nil))))(t)
	t.Cleanup(func() { must.OK(t, db.Close()) })
	readers := must.Get(db.Readers(t.Context()))(t)
	if _, is := readers["beyond"]; is || readers["at the end"] != head || db.Damaged() != 1 || !strings.Contains(log.String(), "beyond the journal's end") {
		t.Errorf("readers %v with the end at %d, %d damaged, said: %s", readers, head, db.Damaged(), &log)
	}
}

// A column whose name or type has a flipped bit is no damage to SQLite, which would
// read nothing from it, or numbers as text; the database is refused.
func TestAColumnThatIsNotOursIsRefused(t *testing.T) {
	for _, harm := range [][2]string{{"took ", "tooj "}, {"seq    INTEGER", "seq    INTEEER"}, {"outcome  TEXT    NOT NULL", "outcome  TEXT    NOT NUML"}} {
		path := filepath.Join(t.TempDir(), "omen.db")
		must.OK(t, reopen(t, path).Close())
		text := must.Get(os.ReadFile(path))(t)
		flipped := bytes.ReplaceAll(text, []byte(harm[0]), []byte(harm[1]))
		if bytes.Equal(text, flipped) {
			t.Fatalf("%q is not in the database", harm[0])
		}
		must.OK(t, os.WriteFile(path, flipped, 0o600))
		if _, err := Open(t.Context(), path, nil); !errors.Is(err, omen.ErrCorrupt) || omen.Hint(err) == "" {
			t.Errorf("%q: %v", harm[1], err)
		}
	}
}

// A start that looks at all rows finds what is damaged; one that does not, of a large
// database, says of no row that it is whole because it was not looked at.
func TestWhatWasDamagedCountsAfterAStartThatDoesNotLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	furnish(t, db)
	ctx := t.Context()
	must.Get(db.write.ExecContext(ctx, `CREATE TABLE kept AS SELECT * FROM document`))(t)
	must.Get(db.write.ExecContext(ctx, `UPDATE document SET body = '{}' WHERE kind = 'silence'`))(t)
	must.OK(t, db.Close())
	was := 0
	for i, upTo := range []int64{checkUpTo, 0, 0} {
		next := must.Get(open(ctx, path, "sqlite", slog.New(slog.DiscardHandler), upTo))(t)
		must.OK(t, next.Recheck(ctx))
		switch n := next.Damaged(); {
		case i == 0 && n == 0:
			t.Error("no damaged rows found by a start that looks at all")
		case i > 0 && n != was:
			t.Errorf("start %d: %d rows are damaged, and %d were", i, n, was)
		default:
			was = n
		}
		if i == 2 {
			must.Get(next.write.ExecContext(ctx, `UPDATE document SET body = (SELECT body FROM kept k WHERE k.kind = document.kind AND k.id = document.id) WHERE kind = 'silence'`))(t)
			if must.OK(t, next.Recheck(ctx)); next.Damaged() != 0 {
				t.Errorf("%d rows are damaged once they are as they were", next.Damaged())
			}
		}
		must.OK(t, next.Close())
	}
	whole := must.Get(open(ctx, path, "sqlite", slog.New(slog.DiscardHandler), 0))(t)
	if n := whole.Damaged(); n != 0 {
		t.Errorf("%d rows are damaged after a start, and none was", n)
	}
	must.OK(t, whole.Close())
}
