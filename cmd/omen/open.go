package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/store"
)

// defaultURL is where omen serve answers unless told otherwise.
const defaultURL = "http://127.0.0.1:9909"

// defaultStorage is where omen serve stores unless told otherwise.
const defaultStorage = "./data"

// openStore opens a data directory that no running Omen has.
func openStore(ctx context.Context, dir string, log *slog.Logger) (*store.DB, error) {
	if err := hasDatabase(dir); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, app.DatabasePath(dir), log)
	return db, inUse(dir, err)
}

// inUse says of a directory that another process has what to do.
func inUse(dir string, err error) error {
	if errors.Is(err, omen.ErrLocked) {
		return omen.WithHint(fmt.Errorf("open %s: %w: omen serve is running on it", dir, omen.ErrLocked),
			"stop it first; to list or show, ask it with --url="+defaultURL)
	}
	return err
}

// hasDatabase reports a directory that is not Omen's.
func hasDatabase(dir string) error {
	if _, err := os.Stat(app.DatabasePath(dir)); errors.Is(err, os.ErrNotExist) {
		return omen.WithHint(fmt.Errorf("open %s: no Omen data there: %w", dir, omen.ErrNotFound),
			"name the directory that omen serve uses: --storage.path=DIR")
	}
	return nil
}

// stored says where models and incidents are read: from a directory, or from
// the running Omen that has it.
type stored struct {
	at `embed:""`
}

// at says which running Omen is meant.
type at struct {
	Storage storageFlag `embed:"" prefix:"storage."`
	URL     string      `help:"Ask this running Omen; by default the one that has the directory." placeholder:"${localhost}" name:"url"`
	signIn  `embed:""`
}

// signIn is who asks a running Omen that wants to know.
type signIn struct {
	User     string `help:"User of the running Omen's --web.config.file." name:"web.user" env:"OMEN_WEB_USER" placeholder:"NAME"`
	Password string `help:"File with the user's password." name:"web.password-file" env:"OMEN_WEB_PASSWORD_FILE" type:"path" placeholder:"FILE"`
}

// as is a client that asks as this user.
func (s signIn) as(c *api.Client) (*api.Client, error) {
	if s.User == "" {
		return c, nil
	}
	if s.Password == "" {
		return nil, omen.WithHint(fmt.Errorf("sign in as %s: no password: %w", s.User, omen.ErrInvalid), "name the file that has it: --web.password-file=FILE")
	}
	text, err := os.ReadFile(s.Password)
	if err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", s.User, err)
	}
	return c.As(s.User, strings.TrimRight(string(text), "\r\n")), nil
}

// get reads a route of the API: both ways give the same wire struct.
func (s stored) get(e *env, path string, into any) error {
	return s.ask(e, func(c *api.Client) error { return c.Get(e.ctx, path, into) })
}

// copy writes what a route of the API answers as it is.
func (s stored) copy(e *env, path string, to io.Writer) error {
	return s.ask(e, func(c *api.Client) error { return c.Copy(e.ctx, path, to) })
}

// ask asks the running Omen, or the directory.
func (s stored) ask(e *env, f func(*api.Client) error) error {
	remote := func() error {
		c, err := s.running(e)
		if err != nil {
			return err
		}
		return f(c)
	}
	if s.URL != "" {
		return remote()
	}
	db, err := openStore(e.ctx, s.Storage.Path, e.log)
	switch {
	case errors.Is(err, omen.ErrLocked) && app.Address(s.Storage.Path) != "":
		return remote()
	case errors.Is(err, omen.ErrNotFound) && s.Storage.Path == defaultStorage && answers(e.ctx, e.localhost):
		e.asks(e.localhost, "there is no Omen data in "+defaultStorage)
		return remote()
	case err != nil:
		return err
	}
	defer db.Close()
	return f(api.Stored(db, s.Storage.Path))
}

// running asks the Omen that runs: at the given address, or the one that has the
// directory, or, where none says that it has, at the default address.
func (s at) running(e *env) (*api.Client, error) {
	address := s.URL
	if address == "" {
		if address = app.Address(s.Storage.Path); address != "" {
			e.asks(address, "it has "+s.Storage.Path)
		}
	}
	return s.as(api.NewClient(cmp.Or(address, e.localhost)))
}

// asks says, once, which Omen is asked and why.
func (e *env) asks(address, why string) {
	if e.asked != address {
		e.asked = address
		fmt.Fprintf(e.errors, "asking the running Omen at %s: %s\n", address, why)
	}
}

// answerWithin is how long an Omen that may be there has to answer.
const answerWithin = 2 * time.Second

// answers reports whether an Omen answers at an address, if only that one has to sign in.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var status api.Status
	err := api.NewClient(address).Get(ctx, "status", &status)
	return err == nil || errors.Is(err, omen.ErrDenied)
}

// model is a model by its ID, or the one that serves a host, with its card.
func (s stored) model(e *env, name string) (api.Model, error) {
	var all, ofHost api.Models
	if err := s.get(e, "models?all=true", &all); err != nil {
		return api.Model{}, err
	}
	i := slices.IndexFunc(all.Models, func(m api.Model) bool {
		return m.ID == name || m.Serving && (m.Host.ID == name || m.Host.Name == name)
	})
	if i < 0 {
		return api.Model{}, s.noModel(e, name)
	}
	found := all.Models[i]
	if err := s.get(e, "models/"+url.PathEscape(found.Host.ID), &ofHost); err != nil {
		return api.Model{}, err
	}
	for _, m := range ofHost.Models {
		if m.ID == found.ID {
			found = m
		}
	}
	return found, nil
}

// noModel is why there is no model of a name: a host may still learn.
func (s stored) noModel(e *env, name string) error {
	var h api.Host
	err := s.get(e, "hosts/"+url.PathEscape(name), &h)
	switch {
	case errors.Is(err, omen.ErrNotFound): // or no running Omen was asked, which alone knows who learns
		return omen.WithHint(fmt.Errorf("model %s: %w", name, omen.ErrNotFound), "see all with: omen models list")
	case err != nil:
		return err
	}
	due := time.Time(h.Training.NextDue)
	when := "when its first model is due is not known yet: its history was not read so far"
	switch left := time.Until(due); {
	case h.Training.Running:
		when = fmt.Sprintf("its first model is being trained: %.0f %%", 100*float64(h.Training.Progress))
	case due.IsZero():
	case left > 0:
		when = fmt.Sprintf("its first model is due at %s UTC, in %s", stamp(due), omen.Soon(left))
	default:
		when = "its first model is due now"
	}
	if h.Training.Err != "" {
		when += "; the last training gave none: " + h.Training.Err
	}
	if h.Training.Anew != "" {
		when += "; it is trained anew: " + h.Training.Anew
	}
	return omen.WithHint(fmt.Errorf("host %s still learns and has no model: %s", name, when), "see which hosts have one with: omen models list")
}

// printJSON writes the answer to a command as JSON.
func printJSON(e *env, answer any) error {
	out := json.NewEncoder(e.out)
	out.SetIndent("", "  ")
	if err := out.Encode(answer); err != nil {
		return fmt.Errorf("write the answer as JSON: %w", err)
	}
	return nil
}
