package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/training"
)

type checkCmd struct {
	Config checkConfigCmd `cmd:"" help:"Check a configuration file: each error names line, key and what to write instead."`
	Source checkSourceCmd `cmd:"" help:"Ask a server for every feature, and show which hosts have which."`
}

type checkConfigCmd struct {
	File string `arg:"" help:"The file." type:"path"`
	Show bool   `help:"Print the whole effective configuration, secrets hidden."`
}

func (c *checkConfigCmd) Run(e *env) error {
	conf, err := app.Check(c.File)
	if err != nil {
		return err
	}
	if c.Show {
		fmt.Fprint(e.out, conf)
		return nil
	}
	watched := make([]string, 0, len(conf.Sources)+1)
	if conf.LocalEnabled() {
		watched = append(watched, "this machine")
	}
	for _, s := range conf.Sources {
		watched = append(watched, s.Name+" ("+s.URL.Redacted()+")")
	}
	fmt.Fprintf(e.out, "%s is valid: watches %s\n", c.File, strings.Join(watched, ", "))
	missing, err := config.Unreadable(c.File)
	for _, why := range missing {
		fmt.Fprintf(e.out, "cannot be read yet: %s\n", why)
	}
	return err
}

type checkSourceCmd struct {
	URL     string     `arg:"" optional:"" help:"The server, such as http://prometheus:9090; not needed with --config.file."`
	Config  configFlag `embed:"" prefix:"config."`
	Source  string     `help:"Which source of the configuration file; the last by default." placeholder:"NAME"`
	Profile string     `help:"Profile whose features to ask for." default:"node" placeholder:"NAME"`
	Span    string     `help:"How far to look back." default:"5m" placeholder:"DURATION"`
	Hosts   bool       `help:"List the hosts that lack each feature."`
}

// Help is shown below the flags.
func (checkSourceCmd) Help() string {
	return `Examples:

  omen check source http://prometheus:9090
  omen check source --config.file=omen.yml --source=prod --hosts`
}

func (c *checkSourceCmd) Run(e *env) error {
	d := dataFlags{Config: c.Config, Source: c.Source, Profile: c.Profile}
	if c.URL != "" {
		d.Prometheus.URL = []string{c.URL}
	}
	source, schema, err := d.source()
	if errors.Is(err, errNoSource) {
		return omen.WithHint(err, "give its address: omen check source http://prometheus:9090; or name a configuration file that has sources, and one of them: --config.file=omen.yml --source=NAME")
	}
	if err != nil {
		return err
	}
	span, err := model.ParseDuration(c.Span)
	if err != nil {
		return omen.WithHint(fmt.Errorf("--span: %w", err), "write it like 5m or 1h")
	}
	remote, err := app.Remote(source, nil)
	if err != nil {
		return err
	}
	defer remote.Close()
	end := time.Now().Truncate(time.Duration(source.Step))
	r, err := series.Check(e.ctx, remote, series.Query{
		Exprs: schema.Exprs(), By: schema.By(), Step: time.Duration(source.Step),
		Start: end.Add(-time.Duration(span)), End: end, Window: time.Duration(source.Window),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s answers: %d hosts, %d features in %s, rates over %s\n\n", remote.Address(), len(r.Hosts), schema.Len(), r.Took.Round(time.Millisecond), r.Window)
	if delay := remote.Delay(); delay > 0 {
		fmt.Fprintf(e.out, "its newest samples come late: it is read %s behind\n\n", delay)
	}
	collide, err := c.collisions(e, training.History{
		Source: remote, Schema: schema, Step: time.Duration(source.Step), Window: time.Duration(source.Window),
	}, end)
	return errors.Join(c.table(e, schema.Names(), r), err, collide)
}

// collisions prints the hosts whose series are of several hosts: they are not
// judged, and make the check fail.
func (c *checkSourceCmd) collisions(e *env, h training.History, at time.Time) (collide, err error) {
	f, err := h.Labels(e.ctx, nil, nil, at)
	if err != nil {
		return nil, err
	}
	refused, err := h.Collisions(e.ctx, f, at)
	if err != nil || len(refused) == 0 {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(refused))
	for i, name := range names {
		if i == maxCollisions && !c.Hosts {
			fmt.Fprintf(e.out, "… and %d more: --hosts lists all\n", len(names)-i)
			break
		}
		fmt.Fprintf(e.out, "%s will not be judged: %s\n", name, refused[name])
	}
	fmt.Fprintln(e.out)
	return fmt.Errorf("%d of the hosts are several: %w", len(names), omen.ErrConflict), nil
}

// maxCollisions bounds the collisions that are printed unasked.
const maxCollisions = 5

// table is a row for each feature. Features that fail make the check fail;
// those that nobody has do not: hosts differ.
func (c *checkSourceCmd) table(e *env, names []string, r series.SourceCheck) error {
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "feature\thosts\tsamples\t")
	failed := 0
	for _, f := range r.Features {
		if !slices.Contains(names, f.Feature) {
			continue // the uptime
		}
		note := ""
		switch missing := lacking(r.Hosts, f.Hosts); {
		case f.Err != nil:
			note = "error: " + strings.SplitN(f.Err.Error(), "\n", 2)[0]
			failed++
		case f.LeftOut != "":
			note = "left out: " + f.LeftOut
		case len(f.Hosts) == 0:
			note = "no host has it"
		case len(missing) > 0 && c.Hosts:
			note = "not on " + strings.Join(missing, ", ")
		}
		fmt.Fprintf(w, "%s\t%d/%d\t%d\t%s\n", f.Feature, len(f.Hosts), len(r.Hosts), f.Samples, note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case len(r.Hosts) == 0:
		return omen.WithHint(fmt.Errorf("no host has a sample of the last %s: %w", c.Span, omen.ErrNotFound),
			"the profile node needs metrics of node_exporter; is one scraped by this server?")
	case failed > 0:
		return fmt.Errorf("%d of %d features failed: %w", failed, len(names), omen.ErrPartial)
	}
	return nil
}

func lacking(all, have []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(h string) bool { return slices.Contains(have, h) })
}
