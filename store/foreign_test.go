package store

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// foreign makes another program's database.
func foreign(t *testing.T, path string, statements ...string) {
	t.Helper()
	db := must.Get(sql.Open("sqlite", path))(t)
	for _, s := range append(statements, "PRAGMA user_version = 1") {
		must.Get(db.ExecContext(t.Context(), s))(t)
	}
	must.OK(t, db.Close())
}

// Another program's database becomes no database of Omen's, neither at a start
// nor as a backup, and a restore that is refused leaves nothing behind.
func TestAnotherProgramsDatabaseIsRefused(t *testing.T) {
	for name, statements := range map[string][]string{
		"tables": {"CREATE TABLE cats (name TEXT)"},
		"tables with versions of their own": {"CREATE TABLE cats (name TEXT)",
			"CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP)",
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1)"},
		"tables in WAL mode": {"PRAGMA journal_mode = WAL", "CREATE TABLE cats (name TEXT)"},
		"nothing":            nil,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			other := filepath.Join(dir, "cats.db")
			foreign(t, other, statements...)
			before := must.Get(os.ReadFile(other))(t)
			if len(statements) > 0 { // an empty one is a first start
				if db, err := Open(t.Context(), other, nil); !errors.Is(err, omen.ErrSchema) || omen.Hint(err) == "" {
					t.Errorf("opened: %v, %v", db, err)
				}
				if after := must.Get(os.ReadFile(other))(t); !slices.Equal(before, after) {
					t.Error("it was changed")
				}
			}
			data := filepath.Join(dir, "data")
			must.OK(t, os.Mkdir(data, 0o700))
			aside, err := Restore(t.Context(), other, filepath.Join(data, "omen.db"), time.Now())
			if !errors.Is(err, omen.ErrSchema) || !strings.Contains(omen.Hint(err), "omen backup") || aside != "" {
				t.Errorf("restored: %q, %v, hint %q", aside, err, omen.Hint(err))
			}
			for _, left := range must.Get(os.ReadDir(data))(t) {
				if left.Name() != "omen.db.lock" {
					t.Errorf("%s is left", left.Name())
				}
			}
		})
	}
}

// What is no file is no backup, and nobody waits for it.
func TestAPipeIsNoBackup(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	must.OK(t, syscall.Mkfifo(pipe, 0o600))
	for _, from := range []string{pipe, dir} {
		if _, err := Restore(t.Context(), from, filepath.Join(dir, "omen.db"), time.Now()); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: %v", from, err)
		}
	}
}

// The database holds keys: others on the machine do not read it, nor its log,
// however the directory was made.
func TestTheDatabaseIsNotForOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	must.OK(t, os.WriteFile(path, nil, 0o644)) // as an earlier Omen made it
	reopen(t, path)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if mode := must.Get(os.Stat(name))(t).Mode().Perm(); mode&0o007 != 0 {
			t.Errorf("%s: %o", name, mode)
		}
	}
}
