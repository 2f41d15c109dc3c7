package store

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

// settingProbe holds the time of the last probe.
const settingProbe = "store.probe"

// Probe finds out whether what is written lasts: the files at the database's
// path must be those that were opened, and a small durable write must succeed.
// A file that was removed or replaced is [omen.ErrUnavailable]: SQLite goes on
// writing to one that nobody will ever open again.
func (db *DB) Probe(ctx context.Context, now time.Time) error {
	if err := db.inPlace(); err != nil {
		return err
	}
	if err := db.mark(ctx); err != nil { // the disk was full when it was opened
		return err
	}
	return db.PutSetting(ctx, settingProbe, now)
}

// SetHealth keeps what is wrong with the place where the database is, nil if
// nothing is, for all who ask [DB.Health].
func (db *DB) SetHealth(err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.health = err
}

// Health is why what is stored may not last; nil if it does.
func (db *DB) Health() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.health
}

// remember notes which files are open: another process takes a lock whose file
// was removed.
func (db *DB) remember() error {
	db.files = map[string]os.FileInfo{}
	for _, path := range []string{db.path, db.path + "-wal", db.path + ".lock"} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		db.files[path] = info
	}
	return nil
}

// inPlace reports a file that is not the one that was opened.
func (db *DB) inPlace() error {
	const hint = "stop Omen, put the data directory back or restore a backup (omen restore), and start it again: what happened since is not kept"
	for _, path := range slices.Sorted(maps.Keys(db.files)) {
		switch is, err := os.Stat(path); {
		case err != nil:
			return omen.WithHint(fmt.Errorf("database %s was removed while in use: %w: %w", path, omen.ErrUnavailable, err), hint)
		case !os.SameFile(db.files[path], is):
			return omen.WithHint(fmt.Errorf("database %s was replaced while in use: %w", path, omen.ErrUnavailable), hint)
		}
	}
	return nil
}

// Path is where the database is.
func (db *DB) Path() string { return db.path }
