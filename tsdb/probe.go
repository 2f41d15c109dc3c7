package tsdb

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/omenhq/omen"
)

// Probe finds out whether what is appended lasts: the directory and its
// write-ahead log must be those that were opened, and a page must find space, for
// which what is beyond the retention is deleted.
func (db *DB) Probe() error {
	if err := db.displaced(); err != nil {
		return err
	}
	beyond := db.retain()
	db.appendMu.Lock()
	defer db.appendMu.Unlock()
	if err := db.revive(); err != nil { // appends, which would open it, are held while this fails
		return err
	}
	if err := probe(db.opts.Dir, probeSize); err != nil {
		return db.writeError("write to metrics store", err)
	}
	return beyond
}

// displaced says which of the directories is no longer the one that was opened.
func (db *DB) displaced() error {
	db.appendMu.Lock()
	defer db.appendMu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(db.places)) {
		if is, err := os.Stat(path); err != nil || !os.SameFile(db.places[path], is) {
			return omen.WithHint(fmt.Errorf("metrics store %s was removed or replaced while in use: %w", path, omen.ErrUnavailable),
				"stop Omen, put the data directory back, and start it again: what happened since is not kept")
		}
	}
	return nil
}

// Hold makes appends fail as on a full disk while it is true, so that the last
// space is left to what must not be lost.
func (db *DB) Hold(held bool) { db.held.Store(held) }

// remember notes which directories are open: the log's anew with each database,
// which opening may have moved aside. The caller holds mu, or is alone.
func (db *DB) remember() {
	if db.places == nil {
		db.places = map[string]os.FileInfo{}
	}
	wal := filepath.Join(db.opts.Dir, "wal")
	delete(db.places, wal)
	for _, path := range []string{db.opts.Dir, wal} {
		if info, err := os.Stat(path); err == nil && db.places[path] == nil { // what is not there yet cannot be replaced
			db.places[path] = info
		}
	}
}
