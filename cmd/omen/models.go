package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/detect"
)

type modelsCmd struct {
	List     modelsListCmd     `cmd:"" help:"List all stored models."`
	Show     modelsShowCmd     `cmd:"" help:"Show a model's card: what it learned from, how well, and how its limit was chosen."`
	Rollback modelsRollbackCmd `cmd:"" help:"Let an older model serve again."`
	Export   modelsExportCmd   `cmd:"" help:"Write a model's network as ONNX, or the whole model as Omen stores it."`
}

type modelsListCmd struct {
	JSON   bool `help:"Print the list as JSON, with names as they are: a table leaves out the middle of long ones." name:"json"`
	stored `embed:""`
}

func (c *modelsListCmd) Run(e *env) error {
	var all api.Models
	if err := c.get(e, "models?all=true", &all); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e, all)
	}
	if len(all.Models) == 0 {
		fmt.Fprintln(e.out, "no model yet: omen serve trains the first within minutes")
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "host\tmodel\tgrade\tsamples\ttrained (UTC)\tserves\tnote")
	for _, m := range all.Models {
		serves := ""
		if m.Serving {
			serves = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", middle(m.Host.ID), m.ID, m.Grade, m.Rows, stamp(time.Time(m.TrainedAt)), serves, m.Note)
	}
	return w.Flush()
}

type modelsShowCmd struct {
	Model  string `arg:"" help:"A model's id, or a host for its serving model."`
	JSON   bool   `help:"Print the card as JSON." name:"json"`
	stored `embed:""`
}

func (c *modelsShowCmd) Run(e *env) error {
	m, err := c.model(e, c.Model)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintln(e.out, string(m.Card))
		return err
	}
	var card detect.Card
	if err := json.Unmarshal(m.Card, &card); err != nil {
		return fmt.Errorf("read card of model %s: %w: %w", m.ID, omen.ErrCorrupt, err)
	}
	report(e.out, history{name: m.ID}, card, card.Loss.Rows, card.Loss.HeldOut, 0)
	if !m.Serving {
		return nil
	}
	var h api.Host
	switch err := c.get(e, "hosts/"+url.PathEscape(m.Host.ID), &h); {
	case errors.Is(err, omen.ErrNotFound):
		return nil // it is gone, or no running Omen was asked, which alone knows it as it is now
	case err != nil:
		return err
	}
	if level := float64(h.Level); level >= 1 { // it is scored
		fmt.Fprintf(e.out, "  level         %.3g times the limit: scores of %s alert above it at present\n", level, m.Host.Name)
	}
	return nil
}

type modelsRollbackCmd struct {
	Model   string      `arg:"" help:"The id of the model to serve."`
	Storage storageFlag `embed:"" prefix:"storage."`
}

func (c *modelsRollbackCmd) Run(e *env) error {
	db, err := openStore(e.ctx, c.Storage.Path, e.log)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Promote(e.ctx, c.Model, "chosen by hand: omen models rollback"); err != nil {
		if errors.Is(err, omen.ErrNotFound) {
			err = omen.WithHint(err, "see all with: omen models list")
		}
		return err
	}
	fmt.Fprintf(e.out, "%s serves from the next start of omen serve on\n", c.Model)
	return nil
}

type modelsExportCmd struct {
	Model   string      `arg:"" help:"A model's id, or a host for its serving model."`
	File    string      `arg:"" help:"Where to write." type:"path"`
	ONNX    bool        `help:"Write the network and its scaling as ONNX; without this the whole model, as Omen stores it." name:"onnx"`
	Storage storageFlag `embed:"" prefix:"storage."`
	Config  configFlag  `embed:"" prefix:"config."`
}

func (c *modelsExportCmd) Run(e *env) error {
	m, err := stored{at{Storage: c.Storage}}.model(e, c.Model)
	if err != nil {
		return err
	}
	db, err := openStore(e.ctx, c.Storage.Path, e.log)
	if err != nil {
		return err
	}
	defer db.Close()
	_, blob, err := db.Model(e.ctx, m.ID)
	if err != nil {
		return err
	}
	if c.ONNX {
		if blob, err = c.onnx(e.ctx, m.Host.Profile, blob); err != nil {
			return fmt.Errorf("export model %s: %w", m.ID, err)
		}
	}
	if err := os.WriteFile(c.File, blob, 0o600); err != nil {
		return fmt.Errorf("export model %s: %w", m.ID, err)
	}
	fmt.Fprintf(e.out, "%s: %d kB\n", c.File, (len(blob)+999)/1000)
	return nil
}

func (c *modelsExportCmd) onnx(ctx context.Context, profile string, blob []byte) ([]byte, error) {
	schema, err := c.Config.schema(ctx, profile)
	if err != nil {
		return nil, err
	}
	loaded, err := detect.Load(blob, schema)
	if err != nil {
		return nil, err
	}
	return loaded.ONNX()
}
