package store

import (
	"path/filepath"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// A backup that is made while changes are appended holds all that were
// acknowledged before, whole; restored it goes on from there.
func TestABackupOfARunningDatabase(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	path, saved := filepath.Join(dir, "omen.db"), filepath.Join(dir, "saved.db")
	db := reopen(t, path)
	if err := db.Append(ctx, change(1, 1, omen.ChangeOpened)); err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 2; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := db.Append(ctx, change(n, 1, omen.ChangeOpened)); err != nil {
				ended <- err
				return
			}
		}
	}()
	err := Backup(ctx, path, saved)
	close(stop)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	aside, err := Restore(ctx, saved, path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	restored, before := reopen(t, path), reopen(t, aside)
	got, err1 := restored.Incidents(ctx, Filter{})
	all, err2 := before.Incidents(ctx, Filter{})
	if err1 != nil || err2 != nil || len(got) == 0 || len(got) > len(all) || restored.Unclean() {
		t.Errorf("%d restored of %d (%v, %v), unclean %v", len(got), len(all), err1, err2, restored.Unclean())
	}
	head, err := restored.Head(ctx)
	if err != nil || head != int64(len(got)) {
		t.Errorf("%d incidents of %d changes, %v", len(got), head, err)
	}
	if err := restored.Append(ctx, change(9999, 1, omen.ChangeOpened)); err != nil {
		t.Error(err)
	}
}
