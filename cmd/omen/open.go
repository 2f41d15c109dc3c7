package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/store"
)

// defaultURL is where omen serve answers unless told otherwise.
const defaultURL = "http://127.0.0.1:9909"

// openStore opens a data directory that no running Omen has.
func openStore(ctx context.Context, dir string, log *slog.Logger) (*store.DB, error) {
	path := app.DatabasePath(dir)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, omen.WithHint(fmt.Errorf("open %s: there is no Omen's data: %w", dir, omen.ErrNotFound),
			"name the directory that omen serve uses: --storage.path=DIR")
	}
	db, err := store.Open(ctx, path, log)
	if errors.Is(err, omen.ErrLocked) {
		return nil, omen.WithHint(fmt.Errorf("open %s: %w: a running omen serve has it", dir, omen.ErrLocked),
			"stop it first; to list or show, ask it with --url="+defaultURL)
	}
	return db, err
}

// ask gets a JSON answer of a running Omen.
func ask(ctx context.Context, base, path string, into any) error {
	return exchange(ctx, http.MethodGet, base, path, nil, into)
}

// tell hands JSON to a running Omen and gets its JSON answer.
func tell(ctx context.Context, base, path string, what, into any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("tell %s: %w", base, err)
	}
	return exchange(ctx, http.MethodPost, base, path, body, into)
}

func exchange(ctx context.Context, method, base, path string, send []byte, into any) error {
	url := strings.TrimRight(base, "/") + "/api/v1/omen/" + path
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(send))
	if err != nil {
		return omen.WithHint(fmt.Errorf("ask %s: %w", base, err), "give the address that omen serve printed, such as --url="+defaultURL)
	}
	if send != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return omen.WithHint(fmt.Errorf("ask %s: %w: %w", base, omen.ErrUnavailable, err), "is omen serve running there? It prints its address when it starts")
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	if answer.StatusCode != http.StatusOK {
		var said struct {
			Error string `json:"error"`
			Hint  string `json:"hint"`
		}
		if json.Unmarshal(body, &said) != nil || said.Error == "" {
			said.Error = answer.Status
		}
		return omen.WithHint(fmt.Errorf("ask %s: %s", url, said.Error), said.Hint)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return omen.WithHint(fmt.Errorf("ask %s: the answer is not Omen's: %w", url, err), "give the address that omen serve printed")
	}
	return nil
}
