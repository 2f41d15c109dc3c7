package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/store"
)

type backupCmd struct {
	File    string      `arg:"" help:"Where to write; must not exist." type:"path"`
	Storage storageFlag `embed:"" prefix:"storage."`
}

// Help is shown below the flags' summary.
func (backupCmd) Help() string {
	return `Writes incidents, feedback, models and settings to one file, while omen serve goes
on or while it does not run, and checks what it wrote. Metrics are not in it. Example:

  omen backup --storage.path=/var/lib/omen /backup/omen-$(date +%F).db`
}

func (c *backupCmd) Run(e *env) error {
	path := app.DatabasePath(c.Storage.Path)
	if err := hasDatabase(c.Storage.Path); err != nil {
		return err
	}
	if err := store.Backup(e.ctx, path, c.File); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s: %d kB, checked\n", c.File, (info.Size()+999)/1000)
	return nil
}

type restoreCmd struct {
	File    string      `arg:"" help:"What omen backup wrote." type:"path"`
	Storage storageFlag `embed:"" prefix:"storage."`
}

// Help is shown below the flags' summary.
func (restoreCmd) Help() string {
	return `Puts a backup in the place of a data directory's database, while omen serve does not
run. What was there stays beside it. Example:

  omen restore --storage.path=/var/lib/omen /backup/omen-2026-11-29.db`
}

func (c *restoreCmd) Run(e *env) error {
	if err := app.MakeStorage(c.Storage.Path); err != nil {
		return err
	}
	aside, err := store.Restore(e.ctx, c.File, app.DatabasePath(c.Storage.Path), time.Now())
	switch {
	case errors.Is(err, omen.ErrLocked):
		return omen.WithHint(err, "stop the omen serve that has this directory, restore, and start it again")
	case err != nil:
		return err
	}
	fmt.Fprintf(e.out, "%s is in place, checked\n", app.DatabasePath(c.Storage.Path))
	if aside != "" {
		fmt.Fprintf(e.out, "what was there is %s\n", aside)
	}
	return nil
}
