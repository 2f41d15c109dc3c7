package main

import (
	"context"
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
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/training"
)

type checkCmd struct {
	Config checkConfigCmd `cmd:"" help:"Check a configuration file: each error names line, key and what to write instead."`
	Source checkSourceCmd `cmd:"" help:"Ask a server for every feature and limit, and show which hosts have which."`
}

type checkConfigCmd struct {
	File string `arg:"" help:"The file." type:"path"`
	Show bool   `help:"Print the whole effective configuration, secrets hidden."`
}

func (c *checkConfigCmd) Run(e *env) error {
	conf, checked, err := app.Check(e.ctx, c.File)
	if err != nil && omen.Hint(err) == app.CheckHint { // which is this command
		return omen.WithHint(err, "see every key that a file may have with: omen config example")
	}
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
	fmt.Fprintf(e.out, "notifies %s\n", checked.Notifies)
	now := time.Now()
	for _, line := range append(app.OverMaintenance(conf, now), app.Calendars(e.ctx, conf, now)...) {
		fmt.Fprintln(e.out, line)
	}
	for _, why := range checked.Mistakes {
		fmt.Fprintf(e.out, "may be a mistake: %s\n", why)
	}
	missing, err := config.Unreadable(c.File)
	for _, why := range missing {
		fmt.Fprintf(e.out, "cannot be read yet: %s\n", why)
	}
	return err
}

type checkSourceCmd struct {
	URL     string     `arg:"" optional:"" help:"The server, such as http://prometheus:9090; not needed with --config.file."`
	Config  configFlag `embed:"" prefix:"config."`
	Source  string     `help:"Only this source of the configuration file." placeholder:"NAME"`
	Profile string     `help:"Only the features of this profile; those of all profiles of a source by default." placeholder:"NAME"`
	Span    duration   `help:"How far to look back." default:"5m" placeholder:"DURATION" above:"0"`
	Hosts   bool       `help:"List the hosts that lack each feature."`
}

// Help is shown below the flags.
func (checkSourceCmd) Help() string {
	return `Without --source and --profile all servers of a configuration file are asked, for
all profiles that are watched there. Examples:

  omen check source http://prometheus:9090
  omen check source --config.file=omen.yml
  omen check source --config.file=omen.yml --source=prod --hosts`
}

// pair is a source that is checked, and one of its profiles.
type pair struct {
	config.Source
	schema *feature.Schema
}

func (c *checkSourceCmd) Run(e *env) error {
	all, err := c.asked(e.ctx)
	if errors.Is(err, errNoSource) {
		return omen.WithHint(err, "give its address: omen check source http://prometheus:9090; or name a configuration file that has sources: --config.file=omen.yml")
	}
	if err != nil {
		return err
	}
	if len(all) == 1 {
		return c.check(e, all[0], time.Duration(c.Span))
	}
	var errs []error
	for i, one := range all {
		fmt.Fprintf(e.out, "%ssource %s, profile %s\n", strings.Repeat("\n", min(i, 1)), one.Name, one.schema.Profile())
		if err := c.check(e, one, time.Duration(c.Span)); err != nil {
			fmt.Fprintf(e.out, "error: %v\n", err)
			errs = append(errs, fmt.Errorf("source %s, profile %s: %w", one.Name, one.schema.Profile(), err))
		}
	}
	return errors.Join(errs...)
}

// asked are the sources and profiles that the flags name.
func (c *checkSourceCmd) asked(ctx context.Context) (all []pair, err error) {
	d := dataFlags{Config: c.Config, Source: c.Source, Profile: c.Profile}
	if c.URL != "" {
		d.Prometheus.URL = []string{c.URL}
	}
	sources, schemas, err := d.sources(ctx)
	if err != nil {
		return nil, err
	}
	if c.URL != "" {
		sources = sources[len(sources)-1:]
	}
	for _, s := range sources {
		profiles := s.Profiles
		if c.Profile != "" {
			profiles = []string{c.Profile}
		}
		for _, name := range profiles {
			all = append(all, pair{s, schemas[name]})
		}
	}
	return all, nil
}

// check asks a source for the features of one profile.
func (c *checkSourceCmd) check(e *env, one pair, span time.Duration) error {
	schema, step, window := one.schema, time.Duration(one.Step), time.Duration(one.Window)
	remote, err := app.Remote(one.Source, nil)
	if err != nil {
		return err
	}
	defer remote.Close()
	end := time.Now().Truncate(step)
	q := series.Query{Exprs: schema.Exprs(), By: schema.By(), Step: step, Start: end.Add(-span), End: end, Window: window}
	r, err := series.Check(e.ctx, remote, q)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s answers: %s, %s in %s, rates over %s\n\n", remote.Address(), omen.Plural(len(r.Hosts), "host", "hosts"), omen.Plural(schema.Len(), "feature", "features"), r.Took.Round(time.Millisecond), r.Window)
	if delay := remote.Delay(); delay > 0 {
		fmt.Fprintf(e.out, "its newest samples come late: it is read %s behind\n\n", delay)
	}
	if late := remote.Suspected(); late > remote.Delay() {
		fmt.Fprintf(e.out, "some of its newest samples come late: it is read %s behind if that stays so for two minutes\n\n", late)
	}
	if why, hint := series.Repeated(step, scrapeOf(e.ctx, remote, q, r)); why != "" {
		fmt.Fprintf(e.out, "its %s; set the source's %s\n\n", why, hint)
	}
	collide, err := c.collisions(e, training.History{Source: remote, Schema: schema, Step: step, Window: window}, end)
	features := c.table(e, schema, r)
	if len(r.Hosts) == 0 || len(schema.Limits()) == 0 {
		return errors.Join(features, err, collide)
	}
	q.Window = r.Window
	limits, failed := schema.CheckLimits(e.ctx, remote, q, r.Hosts)
	if failed == nil {
		failed = limitTable(e, limits, len(r.Hosts))
	}
	return errors.Join(features, failed, err, collide)
}

// scrapeOf is how far apart a source's samples are, also where the range of rates is
// given; 0: that is not known.
func scrapeOf(ctx context.Context, source series.Source, q series.Query, r series.SourceCheck) time.Duration {
	if q.Window == 0 {
		return r.Scrape
	}
	q.Window, q.Exprs = 0, q.Exprs[:1]
	if r, err := series.Check(ctx, source, q); err == nil {
		return r.Scrape
	}
	return 0 // what is wrong with it, others say
}

// limitTable is a row for each limit. Those that can never be forecast make the
// check fail; those that nobody has do not: hosts differ.
func limitTable(e *env, limits []feature.LimitCheck, hosts int) error {
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nlimit\thosts\tresources\t")
	failed := 0
	for _, l := range limits {
		note := l.Note
		if l.Err != nil {
			note = "error: " + strings.SplitN(l.Err.Error(), "\n", 2)[0]
			failed++
		}
		fmt.Fprintf(w, "%s\t%d/%d\t%d\t%s\n", l.Limit, len(l.Hosts), hosts, l.Resources, note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s failed: %w", failed, omen.Plural(len(limits), "limit", "limits"), omen.ErrPartial)
	}
	return nil
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
	return fmt.Errorf("%s several: %w", omen.Plural(len(names), "of the hosts is", "of the hosts are"), omen.ErrConflict), nil
}

// maxCollisions bounds the collisions that are printed unasked.
const maxCollisions = 5

// table is a row for each feature. Features that fail make the check fail;
// those that nobody has do not: hosts differ.
func (c *checkSourceCmd) table(e *env, schema *feature.Schema, r series.SourceCheck) error {
	names := schema.Names()
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
		return omen.WithHint(fmt.Errorf("no host has a sample of the last %s: %w", model.Duration(c.Span), omen.ErrNotFound),
			lacks(schema.Profile()))
	case failed > 0:
		return fmt.Errorf("%d of %s failed: %w", failed, omen.Plural(len(names), "feature", "features"), omen.ErrPartial)
	}
	return nil
}

// lacks is what to look for where no host has what a profile asks for.
func lacks(profile string) string {
	if profile == "node" {
		return "the profile node needs metrics of node_exporter; is one scraped by this server?"
	}
	return "does this server have the metrics that profile " + profile + " asks for?"
}

func lacking(all, have []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(h string) bool { return slices.Contains(have, h) })
}
