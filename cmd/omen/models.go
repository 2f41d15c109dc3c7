package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/detect"
)

type modelsCmd struct {
	List     modelsListCmd     `cmd:"" help:"Which models there are."`
	Show     modelsShowCmd     `cmd:"" help:"A model's card: what it learned from, how well, and how its limit was chosen."`
	Rollback modelsRollbackCmd `cmd:"" help:"Let an older model serve again."`
	Export   modelsExportCmd   `cmd:"" help:"Write a model's network as ONNX, or the whole model as Omen stores it."`
}

// stored says where models and incidents are read: from a directory, or from
// the running Omen that has it.
type stored struct {
	Storage storageFlag `embed:"" prefix:"storage."`
	URL     string      `help:"Ask this running Omen instead of reading the directory." placeholder:"${localhost}" name:"url"`
}

// models are all stored models, or those of one host, with cards.
func (s stored) models(ctx context.Context, log *slog.Logger) ([]omen.ModelInfo, error) {
	if s.URL != "" {
		var answer struct{ Models []omen.ModelInfo }
		err := ask(ctx, s.URL, "models?all=true", &answer)
		return answer.Models, err
	}
	db, err := openStore(ctx, s.Storage.Path, log)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Models(ctx, omen.Host{})
}

type modelsListCmd struct {
	stored `embed:""`
}

func (c *modelsListCmd) Run(e *env) error {
	all, err := c.models(e.ctx, e.log)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(e.out, "no model yet: omen serve learns the first within minutes")
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "host\tmodel\tgrade\tsamples\tlearned\tserves\tnote")
	for _, m := range all {
		serves := ""
		if m.Serving {
			serves = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", m.Host.ID(), m.ID, m.Grade, m.Rows, stamp(m.TrainedAt), serves, m.Note)
	}
	return w.Flush()
}

type modelsShowCmd struct {
	Model  string `arg:"" help:"A model's id, or a host: then the model that serves it."`
	JSON   bool   `help:"Print the card as JSON." name:"json"`
	stored `embed:""`
}

func (c *modelsShowCmd) Run(e *env) error {
	all, err := c.models(e.ctx, e.log)
	if err != nil {
		return err
	}
	m, err := choose(all, c.Model)
	if err != nil {
		return err
	}
	text := m.Card
	if c.URL != "" {
		var answer struct {
			Models []struct {
				ID   string
				Card json.RawMessage
			}
		}
		if err := ask(e.ctx, c.URL, "models/"+url.PathEscape(m.Host.ID()), &answer); err != nil {
			return err
		}
		for _, a := range answer.Models {
			if a.ID == m.ID {
				text = a.Card
			}
		}
	}
	if c.JSON {
		_, err := fmt.Fprintln(e.out, string(text))
		return err
	}
	var card detect.Card
	if err := json.Unmarshal(text, &card); err != nil {
		return fmt.Errorf("read card of model %s: %w: %w", m.ID, omen.ErrCorrupt, err)
	}
	report(e.out, history{name: m.ID}, card, card.Loss.Rows, card.Loss.HeldOut, 0)
	return nil
}

// choose finds a model by its id, or the one that serves a host.
func choose(all []omen.ModelInfo, name string) (omen.ModelInfo, error) {
	for _, m := range all {
		if m.ID == name || m.Serving && (m.Host.ID() == name || m.Host.Name == name) {
			return m, nil
		}
	}
	return omen.ModelInfo{}, omen.WithHint(fmt.Errorf("model %s: %w", name, omen.ErrNotFound), "see all with: omen models list")
}

type modelsRollbackCmd struct {
	Model   string      `arg:"" help:"The id of the model that shall serve its host."`
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
	Model   string      `arg:"" help:"A model's id, or a host: then the model that serves it."`
	File    string      `arg:"" help:"Where to write." type:"path"`
	ONNX    bool        `help:"Write the network and its scaling as ONNX; without this the whole model, as Omen stores it." name:"onnx"`
	Storage storageFlag `embed:"" prefix:"storage."`
	Config  configFlag  `embed:"" prefix:"config."`
}

func (c *modelsExportCmd) Run(e *env) error {
	db, err := openStore(e.ctx, c.Storage.Path, e.log)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.Models(e.ctx, omen.Host{})
	if err != nil {
		return err
	}
	m, err := choose(all, c.Model)
	if err != nil {
		return err
	}
	_, blob, err := db.Model(e.ctx, m.ID)
	if err != nil {
		return err
	}
	if c.ONNX {
		if blob, err = c.onnx(m, blob); err != nil {
			return fmt.Errorf("export model %s: %w", m.ID, err)
		}
	}
	if err := os.WriteFile(c.File, blob, 0o600); err != nil {
		return fmt.Errorf("export model %s: %w", m.ID, err)
	}
	fmt.Fprintf(e.out, "%s: %d kB\n", c.File, (len(blob)+999)/1000)
	return nil
}

func (c *modelsExportCmd) onnx(m omen.ModelInfo, blob []byte) ([]byte, error) {
	conf, err := config.Parse(nil)
	if c.Config.File != "" {
		conf, err = app.Check(c.Config.File)
	}
	if err != nil {
		return nil, err
	}
	schemas, err := app.Schemas(conf)
	if err != nil {
		return nil, err
	}
	schema := schemas[m.Host.Profile]
	if schema == nil {
		return nil, omen.WithHint(fmt.Errorf("profile %s: %w", m.Host.Profile, omen.ErrNotFound), "name the file that declares it: --config.file=FILE")
	}
	loaded, err := detect.Load(blob, schema)
	if err != nil {
		return nil, err
	}
	return loaded.ONNX()
}
