package store

import (
	"context"
	"path/filepath"
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
