package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

// history is one host's past, from wherever it came.
type history struct {
	name    string
	schema  *feature.Schema
	vectors []omen.Vector
	step    time.Duration
	trained int // of the vectors, that are learned from and not scored
}

// dataFlags say where history comes from: files, or a server.
type dataFlags struct {
	Files      []string       `arg:"" optional:"" help:"CSV files (.csv, .csv.gz), or folders of them." type:"path"`
	Prometheus prometheusFlag `embed:"" prefix:"prometheus."`
	Config     configFlag     `embed:"" prefix:"config."`
	Source     string         `help:"Read this source of the configuration file."`
	Profile    string         `help:"Profile to read from a server: node, original, or one of the configuration file." default:"node" placeholder:"NAME"`
	Host       []string       `help:"Only this host; may be given several times." placeholder:"HOST"`
	History    duration       `help:"How much history to read from a server." default:"7d" placeholder:"DURATION" above:"0"`
	Step       duration       `help:"Time between two samples read from a server." default:"15s" placeholder:"DURATION" above:"0"`
	Time       string         `help:"Time column of a CSV file; not needed if it is called timestamp, time or date." placeholder:"COLUMN"`
	Ignore     []string       `help:"Columns of a CSV file to leave out, such as text." placeholder:"COLUMN"`
}

// read is the history of every host.
func (d *dataFlags) read(ctx context.Context) ([]history, error) {
	var all []history
	var err error
	if len(d.Files) > 0 {
		all, err = d.readFiles()
	} else {
		all, err = d.readServer(ctx)
	}
	if err != nil {
		return nil, err
	}
	return d.named(all)
}

// named are the hosts that are asked for.
func (d *dataFlags) named(all []history) ([]history, error) {
	if len(d.Host) > 0 {
		var names []string
		for _, h := range all {
			names = append(names, h.name)
		}
		all = slices.DeleteFunc(all, func(h history) bool { return !slices.Contains(d.Host, h.name) })
		if len(all) == 0 {
			return nil, omen.WithHint(fmt.Errorf("host %s: %w", strings.Join(d.Host, ", "), omen.ErrNotFound),
				"there are: "+strings.Join(names[:min(10, len(names))], ", "))
		}
	}
	if len(all) == 0 {
		return nil, omen.WithHint(fmt.Errorf("no host has any sample: %w", omen.ErrNotFound),
			"see what a source has with: omen check source URL")
	}
	return all, nil
}

func (d *dataFlags) readFiles() ([]history, error) {
	var all []history
	for _, path := range d.Files {
		files, err := csvFiles(path)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			hosts, err := d.readCSV(f)
			if err != nil {
				return nil, err
			}
			all = append(all, hosts...)
		}
	}
	return all, nil
}

// csvFiles are a file itself, or the files of a folder. Of a labelled series
// (train.csv beside test.csv) only what is for training is taken.
func csvFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("read %s: %w", path, err), "give CSV files, folders of them, or a server with --prometheus.url")
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, e os.DirEntry, err error) error {
		name := strings.TrimSuffix(p, ".gz")
		if err == nil && !e.IsDir() && strings.HasSuffix(name, ".csv") && filepath.Base(name) != "test.csv" {
			files = append(files, p)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = omen.WithHint(fmt.Errorf("read %s: no .csv or .csv.gz in it: %w", path, omen.ErrNotFound), "give CSV files or folders of them")
	}
	return files, err
}

func (d *dataFlags) readCSV(path string) ([]history, error) {
	c, err := series.OpenCSV(path, series.CSVOptions{Time: d.Time, Ignore: d.Ignore})
	if err != nil {
		return nil, err
	}
	schema, err := columns(c.Columns())
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", path, err)
	}
	f, err := c.Frame()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	all := histories(schema, f, "csv")
	for i := range all {
		if base := filepath.Base(path); strings.HasPrefix(base, "train.csv") {
			all[i].name = filepath.Base(filepath.Dir(path))
		}
		for j := range all[i].vectors {
			all[i].vectors[j].Host.Name = all[i].name
		}
	}
	return all, nil
}

// columns is the schema of a file: any number is possible, and the time of day
// helps to predict the others but is never to blame.
func columns(names []string) (*feature.Schema, error) {
	p := feature.Profile{Name: "csv"}
	for _, n := range names {
		p.Features = append(p.Features, feature.Feature{
			Name: n, Expr: n, Min: math.Inf(-1), Max: math.Inf(1), Scale: 1,
			Context: slices.Contains([]string{"hour", "day_of_week", "weekday"}, n),
		})
	}
	return feature.NewSchema(p)
}

// histories are the hosts of a frame. Rows of gaps only are left out: a file
// with holes has no samples there.
func histories(schema *feature.Schema, f *series.Frame, source string) []history {
	var all []history
	for h := range f.Hosts {
		vectors := slices.DeleteFunc(schema.History(f, source, h), feature.Silent)
		if len(vectors) > 0 {
			all = append(all, history{name: vectors[0].Host.Name, schema: schema, vectors: vectors, step: f.Step})
		}
	}
	return all
}

// schemas are the configuration, and the schemas of all profiles that it knows.
func (c configFlag) schemas(ctx context.Context) (*config.Config, map[string]*feature.Schema, error) {
	conf, err := config.Parse(nil)
	if c.File != "" {
		conf, _, err = app.Check(ctx, c.File)
	}
	if err != nil {
		return nil, nil, err
	}
	all, err := app.Schemas(conf)
	return conf, all, err
}

// schema is that of one profile.
func (c configFlag) schema(ctx context.Context, profile string) (*feature.Schema, error) {
	_, all, err := c.schemas(ctx)
	if err == nil {
		err = known(all, profile)
	}
	return all[profile], err
}

// known reports a profile that there is not.
func known(all map[string]*feature.Schema, profile string) error {
	if all[profile] != nil {
		return nil
	}
	return omen.WithHint(fmt.Errorf("profile %q: %w", profile, omen.ErrNotFound),
		"there are "+strings.Join(slices.Sorted(maps.Keys(all)), ", ")+"; others are declared in a configuration file: --config.file=FILE")
}

// errNoSource says that neither flags nor configuration name a server.
var errNoSource = fmt.Errorf("nothing to read from: %w", omen.ErrInvalid)

// sources are the servers that the flags name, and the schemas of all profiles;
// there is that of the flags.
func (d *dataFlags) sources(ctx context.Context) ([]config.Source, map[string]*feature.Schema, error) {
	conf, schemas, err := d.Config.schemas(ctx)
	if err != nil {
		return nil, nil, err
	}
	if d.Profile != "" {
		if err := known(schemas, d.Profile); err != nil {
			return nil, nil, err
		}
	}
	sources := conf.Sources
	for _, u := range d.Prometheus.URL {
		sources = append(sources, app.SourceAt("prometheus", u))
	}
	var names []string
	for _, s := range sources {
		names = append(names, s.Name)
	}
	if d.Source != "" && len(names) > 0 {
		if sources = slices.DeleteFunc(sources, func(s config.Source) bool { return s.Name != d.Source }); len(sources) == 0 {
			return nil, nil, omen.WithHint(fmt.Errorf("source %q: %w", d.Source, omen.ErrNotFound), "there are: "+strings.Join(names, ", "))
		}
	}
	if len(sources) == 0 {
		return nil, nil, omen.WithHint(errNoSource,
			"give CSV files, or a server with --prometheus.url=http://prometheus:9090; a running omen serve is one, too: --prometheus.url="+defaultURL)
	}
	return sources, schemas, nil
}

// source is the last server that the flags name, and what is read from it.
func (d *dataFlags) source(ctx context.Context) (config.Source, *feature.Schema, error) {
	sources, schemas, err := d.sources(ctx)
	if err != nil {
		return config.Source{}, nil, err
	}
	return sources[len(sources)-1], schemas[d.Profile], nil
}

func (d *dataFlags) readServer(ctx context.Context) ([]history, error) {
	p, err := d.openServer(ctx)
	if err != nil {
		return nil, err
	}
	return p.hosts, p.close()
}
