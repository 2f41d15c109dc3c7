package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/store"
)

type remedyReplayCmd struct {
	Last     duration    `help:"How far back to look." default:"30d" placeholder:"DURATION" above:"0"`
	Playbook string      `help:"Only this playbook." placeholder:"NAME"`
	Config   configFlag  `embed:"" prefix:"config."`
	Storage  storageFlag `embed:"" prefix:"storage."`
}

// Help is shown below the flags.
func (remedyReplayCmd) Help() string {
	return `Shows for each past incident when a playbook would have acted on it if it might act by
itself, which guard would have refused, and how long the incident lasted without. Nothing
is done, and nothing is changed; omen serve may go on meanwhile. Example:

  omen remedy replay --config.file=omen.yml --storage.path=/var/lib/omen --last=30d`
}

func (c *remedyReplayCmd) Run(e *env) (err error) {
	if err := hasDatabase(c.Storage.Path); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "omen-replay-")
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	copied := filepath.Join(dir, filepath.Base(app.DatabasePath(c.Storage.Path)))
	if err := store.Backup(e.ctx, app.DatabasePath(c.Storage.Path), copied); err != nil {
		return err
	}
	db, err := store.Open(e.ctx, copied, e.log)
	if err != nil {
		return err
	}
	defer db.Close()
	now := time.Now().UTC()
	replayed, err := app.ReplayRemedy(e.ctx, c.Config.File, c.Playbook, db, now.Add(-time.Duration(c.Last)), now)
	if err != nil {
		return err
	}
	return replayed.Write(e.out)
}
