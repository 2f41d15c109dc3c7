package store

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// A database that was closed can be opened although a child that was forked meanwhile
// still has the lock's file open: it is not another program yet.
func TestAChildThatIsBeingStartedHoldsNoLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := must.Get(Open(t.Context(), path, nil))(t)
	forked := must.Get(syscall.Dup(int(db.lock.Fd())))(t) // as fork has it: the same open file
	defer func() { must.OK(t, syscall.Close(forked)) }()
	must.OK(t, db.Close())
	must.OK(t, must.Get(Open(t.Context(), path, nil))(t).Close())
}
