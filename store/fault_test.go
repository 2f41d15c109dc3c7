package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// faulty is the real driver, whose n-th write from now on fails: a statement
// before it is carried out, a commit before or, lying, after it is.
type faulty struct {
	driver.Driver
	countdown atomic.Int64 // 1: the next write fails; 0 or less: none does
	lie       atomic.Bool
}

var errFault = errors.New("injected fault")

var faults = &faulty{Driver: registered()}

// registered is the driver that knows our functions.
func registered() driver.Driver {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	return db.Driver()
}

func init() { sql.Register("sqlite-faulty", faults) }

func (f *faulty) fails() bool { return f.countdown.Add(-1) == 0 }

func (f *faulty) Open(name string) (driver.Conn, error) {
	c, err := f.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	return &faultyConn{c, f, !strings.Contains(name, "query_only")}, nil
}

type faultyConn struct {
	driver.Conn
	f      *faulty
	writes bool
}

func (c *faultyConn) ExecContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	if c.writes && c.f.fails() {
		return nil, errFault
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, q, args)
}

func (c *faultyConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	if c.writes && c.f.fails() {
		return nil, errFault
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

func (c *faultyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
	return &faultyTx{tx, c.f}, err
}

type faultyTx struct {
	driver.Tx
	f *faulty
}

func (t *faultyTx) Commit() error {
	if !t.f.fails() {
		return t.Tx.Commit()
	}
	if t.f.lie.Load() {
		return errors.Join(t.Tx.Commit(), errFault)
	}
	return errors.Join(t.Tx.Rollback(), errFault)
}

// TestFailsAtWriteN fails every single write of a batch, in turn: the batch is
// there whole or not at all, and trying again completes it exactly once.
func TestFailsAtWriteN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := must.Get(open(t.Context(), path, "sqlite-faulty", slog.New(slog.DiscardHandler), checkUpTo))(t)
	t.Cleanup(func() { _ = db.Close() })
	failed := 0
	for _, lie := range []bool{false, true} {
		faults.lie.Store(lie)
		for n := int64(1); ; n++ {
			host := failed + 1
			batch := func() []omen.Change {
				return []omen.Change{change(host, 1, omen.ChangeOpened), change(host, 2, omen.ChangeEscalated), change(host, 3, omen.ChangeClosed)}
			}
			before := must.Get(db.Head(t.Context()))(t)
			faults.countdown.Store(n)
			err := db.Append(t.Context(), batch()...)
			unhit := faults.countdown.Swap(0) > 0
			if unhit != (err == nil) {
				t.Fatalf("write %d: err %v, though the fault was hit: %v", n, err, !unhit)
			}
			written, herr := db.ChangesAfter(t.Context(), before, 10)
			if herr != nil || len(written) != 0 && len(written) != 3 || len(written) == 3 && err != nil && !lie {
				t.Fatalf("write %d: %d changes written after %v, %v", n, len(written), err, herr)
			}
			again := batch()
			if err := db.Append(t.Context(), again...); err != nil {
				t.Fatalf("write %d: trying again: %v", n, err)
			}
			if got, err := db.Changes(t.Context(), fmt.Sprint("i", host)); err != nil || cmp.Diff(again, got) != "" {
				t.Fatalf("write %d: after trying again: %+v, %v", n, got, err)
			}
			if in, err := db.Incident(t.Context(), fmt.Sprint("i", host)); err != nil || in.ChangeNumber != 3 {
				t.Fatalf("write %d: incident %+v, %v", n, in, err)
			}
			failed++
			if unhit {
				break
			}
		}
	}
	// Three changes are an insert, a projection and a host each, and the commit.
	if want := 2 * (3*3 + 1 + 1); failed != want {
		t.Errorf("%d rounds, want %d: not every write was failed in turn", failed, want)
	}
}

func TestFullDisk(t *testing.T) {
	db, ctx := openTest(t), t.Context()
	must.OK(t, db.Limit(ctx, 0))
	acknowledged := 0
	var err error
	for n := 1; err == nil && n < 10_000; n++ {
		if err = db.Append(ctx, change(n, 1, omen.ChangeOpened)); err == nil {
			acknowledged = n
		}
	}
	if !errors.Is(err, omen.ErrFull) || omen.Hint(err) == "" || strings.Contains(err.Error(), "rollback") {
		t.Fatalf("err %v, want ErrFull with a hint, and nothing of SQLite's own undoing", err)
	}
	if got, err := db.Incidents(ctx, Filter{}); err != nil || len(got) != acknowledged {
		t.Fatalf("%d incidents while full, %v, want the %d acknowledged", len(got), err, acknowledged)
	}
	must.OK(t, db.Limit(ctx, 1<<30))
	for n := acknowledged + 1; n < acknowledged+100; n++ {
		if err := db.Append(ctx, change(n, 1, omen.ChangeOpened)); err != nil {
			t.Fatalf("after space was made: %v", err)
		}
	}
}

// TestDamage overwrites stretches of the file. Opening either says ErrCorrupt
// and leaves the file as it is, or serves everything that was acknowledged.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	const acknowledged = 300
	for n := range acknowledged {
		must.OK(t, db.Append(t.Context(), change(n, 1, omen.ChangeOpened)))
	}
	must.OK(t, db.Close())
	whole := must.Get(os.ReadFile(path))(t)
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(1, seed))
	said := 0
	for round := range 40 {
		damaged := append([]byte(nil), whole...)
		at := 0
		if round > 0 { // the first time, the header
			at = random.IntN(len(damaged) - 2048)
		}
		for i := range 2048 {
			damaged[at+i] = byte(random.Uint32())
		}
		if round == 1 {
			damaged = damaged[:len(damaged)/2] // cut off
		}
		must.OK(t, os.WriteFile(path, damaged, 0o600))
		db, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
		if err != nil {
			said++
			if !errors.Is(err, omen.ErrCorrupt) || !strings.Contains(omen.Hint(err), "backup") {
				t.Fatalf("round %d: %v (%s), want ErrCorrupt with a hint", round, err, omen.Hint(err))
			}
			if left, err := os.ReadFile(path); err != nil || !bytes.Equal(damaged, left) {
				t.Fatalf("round %d: the damaged file was changed, %v", round, err)
			}
			continue
		}
		// A page check does not read text: a damaged text is found when it is read.
		if got, err := db.Incidents(t.Context(), Filter{}); err == nil && len(got)+db.Damaged() != acknowledged {
			t.Fatalf("round %d: %d incidents, %d set aside and no error, want %d", round, len(got), db.Damaged(), acknowledged)
		} else if err != nil && !errors.Is(err, omen.ErrCorrupt) {
			t.Fatalf("round %d: %v, want ErrCorrupt", round, err)
		}
		_ = db.Close()
	}
	if said < 20 {
		t.Errorf("only %d of 40 damaged files were noticed at start", said)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "omen.db"), slog.New(slog.DiscardHandler)); err == nil || omen.Hint(err) == "" {
		t.Errorf("no directory: %v, want an error with a hint", err)
	}
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	must.Get(db.write.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)"))(t)
	_ = db.Close()
	if _, err := Open(t.Context(), path, slog.New(slog.DiscardHandler)); !errors.Is(err, omen.ErrSchema) || !strings.Contains(omen.Hint(err), "newer Omen") {
		t.Errorf("a newer database: %v (%s)", err, omen.Hint(err))
	}
}
